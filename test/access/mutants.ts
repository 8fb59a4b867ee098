/** src with one of its checks of who may read taken away, as another instance on a world's database. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atEnd } from '../support/cleanup.ts'
import type { World } from './world.ts'

const root = new URL('../../', import.meta.url).pathname

export interface Check {
  /** Below src. */
  file: string
  /** Which of the file's, from 0. */
  index: number
  /** As it is written. */
  text: string
}

/** A call, with what it is called on, whatever is in its parentheses; or what says that something is one's own. */
function callsIn(source: string): Array<{ from: number; to: number }> {
  const begins = /(?:[\w.]+\.)mayRead(?:Device\?\.)?\(|principal === access\.principal/g
  return [...source.matchAll(begins)].map(({ index, 0: begin }) => {
    let depth = begin.endsWith('(') ? 1 : 0
    let to = index + begin.length
    for (; depth > 0; to++) depth += source[to] === '(' ? 1 : source[to] === ')' ? -1 : 0
    return { from: index, to }
  })
}

export async function findChecks(): Promise<Check[]> {
  const files = (await readdir(join(root, 'src'), { recursive: true }))
    .filter((file) => file.endsWith('.ts') && !/^(access|store\/generated)\//.test(file))
    .toSorted()
  const found: Check[] = []
  for (const file of files) {
    const source = await readFile(join(root, 'src', file), 'utf8')
    for (const [index, { from, to }] of callsIn(source).entries())
      found.push({ file, index, text: source.slice(from, to) })
  }
  return found
}

export interface Mutant {
  url: string
  stop(): Promise<void>
}

/** null: nothing is taken away. */
export async function startWithout(check: Check | null, world: World): Promise<Mutant> {
  const directory = await mkdtemp(join(tmpdir(), 'rialto-mutant-'))
  await cp(join(root, 'src'), join(directory, 'src'), { recursive: true })
  for (const name of ['node_modules', 'prisma', 'package.json', 'test', 'tsconfig.json'])
    await symlink(join(root, name), join(directory, name))
  if (check !== null) {
    const path = join(directory, 'src', check.file)
    const source = await readFile(path, 'utf8')
    const { from, to } = callsIn(source)[check.index]!
    await writeFile(path, `${source.slice(0, from)}true${source.slice(to)}`)
  }
  const child = fork(join(root, 'test/access/patched-server.ts'), {
    execArgv: ['--import', 'tsx'],
    env: {
      ...process.env,
      NODE_TEST_CONTEXT: undefined,
      RIALTO_PATCHED_SOURCE: join(directory, 'src'),
      PATCHED_DATABASE: world.databaseUrl,
      PATCHED_MQTT: world.mqttUrl,
      PATCHED_MAPPINGS: world.mappings
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await rm(directory, { recursive: true, force: true })
  }
  atEnd(stop)
  const [url] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`${check?.file} does not start: ${code}`)))
  ])) as [string]
  return { url, stop }
}
