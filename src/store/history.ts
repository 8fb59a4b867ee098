/** Reads buckets of series: one statement for all of a page, and the sums of `history/fold.ts` over what it gives. */

import type { MetricType } from '../datapoints.ts'
import type { Column } from '../history/fold.ts'
import { fold } from '../history/fold.ts'
import type { Fill, HistoryFunction } from '../history/functions.ts'
import { needsOf } from '../history/functions.ts'
import type { RollupLevel } from '../history/levels.ts'
import { usableLevel } from '../history/levels.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access, Millis } from '../model.ts'
import type { NamePattern } from '../predicate/name-pattern.ts'
import type { Predicate } from '../predicate/predicate.ts'
import type { Pool } from './database.ts'
import { deviceIdsWhere } from './devices-where.ts'
import { readableTopics } from './history-topics.ts'
import type { HistoryRow } from './history-rows.ts'
import { toSegments } from './history-rows.ts'
import { historyStatement } from './history-sql.ts'
import { typeNames } from './projected-rows.ts'
import type { SeriesAsk } from './series.ts'

export interface HistoryAsk extends SeriesAsk {
  /** Only datapoints whose message came on a topic of any of these; none: every topic. */
  filters: readonly string[]
  /** Only of these; null: of all. What `deviceIds` gives. */
  deviceIds: readonly number[] | null
  /** Only these; absent: all. */
  metricIds?: readonly number[]
  /** Milliseconds since 1970, strictly increasing; of `boundaries` in `history/buckets.ts`. */
  boundaries: readonly Millis[]
  functions: readonly HistoryFunction[]
  fill: Fill
  /** `raw`: from datapoints alone; null: from rollups as far as these say the same. */
  source: 'raw' | null
  /** Id of the last metric, exclusive. */
  after: number | null
  limit: number
  /** The last value of a series holds until then. */
  now: Millis
}

export interface HistorySeries {
  metricId: number
  device: string
  metric: string
  /** These three are of its newest datapoint; null where that may not be read. */
  type: MetricType | null
  unit: string | null
  topic: string | null
  /** For each function, in their order, a value for each bucket. */
  columns: Column[]
}

export type HistorySource = 'raw' | RollupLevel

export interface HistoryPage {
  /** In the order of their ids. */
  series: HistorySeries[]
  /** Id of a metric to go on from; null at the end. */
  next: number | null
  source: HistorySource
  /** What was observed before may be missing here; null: nothing of the range is. */
  keptFrom: Millis | null
  /** Of all buckets, milliseconds since 1970. */
  from: Millis
  to: Millis
}

export interface History {
  /** Throws Problem query_too_complex where it is too much at once. */
  read(access: Access, ask: HistoryAsk): Promise<HistoryPage>
  /**
   * Devices of the current projection that a predicate holds of, of those with such names: the fewer, the less is looked at.
   * Throws Problem query_too_complex.
   */
  deviceIds(access: Access, where: Predicate, devices?: readonly NamePattern[]): Promise<number[]>
}

export function createHistory(pool: Pool, limits: Limits): History {
  async function query(access: Access, ask: HistoryAsk): Promise<HistoryPage> {
    const { boundaries, functions } = ask
    const [from, to, cells] = [boundaries[0]!, boundaries.at(-1)!, (boundaries.length - 1) * functions.length]
    const topics = await readableTopics(pool, limits, access, ask.filters)
    const seriesMax = Math.floor(limits.historyCellsMax / cells)
    const limit = Math.min(ask.limit, limits.historySeriesMax, seriesMax)
    const needs = needsOf(functions, ask.fill)
    const level = ask.source === 'raw' || needs.percentiles.length > 0 ? null : usableLevel(boundaries)
    const { text, values } = historyStatement({ ...ask, limit, topics, needs, level }, limits)
    const { rows } = await pool.query<HistoryRow>(text, values)
    if (rows.length > seriesMax && seriesMax < ask.limit) throw tooManyCells(limits, seriesMax)
    const page = rows.slice(0, limit)
    return {
      series: page.map((row) => {
        const { segments, prior } = toSegments(row, needs)
        const isReadable = access.mayRead(row.topic)
        return {
          metricId: row.id,
          device: row.device,
          metric: row.metric,
          type: isReadable ? typeNames[row.type]! : null,
          unit: isReadable ? row.unit : null,
          topic: isReadable ? row.topic : null,
          columns: fold(segments, { ...ask, prior })
        }
      }),
      next: rows.length > limit ? page.at(-1)!.id : null,
      source: level ?? 'raw',
      keptFrom: keptFrom(page, from),
      from,
      to
    }
  }

  return {
    async read(access, ask) {
      try {
        return await query(access, ask)
      } catch (error) {
        // The server's limit of the time that a statement may take (PostgreSQL documentation, appendix A)
        if ((error as { code?: unknown }).code !== '57014') throw error
        throw tooComplex('This takes too long: ask for fewer series, a shorter time or larger buckets')
      }
    },
    deviceIds: (access, where, devices = []) => deviceIdsWhere({ pool, limits }, access, { devices, where })
  }
}

/** Of all series of a page, the latest; null where nothing of the range is missing. */
function keptFrom(rows: readonly HistoryRow[], from: Millis): Millis | null {
  const at = Math.max(...rows.map((row) => row.kept_from ?? from), from)
  return at <= from ? null : at
}

const tooComplex = (detail: string): Problem => new Problem('query_too_complex', detail)

const tooManyCells = ({ historyCellsMax }: Limits, seriesMax: number): Problem =>
  tooComplex(
    `Series times buckets times functions are more than ${historyCellsMax}: ask for at most ${seriesMax} series at once, ` +
      'larger buckets, a shorter time or fewer functions'
  )
