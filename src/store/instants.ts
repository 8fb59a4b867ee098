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
  return { at, seq: await seqAt(pool, time) }
}

/**
 * The newest fact committed at or before `at`, as `findInstant` says; of a time that is not over, the newest that there is by
 * now. 0 where the journal no longer reaches back so far, or did not begin yet.
 */
export async function findPlace(pool: Pool, at: Millis): Promise<Seq> {
  const time = Math.min(Math.max(at, firstYear), yearsMax)
  try {
    return (await findInstant(pool, time)).seq
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return seqAt(pool, new Date(time))
  }
}

async function seqAt(pool: Pool, time: Date): Promise<Seq> {
  const { rows } = await pool.query<{ seq: Seq }>({
    name: 'seq_at',
    text: seqAtSql,
    values: [time.toISOString()]
  })
  return rows[0]!.seq
}

const firstYear = Date.parse('0001-01-01T00:00:00Z')

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

/**
 * Binary search over (horizon, head], for the newest fact that is kept, or that is known to have been the last of its class to be
 * dropped. Of what is dropped otherwise nobody can tell when it was. At the horizon itself the fact is gone, too: 0.
 */
const seqAtSql = `
  with recursive search (low, high, found) as (
    select horizon, seq, 0::int8 from journal_head where shard = 0
    union all
    select case when near.at > $1::timestamptz then low else middle end,
      case when near.at > $1::timestamptz then near.seq - 1 else high end,
      case when near.at > $1::timestamptz then found else coalesce(near.seq, found) end
    from (select low, high, found, (low + high + 1) / 2 as middle from search where low < high) as halved
    left join lateral (
      -- Nearly always it is there, and found in one partition
      select * from (
        select j.seq, j.at from retention_classes c join journal j on j.retention_class = c.id where j.seq = middle
        union all
        (select j.seq, j.at from retention_classes c cross join lateral (
           select seq, at from journal where retention_class = c.id and seq <= middle and seq > low order by seq desc limit 1
         ) as j order by j.seq desc limit 1)
      ) as candidates limit 1
    ) as near on true
  )
  select greatest(found, (select max(horizon) from retention_classes where horizon_at <= $1::timestamptz)) as seq
  from search where low >= high`
