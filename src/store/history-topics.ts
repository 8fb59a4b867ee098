/** Topics whose datapoints a reader of history sees. */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access } from '../model.ts'
import type { Pool } from './database.ts'
import { allMatches } from './topic-matches.ts'

/** Ids of those that match a filter and may be read; null: all there are. Throws Problem query_too_complex. */
export async function readableTopics(
  pool: Pool,
  limits: Limits,
  access: Access,
  filters: readonly string[]
): Promise<number[] | null> {
  if (access.readsAll === true && filters.length === 0) return null
  const ids = await allMatches(pool, limits, filters)
  if (ids === null) {
    const detail = `matches more than ${limits.sortTopicsMax} topics, or begins with a wildcard: narrow it, or leave it out`
    throw new Problem('query_too_complex', `filter ${detail}`, [{ pointer: 'filter', detail }])
  }
  if (access.readsAll === true || ids.length === 0) return ids
  const { rows } = await pool.query<{ id: number; name: string }>({
    name: 'topic_names',
    text: `select id, name from topics where id = any ($1::int8[]) and name <> ''`,
    values: [ids]
  })
  return rows.filter(({ name }) => access.mayRead(name)).map(({ id }) => id)
}
