/** A Postgres server of its own, from the embedded binaries: for tests that take it away, stop it dead, or fill its disk. */

import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { appendFile, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBinaries } from '../../src/embedded/postgres-binaries.ts'
import { createCluster, readPassword, superuser } from '../../src/embedded/postgres-cluster.ts'
import type { Supervised } from '../../src/embedded/postgres-process.ts'
import { chooseRunner, own } from '../../src/embedded/postgres-runner.ts'
import type { Site } from '../../src/embedded/postgres-site.ts'
import { embeddedPostgresLimits } from '../../src/embedded/postgres-site.ts'
import { startPostmaster } from '../../src/embedded/postmaster.ts'
import { atEnd } from './cleanup.ts'
import { silent } from './database.ts'
import { freePort } from './mosquitto.ts'

export interface PostgresServer {
  /** Of the database that it begins with. */
  url: string
  /** Where its files are: the tmpfs, where there is one. */
  directory: string
  start(): Promise<void>
  /** In order; `immediate`: as a crash of Postgres, which recovers at the next start. */
  stop(how?: 'fast' | 'immediate'): Promise<void>
  /** SIGKILL, as a crash that nobody saw coming. */
  kill(): Promise<void>
  isRunning(): boolean
  /** What the server has written into its log. */
  log(): Promise<string>
}

export interface ServerOptions {
  /** Puts it on a disk in memory of so many MiB: all of it, or all but the write-ahead log. */
  tmpfs?: { megabytes: number; holds: 'everything' | 'data' }
}

export async function startPostgresServer(options: ServerOptions = {}): Promise<PostgresServer> {
  const { tmpfs } = options
  const outside = await mkdtemp(join(tmpdir(), 'rialto-postgres-'))
  const home = join(outside, 'disk')
  await mkdir(home)
  atEnd(() => rm(outside, { recursive: true, force: true }))
  if (tmpfs !== undefined) {
    const size = `size=${tmpfs.megabytes}m,mode=700`
    await asRoot('mount', '-t', 'tmpfs', '-o', size, 'rialto-test', home)
    atEnd(() => asRoot('umount', '-l', home).catch(() => {}))
  }
  const site: Site = {
    home,
    cluster: join(home, 'postgres'),
    logFile: join(outside, 'postgres.log'),
    binaries: await findBinaries(),
    runner: await chooseRunner(home),
    limits: embeddedPostgresLimits,
    log: silent
  }
  await appendFile(site.logFile, '', { mode: 0o600 })
  await own(site, site.logFile)
  await createCluster(site)
  const data = join(site.cluster, 'data')
  if (tmpfs?.holds === 'data') {
    await run('mv', join(data, 'pg_wal'), join(outside, 'pg_wal'))
    await symlink(join(outside, 'pg_wal'), join(data, 'pg_wal'))
    await own(site, join(outside, 'pg_wal'))
  }
  const port = await freePort()
  const url = `postgres://${superuser}:${await readPassword(site)}@127.0.0.1:${port}/${superuser}`
  let postmaster: Supervised | null = null

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (postmaster === null || postmaster.hasEnded()) return
    process.kill(postmaster.pid, signal)
    await postmaster.exited
  }

  const server: PostgresServer = {
    url,
    directory: home,
    async start() {
      const started = await startPostmaster(site, port)
      if (started.port !== port) throw new Error(`Port ${port} of the test's Postgres was taken meanwhile`)
      postmaster = started.postmaster
    },
    stop: (how = 'fast') => end(how === 'immediate' ? 'SIGQUIT' : 'SIGINT'),
    kill: () => end('SIGKILL'),
    isRunning: () => postmaster !== null && !postmaster.hasEnded(),
    log: () => readFile(site.logFile, 'utf8')
  }
  atEnd(() => server.stop('immediate'))
  await server.start()
  return server
}

const asRoot = (command: string, ...args: string[]): Promise<void> =>
  process.getuid!() === 0 ? run(command, ...args) : run('sudo', '-n', command, ...args)

async function run(command: string, ...args: string[]): Promise<void> {
  const [code] = (await once(spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] }), 'exit')) as [
    number | null
  ]
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`)
}
