/** Buckets that one operation reads: of many devices or metrics at once where they ask alike, and all of them bounded. */

import { Problem } from '../errors.ts'
import type { Buckets } from '../history/ask.ts'
import { readBuckets } from '../history/ask.ts'
import type { Column } from '../history/fold.ts'
import type { Fill, HistoryFunction } from '../history/functions.ts'
import type { HistoryFrameView } from '../history/views.ts'
import { toHistoryFrame } from '../history/views.ts'
import type { Limits } from '../limits.ts'
import type { Access, Millis } from '../model.ts'
import type { History, HistoryAsk, HistoryPage, HistorySeries } from '../store/history.ts'
import { readPatterns } from './arguments.ts'
import { createBatch } from './batches.ts'
import type { DeviceNode, MetricNode } from './device-nodes.ts'
import { tooComplex } from './document-size.ts'
import type { Nesting } from './nesting.ts'

/** What is asked of buckets, as it was given. */
export interface BucketArguments {
  from: string
  to?: string | null
  bucket: string
  tz: string
  fn: string[]
  fill: Fill
  source?: 'raw' | null
}

export interface SeriesNode extends Omit<HistorySeries, 'columns'> {
  /** No field of the schema, and neither is the next. */
  functions: readonly HistoryFunction[]
  byFunction: readonly Column[]
}

export interface HistoryReads {
  /** When the operation first asked: all that it reads goes up to there. Milliseconds since 1970. */
  now(): Millis
  /** Throws Problem query_too_complex when the operation reads too many values. */
  page(ask: HistoryAsk): Promise<HistoryPage>
  /** All series of a device whose metrics have such a name. */
  ofDevice(
    device: DeviceNode,
    given: BucketArguments & { metric: string[] | null }
  ): Promise<HistoryFrameView & { series: SeriesNode[] }>
  ofMetric(metric: MetricNode, given: BucketArguments): Promise<HistoryFrameView & SeriesNode>
  /** Counts values that are answered. Throws Problem query_too_complex when they are too many. */
  answer(values: number): void
}

export const toSeriesNode = (
  { columns, ...series }: HistorySeries,
  functions: readonly HistoryFunction[]
): SeriesNode => ({ ...series, functions, byFunction: columns })

export const readGiven = (
  { from, to = null, ...given }: BucketArguments,
  now: Millis,
  limits: Limits
): Buckets =>
  readBuckets({ ...given, from: Date.parse(from), to: to === null ? null : Date.parse(to) }, now, limits)

interface Parts {
  access: Access
  history: History
  nesting: Nesting
  limits: Limits
}

interface Read {
  frame: HistoryFrameView
  series: SeriesNode[]
}

export function createHistoryReads({ access, history, nesting, limits }: Parts): HistoryReads {
  const { historyCellsMax, historySeriesMax, graphqlHistoryValuesMax } = limits
  let began: Millis | null = null
  let values = 0
  let answered = 0
  let turn: Promise<unknown> = Promise.resolve()
  const now = (): Millis => (began ??= Date.now())

  /** One after another: what is left for each is then known, and one request takes one connection. */
  function page(ask: HistoryAsk): Promise<HistoryPage> {
    const read = turn.then(async () => {
      const each = (ask.boundaries.length - 1) * ask.functions.length
      const limit = Math.min(ask.limit, Math.floor((historyCellsMax - values) / each))
      if (limit < 1) throw tooMany(historyCellsMax)
      const found = await history.read(access, { ...ask, limit })
      if (found.next !== null && limit < ask.limit) throw tooMany(historyCellsMax)
      values += found.series.length * each
      return found
    })
    turn = read.catch(() => {})
    return read
  }

  /** Series of many parents, which are too many rather than some of them. */
  async function readAll(
    { metric, ...given }: BucketArguments & { metric: string[] | null },
    ids: Pick<HistoryAsk, 'deviceIds' | 'metricIds'>
  ): Promise<Read> {
    const buckets = readGiven(given, now(), limits)
    const { fill, source = null } = given
    const found = await page({
      ...buckets,
      ...ids,
      devices: [],
      metrics: readPatterns('metric', null, metric, limits),
      filters: [],
      fill,
      source,
      after: null,
      limit: historySeriesMax,
      now: now()
    })
    if (found.next !== null)
      throw tooComplex(`A request reads at most ${historySeriesMax} series within items: ask for fewer items`)
    return {
      frame: toHistoryFrame(buckets, fill, found),
      series: found.series.map((one) => toSeriesNode(one, buckets.functions))
    }
  }

  const ofDevices = createBatch(
    async (given: BucketArguments & { metric: string[] | null }, devices: readonly DeviceNode[]) => {
      const { frame, series } = await readAll(given, { deviceIds: idsOf(devices) })
      const byDevice = new Map<string, SeriesNode[]>()
      for (const one of series) byDevice.set(one.device, [...(byDevice.get(one.device) ?? []), one])
      return devices.map(({ device }) => ({ ...frame, series: byDevice.get(device) ?? [] }))
    }
  )
  const ofMetrics = createBatch(async (given: BucketArguments, metrics: readonly MetricNode[]) => {
    const { frame, series } = await readAll(
      { ...given, metric: null },
      { deviceIds: null, metricIds: idsOf(metrics) }
    )
    const byId = new Map(series.map((one) => [one.metricId, one]))
    return metrics.map(({ id }) => {
      const found = byId.get(id)
      return found === undefined ? null : { ...frame, ...found }
    })
  })

  return {
    now,
    page,
    async ofDevice(device, given) {
      const read = async () => {
        const found = await ofDevices(given, device)
        return { items: found.series, found }
      }
      // How many series there are is known when they are read
      return (await nesting.page(0, read)).found
    },
    async ofMetric(metric, given) {
      const read = async () => ({ items: [await ofMetrics(given, metric)] })
      const found = (await nesting.page(1, read)).items[0]!
      // Its id is of the projection in which it was found
      if (found === null)
        throw new Problem('cursor_expired', 'The mappings changed while this was being read: begin again')
      return found
    },
    answer(values) {
      answered += values
      if (answered > graphqlHistoryValuesMax)
        throw tooComplex(`An answer has at most ${graphqlHistoryValuesMax} values and starts of buckets`)
    }
  }
}

const idsOf = (nodes: ReadonlyArray<{ id: number }>): number[] => [...new Set(nodes.map(({ id }) => id))]

const tooMany = (max: number): Problem =>
  tooComplex(
    `A request reads at most ${max} values, series times buckets times functions: ask for larger buckets, a shorter time, ` +
      'or fewer series by `first`'
  )
