/** How long what is kept, as clients see it: the same on REST and GraphQL. Pure. */

import type { Seq } from '../model.ts'
import { toSeq } from '../views.ts'
import type { RollupLevel } from './levels.ts'

interface ClassOfTopics {
  name: string
  filters: readonly string[]
  keepSeconds: number | null
  keepBytes: number | null
  position: number | null
  horizon: Seq
  bytes: number
  topics: number
  removed: boolean
}

export type RetentionClassView = Omit<ClassOfTopics, 'horizon'> & { horizon: string }

/** Seconds; null: no limit. */
export type RollupRetentionView = Record<RollupLevel, number | null>

export interface RetentionView {
  classes: RetentionClassView[]
  rollups: RollupRetentionView
}

export const toRetentionClassView = (of: ClassOfTopics): RetentionClassView => ({
  name: of.name,
  filters: of.filters,
  keepSeconds: of.keepSeconds,
  keepBytes: of.keepBytes,
  position: of.position,
  horizon: toSeq(of.horizon),
  bytes: of.bytes,
  topics: of.topics,
  removed: of.removed
})

export const toRetentionView = (
  classes: readonly ClassOfTopics[],
  { minute, hour, day }: RollupRetentionView
): RetentionView => ({ classes: classes.map(toRetentionClassView), rollups: { minute, hour, day } })
