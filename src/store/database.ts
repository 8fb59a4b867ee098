/** The connections to Postgres: one pool, shared by SQL and by the Prisma client, and one for LISTEN. */

import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import type { Limits } from '../limits.ts'
import { PrismaClient } from './generated/client.ts'

export type Pool = pg.Pool
export type PoolClient = pg.PoolClient
export type { PrismaClient }

/** int8 as a number: every int8 of ours is a seq, an id or a count, far below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8 && format !== 'binary'
      ? Number
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser
}

export interface Database {
  pool: Pool
  prisma: PrismaClient
  close(): Promise<void>
}

export function openDatabase(parts: {
  url: string
  limits: Limits
  onError: (error: Error) => void
}): Database {
  const { url, limits, onError } = parts
  const pool = new pg.Pool({
    connectionString: url,
    max: limits.poolConnectionsMax,
    connectionTimeoutMillis: limits.connectTimeoutMs,
    statement_timeout: limits.statementMsMax,
    // The server's own limit comes first; this one is for a server that does not answer at all
    query_timeout: limits.statementMsMax + 5_000,
    application_name: 'rialto',
    types
  })
  // Also while one is checked out and at rest, as that of appends is: the pool listens only to idle ones
  pool.on('connect', (client) => client.on('error', onError))
  pool.on('error', () => {}) // told by its connection
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) })
  return {
    pool,
    prisma,
    async close() {
      await prisma.$disconnect()
      await pool.end()
    }
  }
}

/** A connection of its own, outside the pool: for LISTEN, advisory locks and migrations, which belong to a session. */
export async function connectDirectly(url: string, limits: Limits, name: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: limits.connectTimeoutMs,
    query_timeout: limits.statementMsMax + 5_000,
    keepAlive: true,
    application_name: name,
    types
  })
  client.on('error', () => {}) // 'end' follows, and is what the owner waits for
  await client.connect()
  return client
}

/** What to do about a database error. */
export type Trouble =
  /** The database's: try again, acknowledge nothing. */
  | 'transient'
  /** The data's: no repetition will store it. */
  | 'data'
  /** A row without a partition to go to: make one, then try again. */
  | 'partition'
  /** Ids of topics of which one was forgotten: ask for them again, then try again. */
  | 'topics'
  | 'other'

/** Classifies by SQLSTATE class (PostgreSQL documentation, appendix A); no SQLSTATE means the connection failed. */
export function toTrouble(error: unknown): Trouble {
  if (error instanceof RangeError) return 'data' // a value that cannot even be encoded
  const code = (error as { code?: unknown }).code
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code)) return 'transient'
  if ((error as { constraint?: unknown }).constraint === 'journal_head_topics_known') return 'topics'
  if (code === '23514' && /no partition of relation/.test((error as Error).message)) return 'partition'
  if (/^(08|25|40|53|55|57|58|XX)/.test(code)) return 'transient'
  if (/^(21|22|23|54)/.test(code)) return 'data'
  return 'other'
}

/** True for what passes by itself: no connection, a server that restarts, a pool or a statement out of time. */
export function isDatabaseAway(error: unknown): boolean {
  const { code, syscall, message } = error as { code?: unknown; syscall?: unknown; message?: unknown }
  if (typeof code === 'string' && /^P(1\d{3}|2024|2037)$/.test(code)) return true // Prisma: cannot connect
  const original = originalCode(error)
  if (original !== null) return toTrouble({ code: original }) === 'transient'
  if (typeof syscall === 'string') return true // ECONNREFUSED and its like, from the driver's socket
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return toTrouble(error) === 'transient'
  return (
    code === undefined &&
    /^(Connection terminated|timeout exceeded when trying|Query read timeout)/.test(String(message))
  )
}

/** The SQLSTATE that an error of Prisma's client hides, for instance when its connection was terminated. */
function originalCode(error: unknown): string | null {
  const { meta } = error as { meta?: { driverAdapterError?: { cause?: { originalCode?: unknown } } } }
  const code = meta?.driverAdapterError?.cause?.originalCode
  return typeof code === 'string' ? code : null
}
