/** A real Postgres, and a database of its own for each test file. */

import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { testLog } from './capture.ts'
import { atEnd } from './cleanup.ts'

export const silent = testLog()

let server: Promise<string> | null = null

/** The server that `npm test` started for all files, or one for this file alone. */
function serverUrl(): Promise<string> {
  server ??= start()
  return server
}

async function start(): Promise<string> {
  const given = process.env['TEST_DATABASE_URL']
  if (given !== undefined) return given
  const dataDir = await mkdtemp(join(tmpdir(), 'rialto-test-'))
  const postgres = await startEmbeddedPostgres({ dataDir, log: silent })
  atEnd(async () => {
    await postgres.stop()
    await rm(dataDir, { recursive: true, force: true })
  })
  return postgres.url
}

/** Makes an empty database; it goes with the server. */
export async function createDatabase(): Promise<string> {
  const url = await serverUrl()
  const name = `t_${randomBytes(6).toString('hex')}`
  await query(url, `create database ${name}`)
  const own = new URL(url)
  own.pathname = `/${name}`
  return own.href
}

/** One statement on a connection of its own. */
export async function query<Row extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: unknown[] = []
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  // A server that goes away between two answers is told by what is asked next, and not thrown at whoever runs the tests
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<Row>(text, values)).rows
  } finally {
    await client.end()
  }
}
