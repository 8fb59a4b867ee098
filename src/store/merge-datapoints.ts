/** Reads a page of the datapoints of many series: where they stand by the index of each, and then those of the page. */

import type { Limits } from '../limits.ts'
import type { Access, Millis, Seq } from '../model.ts'
import { compileFilters } from '../topic.ts'
import { int4Array, int8Array, timestampArray } from './binary.ts'
import type { Pool } from './database.ts'
import type { DatapointPage, DatapointRange } from './datapoints.ts'
import type { FoundSeries } from './find-series.ts'
import type { Placed, PlaceKey } from './merge.ts'
import { mergeNext } from './merge.ts'
import type { DatapointRow } from './projected-rows.ts'
import { datapointColumns, toDatapoint } from './projected-rows.ts'

/** Beyond all times that a datapoint may have, and still times of Postgres. */
const [firstAt, lastAt] = [-2_000_000_000_000, 8_000_000_000_000]
const within = (at: Millis): Millis => Math.min(Math.max(at, firstAt), lastAt)

/** Bounds of (observed_at, seq, n), both exclusive: where reading begins and where it ends, in the direction of `order`. */
export function boundsOf({
  from,
  to,
  order,
  after
}: Pick<DatapointRange, 'from' | 'to' | 'order' | 'after'>): [begin: PlaceKey, end: PlaceKey] {
  const lower = [within((from ?? firstAt) - 1), Number.MAX_SAFE_INTEGER, 0]
  const upper = [within(to ?? lastAt), 0, 0]
  const place = after && [within(after.observedAt), after.seq, after.n]
  return order === 'asc' ? [place ?? lower, upper] : [place ?? upper, lower]
}

interface FoundDatapoint extends Placed {
  topicId: number
  /** Of its exact value. */
  bytes: number
}

export async function readPage(
  parts: { pool: Pool; limits: Limits },
  access: Access,
  ask: DatapointRange & { filters: readonly string[] },
  { projection, metrics }: FoundSeries
): Promise<DatapointPage> {
  const { pool, limits } = parts
  const [begin, end] = boundsOf(ask)
  const sources = new Map(metrics.map((metric, source) => [metric, source]))
  const mayShow = createTopicTest(pool, access, ask.filters)
  const { rows, next } = await mergeNext<FoundDatapoint>({
    sources: metrics.length,
    order: ask.order,
    limit: ask.limit,
    rowsMax: limits.pageRowsScannedMax,
    async read(from, count, before) {
      const places = from.map(({ after }) => after ?? begin)
      const column = (at: 0 | 1 | 2): number[] => places.map((place) => place[at]!)
      const [endAt, endSeq, endN] = before ?? end
      const found = await pool.query<PlaceRow>({
        name: `datapoint_places_${ask.order}`,
        text: placesSql(ask.order),
        values: [
          int8Array(from.map(({ source }) => metrics[source]!)),
          timestampArray(column(0)),
          int8Array(column(1)),
          int4Array(column(2)),
          new Date(endAt!).toISOString(),
          endSeq,
          endN,
          count
        ]
      })
      return found.rows.map(({ metric_id, at, seq, n, topic_id, bytes }) => ({
        source: sources.get(metric_id)!,
        place: [at, seq, n],
        topicId: topic_id,
        bytes
      }))
    },
    async wanted(found) {
      const shown = found.filter(({ place }) => ask.until === null || place[1]! <= ask.until)
      const test = await mayShow(shown.map(({ topicId }) => topicId))
      return shown.filter(({ topicId }) => test(topicId))
    }
  })
  const fitting = rows.slice(0, countFitting(rows, limits.pageBytesMax))
  const last = fitting.length < rows.length ? fitting.at(-1)!.place : next
  return {
    items: await readRows(pool, projection, fitting, metrics),
    next: last && { observedAt: last[0]!, seq: last[1]!, n: last[2]! }
  }
}

interface PlaceRow {
  metric_id: number
  at: Millis
  seq: Seq
  n: number
  topic_id: number
  bytes: number
}

/**
 * Of each metric the index gives the next ones in order. A metric is of one projection, which is therefore not asked for: see
 * nested.ts. What is newer than the list is told apart by those who read, so that no more rows are passed over than counted.
 */
const placesSql = (order: 'asc' | 'desc'): string => {
  const [behind, before] = order === 'asc' ? ['>', '<'] : ['<', '>']
  return `
    select p.* from unnest($1::int8[], $2::timestamptz[], $3::int8[], $4::int4[]) as asked (metric, at, seq, n), lateral (
      select metric_id, (extract(epoch from observed_at) * 1000)::int8 as at, seq, n, topic_id,
        coalesce(octet_length(exact), 0) as bytes
      from datapoints
      where metric_id = asked.metric and (observed_at, seq, n) ${behind} (asked.at, asked.seq, asked.n)
        and (observed_at, seq, n) ${before} ($5::timestamptz, $6::int8, $7::int4)
      order by observed_at ${order}, seq ${order}, n ${order} limit $8
    ) as p`
}

/** Tells of topics whether what came by them is to be shown, and asks for their names only where that matters. */
function createTopicTest(pool: Pool, access: Access, filters: readonly string[]) {
  const matches = compileFilters(filters)
  const known = new Map<number, boolean>()
  return async (topicIds: readonly number[]): Promise<(topicId: number) => boolean> => {
    if (access.readsAll === true && filters.length === 0) return () => true
    const missing = [...new Set(topicIds)].filter((id) => !known.has(id))
    if (missing.length > 0) {
      const { rows } = await pool.query<{ id: number; name: string }>({
        name: 'names_of_topics',
        text: 'select id, name from topics where id = any ($1::int8[])',
        values: [int8Array(missing)]
      })
      for (const { id, name } of rows) known.set(id, matches(name) && access.mayRead(name))
    }
    return (topicId) => known.get(topicId) ?? false
  }
}

/** As many as fit in the bytes, and at least one. */
function countFitting(rows: readonly FoundDatapoint[], bytesMax: number): number {
  let sum = 0
  const end = rows.findIndex(({ bytes }) => (sum += bytes) > bytesMax)
  return end === -1 ? rows.length : Math.max(1, end)
}

/** What was written anew since, and stands elsewhere now, is left out; so is what a topic said that is being forgotten. */
async function readRows(
  pool: Pool,
  projection: number,
  found: readonly FoundDatapoint[],
  metrics: readonly number[]
) {
  if (found.length === 0) return []
  const { rows } = await pool.query<DatapointRow>({
    name: 'datapoints_at',
    text: `select ${datapointColumns}
           from unnest($1::int8[], $2::timestamptz[], $3::int8[], $4::int4[])
             with ordinality as asked (metric, at, seq, n, place), lateral (
             select * from datapoints where projection_id = $5 and seq = asked.seq and n = asked.n limit 1
           ) as p join metrics m on m.id = p.metric_id join devices d on d.id = m.device_id
           join topics t on t.id = p.topic_id
           where p.metric_id = asked.metric and p.observed_at = asked.at and t.name <> '' order by asked.place`,
    values: [
      int8Array(found.map(({ source }) => metrics[source]!)),
      timestampArray(found.map(({ place }) => place[0]!)),
      int8Array(found.map(({ place }) => place[1]!)),
      int4Array(found.map(({ place }) => place[2]!)),
      projection
    ]
  })
  return rows.map(toDatapoint)
}
