/** Makes the cluster, whole or not at all: its files, its password, its database. */

import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { end, isAlive, run, supervise } from './postgres-process.ts'
import { own } from './postgres-runner.ts'
import type { Site } from './postgres-site.ts'
import { inUse, logSize, logTail, syncDirectory } from './postgres-site.ts'

export const superuser = 'rialto'
export const database = 'rialto'

/**
 * initdb into a directory beside, then one rename: a kill at any instant leaves either no cluster or a whole
 * one (password and database included), and the half ones are removed by the next first start.
 */
export async function createCluster(site: Site): Promise<void> {
  await removeUnfinished(site)
  const unfinished = `${site.cluster}.tmp-${process.pid}`
  try {
    await fillCluster(site, unfinished)
    await fs.rename(unfinished, site.cluster)
    await syncDirectory(site.home)
  } catch (cause) {
    await fs.rm(unfinished, { recursive: true, force: true })
    throw (cause as NodeJS.ErrnoException).code === 'ENOTEMPTY' ? inUse(site, cause) : cause
  }
}

async function fillCluster(site: Site, dir: string): Promise<void> {
  const passwordFile = join(dir, 'password')
  const data = join(dir, 'data')
  await fs.mkdir(data, { recursive: true, mode: 0o700 })
  await fs.writeFile(passwordFile, randomBytes(24).toString('hex'), { mode: 0o600, flush: true })
  await own(site, dir)
  await initdb(site, data, passwordFile)
  await createDatabase(site, data)
}

/** Sorted by code point, whatever the machine's locale: indexes and pages are then the same everywhere. */
async function initdb(site: Site, data: string, passwordFile: string): Promise<void> {
  const from = await logSize(site)
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const auth = [`--username=${superuser}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256']
  const args = [`--pgdata=${data}`, ...locale, ...auth, '--no-instructions']
  const program = await supervise(site, site.binaries.initdb, args)
  const code = await Promise.race([program.exited, sleep(site.limits.readyMsMax, null, { ref: false })])
  await end(site, program)
  if (code !== 0) throw new Error(`initdb failed (${code}):\n${await logTail(site, from)}`)
}

/** In single-user mode: no port, no password, and it ends with our end of the pipe. */
async function createDatabase({ runner, binaries }: Site, data: string): Promise<void> {
  const args = ['--single', '-D', data, '-c', 'exit_on_error=on', 'template1']
  const { code, output } = await run(runner, binaries.postgres, args, `CREATE DATABASE ${database}\n`)
  if (code !== 0) throw new Error(`Cannot create the database ${database} (${code}):\n${output}`)
}

/** Spares the directory of a process that is creating the cluster just now. */
async function removeUnfinished(site: Site): Promise<void> {
  const prefix = `${basename(site.cluster)}.tmp-`
  for (const name of await fs.readdir(site.home)) {
    if (!name.startsWith(prefix)) continue
    const path = join(site.home, name)
    const pid = Number(name.slice(prefix.length))
    const ageMs = Date.now() - (await fs.stat(path)).mtimeMs
    if (pid !== process.pid && isAlive(pid) && ageMs < 600_000) continue
    await fs.rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}

export async function readPassword({ cluster }: Site): Promise<string> {
  const file = join(cluster, 'password')
  return fs.readFile(file, 'utf8').catch((cause: unknown) => {
    const advice = `restore it, or remove ${cluster} to start with an empty database`
    throw new Error(`Cannot read the password of the embedded Postgres, ${file}: ${advice}`, { cause })
  })
}
