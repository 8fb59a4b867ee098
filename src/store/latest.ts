/** Finds anew what metrics show, where datapoints were taken from them. */

import { roles } from '../datapoints.ts'
import { int8Array } from './binary.ts'
import type { PoolClient } from './database.ts'

/** Those without any datapoint stay as they are: the caller knows whether that is right. */
export async function refreshLatest(client: PoolClient, metrics: readonly number[]): Promise<void> {
  if (metrics.length > 0) await client.query(refreshSql, [int8Array(metrics)])
}

const greatestSql = (condition: string): string => `
  select * from datapoints p where p.metric_id = m.id and p.projection_id = d.projection_id and ${condition}
  order by observed_at desc, seq desc, n desc limit 1`

/** Historical ones are below all others. */
const refreshSql = `
  update metrics target set topic_id = p.topic_id, latest_seq = p.seq, latest_n = p.n,
    latest_observed_at = p.observed_at, latest_received_at = p.received_at, latest_number = p.number, type = p.type,
    latest_role = p.role, latest_clock = p.clock, unit = p.unit, latest_quality = p.quality, latest_exact = p.exact
  from metrics m join devices d on d.id = m.device_id, lateral (
    select * from (
      (${greatestSql(`p.role <> ${roles.historical}`)}) union all (${greatestSql(`p.role = ${roles.historical}`)})
    ) as greatest order by (role = ${roles.historical}) limit 1
  ) as p
  where target.id = m.id and m.id = any ($1::int8[])`
