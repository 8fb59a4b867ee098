/** Which series are meant: metrics of the current projection, by names, and by topics that their datapoints came by. */

import type { NamePattern } from '../predicate/name-pattern.ts'
import { hashName } from './projection-ids.ts'

export interface SeriesAsk {
  /** Any of these; none: every device. */
  devices: readonly NamePattern[]
  /** Any of these; none: every metric. */
  metrics: readonly NamePattern[]
}

/**
 * A condition on `d.name_hash`, `d.name`, `m.name_hash` and `m.name`. Pushes its parameters to `values`. What is exact goes
 * by the hash, which has an index.
 */
export function seriesCondition({ devices, metrics }: SeriesAsk, values: unknown[]): string {
  return `${nameCondition('d', devices, values)} and ${nameCondition('m', metrics, values)}`
}

export function nameCondition(table: 'd' | 'm', patterns: readonly NamePattern[], values: unknown[]): string {
  if (patterns.length === 0) return 'true'
  const exact = patterns.flatMap(({ exact }) => (exact === null ? [] : [hashName(exact)]))
  // Postgres takes no NUL, and no name has one
  const likes = patterns.flatMap(({ exact, like }) => (exact === null && !like.includes('\0') ? [like] : []))
  const conditions: string[] = []
  if (exact.length > 0) conditions.push(`${table}.name_hash = any ($${values.push(exact)}::bytea[])`)
  if (likes.length > 0) conditions.push(`${table}.name like any ($${values.push(likes)}::text[])`)
  return conditions.length === 0 ? 'false' : `(${conditions.join(' or ')})`
}
