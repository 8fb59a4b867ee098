/**
 * The statement that reads a page of history: of each series its buckets as arrays, one element for each that has a
 * datapoint, with what the functions need and nothing else.
 */

import type { Needs } from '../history/functions.ts'
import type { RollupLevel } from '../history/levels.ts'
import type { Limits } from '../limits.ts'
import type { Millis } from '../model.ts'
import { timestampArray } from './binary.ts'
import type { HistorySql } from './history-pieces.ts'
import { aggregates, flow, inRange, packs, rawPieces } from './history-pieces.ts'
import {
  cameBySql,
  freshSql,
  keptFromSql,
  reachOfSeriesSql,
  replacedSql,
  rolledPieces,
  statusSql
} from './history-rollups.ts'
import { priorSql } from './history-prior.ts'
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
  /** null: from datapoints alone. */
  level: RollupLevel | null
  after: number | null
  limit: number
}

/** Answers one series more than `limit`, if there is one. */
export function historyStatement(
  ask: HistorySqlAsk,
  limits: Pick<Limits, 'freshFactsMax'>
): { text: string; values: unknown[] } {
  const { needs, boundaries, level } = ask
  const values: unknown[] = []
  const parameter = (value: unknown): string => `$${values.push(value)}`
  const topics = ask.topics === null ? null : `${parameter(ask.topics)}::int8[]`
  // In binary: early years have no text that JavaScript and Postgres share
  const bounds = `${parameter(timestampArray(boundaries))}::timestamptz[]`
  const [from, to] = [boundaries[0]!, boundaries.at(-1)!].map(
    (at) => `(${parameter(timestampArray([at]))}::timestamptz[])[1]`
  )
  const sql: HistorySql = {
    level,
    from: from!,
    to: to!,
    bucket: (at) => `width_bucket(${at}, ${bounds}) - 1`,
    readable: topics === null ? 'true' : `p.topic_id = any (${topics})`,
    readableRow:
      topics === null ? 'true' : `(r.topic_id = any (${topics}) or (r.topic_id is null and f.whole))`,
    mixedRow: topics === null ? 'false' : '(r.topic_id is null and not f.whole)'
  }
  const text = `
    with here as materialized (${statusSql(level, parameter(limits.freshFactsMax))}),
    listed as materialized (${foundSql(ask, topics, values, parameter)}),
    found as materialized (
      select f.*, reach.* from listed f left join lateral (${reachOfSeriesSql}) as reach on true
    )${level === null ? rawSql(needs, sql) : freshSql(sql)}
    select f.id, f.device, f.metric, f.type, f.unit, f.topic, packed.*, before.*, ${keptFromSql(level)}
    from found f ${level === null ? 'left join packed on metric_id = f.id' : rolledSql(needs, sql)}
    left join lateral (${priorSql(needs, sql)}) as before on true
    order by f.id`
  return { text, values }
}

/** All series at once, since Postgres knows best whether it reads most datapoints, or a few by index. */
const rawSql = (needs: Needs, sql: HistorySql): string => `,
  packed as (
    select metric_id, ${packs(needs)} from (
      select metric_id, bucket, ${aggregates(needs)} from (${flow(
        needs,
        `${rawPieces(sql, 'found f join datapoints p on p.metric_id = f.id', 'p.metric_id,')}
         where ${inRange(sql.from, sql.to)} and ${sql.readable}`,
        'partition by metric_id'
      )}) as pieces group by metric_id, bucket
    ) as cells group by metric_id
  )`

/** Each series by itself, by indexes that begin with its id, so that the plan depends on no statistics. */
const rolledSql = (needs: Needs, sql: HistorySql): string => `
  ${replacedSql(sql)}
  left join lateral (
    select ${packs(needs)} from (
      select bucket, ${aggregates(needs)} from (${flow(needs, rolledPieces(sql))}) as pieces group by bucket
    ) as cells
  ) as packed on true`

function foundSql(
  ask: HistorySqlAsk,
  topics: string | null,
  values: unknown[],
  parameter: (value: unknown) => string
): string {
  const conditions = [
    `d.projection_id = ${currentProjection}`,
    'm.seq > 0',
    seriesCondition(ask, values),
    `m.id > ${parameter(ask.after ?? 0)}`
  ]
  if (ask.deviceIds !== null) conditions.push(`d.id = any (${parameter(ask.deviceIds)}::int8[])`)
  if (ask.metricIds !== undefined) conditions.push(`m.id = any (${parameter(ask.metricIds)}::int8[])`)
  if (topics !== null) conditions.push(cameBySql(topics))
  const whole =
    topics === null
      ? ''
      : `, not exists (select from metric_topics came where came.metric_id = m.id and came.topic_id <> all (${topics})) as whole`
  return `
    select m.id, m.topic_id, d.name as device, m.name as metric, m.type, m.unit, t.name as topic${whole}
    from devices d join metrics m on m.device_id = d.id join topics t on t.id = m.topic_id
    where ${conditions.join(' and ')} order by m.id limit ${parameter(ask.limit + 1)}`
}
