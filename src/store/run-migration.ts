/**
 * One attempt at a migration while others use the database. Who waits for a lock has all wait who come after, so it waits a
 * moment, and is undone as a whole where that was not enough: nobody waits longer than `migrationMsMax` for it.
 */

import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import type { Limits } from '../limits.ts'
import { makeIndex } from './partitioned-index.ts'
import type { Migration } from './migrations.ts'
import { readIndexStatement, readMigrationText } from './migration-text.ts'
import { countTooOld, neededNow } from './schema-needs.ts'

/** Null: it is done. Otherwise why it has to be tried again; nothing of it is there, or what is there is gone on from. */
export type Hindrance = string | null

/** Of the new files, as far as the limits go; `bounded: false` where nobody else can be there. */
export async function attemptMigration(
  client: pg.Client,
  migration: Migration,
  { limits, bounded }: { limits: Limits; bounded: boolean }
): Promise<Hindrance> {
  const { manner, statements } = readMigrationText(migration.sql)
  if (manner === 'alone') {
    for (const statement of statements) {
      const hindrance = await runAlone(client, statement, limits)
      if (hindrance !== null) return hindrance
    }
    await record(client, migration)
    return null
  }
  if (!bounded)
    return inTransaction(client, async () => {
      await client.query(migration.sql)
      await record(client, migration)
    })
  const work = async (last: boolean): Promise<number> => {
    const changed = await runBounded(client, statements, limits)
    if (last) await record(client, migration)
    return changed
  }
  if (manner === 'together') return transaction(client, async () => void (await work(true)))
  for (let changed = 1; changed > 0;) {
    const hindrance = await transaction(client, async () => void (changed = await work(false)))
    if (hindrance !== null) return hindrance
  }
  return transaction(client, async () => record(client, migration))
}

/** With what it makes necessary: services that lack it must have ended. */
async function transaction(client: pg.Client, work: () => Promise<void>): Promise<Hindrance> {
  const before = await neededNow(client)
  return inTransaction(client, async () => {
    await work()
    const tooOld = await countTooOld(client, before)
    if (tooOld > 0)
      throw new WaitError(`${tooOld} running instance(s) of a version that would miss what it takes away`)
  })
}

class WaitError extends Error {}

async function inTransaction(client: pg.Client, work: () => Promise<void>): Promise<Hindrance> {
  await client.query('begin')
  try {
    await work()
    await client.query('commit')
    return null
  } catch (error) {
    await client.query('rollback').catch(() => {}) // the connection may be gone; the server rolls back then
    return toHindrance(error)
  }
}

/** A lock that was not to be had, two that wait for one another, out of time. */
const passes = /^(55P03|40P01|57014)$/

function toHindrance(error: unknown): string {
  if (error instanceof WaitError || passes.test(String((error as { code?: unknown }).code)))
    return (error as Error).message
  throw error
}

/** Returns how many rows the last one changed. */
async function runBounded(client: pg.Client, statements: readonly string[], limits: Limits): Promise<number> {
  const end = performance.now() + limits.migrationMsMax
  let changed = 0
  for (const statement of statements) {
    const msLeft = Math.floor(end - performance.now())
    if (msLeft < 1) throw new WaitError(`it takes longer than ${limits.migrationMsMax} ms`)
    await client.query(
      `set local statement_timeout = ${msLeft}; set local lock_timeout = ${Math.min(msLeft, limits.migrationLockMsMax)}`
    )
    changed = (await client.query(statement)).rowCount ?? 0
  }
  return changed
}

async function runAlone(client: pg.Client, statement: string, limits: Limits): Promise<Hindrance> {
  const index = readIndexStatement(statement)
  const bounded = (sql: string): Promise<Hindrance> =>
    inTransaction(client, async () => void (await runBounded(client, [sql], limits)))
  try {
    if (index !== null) return await makeIndex(client, index, bounded)
    await client.query(statement)
    return null
  } catch (error) {
    return toHindrance(error)
  }
}

async function record(client: pg.Client, { checksum, name }: Migration): Promise<void> {
  await client.query(
    `insert into _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count)
     values ($1, $2, now(), $3, 1)`,
    [randomUUID(), checksum, name]
  )
}
