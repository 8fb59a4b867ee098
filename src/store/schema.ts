/** Which migration the tables are of. */

import type { Pool } from './database.ts'

export interface Schema {
  /** The newest migration that this version has. */
  known: string
  /** The newest of the database: of another version, where that is newer. */
  newest(): Promise<string>
}

export const createSchema = (pool: Pool, known: readonly string[]): Schema => ({
  known: known.at(-1)!,
  async newest() {
    const { rows } = await pool.query<{ name: string }>(
      `select max(migration_name collate "C") as name from _prisma_migrations
       where finished_at is not null and rolled_back_at is null`
    )
    return rows[0]!.name
  }
})
