/** The place of the journal that a time is. Facts carry the time of their commit, which never goes back. */

import { Problem } from '../errors.ts'
import type { Millis, Seq } from '../model.ts'
import type { Instant } from './as-of.ts'
import type { Pool } from './database.ts'

/** Throws Problem `invalid_value` for a time that is not over: more could be committed at it. */
export async function findInstant(pool: Pool, at: Millis): Promise<Instant> {
  const time = new Date(at)
  if (Number.isNaN(time.getTime()) || Math.abs(at) > yearsMax)
    throw new Problem('invalid_value', 'Ask for a time between the years 1 and 9999')
  const { rows } = await pool.query<{ at: Date }>({
    name: 'head_at',
    text: 'select at from journal_head where shard = 0'
  })
  if (at >= rows[0]!.at.getTime()) {
    const seq = await settledHead(pool, at)
    if (seq !== null) return { at, seq }
  }
  const found = await pool.query<{ seq: Seq }>({
    name: 'seq_at',
    text: seqAtSql,
    values: [time.toISOString()]
  })
  return { at, seq: found.rows[0]!.seq }
}

/** Years of four digits, which Postgres and RFC 3339 both write. */
const yearsMax = Date.parse('9999-12-31T00:00:00Z')

/**
 * The head, if it is not newer than `at`. The lock waits for an append that may be committing with an earlier time than
 * now; who comes after it commits later than now.
 */
async function settledHead(pool: Pool, at: Millis): Promise<Seq | null> {
  const { rows } = await pool.query<{ seq: Seq; at: Date; now: Date; over: boolean }>({
    name: 'settled_head',
    text: `select seq, at, clock_timestamp() as now, $1::timestamptz < clock_timestamp() - interval '1 ms' as over
           from journal_head where shard = 0 for share`,
    values: [new Date(at).toISOString()]
  })
  const head = rows[0]!
  if (!head.over)
    throw new Problem('invalid_value', `Ask for a time that is over: it is ${head.now.toISOString()} now`)
  return head.at.getTime() <= at ? head.seq : null
}

/** Binary search over (horizon, head]. At the horizon itself the fact is gone, so nobody can tell: 0. */
const seqAtSql = `
  with recursive search (low, high) as (
    select horizon, seq from journal_head where shard = 0
    union all
    select case when older then middle else low end, case when older then high else middle - 1 end
    from (select low, high, (low + high + 1) / 2 as middle from search where low < high) as halved,
    lateral (
      select coalesce((
        select j.at <= $1::timestamptz from retention_classes c join journal j on j.retention_class = c.id
        where j.seq = middle), true) as older
    ) as compared
  )
  select case when low = horizon then 0 else low end as seq
  from search, journal_head where low = high and shard = 0`
