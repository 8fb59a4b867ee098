/** History as clients see it, on REST and GraphQL alike. Pure. */

import type { MetricType } from '../datapoints.ts'
import type { Millis } from '../model.ts'
import { toTime, toTimeOrNull } from '../views.ts'
import type { Buckets } from './ask.ts'
import type { Column } from './fold.ts'
import type { Fill, HistoryFunction } from './functions.ts'
import type { RollupLevel } from './levels.ts'
import { rollupLevels } from './levels.ts'

/** What was read: datapoints, or what those of a minute, hour or day come to. */
export type HistorySource = 'raw' | RollupLevel
export const historySources: readonly HistorySource[] = [
  'raw',
  ...(Object.keys(rollupLevels) as RollupLevel[])
]

/** What all series of an answer share. */
export interface HistoryFrameView {
  /** Of all buckets; `to` is where the last one ends. */
  from: string
  to: string
  bucket: string
  tz: string
  fill: Fill
  /** Where each bucket begins. */
  starts: string[]
  source: HistorySource
  keptFrom: string | null
}

export interface SeriesView {
  device: string
  metric: string
  /** These three are null where its newest datapoint may not be read. */
  type: MetricType | null
  unit: string | null
  topic: string | null
  /** By function, in the order in which they were asked for: a value for each bucket. */
  values: Record<string, Column>
}

export function toHistoryFrame(
  { bucket, boundaries }: Buckets,
  fill: Fill,
  { source, keptFrom }: { source: HistorySource; keptFrom: Millis | null }
): HistoryFrameView {
  return {
    from: toTime(boundaries[0]!),
    to: toTime(boundaries.at(-1)!),
    bucket: bucket.text,
    tz: bucket.tz,
    fill,
    starts: boundaries.slice(0, -1).map(toTime),
    source,
    keptFrom: toTimeOrNull(keptFrom)
  }
}

export const toSeriesView = (
  { device, metric, type, unit, topic, columns }: Omit<SeriesView, 'values'> & { columns: readonly Column[] },
  functions: readonly HistoryFunction[]
): SeriesView => ({
  device,
  metric,
  type,
  unit,
  topic,
  values: Object.fromEntries(functions.map(({ name }, index) => [name, columns[index]!]))
})
