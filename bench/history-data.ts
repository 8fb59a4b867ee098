/** Series for the benchmark of history: in the tables, without the messages that they would be from. */

import { query } from '../test/support/database.ts'
import { rollUpTo } from '../test/support/rollups.ts'
import { openTestStore } from '../test/support/store.ts'
import type { TestStore } from '../test/support/store.ts'

export interface HistoryData extends TestStore {
  /** Of all datapoints, milliseconds since 1970. */
  from: number
  to: number
}

/** Datapoints of all series come at each instant, as many seconds apart. */
export async function fillHistory(ask: {
  series: number
  days: number
  seconds: number
}): Promise<HistoryData> {
  const { series, days, seconds } = ask
  const points = (days * 86_400) / seconds
  const opened = await openTestStore({ limits: { partitionRowsMax: series * points } })
  const { url, store } = opened
  const { topicIds } = (await opened.receive({ topic: 't' }))!
  const { id } = await store.projections.current({ hash: 'h', text: '' })
  await store.partitions.makeAhead()
  const to = Math.floor(Date.now() / 86_400_000) * 86_400_000
  const from = to - days * 86_400_000
  await query(
    url,
    `with d as (
       insert into devices (projection_id, name, name_hash, seq, topic_id)
       select $1, 'device-' || s, sha256(('device-' || s)::bytea), 1, $2 from generate_series(1, $3::int) s returning id
     )
     insert into metrics (device_id, name, name_hash, seq, type, topic_id)
     select id, 'temperature', sha256('temperature'), 1, 1, $2 from d`,
    [id, topicIds.get('t')!.id, series]
  )
  await query(
    url,
    `insert into datapoints (seq, n, metric_id, topic_id, observed_at, received_at, number, projection_id, type, role, clock)
     select row_number() over (), 0, m.id, $2, at, at, round((random() * 100)::numeric, 2), $1, 1, 0, 0
     from generate_series(0, $3::int - 1) as point, lateral (
       select to_timestamp($4::float8 / 1000 + point * $5::float8) as at) as t, metrics m`,
    [id, topicIds.get('t')!.id, points, from, seconds]
  )
  await query(url, `update projections set done_seq = $1`, [series * points])
  await rollUpTo(url, series * points)
  await query(url, 'vacuum analyze')
  return { ...opened, from, to }
}
