/**
 * Which versions work with a database. A migration only adds, so that the version before goes on; one that takes away says in
 * `schema_needs` which migration a service must have in order not to miss it, and waits for those that have it not to end.
 */

import type pg from 'pg'

/** What can go no further, and what to do. */
export class MigrationError extends Error {}

interface Need {
  migration: string
  version: string
}

/** Of the connection that lives as long as its service: what it was built with, so that others know. */
export const listenerName = (newest: string): string => `${prefix}${newest}`.slice(0, nameCharsMax)

const prefix = 'rialto listen '
/** Postgres cuts the names of applications off there. */
const nameCharsMax = 63

/** Throws a MigrationError where this database is for newer services: `known` are the migrations of this one. */
export async function checkNeeds(client: pg.ClientBase, known: readonly string[]): Promise<void> {
  const names = new Set(known)
  const missing = (await readNeeds(client)).find(({ migration }) => !names.has(migration))
  if (missing === undefined) return
  throw new MigrationError(
    `The database is one of Rialto ${missing.version} or newer: something that this version uses was taken out of it, and it ` +
      `does not know the migration ${missing.migration}. Start ${missing.version} or newer, or restore a backup of before ` +
      '(docs/upgrading.md).'
  )
}

/** The first that has the table makes it; before, nothing is needed. */
async function readNeeds(client: pg.ClientBase): Promise<Need[]> {
  const { rows } = await client.query<{ there: boolean }>(
    `select to_regclass('schema_needs') is not null as there`
  )
  if (!rows[0]!.there) return []
  return (await client.query<Need>('select migration, version from schema_needs order by migration')).rows
}

/**
 * In the transaction of a migration, at its end: services that run and lack what it has made necessary. A service opens its
 * connection first and reads `schema_needs` then, so it is seen here, or waits for this lock and reads what is written.
 */
export async function countTooOld(client: pg.ClientBase, neededBefore: ReadonlySet<string>): Promise<number> {
  const needs = await readNeeds(client)
  const added = needs.map(({ migration }) => migration).filter((name) => !neededBefore.has(name))
  if (added.length === 0) return 0
  await client.query('lock table schema_needs in access exclusive mode')
  const { rows } = await client.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity
     where datname = current_database() and application_name like 'rialto listen%' and application_name collate "C" < any ($1::text[])`,
    [added.map(listenerName)]
  )
  return rows[0]!.count
}

export const neededNow = async (client: pg.ClientBase): Promise<Set<string>> =>
  new Set((await readNeeds(client)).map(({ migration }) => migration))
