/** One topic at a time that the journal does not reach. */

import type { Limits } from '../limits.ts'
import type { Seq, TopicState } from '../model.ts'
import type { Instant } from './as-of.ts'
import type { Pool } from './database.ts'
import { beforeHorizon, highestSql } from './reach.ts'
import type { FoundRow } from './topics-as-of.ts'
import { topicsAt, toStates } from './topics-as-of.ts'

/**
 * Told if what was carried of it is all older, since then nothing of it
 * came between that and what was dropped.
 */
export async function topicBeforeHorizon(
  pool: Pool,
  limits: Limits,
  id: number,
  { at, seq }: Instant
): Promise<TopicState | null> {
  const carried = await readCarried(pool, id)
  if (carried.lost || (carried.at !== null && carried.at.getTime() > at))
    throw await beforeHorizon(pool, { at, seq }, carried.reach)
  // Of facts at one time, the newest counts
  const { rows } = await pool.query<FoundRow>(topicsAt(limits, [id], Math.max(seq, carried.seq)))
  const now = await readCarried(pool, id)
  if (now.seq !== carried.seq || now.lost) throw await beforeHorizon(pool, { at, seq }, now.reach)
  return toStates(rows).get(id) ?? null
}

/** The newest of what was carried, and whether something behind the horizon was not. */
async function readCarried(
  pool: Pool,
  id: number
): Promise<{ seq: Seq; at: Date | null; lost: boolean; reach: Seq }> {
  const { rows } = await pool.query<{ seq: Seq; at: Date | null; lost: boolean; reach: Seq }>({
    name: 'carried_of_topic',
    text: carriedSql,
    values: [id]
  })
  return rows[0]!
}

// `lost`: the journal has facts behind the horizon that were not carried yet
const carriedSql = `
  select coalesce(max(c.seq), 0) as seq, max(c.at) as at, greatest(h.horizon, ${highestSql}) as reach, exists (
      select from journal j where j.topic_id = $1::int8 and j.seq <= h.horizon
        and j.seq > coalesce((select max(seq) from carried_facts where topic_id = $1), 0)
    ) as lost
  from journal_head h left join carried_facts c on c.topic_id = $1
  where h.shard = 0 group by h.shard`
