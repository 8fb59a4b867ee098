/** What belongs to many devices at an instant: metrics of all, in one statement. As nested.ts reads what there is now. */

import type { Metric } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { Access } from '../model.ts'
import type { Instant } from './as-of.ts'
import type { MetricPage } from './devices.ts'
import type { AsOfParts, FoundRow } from './metrics-as-of.ts'
import { metricsSql, newestTime } from './metrics-as-of.ts'
import type { MetricName, PageRow } from './nested.ts'
import { askedDevice, askedMetric, counted, isWhole, toHashes, toPages } from './nested.ts'
import { toMetric } from './projected-rows.ts'
import { hashName } from './projection-ids.ts'

type Parts = AsOfParts & { limits: Pick<Limits, 'pageBytesMax'> }
type Row = FoundRow & PageRow

const isThere = (access: Access, { known, topic }: Row): boolean => known && access.mayRead(topic)

/** See AsOf.metricsOf. */
export async function metricsOfMany(
  { pool, limits }: Parts,
  access: Access,
  devices: readonly string[],
  instant: Instant,
  { after, limit }: { after: number | null; limit: number }
): Promise<MetricPage[]> {
  const { rows } = await pool.query<Row>({
    name: 'nested_metrics_as_of',
    text: thenSql(
      `unnest($3::bytea[]) with ordinality as asked (device, page), ${askedDevice}, lateral (
         select * from metrics where device_id = d.id and id > $4 and seq > 0 order by id limit $5
       ) as m`,
      '$6'
    ),
    values: [
      instant.seq,
      newestTime(instant, limits),
      devices.map(hashName),
      after ?? 0,
      limit,
      limits.pageBytesMax
    ]
  })
  return toPages(rows, devices.length).map((page) => ({
    items: page.filter((row) => isThere(access, row)).map(toMetric),
    next: isWhole(page, limit) ? null : page.at(-1)!.id
  }))
}

/** See AsOf.metricOf. */
export async function metricOfMany(
  { pool, limits }: Parts,
  access: Access,
  names: readonly MetricName[],
  instant: Instant
): Promise<Array<Metric | null>> {
  const { rows } = await pool.query<Row>({
    name: 'nested_metric_as_of',
    text: thenSql(
      `unnest($3::bytea[], $4::bytea[]) with ordinality as asked (device, metric, page), ${askedMetric}`,
      '$5'
    ),
    values: [instant.seq, newestTime(instant, limits), ...toHashes(names), limits.pageBytesMax]
  })
  return toPages(rows, names.length).map(([row]) =>
    row === undefined || !isThere(access, row) ? null : toMetric(row)
  )
}

/** `asked`: the metrics m of devices d, with the page that each is on. */
const thenSql = (asked: string, bytesMax: string): string => `
  with found as materialized (
    select metric.*, row_number() over (partition by page order by id) as place,
      coalesce(octet_length(latest_exact), 0) as bytes
    from (${metricsSql(`select m.*, d.name as device, asked.page from ${asked}`, ', m.page')}) as metric
  ), ${counted(bytesMax)}
  select page::int4, found, fits, known, id, device, name, seq, type, unit, topic, latest_seq, latest_n,
    latest_observed_at, latest_received_at, latest_number, latest_role, latest_clock, latest_quality,
    case when fits then latest_exact end as latest_exact
  from counted where fits or place = 1 order by page, place`
