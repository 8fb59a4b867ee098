/**
 * Applies prisma/migrations in order and records them as `prisma migrate deploy` does (table, checksum, advisory
 * lock), so that either tool can go on from the other. Prisma's own engine is a download, and we start without one.
 */

import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'

/** The advisory lock that Prisma's schema engine takes for the same purpose. */
const lockId = 72707369

export class MigrationError extends Error {}

export interface Migration {
  name: string
  sql: string
  checksum: string
}

export async function readMigrations(directory: string): Promise<Migration[]> {
  const entries = await readdir(directory, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return Promise.all(
    names.toSorted().map(async (name) => {
      const sql = await readFile(join(directory, name, 'migration.sql'), 'utf8')
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    })
  )
}

/** Returns the names that were applied now. Throws MigrationError where history and files disagree. */
export async function migrate(client: pg.Client, migrations: readonly Migration[]): Promise<string[]> {
  await client.query('select pg_advisory_lock($1)', [lockId])
  try {
    await client.query(createHistory)
    const { rows } = await client.query<Recorded>(
      'select migration_name, checksum, finished_at from _prisma_migrations where rolled_back_at is null'
    )
    const recorded = new Map(rows.map((row) => [row.migration_name, row]))
    const applied: string[] = []
    for (const migration of migrations) {
      const row = recorded.get(migration.name)
      if (row === undefined) {
        await apply(client, migration)
        applied.push(migration.name)
      } else check(migration, row)
    }
    return applied
  } finally {
    await client.query('select pg_advisory_unlock($1)', [lockId])
  }
}

interface Recorded {
  migration_name: string
  checksum: string
  finished_at: Date | null
}

function check(migration: Migration, row: Recorded): void {
  if (row.finished_at === null) {
    throw new MigrationError(
      `Migration ${migration.name} began and did not finish. Restore a backup, or repair the database by hand and ` +
        'mark it with `prisma migrate resolve`.'
    )
  }
  if (row.checksum !== migration.checksum) {
    throw new MigrationError(
      `Migration ${migration.name} was edited after it was applied to this database. Undo the edit; changes go in a ` +
        'new migration.'
    )
  }
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  await client.query('begin')
  try {
    await client.query(migration.sql)
    await client.query(
      `insert into _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count)
       values ($1, $2, now(), $3, 1)`,
      [randomUUID(), migration.checksum, migration.name]
    )
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => {}) // the connection may be gone; the server rolls back then
    throw error
  }
}

/** As Prisma creates it. */
const createHistory = `
  create table if not exists _prisma_migrations (
    id                  varchar(36) primary key not null,
    checksum            varchar(64) not null,
    finished_at         timestamptz,
    migration_name      varchar(255) not null,
    logs                text,
    rolled_back_at      timestamptz,
    started_at          timestamptz not null default now(),
    applied_steps_count integer not null default 0
  )`
