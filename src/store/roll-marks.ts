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

/**
 * Whether datapoints of a row are gone: its oldest message is behind the horizon. Those of what was carried over it are
 * there, which is why their number is looked at, too.
 */
export const goneSql = (row: string): string =>
  `${row}.oldest_seq <= (select horizon from journal_head where shard = 0)`
