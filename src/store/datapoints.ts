/** Reads datapoints of the current projection: pages by time observed, and what given messages said. */

import type { Datapoint } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { Access, Millis, Seq } from '../model.ts'
import type { Pool } from './database.ts'
import type { DatapointRow } from './projected-rows.ts'
import { currentProjection, datapointColumns, toDatapoint } from './projected-rows.ts'
import { hashName } from './projection-ids.ts'

/** Where a datapoint stands in pages. */
export interface DatapointPlace {
  observedAt: Millis
  seq: Seq
  n: number
}

export interface DatapointsAsk {
  device: string
  /** null: all of the device. */
  metric: string | null
  /** Time observed: from <= observedAt < to. */
  from: Millis | null
  to: Millis | null
  order: 'asc' | 'desc'
  /** Exclusive, in the direction of `order`. */
  after: DatapointPlace | null
  limit: number
}

export interface DatapointPage {
  items: Datapoint[]
  /** To go on from; null at the end. Items may be few, or none, before that. */
  next: DatapointPlace | null
}

export interface Datapoints {
  page(access: Access, ask: DatapointsAsk): Promise<DatapointPage>
  /** What these messages said; whoever asks has checked that the topics may be read. */
  bySeqs(seqs: readonly Seq[]): Promise<Map<Seq, Datapoint[]>>
}

/** Beyond all times that a datapoint may have, and still times of Postgres. */
const [firstAt, lastAt] = [-2_000_000_000_000, 8_000_000_000_000]

export function createDatapoints(pool: Pool, limits: Limits): Datapoints {
  async function metricsOf(ask: DatapointsAsk): Promise<number[]> {
    const { rows } = await pool.query<{ id: number }>({
      name: 'metrics_of_device',
      text: `select m.id from devices d join metrics m on m.device_id = d.id
             where d.projection_id = ${currentProjection} and d.name_hash = $1 and m.seq > 0
               and ($2::bytea is null or m.name_hash = $2)`,
      values: [hashName(ask.device), ask.metric === null ? null : hashName(ask.metric)]
    })
    return rows.map((row) => row.id)
  }

  return {
    async page(access, ask) {
      const metrics = await metricsOf(ask)
      if (metrics.length === 0) return { items: [], next: null }
      // Each metric may have all of the page, so that is what is read of each: rather a short page than a long search
      const limit = Math.max(1, Math.min(ask.limit, Math.floor(limits.pageRowsScannedMax / metrics.length)))
      const { rows } = await pool.query<DatapointRow & { found: number }>({
        name: `datapoints_${ask.order}`,
        text: pageSql(ask.order),
        values: [metrics, ...rangeOf(ask), limit, limits.pageBytesMax]
      })
      const last = rows.at(-1)
      return {
        items: rows.filter((row) => access.mayRead(row.topic)).map(toDatapoint),
        next:
          last === undefined || (rows.length === last.found && last.found < limit)
            ? null
            : { observedAt: last.observed_at.getTime(), seq: last.seq, n: last.n }
      }
    },

    async bySeqs(seqs) {
      const { rows } = await pool.query<DatapointRow>({
        name: 'datapoints_by_seq',
        text: `select ${datapointColumns} from datapoints p join metrics m on m.id = p.metric_id
               join devices d on d.id = m.device_id join topics t on t.id = p.topic_id
               where p.projection_id = ${currentProjection} and p.seq = any ($1::int8[]) and t.name <> ''
               order by p.seq, p.n`,
        values: [seqs]
      })
      const bySeq = new Map<Seq, Datapoint[]>(seqs.map((seq) => [seq, []]))
      for (const row of rows) bySeq.get(row.seq)!.push(toDatapoint(row))
      return bySeq
    }
  }
}

/** Bounds of (observed_at, seq, n): the lower and the upper one, both exclusive. */
export function rangeOf({ from, to, order, after }: Omit<DatapointsAsk, 'device' | 'metric'>): unknown[] {
  const time = (at: Millis): string => new Date(Math.min(Math.max(at, firstAt), lastAt)).toISOString()
  const lower: [string, number, number] = [time((from ?? firstAt) - 1), Number.MAX_SAFE_INTEGER, 0]
  const upper: [string, number, number] = [time(to ?? lastAt), 0, 0]
  const place: [string, number, number] | null = after && [time(after.observedAt), after.seq, after.n]
  return order === 'asc' ? [...(place ?? lower), ...upper] : [...lower, ...(place ?? upper)]
}

/**
 * As many as fit in the bytes, and at least one. Of each metric the index gives the next ones in order. A metric is of one
 * projection, which is therefore not asked for: see nested.ts.
 */
const pageSql = (order: 'asc' | 'desc'): string => `
  with found as materialized (
    select p.* from unnest($1::int8[]) as metric (id), lateral (
      select * from datapoints
      where metric_id = metric.id
        and (observed_at, seq, n) > ($2::timestamptz, $3::int8, $4::int4)
        and (observed_at, seq, n) < ($5::timestamptz, $6::int8, $7::int4)
      order by observed_at ${order}, seq ${order}, n ${order} limit $8
    ) as p
    order by observed_at ${order}, seq ${order}, n ${order} limit $8
  ), counted as (
    select *, count(*) over () as found, sum(coalesce(octet_length(exact), 0)) over (
      order by observed_at ${order}, seq ${order}, n ${order}
      rows between unbounded preceding and 1 preceding) as before
    from found
  )
  select ${datapointColumns}, p.found from counted p join metrics m on m.id = p.metric_id
  join devices d on d.id = m.device_id join topics t on t.id = p.topic_id
  where before is null or before + coalesce(octet_length(exact), 0) <= $9
  order by p.observed_at ${order}, p.seq ${order}, p.n ${order}`
