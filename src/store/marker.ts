/** What tells one physical database from another that holds the same rows: a restore from backup changes it. */

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { PoolClient } from './database.ts'

/** By name; null: not allowed, or not told by this server. */
export type Marker = ReadonlyMap<string, string | null>

/** An ordinary user may read these on Postgres 14 to 18; a managed service may forbid one. */
const queries = {
  /** Of the cluster, given by initdb: another server. */
  system: 'select system_identifier::text as value from pg_control_system()',
  /** Another database of the same server. */
  database: 'select oid::text as value from pg_database where datname = current_database()',
  /** A dump restored into the same database makes the tables anew. */
  table: `select 'journal_head'::regclass::oid::text as value`,
  /** Point-in-time recovery and the promotion of a standby each begin a timeline. */
  timeline: 'select left(pg_walfile_name(pg_current_wal_lsn()), 8) as value'
}

export async function readMarker(client: PoolClient): Promise<Marker> {
  const marker = new Map<string, string | null>()
  for (const [name, sql] of Object.entries(queries)) marker.set(name, await readValue(client, sql))
  return marker.set('files', await readFiles(client))
}

/** Parts without which a restore may pass unnoticed; the files are seen only by a superuser on the same machine. */
export const missing = (marker: Marker): string[] =>
  Object.keys(queries).filter((name) => marker.get(name) === null)

/** What is known of both must be the same; a text that is no marker is not. */
export const isSame = (was: Marker, is: Marker): boolean =>
  [...is].every(([name, value]) => {
    const before = was.get(name)
    return before === null || (before !== undefined && (value === null || value === before))
  })

/** With what was known before and cannot be read now. */
export const merged = (was: Marker, is: Marker): Marker =>
  new Map([...is].map(([name, value]) => [name, value ?? was.get(name) ?? null]))

export const toText = (marker: Marker): string =>
  [...marker].map(([name, value]) => `${name} ${value ?? '?'}`).join(', ')

export const fromText = (text: string): Marker =>
  new Map(
    [...text.matchAll(/(\w+) ([^, ]+)/g)].map(([, name, value]) => [name!, value === '?' ? null : value!])
  )

const forbidden = new Set(['42501', '42883', '0A000', '55000'])

async function readValue(client: PoolClient, sql: string): Promise<string | null> {
  try {
    const { rows } = await client.query<{ value: string }>(sql)
    return rows[0]?.value ?? null
  } catch (error) {
    if (forbidden.has(String((error as { code?: unknown }).code))) return null
    throw error
  }
}

/** A data directory that was copied back has new files: of the embedded Postgres, and of others on this machine. */
async function readFiles(client: PoolClient): Promise<string | null> {
  const directory = await readValue(client, `select current_setting('data_directory') as value`)
  if (directory === null) return null
  const file = await stat(join(directory, 'PG_VERSION')).catch(() => null)
  return file && `${file.ino}/${Math.floor(file.birthtimeMs)}`
}
