/** How far back the journal tells: each class of retention has a horizon of its own. */

import { Problem } from '../errors.ts'
import type { Millis, Seq } from '../model.ts'
import type { Instant } from './as-of.ts'
import type { Pool } from './database.ts'
import { hashName } from './projection-ids.ts'
import { currentProjection } from './projected-rows.ts'

/** The highest horizon of classes that topics may be of. */
export const highestSql = '(select max(horizon) from retention_classes where id > 0)'

/**
 * From where on the journal, with what was carried, tells the state of topic `t` at `seq`: before it came to its class, its
 * facts went to classes that nobody remembers.
 */
export const reachSql = (t: string, seq: string): string => `case when ${seq} >= ${t}.class_seq
    then (select c.horizon from retention_classes c where c.id = ${t}.retention_class) else ${highestSql} end`

export interface Reach {
  /** Before this, nobody can tell of anything. */
  lowest: Seq
  /** From here on, of everything. */
  highest: Seq
}

export async function readReach(pool: Pool): Promise<Reach> {
  const { rows } = await pool.query<Reach>({
    name: 'reach',
    text: `select horizon as lowest, greatest(horizon, (select max(horizon) from retention_classes)) as highest
           from journal_head where shard = 0`
  })
  return rows[0]!
}

/**
 * From where on it is known what the metrics of these devices were at `seq`, and with `presence`, what these were. A metric that
 * is quiet since then has it in its row.
 */
export async function reachOfDevices(
  pool: Pool,
  meant: { names: readonly string[] } | { ids: readonly number[] },
  seq: Seq,
  presence: boolean
): Promise<Seq> {
  const [by, value] = 'names' in meant ? ['names', meant.names.map(hashName)] : ['ids', meant.ids]
  const { rows } = await pool.query<{ reach: Seq }>({
    name: `reach_of_devices_by_${by}`,
    text: devicesSql(
      'names' in meant
        ? `d.projection_id = ${currentProjection} and d.name_hash = any ($3::bytea[])`
        : 'd.id = any ($3::int8[])'
    ),
    values: [seq, presence, value]
  })
  return rows[0]!.reach
}

const devicesSql = (meant: string): string => `
  with moving as (
    select m.id, m.topic_id from devices d join metrics m on m.device_id = d.id
    where ${meant} and m.latest_seq > $1::int8
  ), topic_ids as (
    select topic_id from moving union select o.topic_id from moving join metric_topics o on o.metric_id = moving.id
  )
  select greatest(
    (select max(${reachSql('t', '$1')}) from topic_ids join topics t on t.id = topic_ids.topic_id),
    case when $2::bool then (select horizon from retention_classes where id = 0) end, 0) as reach`

/** When the first fact behind a position was committed that is still kept; null: there is none. */
async function keptSince(pool: Pool, seq: Seq): Promise<Millis | null> {
  const { rows } = await pool.query<{ at: Date }>(
    `select j.at from retention_classes c cross join lateral (
       select seq, at from journal where retention_class = c.id and seq > $1 order by seq limit 1
     ) as j order by j.seq limit 1`,
    [seq]
  )
  return rows[0]?.at.getTime() ?? null
}

/** The Problem of an instant that is before `reach`, from where on the journal tells. */
export async function beforeHorizon(pool: Pool, { at }: Instant, reach: Seq): Promise<Problem> {
  const from = await keptSince(pool, reach)
  return new Problem(
    'cursor_expired',
    `Nobody can tell any more what was known at ${new Date(at).toISOString()}: ` +
      (from === null
        ? 'the journal of then is no longer kept'
        : `the journal goes back to ${new Date(from).toISOString()}`)
  )
}
