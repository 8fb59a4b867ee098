/**
 * The statement that reads a page of history: of each series its buckets as arrays, one element for each that has a
 * datapoint, with what the functions need and nothing else. Each series is read by itself, by indexes that know its id, so
 * that the plan depends on no statistics.
 */

import type { Needs } from '../history/functions.ts'
import type { Millis } from '../model.ts'
import { timestampArray } from './binary.ts'
import { aggregates, flow, packs } from './history-pieces.ts'
import { currentProjection } from './projected-rows.ts'
import type { SeriesAsk } from './series.ts'
import { seriesCondition } from './series.ts'

export interface HistorySqlAsk extends SeriesAsk {
  deviceIds: readonly number[] | null
  metricIds?: readonly number[]
  /** Topics whose datapoints are meant; null: all. */
  topics: readonly number[] | null
  boundaries: readonly Millis[]
  needs: Needs
  source: 'raw' | null
  after: number | null
  limit: number
}

export interface HistoryStatement {
  text: string
  values: unknown[]
  source: 'raw'
}

type Parameter = (value: unknown) => string

/** In binary, since years before 1000 and beyond 9999 have no text that Postgres and JavaScript share. */
const timestamp = (at: Millis, parameter: Parameter): string =>
  `(${parameter(timestampArray([at]))}::timestamptz[])[1]`

/** Answers one series more than `limit`, if there is one. */
export function historyStatement(ask: HistorySqlAsk): HistoryStatement {
  const { needs, boundaries } = ask
  const values: unknown[] = []
  const parameter: Parameter = (value) => `$${values.push(value)}`
  const topics = ask.topics === null ? null : `${parameter(ask.topics)}::int8[]`
  const bounds = parameter(timestampArray(boundaries))
  const [from, to] = [timestamp(boundaries[0]!, parameter), timestamp(boundaries.at(-1)!, parameter)]
  const bucket = (at: string): string => `width_bucket(${at}, ${bounds}::timestamptz[]) - 1`
  const text = `
    with found as materialized (${foundSql(ask, topics, values, parameter)})
    select f.*, packed.*, before.*, kept_from
    from found f left join lateral (
      select ${packs(needs)} from (
        select bucket, ${aggregates(needs)}
        from (${flow(needs, `${rawPieces(bucket)} where p.metric_id = f.id and ${inRange(from, to)} and ${readable(topics)}`)}) as pieces
        group by bucket
      ) as cells
    ) as packed on true
    left join lateral (${needs.prior ? priorSql(topics, from) : nothingBefore}) as before on true
    cross join (${keptSql}) as kept
    order by f.id`
  return { text, values, source: 'raw' }
}

const readable = (topics: string | null): string =>
  topics === null ? 'true' : `p.topic_id = any (${topics})`

const inRange = (from: string, to: string): string =>
  `p.number is not null and p.observed_at >= ${from} and p.observed_at < ${to}`

/** Each datapoint is a piece of its own. */
const rawPieces = (bucket: (at: string) => string): string => `
  select ${bucket('p.observed_at')} as bucket, p.observed_at as first_at, p.seq, p.n, 1::int8 as count, p.number as sum,
    p.number as min, p.number as max, p.number as first, p.number as last, p.observed_at as last_at, 0::float8 as integral,
    0::float8 as increase
  from datapoints p`

/** By which topics a series came is known of what is rolled up, and of its newest datapoint. */
function foundSql(
  ask: HistorySqlAsk,
  topics: string | null,
  values: unknown[],
  parameter: Parameter
): string {
  const conditions = [
    `d.projection_id = ${currentProjection}`,
    'm.seq > 0',
    seriesCondition(ask, values),
    `m.id > ${parameter(ask.after ?? 0)}`
  ]
  if (ask.deviceIds !== null) conditions.push(`d.id = any (${parameter(ask.deviceIds)}::int8[])`)
  if (ask.metricIds !== undefined) conditions.push(`m.id = any (${parameter(ask.metricIds)}::int8[])`)
  if (topics !== null)
    conditions.push(`(m.topic_id = any (${topics}) or exists (
      select from metric_topics came where came.metric_id = m.id and came.topic_id = any (${topics})))`)
  return `
    select m.id, d.name as device, m.name as metric, m.type, m.unit, t.name as topic
    from devices d join metrics m on m.device_id = d.id join topics t on t.id = m.topic_id
    where ${conditions.join(' and ')} order by m.id limit ${parameter(ask.limit + 1)}`
}

const nothingBefore = 'select null::float8 as prior_at, null::float8 as prior'

const priorSql = (topics: string | null, from: string): string => `
  select round(date_part('epoch', p.observed_at) * 1000) as prior_at, p.number as prior from datapoints p
  where p.metric_id = f.id and p.observed_at < ${from} and p.number is not null and ${readable(topics)}
  order by p.observed_at desc, p.seq desc, p.n desc limit 1`

/** When the oldest fact that is kept was committed; null where nothing was dropped yet. */
const keptSql = `
  select round(date_part('epoch', (
    select j.at from journal j where h.horizon > 0 and j.seq > h.horizon order by j.seq limit 1)) * 1000) as kept_from
  from journal_head h where h.shard = 0`
