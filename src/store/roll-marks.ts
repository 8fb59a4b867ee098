/** Marks hours whose datapoints change otherwise than by being added behind what is rolled up. */

import type { Seq } from '../model.ts'
import { int8Array } from './binary.ts'
import type { PoolClient } from './database.ts'
import { startSql } from './roll-fold.ts'

/**
 * Those of messages' datapoints that are there now and are rolled up: asked before they go, and after others came. The
 * caller's transaction took the lock of rollups first.
 */
export async function markHours(client: PoolClient, seqs: readonly Seq[]): Promise<void> {
  if (seqs.length > 0) await client.query(markSql, [int8Array(seqs)])
}

const markSql = `
  insert into rollup_marks (metric_id, start)
  select distinct d.metric_id, ${startSql('hour', 'd.observed_at')} from projections p, lateral (
    select metric_id, observed_at from datapoints
    where projection_id = p.id and seq = any ($1::int8[]) and seq <= p.rolled_seq and number is not null
  ) as d
  on conflict do nothing`

/** The highest horizon of all classes of retention but the system's. */
export const anyHorizonSql = `(select max(horizon) from retention_classes where id > 0)`

/**
 * Whether datapoints of a row may be gone: its oldest message is behind the horizon of the class of its topic, or, where
 * it is older than the topic's time in that class, of any class. Those of what was carried over the horizon are there,
 * which is why their number is looked at, too.
 */
export const goneSql = (row: string): string => `${row}.oldest_seq <= coalesce((
    select max(case when ${row}.oldest_seq <= t.class_seq then ${anyHorizonSql} else c.horizon end)
    from topics t join retention_classes c on c.id = t.retention_class
    where t.id = any (case when ${row}.topic_id is null
      then array(select topic_id from metric_topics where metric_id = ${row}.metric_id) else array[${row}.topic_id] end)
  ), ${anyHorizonSql})`
