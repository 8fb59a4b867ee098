/** Series for a test and the benchmark of history: in the tables, without the messages that they would be from. */

import { atEnd } from './cleanup.ts'
import { query } from './database.ts'
import { openTestStore } from './store.ts'
import type { TestStore } from './store.ts'

export interface HistoryData extends TestStore {
  /** Of all datapoints, milliseconds since 1970. */
  from: number
  to: number
}

const dayMillis = 86_400_000

/** Whole days up to today; datapoints of all series come at each instant, so many seconds apart. Rolled up as the service does. */
export async function fillHistory(ask: {
  series: number
  days: number
  seconds: number
}): Promise<HistoryData> {
  const { series, days, seconds } = ask
  const points = (days * 86_400) / seconds
  const opened = await openTestStore({
    limits: { partitionRowsMax: Math.max(1_000, series * points), statementMsMax: 600_000 }
  })
  const { url, store } = opened
  const { topicIds } = (await opened.receive({ topic: 't' }))!
  const topic = topicIds.get('t')!.id
  const { id } = await store.projections.current({ hash: 'h', text: '' })
  await store.partitions.makeAhead()
  const to = Math.floor(Date.now() / dayMillis) * dayMillis
  const from = to - days * dayMillis
  await query(url, seriesSql, [id, topic, series])
  await query(url, datapointsSql, [id, topic, points, from, seconds])
  await query(url, 'update projections set done_seq = $1', [series * points])
  while ((await store.rollups.advance(200_000)).more);
  await query(url, 'vacuum analyze')
  atEnd(() => store.close())
  return { ...opened, from, to }
}

const seriesSql = `
  with d as (
    insert into devices (projection_id, name, name_hash, seq, topic_id)
    select $1, 'device-' || s, sha256(('device-' || s)::bytea), 1, $2 from generate_series(1, $3::int) s returning id
  )
  insert into metrics (device_id, name, name_hash, seq, type, topic_id)
  select id, 'temperature', sha256('temperature'), 1, 1, $2 from d`

/** What the datapoint with this number of a metric says. */
export const valueOf = (point: number, metricId: number): number =>
  ((point * 7_919 + metricId * 104_729) % 10_007) / 100

const datapointsSql = `
  insert into datapoints (seq, n, metric_id, topic_id, observed_at, received_at, number, projection_id, retention_class,
    type, role, clock)
  select row_number() over (), 0, m.id, $2, at, at, (point * 7919 + m.id * 104729) % 10007 / 100.0, $1, 1, 1, 0, 0
  from generate_series(0, $3::int - 1) as point, lateral (
    select to_timestamp($4::float8 / 1000 + point * $5::float8) as at) as t, metrics m`
