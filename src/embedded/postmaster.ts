/** Starts the server on the cluster, when the one before it has ended, and tells when it is ready. */

import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePort } from './free-port.ts'
import type { Supervised } from './postgres-process.ts'
import { end, isAlive, supervise } from './postgres-process.ts'
import type { Site } from './postgres-site.ts'
import { inUse, logSize, logTail } from './postgres-site.ts'

const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '', // their path is limited to 107 bytes, and nothing here needs them
  fsync: 'on',
  synchronous_commit: 'on',
  shared_buffers: '128MB',
  max_wal_size: '2GB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  jit: 'off',
  log_checkpoints: 'off',
  log_min_error_statement: 'panic' // a failed statement would bring its payloads into the log
}

export async function startPostmaster(site: Site, wanted: number) {
  const { limits, log } = site
  const deadline = Date.now() + limits.previousMsMax
  const onTaken = (taken: number): void =>
    log.warn({ port: taken }, 'Port for the embedded Postgres is taken')
  for (let attempt = 1; ; attempt++) {
    await previousGone(site, deadline)
    const from = await logSize(site)
    const port = await findFreePort({ port: wanted, onTaken })
    const postmaster = await supervise(site, site.binaries.postgres, postmasterArguments(site, port))
    if (await isReady(site, postmaster)) return { port, postmaster }

    await end(site, postmaster)
    const tail = await logTail(site, from)
    const portTaken = /could not bind|could not create any TCP/.test(tail)
    const stillLocked = /lock file "postmaster.pid" already exists|shared memory block/.test(tail)
    if (portTaken && attempt < limits.portAttemptsMax) continue
    const patient = stillLocked && Date.now() < deadline
    if (!patient) throw new Error(`The embedded Postgres did not start:\n${tail}`)
    await sleep(100) // children of a killed postmaster, or a Rialto that started at the same time
  }
}

const postmasterArguments = ({ cluster, limits }: Site, port: number): string[] => [
  '-D',
  join(cluster, 'data'),
  '-p',
  String(port),
  '-c',
  `max_connections=${limits.connectionsMax}`,
  ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
]

/** Waits for a postmaster that is shutting down; one that does not end belongs to a Rialto that is alive. */
async function previousGone(site: Site, deadline: number): Promise<void> {
  let told = false
  for (;;) {
    const pid = await previousPostmaster(site)
    if (pid === undefined) return
    if (Date.now() > deadline) throw inUse(site, undefined, pid)
    if (!told) site.log.info({ pid }, 'Waiting for the previous embedded Postgres to end')
    told = true
    await sleep(50)
  }
}

/**
 * Postgres takes any process with the number in `postmaster.pid` for a postmaster, and then does not start.
 * After a reboot, or in a container, where the same few numbers come again, that is often wrong; the working
 * directory tells.
 */
async function previousPostmaster({ cluster }: Site): Promise<number | undefined> {
  const data = join(cluster, 'data')
  const pid = Number((await pidFile(cluster))[0])
  if (!isAlive(pid)) return undefined
  if (process.platform !== 'linux') return pid
  const workingDirectory = await fs.stat(`/proc/${pid}/cwd`).catch(() => undefined)
  const { dev, ino } = await fs.stat(data)
  if (!workingDirectory && isAlive(pid)) return pid // not ours to look at
  if (workingDirectory?.dev === dev && workingDirectory.ino === ino) return pid
  await fs.rm(join(data, 'postmaster.pid'), { force: true })
  return undefined
}

/** The status line is what `pg_ctl --wait` goes by: it says `ready` when connections are accepted. */
async function isReady({ cluster, limits }: Site, postmaster: Supervised): Promise<boolean> {
  const deadline = Date.now() + limits.readyMsMax
  while (!postmaster.hasEnded() && Date.now() < deadline) {
    const lines = await pidFile(cluster)
    if (Number(lines[0]) === postmaster.pid && lines[7]?.trim() === 'ready') return true
    await sleep(10)
  }
  return false
}

async function pidFile(cluster: string): Promise<string[]> {
  const text = await fs.readFile(join(cluster, 'data', 'postmaster.pid'), 'utf8').catch(() => '')
  return text.split('\n')
}
