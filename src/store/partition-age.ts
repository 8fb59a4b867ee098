/** The newest of what is in a partition. */

import type { Seq } from '../model.ts'
import type { Pool } from './database.ts'

export interface Newest {
  seq: Seq
  /** When it was committed. */
  at: Date
  /** How long ago that is. */
  seconds: number
}

/** null: it is empty. */
export async function newestOf(
  pool: Pool,
  { name, class: retentionClass }: { name: string; class: number }
): Promise<Newest | null> {
  // Both parts of the key, which the index begins with
  const { rows } = await pool.query<Newest>(
    `select seq, at, extract(epoch from now() - at)::float8 as seconds from ${name}
     where retention_class = $1 order by seq desc limit 1`,
    [retentionClass]
  )
  return rows[0] ?? null
}
