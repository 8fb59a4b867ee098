/** Levels of rollups. Pure. */

import type { Millis } from '../model.ts'

/** How long what datapoints come to is kept beside them. The numbers are stored, so they never change. */
export const rollupLevels = { minute: 1, hour: 2, day: 3 } as const
export type RollupLevel = keyof typeof rollupLevels

/** Their lengths; all begin where UTC does, so that each is a whole number of those below it. */
export const levelMillis: Record<RollupLevel, Millis> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000
}

/** Coarsest first. */
const levels: readonly RollupLevel[] = ['day', 'hour', 'minute']

/** The coarsest whose periods fit in the buckets between these boundaries as a whole; null: none. */
export const usableLevel = (boundaries: readonly Millis[]): RollupLevel | null =>
  levels.find((level) => boundaries.every((at) => at % levelMillis[level] === 0)) ?? null
