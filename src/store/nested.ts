/** Reads what belongs to many devices or metrics at once: the first pages of all, in one statement. */

import type { Metric } from '../datapoints.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access } from '../model.ts'
import type { Pool } from './database.ts'
import type { DatapointPage, DatapointRange } from './datapoints.ts'
import type { MetricPage } from './devices.ts'
import { boundsOf } from './merge-datapoints.ts'
import type { DatapointRow, MetricRow } from './projected-rows.ts'
import {
  currentProjection,
  datapointColumns,
  metricColumns,
  toDatapoint,
  toMetric
} from './projected-rows.ts'
import { hashName } from './projection-ids.ts'

export interface MetricName {
  device: string
  metric: string
}

/** Answers are in the order of what is asked for; all of one call have pageBytesMax together. */
export interface NestedReads {
  /** Metrics of each device, in the order of their ids. Throws Problem query_too_complex when they have too many bytes. */
  metrics(
    access: Access,
    devices: readonly string[],
    ask: { after: number | null; limit: number }
  ): Promise<MetricPage[]>
  /** null: nothing is known of it. */
  metric(access: Access, names: readonly MetricName[]): Promise<Array<Metric | null>>
  /** As pages of one metric are. Throws Problem query_too_complex when they have too many bytes. */
  datapoints(access: Access, names: readonly MetricName[], ask: DatapointRange): Promise<DatapointPage[]>
}

/** A row of the page with this number, from 1; one that does not fit in the bytes comes only as the first of its page. */
export interface PageRow {
  page: number
  found: number
  fits: boolean
}

export function createNestedReads(pool: Pool, limits: Limits): NestedReads {
  return {
    async metrics(access, devices, { after, limit }) {
      const { rows } = await pool.query<MetricRow & PageRow>({
        name: 'nested_metrics',
        text: metricsSql,
        values: [devices.map(hashName), after ?? 0, limit, limits.pageBytesMax]
      })
      return toPages(rows, devices.length).map((page) => ({
        items: page.filter((row) => access.mayRead(row.topic)).map(toMetric),
        next: isWhole(page, limit) ? null : page.at(-1)!.id
      }))
    },

    async metric(access, names) {
      const { rows } = await pool.query<MetricRow & PageRow>({
        name: 'nested_metric',
        text: metricSql,
        values: [...toHashes(names), limits.pageBytesMax]
      })
      return toPages(rows, names.length).map(([row]) =>
        row === undefined || !access.mayRead(row.topic) ? null : toMetric(row)
      )
    },

    async datapoints(access, names, ask) {
      const { rows } = await pool.query<DatapointRow & PageRow>({
        name: `nested_datapoints_${ask.order}`,
        text: datapointsSql(ask.order),
        values: [...toHashes(names), ...rangeOf(ask), ask.until, ask.limit, limits.pageBytesMax]
      })
      return toPages(rows, names.length).map((page) => {
        const last = page.at(-1)
        return {
          items: page.filter((row) => access.mayRead(row.topic)).map(toDatapoint),
          next: isWhole(page, ask.limit)
            ? null
            : { observedAt: last!.observed_at.getTime(), seq: last!.seq, n: last!.n }
        }
      })
    }
  }
}

export const toHashes = (names: readonly MetricName[]): [devices: Buffer[], metrics: Buffer[]] => [
  names.map(({ device }) => hashName(device)),
  names.map(({ metric }) => hashName(metric))
]

/** Bounds of (observed_at, seq, n): the lower and the upper one, both exclusive. */
function rangeOf(ask: DatapointRange): unknown[] {
  const bounds = boundsOf(ask).map(([at, seq, n]) => [new Date(at!).toISOString(), seq, n])
  return (ask.order === 'asc' ? bounds : bounds.toReversed()).flat()
}

export function toPages<Row extends PageRow>(rows: readonly Row[], count: number): Row[][] {
  const pages: Row[][] = Array.from({ length: count }, () => [])
  for (const row of rows) {
    if (!row.fits)
      throw new Problem(
        'query_too_complex',
        'What is asked for has too many bytes for one answer: ask for fewer items'
      )
    pages[row.page - 1]!.push(row)
  }
  return pages
}

export const isWhole = (page: readonly PageRow[], limit: number): boolean =>
  page.length === (page[0]?.found ?? 0) && page.length < limit

/**
 * Of the rows `found`, each with its `page`, its `place` there and its `bytes`: those that fit in the bytes, the first of
 * all pages before the second of any. What does not fit is not read, but the first of a page tells that there is one.
 */
export const counted = (bytesMax: string): string => `counted as (
    select *, before = 0 or before + bytes <= ${bytesMax} as fits from (
      select *, count(*) over (partition by page) as found, coalesce(sum(bytes) over (
        order by place, page rows between unbounded preceding and 1 preceding), 0) as before
      from found
    ) as all_found
  )`
const fitting = (columns: string, exact: string, name: string): string =>
  columns.replace(exact, `case when fits then ${exact} end as ${name}`)

const metricPage = `page::int4, found, fits, ${fitting(metricColumns, 'm.latest_exact', 'latest_exact')}`

/** The limits keep the order in which this is looked up, whatever Postgres knows of the tables. */
export const askedDevice = `lateral (
      select id, name from devices where projection_id = ${currentProjection} and name_hash = asked.device limit 1
    ) as d`
export const askedMetric = `${askedDevice}, lateral (
      select * from metrics where device_id = d.id and name_hash = asked.metric and seq > 0 limit 1
    ) as m`

const metricsSql = `
  with found as (
    select asked.page, m.id, row_number() over (partition by asked.page order by m.id) as place,
      coalesce(octet_length(m.latest_exact), 0) as bytes
    from unnest($1::bytea[]) with ordinality as asked (device, page), ${askedDevice}, lateral (
      select * from metrics where device_id = d.id and id > $2 and seq > 0 order by id limit $3
    ) as m
  ), ${counted('$4')}
  select ${metricPage} from counted c join metrics m on m.id = c.id
  join devices d on d.id = m.device_id join topics t on t.id = m.topic_id
  where fits or place = 1 order by page, place`

const metricSql = `
  with found as (
    select asked.page, m.id, 1 as place, coalesce(octet_length(m.latest_exact), 0) as bytes
    from unnest($1::bytea[], $2::bytea[]) with ordinality as asked (device, metric, page), ${askedMetric}
  ), ${counted('$3')}
  select ${metricPage} from counted c join metrics m on m.id = c.id
  join devices d on d.id = m.device_id join topics t on t.id = m.topic_id`

/**
 * A metric is of one projection, so datapoints are asked for by metric alone: without statistics Postgres would else read
 * the whole index of a projection's keys for each metric.
 */
const datapointsSql = (order: 'asc' | 'desc'): string => `
  with found as materialized (
    select asked.page, p.*, coalesce(octet_length(p.exact), 0) as bytes, row_number() over (
      partition by asked.page order by p.observed_at ${order}, p.seq ${order}, p.n ${order}) as place
    from unnest($1::bytea[], $2::bytea[]) with ordinality as asked (device, metric, page), ${askedMetric}, lateral (
      select * from datapoints
      where metric_id = m.id and (observed_at, seq, n) > ($3::timestamptz, $4::int8, $5::int4)
        and (observed_at, seq, n) < ($6::timestamptz, $7::int8, $8::int4) and ($9::int8 is null or seq <= $9)
      order by observed_at ${order}, seq ${order}, n ${order} limit $10
    ) as p
  ), ${counted('$11')}
  select page::int4, found, fits, ${fitting(datapointColumns, 'p.exact', 'exact')} from counted p
  join metrics m on m.id = p.metric_id join devices d on d.id = m.device_id join topics t on t.id = p.topic_id
  where fits or place = 1 order by page, place`
