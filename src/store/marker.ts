/** What tells one physical database from another that holds the same rows: a restore from backup changes it. */

import type { PoolClient } from './database.ts'

/** Each may be read by an ordinary user on Postgres 14 to 18; a managed service may forbid one. */
const parts = {
  /** Of the cluster, given by initdb: another server. */
  system: 'select system_identifier::text as value from pg_control_system()',
  /** Another database of the same server. */
  database: 'select oid::text as value from pg_database where datname = current_database()',
  /** A dump restored into the same database makes the tables anew. */
  table: `select 'journal_head'::regclass::oid::text as value`,
  /** Point-in-time recovery and the promotion of a standby each begin a timeline. */
  timeline: 'select left(pg_walfile_name(pg_current_wal_lsn()), 8) as value'
}

export interface Marker {
  text: string
  /** What could not be read: a restore that changes nothing else is not noticed. */
  unknown: string[]
}

export async function readMarker(client: PoolClient): Promise<Marker> {
  const values: string[] = []
  const unknown: string[] = []
  for (const [name, sql] of Object.entries(parts)) {
    const value = await readPart(client, sql)
    values.push(`${name} ${value ?? '?'}`)
    if (value === null) unknown.push(name)
  }
  return { text: values.join(', '), unknown }
}

/** Not allowed, not there, or not offered by this server. */
const forbidden = new Set(['42501', '42883', '0A000', '55000'])

async function readPart(client: PoolClient, sql: string): Promise<string | null> {
  try {
    const { rows } = await client.query<{ value: string }>(sql)
    return rows[0]?.value ?? null
  } catch (error) {
    if (forbidden.has(String((error as { code?: unknown }).code))) return null
    throw error
  }
}
