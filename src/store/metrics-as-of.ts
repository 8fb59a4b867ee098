/**
 * Latest datapoints of an instant, as today's mappings read the messages up to then. A metric that is quiet since has it in
 * its row; of others it is found in the order of what is latest, at or below the time that a clock may be ahead.
 */

import type { Datapoint } from '../datapoints.ts'
import { roles } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { Access } from '../model.ts'
import type { Instant } from './as-of.ts'
import type { Pool } from './database.ts'
import type { MetricPage } from './devices.ts'
import type { MetricRow } from './projected-rows.ts'
import { currentProjection, toMetric } from './projected-rows.ts'
import { hashName } from './projection-ids.ts'

export interface AsOfParts {
  pool: Pool
  limits: Pick<Limits, 'clockAheadSecondsMax' | 'asOfMetricsMax'>
}

/** null in the columns of the datapoint: nothing was known of the metric. */
export interface FoundRow extends MetricRow {
  device_id: number
  known: boolean
}

/** See AsOf.metrics. */
export async function metricsAsOf(
  { pool, limits }: AsOfParts,
  access: Access,
  device: string,
  instant: Instant,
  ask: { after: number | null; limit: number }
): Promise<MetricPage> {
  const { rows } = await pool.query<FoundRow>({
    name: 'metrics_as_of',
    text: metricsSql(
      `select m.*, d.name as device from devices d join metrics m on m.device_id = d.id
       where d.projection_id = ${currentProjection} and d.name_hash = $3 and m.id > $4 and m.seq > 0
       order by m.id limit $5`
    ),
    values: [instant.seq, newestTime(instant, limits), hashName(device), ask.after ?? 0, ask.limit]
  })
  return {
    items: rows.filter((row) => row.known && access.mayRead(row.topic)).map(toMetric),
    next: rows.length < ask.limit ? null : rows.at(-1)!.id
  }
}

/** Of these devices, by their ids and the names of metrics: those of the names given that may be read. */
export async function latestAsOf(
  { pool, limits }: AsOfParts,
  access: Access,
  devices: readonly number[],
  metrics: readonly string[],
  instant: Instant
): Promise<Map<number, Map<string, Datapoint>>> {
  const { rows } = await pool.query<FoundRow>({
    name: 'latest_as_of',
    text: metricsSql(
      `select m.*, d.name as device from metrics m join devices d on d.id = m.device_id
       where m.device_id = any ($3::int8[]) and m.name_hash = any ($4::bytea[]) and m.seq > 0`
    ),
    values: [instant.seq, newestTime(instant, limits), devices, metrics.map(hashName)]
  })
  const found = new Map(devices.map((id) => [id, new Map<string, Datapoint>()]))
  for (const row of rows) {
    const latest = row.known && access.mayRead(row.topic) ? toMetric(row).latest : null
    if (latest !== null) found.get(row.device_id)!.set(row.name, latest)
  }
  return found
}

/** No clock that was believed was further ahead. */
export const newestTime = ({ at }: Instant, limits: Pick<Limits, 'clockAheadSecondsMax'>): string =>
  new Date(Math.min(at + limits.clockAheadSecondsMax * 1_000, timeMax)).toISOString()

/** The end of the years that are written with four digits. */
const timeMax = Date.parse('9999-12-31T23:59:59Z')

/**
 * The greatest datapoint of metric m, of a role, up to fact $1 and time observed $2. A metric is of one projection, which
 * is therefore not asked for: see nested.ts.
 */
export const greatestSql = (role: string): string => `
  select * from datapoints
  where metric_id = m.id and seq <= $1::int8 and observed_at <= $2::timestamptz
    and role ${role} ${roles.historical}
  order by observed_at desc, seq desc, n desc limit 1`

/** Columns as MetricRow has them, of the metrics that `meant` selects with the names of their devices; and `more` of it. */
export const metricsSql = (meant: string, more = ''): string => `
  with meant as materialized (${meant})
  select m.id, m.device_id, m.device, m.name, m.latest_seq <= $1 or p.seq is not null as known, t.name as topic,
    ${[
      ['m.seq', 'p.seq', 'seq'],
      ['m.type', 'p.type', 'type'],
      ['m.unit', 'p.unit', 'unit'],
      ['m.latest_seq', 'p.seq', 'latest_seq'],
      ['m.latest_n', 'p.n', 'latest_n'],
      ['m.latest_observed_at', 'p.observed_at', 'latest_observed_at'],
      ['m.latest_received_at', 'p.received_at', 'latest_received_at'],
      ['m.latest_number', 'p.number', 'latest_number'],
      ['m.latest_role', 'p.role', 'latest_role'],
      ['m.latest_clock', 'p.clock', 'latest_clock'],
      ['m.latest_quality', 'p.quality', 'latest_quality'],
      ['m.latest_exact', 'p.exact', 'latest_exact']
    ]
      .map(([now, then, name]) => `case when m.latest_seq <= $1 then ${now} else ${then} end as ${name}`)
      .join(', ')}${more}
  from meant m
  left join lateral (
    select * from (
      (select * from (${greatestSql('<>')}) as counting where m.latest_seq > $1)
      union all
      (select * from (${greatestSql('=')}) as historical where m.latest_seq > $1)
    ) as greatest order by (role = ${roles.historical}) limit 1
  ) as p on true
  join topics t on t.id = case when m.latest_seq <= $1 then m.topic_id else coalesce(p.topic_id, m.topic_id) end
  order by m.id`
