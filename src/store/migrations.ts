/**
 * Applies prisma/migrations in order and records them as `prisma migrate deploy` does (table, checksum, advisory
 * lock), so that either tool can go on from the other. Prisma's own engine is a download, and we start without one.
 * Other instances use the database meanwhile, some of them of the version before (docs/upgrading.md).
 */

import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import type { Limits } from '../limits.ts'
import { defaultLimits } from '../limits.ts'
import type { Hindrance } from './run-migration.ts'
import { attemptMigration } from './run-migration.ts'
import { MigrationError, checkNeeds } from './schema-needs.ts'

/** The advisory lock that Prisma's schema engine takes for the same purpose. */
const lockId = 72707369

/** Up to here they were written before there were rules for them, and no version before them is to go on beside. */
export const lastWithoutRules = '20261130000015_at_once'

export interface Migration {
  name: string
  sql: string
  checksum: string
}

/** What a migration waits for. */
export interface MigrationWait {
  /** Null: another instance migrates. */
  migration: string | null
  reason: string
  /** Who has been in a transaction for longest: process id, name of the application, seconds. */
  oldest: { pid: number; application: string; seconds: number } | null
}

export interface MigrateOptions {
  limits: Limits
  /** Told at first, and then from time to time. */
  onWait: (wait: MigrationWait) => void
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

/**
 * Returns the names that were applied now. Throws MigrationError where history and files disagree, the database is one of a newer
 * version that leaves this one out, or what has to be waited for does not end.
 */
export async function migrate(
  client: pg.Client,
  migrations: readonly Migration[],
  options: MigrateOptions = { limits: defaultLimits, onWait: () => {} }
): Promise<string[]> {
  const known = migrations.map(({ name }) => name)
  // An instance that only starts again does not wait for one that migrates
  if ((await readPending(client, migrations)).length === 0) {
    await checkNeeds(client, known)
    return []
  }
  const patience = createPatience(client, options)
  await patience.until(null, async () => {
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [
      lockId
    ])
    return rows[0]!.taken ? null : 'another instance migrates'
  })
  try {
    await client.query(createHistory)
    const recorded = await readHistory(client)
    for (const { name, checksum } of migrations) check(name, checksum, recorded.get(name))
    await checkNeeds(client, known)
    const applied: string[] = []
    for (const migration of migrations) {
      const { name } = migration
      if (recorded.has(name)) continue
      const bounded = recorded.size > 0 && name > lastWithoutRules
      await patience.until(name, async () =>
        attemptMigration(client, migration, { limits: options.limits, bounded })
      )
      applied.push(name)
    }
    return applied
  } finally {
    await client.query('select pg_advisory_unlock($1)', [lockId])
  }
}

/** Tries until nothing hinders any more, and says meanwhile what does. */
function createPatience(client: pg.Client, { limits, onWait }: MigrateOptions) {
  let saidAt = -Infinity
  return {
    async until(migration: string | null, attempt: () => Promise<Hindrance>): Promise<void> {
      const end = performance.now() + limits.migrationWaitMsMax
      for (;;) {
        const reason = await attempt()
        if (reason === null) return
        const now = performance.now()
        if (now > end)
          throw new MigrationError(
            `${migration === null ? 'The database' : `Migration ${migration}`} cannot be migrated: ${reason}. End what is ` +
              'in the way, and start again (docs/upgrading.md).'
          )
        if (now - saidAt >= limits.migrationTellMs) {
          saidAt = now
          onWait({ migration, reason, oldest: await oldestTransaction(client) })
        }
        await delay(migration === null ? limits.migrationTurnMs : limits.migrationPauseMs)
      }
    }
  }
}

async function oldestTransaction(client: pg.Client): Promise<MigrationWait['oldest']> {
  const { rows } = await client.query<NonNullable<MigrationWait['oldest']>>(
    `select pid, application_name as application, extract(epoch from now() - xact_start)::int as seconds
     from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
     order by xact_start limit 1`
  )
  return rows[0] ?? null
}

interface Recorded {
  migration_name: string
  checksum: string
  finished_at: Date | null
}

async function readHistory(client: pg.Client): Promise<Map<string, Recorded>> {
  const { rows } = await client.query<Recorded>(
    'select migration_name, checksum, finished_at from _prisma_migrations where rolled_back_at is null'
  )
  return new Map(rows.map((row) => [row.migration_name, row]))
}

/** Those that are not recorded as done; all, where one was edited: whoever holds the lock says so. */
async function readPending(client: pg.Client, migrations: readonly Migration[]): Promise<Migration[]> {
  const { rows } = await client.query<{ there: boolean }>(
    `select to_regclass('_prisma_migrations') is not null as there`
  )
  if (!rows[0]!.there) return [...migrations]
  const recorded = await readHistory(client)
  return migrations.filter(({ name, checksum }) => {
    const row = recorded.get(name)
    return row?.finished_at == null || row.checksum !== checksum
  })
}

function check(name: string, checksum: string, row: Recorded | undefined): void {
  if (row === undefined) return
  if (row.finished_at === null) {
    throw new MigrationError(
      `Migration ${name} began and did not finish. Restore a backup, or repair the database by hand and ` +
        'mark it with `prisma migrate resolve`.'
    )
  }
  if (row.checksum !== checksum) {
    throw new MigrationError(
      `Migration ${name} was edited after it was applied to this database. Undo the edit; changes go in a ` +
        'new migration.'
    )
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
