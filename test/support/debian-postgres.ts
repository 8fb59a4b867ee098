/** A private cluster of Debian's Postgres, with its clients: for what needs pg_dump, pg_basebackup and WAL archives. */

import type { ChildProcess } from 'node:child_process'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { atEnd } from './cleanup.ts'
import { query } from './database.ts'
import { eventually } from './eventually.ts'
import { freePort } from './mosquitto.ts'

export interface DebianPostgres {
  /** The cluster's files; while it is stopped they may be replaced. */
  data: string
  /** For backups; belongs to whom the server runs as. */
  room: string
  /** WAL archive. */
  archive: string
  /** As an ordinary user who owns the database. */
  url(database: string): string
  superuserUrl(database: string): string
  createDatabase(name: string): Promise<void>
  /** One of the server's programs, as the server's user. */
  run(program: string, ...args: string[]): Promise<void>
  copy(from: string, to: string): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

/** It refuses to run as root. */
const as = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

async function findBinaries(): Promise<string> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => [])
  const newest = versions.map(Number).toSorted((a, b) => b - a)[0]
  if (newest === undefined) throw new Error(`Debian's postgresql is not installed`)
  return `/usr/lib/postgresql/${newest}/bin`
}

export async function startDebianPostgres(): Promise<DebianPostgres> {
  const binaries = await findBinaries()
  const room = await mkdtemp(join(tmpdir(), 'rialto-debian-postgres-'))
  if (as.uid !== undefined) await chown(room, as.uid, as.gid)
  const [data, archive] = [join(room, 'data'), join(room, 'archive')]
  await mkdir(archive)
  if (as.uid !== undefined) await chown(archive, as.uid, as.gid)
  const port = await freePort()
  let server: ChildProcess | null = null

  const run = async (program: string, ...args: string[]): Promise<void> => {
    const path = program.includes('/') ? program : join(binaries, program)
    await promisify(execFile)(path, args, {
      ...as,
      cwd: room,
      env: { PATH: process.env['PATH'], PGTZ: 'UTC' }
    })
  }
  const superuserUrl = (database: string): string => `postgres://postgres@127.0.0.1:${port}/${database}`
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    wal_level: 'replica',
    archive_mode: 'on',
    archive_command: `cp %p ${archive}/%f`
  }

  const postgres: DebianPostgres = {
    data,
    room,
    archive,
    url: (database) => `postgres://rialto@127.0.0.1:${port}/${database}`,
    superuserUrl,
    async createDatabase(name) {
      await query(superuserUrl('postgres'), `create database ${name} owner rialto`)
    },
    run,
    copy: async (from, to) => {
      await rm(to, { recursive: true, force: true })
      if (as.uid === undefined) await cp(from, to, { recursive: true, preserveTimestamps: true })
      else await run('/bin/cp', '-a', from, to)
    },
    async start() {
      const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
      const started = spawn(join(binaries, 'postgres'), ['-D', data, ...options], {
        ...as,
        cwd: room,
        stdio: 'ignore'
      })
      server = started
      await eventually(
        async () => {
          if (started.exitCode !== null) throw new Error(`Postgres ended with ${started.exitCode}`)
          const [row] = await query<{ on: boolean }>(
            superuserUrl('postgres'),
            'select not pg_is_in_recovery() as on'
          )
          return row!.on
        },
        { what: 'Postgres takes writes', withinMs: 60_000, everyMs: 100 }
      )
    },
    async stop() {
      if (server === null || server.exitCode !== null) return
      const ended = once(server, 'exit')
      server.kill('SIGINT') // fast shutdown
      await ended
      server = null
    }
  }
  atEnd(async () => {
    await postgres.stop()
    await rm(room, { recursive: true, force: true })
  })
  await run(
    'initdb',
    '-D',
    data,
    '-U',
    'postgres',
    '--auth=trust',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync'
  )
  await postgres.start()
  await query(superuserUrl('postgres'), 'create role rialto login')
  return postgres
}
