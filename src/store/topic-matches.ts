/**
 * Ids of the topics that filters match, a page at a time, in the order of their ids. However rare the matches are, a page
 * looks at a bounded number of topics: at those that begin as the filters do, where these are few, and else at the next
 * ones in order.
 */

import type { Limits } from '../limits.ts'
import type { Pool } from './database.ts'
import { filterCondition, indexCondition } from './filter-sql.ts'

export interface MatchesAsk {
  filters: readonly string[]
  /** Topic id, exclusive, in the direction of `order`. */
  after: number | null
  limit: number
  order: 'asc' | 'desc'
}

export interface Matches {
  ids: number[]
  /** All up to here were looked at; null at the end. */
  next: number | null
}

export async function topicMatches(pool: Pool, limits: Limits, ask: MatchesAsk): Promise<Matches> {
  const few = await candidates(pool, limits.pageTopicsByPrefixMax, ask.filters)
  return few === null ? inOrder(pool, limits.pageRowsScannedMax, ask) : among(pool, few, ask)
}

/** Ids of all that the filters match; null where there are more than may be sorted, or more to look at than a page may. */
export async function allMatches(
  pool: Pool,
  limits: Limits,
  filters: readonly string[]
): Promise<number[] | null> {
  const ask = { filters, after: null, limit: limits.sortTopicsMax + 1, order: 'asc' } as const
  const few = await candidates(pool, limits.sortTopicsMax, filters)
  const { ids, next } =
    few === null ? await inOrder(pool, limits.pageRowsScannedMax, ask) : await among(pool, few, ask)
  return next === null ? ids : null
}

/** Ids of all topics that may match, by the indexes; null where these do not help, or are too many. */
async function candidates(pool: Pool, max: number, filters: readonly string[]): Promise<number[] | null> {
  const values: unknown[] = [max + 1]
  const condition = indexCondition(filters, values)
  if (condition === null) return null
  const { rows } = await pool.query<{ id: number }>(
    `select id from topics t where ${condition} limit $1`,
    values
  )
  return rows.length > max ? null : rows.map((row) => row.id)
}

async function among(pool: Pool, candidateIds: readonly number[], ask: MatchesAsk): Promise<Matches> {
  const { after, limit, order } = ask
  const ids = candidateIds.filter((id) => after === null || (order === 'asc' ? id > after : id < after))
  if (ids.length === 0) return { ids: [], next: null }
  const values: unknown[] = [ids, limit]
  const { rows } = await pool.query<{ id: number }>(
    `select id from topics t where id = any ($1::int8[]) and ${filterCondition(ask.filters, values)}
     order by id ${order} limit $2`,
    values
  )
  return toMatches(rows, rows.length < limit ? null : rows.at(-1)!.id)
}

async function inOrder(pool: Pool, scanMax: number, ask: MatchesAsk): Promise<Matches> {
  const { limit, order } = ask
  const [following, start] = order === 'asc' ? ['>', 0] : ['<', Number.MAX_SAFE_INTEGER]
  const after = ask.after ?? start
  const values: unknown[] = [after, scanMax, limit]
  const { rows } = await pool.query<{ id: number }>(
    `select id from (
       select id, name, name_hash from topics where id ${following} $1 order by id ${order} limit $2
     ) as t where ${filterCondition(ask.filters, values)} order by id ${order} limit $3`,
    values
  )
  if (rows.length === limit) return toMatches(rows, rows.at(-1)!.id)
  const end = await pool.query<{ id: number }>(
    `select id from topics where id ${following} $1 order by id ${order} offset $2 limit 1`,
    [after, scanMax - 1]
  )
  return toMatches(rows, end.rows[0]?.id ?? null)
}

const toMatches = (rows: ReadonlyArray<{ id: number }>, next: number | null): Matches => ({
  ids: rows.map((row) => row.id),
  next
})
