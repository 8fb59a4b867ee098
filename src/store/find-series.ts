/** Finds the series that a list is of, by name, by what holds of the device, and by topics that datapoints came by. */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access, Seq } from '../model.ts'
import { exactName } from '../predicate/name-pattern.ts'
import type { Predicate } from '../predicate/predicate.ts'
import { int8Array } from './binary.ts'
import type { Pool } from './database.ts'
import { deviceIdsWhere } from './devices-where.ts'
import type { SeriesAsk } from './series.ts'
import { seriesCondition } from './series.ts'
import { allMatches } from './topic-matches.ts'

export interface SeriesSearch extends SeriesAsk {
  /** Topics that datapoints came by; none: whichever. */
  filters: readonly string[]
  /** Asked of DeviceItemView, as devices are now; null: all. */
  where: Predicate | null
}

/** By the names as they are. */
export const oneSeries = (device: string, metric: string): SeriesSearch => ({
  devices: [exactName(device)],
  metrics: [exactName(metric)],
  filters: [],
  where: null
})

export interface FoundSeries {
  /** That the metrics are of; 0: there is none. */
  projection: number
  /** Ids. A filter may leave some that none of their datapoints came by its topics. */
  metrics: number[]
}

/** Throws Problem query_too_complex where there are more than `datapointSeriesMax`, or `where` looks at too much. */
export async function findSeries(
  parts: { pool: Pool; limits: Limits },
  access: Access,
  { devices, metrics, filters, where }: SeriesSearch
): Promise<FoundSeries> {
  const { pool, limits } = parts
  const current = await findRolled(pool)
  if (current === null) return { projection: 0, metrics: [] }
  const values: unknown[] = [current.id, limits.datapointSeriesMax + 1]
  const conditions: string[] = []
  if (where === null) conditions.push(seriesCondition({ devices, metrics }, values))
  else {
    const ids = await deviceIdsWhere(parts, access, { devices, where })
    conditions.push(seriesCondition({ devices: [], metrics }, values))
    conditions.push(`d.id = any ($${values.push(int8Array(ids))}::int8[])`)
  }
  const topics = await topicsOf(parts, filters, current)
  if (topics !== null) {
    const [ids, rolled] = [values.push(int8Array(topics)), values.push(current.rolled_seq)]
    conditions.push(`m.id in (${candidatesSql(`$${ids}`, `$${rolled}`)})`)
  }
  const { rows } = await pool.query<{ id: number }>(
    `select m.id from devices d join metrics m on m.device_id = d.id
     where d.projection_id = $1 and m.seq > 0 and ${conditions.join(' and ')} limit $2`,
    values
  )
  if (rows.length > limits.datapointSeriesMax) throw tooMany(limits.datapointSeriesMax)
  return { projection: current.id, metrics: rows.map(({ id }) => id) }
}

/** The current projection, and how far it is rolled up. */
export interface RolledRow {
  id: number
  rolled_seq: Seq
  done_seq: Seq
}

/** null: there is none yet. */
export async function findRolled(pool: Pool): Promise<RolledRow | null> {
  const { rows } = await pool.query<RolledRow>({
    name: 'rolled',
    text: `select id, rolled_seq, done_seq from projections where state = 'current'`
  })
  return rows[0] ?? null
}

/** Whether what is not rolled up yet is so little that it is looked through. */
export const isNearlyRolled = (
  { done_seq, rolled_seq }: RolledRow,
  { seriesNotRolledFactsMax }: Pick<Limits, 'seriesNotRolledFactsMax'>
): boolean => done_seq - rolled_seq <= seriesNotRolledFactsMax

/** Ids of the topics that filters match; null where that would not make it easier to find series by them. */
async function topicsOf(
  { pool, limits }: { pool: Pool; limits: Limits },
  filters: readonly string[],
  current: RolledRow
): Promise<number[] | null> {
  if (filters.length === 0 || !isNearlyRolled(current, limits)) return null
  return allMatches(pool, limits, filters)
}

/**
 * Metrics that may have a datapoint by these topics: as far as they are rolled up that is noted; what came since is looked
 * through, and hours that changed are taken for all.
 */
const candidatesSql = (topics: string, rolledSeq: string): string => `
  select metric_id from metric_topics where topic_id = any (${topics}::int8[])
  union select id from metrics where topic_id = any (${topics}::int8[])
  union select metric_id from rollup_marks
  union select metric_id from datapoints
    where projection_id = $1 and seq > ${rolledSeq} and topic_id = any (${topics}::int8[])`

const tooMany = (max: number): Problem =>
  new Problem(
    'query_too_complex',
    `This is of more than ${max} series: name devices or metrics by \`device\` and \`metric\`, or their topics by ` +
      '`filter`. Exports have no such limit'
  )
