/**
 * Change-only storage: a datapoint that says nothing new beside the last one stored of its metric is left out. The last stored
 * one is the metric's latest, which is written with the datapoints: nothing else is remembered, whatever topic it came on.
 * Pure.
 */

import { createHash } from 'node:crypto'
import type { NormalizedDatapoint } from '../datapoints.ts'
import type { Limits } from '../limits.ts'

/** Which datapoints of a metric are stored: those that differ from the last stored one. */
export interface StoreRule {
  /** Numbers that differ by no more are the same: `by`, or so many percent of the last stored one. null: equal ones alone. */
  deadband: { by: number } | { percent: number } | null
  /** So long after the last stored one, by `observedAt`, an unchanged one is stored, too. null: never. */
  atLeastEverySeconds: number | null
}

/** The rule for a metric; null: each of its datapoints is stored. */
export type RuleOf = (metric: string) => StoreRule | null

/** What is to be known of the datapoint that a metric shows as latest. */
export interface LastStored extends Pick<
  NormalizedDatapoint,
  'type' | 'number' | 'unit' | 'quality' | 'observedAt' | 'role'
> {
  /** As of a datapoint; the SHA-256 of a long one. */
  exact: Uint8Array | null
  exactBytes: number
}

/** By device and metric: see lastKey. null: nothing is stored of it. A metric that is not compared is not in it. */
export type LastByMetric = Map<string, LastStored | null>

/** Names have no NUL. */
export const lastKey = ({ device, metric }: { device: string; metric: string }): string =>
  `${device}\0${metric}`

/** A datapoint that is not stored; `n` is its number in its message. */
export interface Unchanged {
  n: number
  rule: StoreRule
  last: LastStored
}

/**
 * Those of a message's datapoints that are not stored. `last` is what was stored before it, and what is stored behind it
 * afterwards.
 */
export function findUnchanged(
  datapoints: readonly NormalizedDatapoint[],
  ruleOf: RuleOf | null,
  last: LastByMetric,
  limits: Pick<Limits, 'comparedExactBytesMax'>
): Unchanged[] {
  const found: Unchanged[] = []
  for (const [n, one] of datapoints.entries()) {
    const key = lastKey(one)
    const before = last.get(key)
    if (before === undefined) continue
    const rule = ruleOf?.(one.metric) ?? null
    if (rule !== null && before !== null && isUnchanged(one, before, rule, limits))
      found.push({ n, rule, last: before })
    // In the order that decides what is latest: of the same time, the one that is told later
    else if (one.role !== 'historical' && (before === null || one.observedAt >= before.observedAt))
      last.set(key, toLast(one, limits))
  }
  return found
}

function isUnchanged(
  one: NormalizedDatapoint,
  last: LastStored,
  { deadband, atLeastEverySeconds }: StoreRule,
  limits: Pick<Limits, 'comparedExactBytesMax'>
): boolean {
  const seconds = (one.observedAt - last.observedAt) / 1_000
  // One that tells of an earlier time follows another than the last; events are no values that hold
  if (one.role !== 'state' || last.role !== 'state' || seconds < 0) return false
  if (atLeastEverySeconds !== null && seconds >= atLeastEverySeconds) return false
  if (one.type !== last.type || one.unit !== last.unit || one.quality !== last.quality) return false
  if (deadband !== null && (one.type === 'number' || one.type === 'integer')) {
    const room = 'by' in deadband ? deadband.by : Math.abs(last.number! * deadband.percent) / 100
    return differenceOf(one, last) <= room
  }
  if (one.number !== last.number || (one.exact?.length ?? 0) !== last.exactBytes) return false
  const { exact } = toLast(one, limits)
  return exact === null ? last.exact === null : last.exact !== null && Buffer.compare(exact, last.exact) === 0
}

/** Of integers exactly, also where doubles are the same. */
function differenceOf(one: NormalizedDatapoint, last: LastStored): number {
  if (one.exact === null || last.exact === null) return Math.abs(one.number! - last.number!)
  const difference = BigInt(textOf(one.exact)) - BigInt(textOf(last.exact))
  return Math.abs(Number(difference))
}

const textOf = (exact: Uint8Array): string => Buffer.from(exact).toString('utf8')

function toLast(
  { type, number, exact, unit, quality, observedAt, role }: NormalizedDatapoint,
  { comparedExactBytesMax }: Pick<Limits, 'comparedExactBytesMax'>
): LastStored {
  const exactBytes = exact?.length ?? 0
  const short =
    exact === null || exactBytes <= comparedExactBytesMax
      ? exact
      : createHash('sha256').update(exact).digest()
  return { type, number, exact: short, exactBytes, unit, quality, observedAt, role }
}
