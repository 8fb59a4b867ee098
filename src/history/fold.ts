/** What buckets say: from what is known of the datapoints in each, to a column for each function. Pure. */

import type { Millis } from '../model.ts'
import type { Fill, HistoryFunction } from './functions.ts'
import { isOfValues } from './functions.ts'

/**
 * Buckets of one series that have a datapoint, in any order: `buckets` are their numbers, and each array has one element
 * for each. What the functions do not need may be empty. Datapoints are in order of time observed, seq and number.
 */
export interface Segments {
  buckets: ArrayLike<number>
  count: ArrayLike<number>
  sum: ArrayLike<number>
  min: ArrayLike<number>
  max: ArrayLike<number>
  first: ArrayLike<number>
  last: ArrayLike<number>
  /** Milliseconds since 1970. */
  firstAt: ArrayLike<number>
  lastAt: ArrayLike<number>
  /** Value times seconds from the first to the last, each holding until the next. */
  integral: ArrayLike<number>
  /** Of a counter, from the first to the last. */
  increase: ArrayLike<number>
  /** By fraction. */
  percentiles: ReadonlyMap<number, ArrayLike<number>>
}

/** The last datapoint before the first bucket. */
export interface Prior {
  at: Millis
  value: number
}

export interface FoldAsk {
  /** One more than there are buckets, in milliseconds since 1970; strictly increasing. */
  boundaries: readonly Millis[]
  functions: readonly HistoryFunction[]
  fill: Fill
  /** null: there was none, or no function needs it. */
  prior: Prior | null
  /** The last value holds until then, and no longer. */
  now: Millis
}

export type Column = (number | null)[]

/** From one value of a counter to the next: one that is lower began again at 0. */
export const rise = (from: number, to: number): number => (to >= from ? to - from : to)

/** A column for each function, in their order, with an element for each bucket. What no double holds is null. */
export function fold(segments: Segments, ask: FoldAsk): Column[] {
  const buckets = ask.boundaries.length - 1
  const places = new Int32Array(buckets).fill(-1)
  for (let place = 0; place < segments.buckets.length; place++) places[segments.buckets[place]!] = place
  return ask.functions.map((asked) => {
    if (asked.kind === 'timeWeightedMean') return timeWeightedMeans(segments, places, ask)
    if (asked.kind === 'rate') return rates(segments, places, ask)
    const values = valuesOf(segments, asked)
    const empty = asked.kind === 'count' ? 0 : null
    const column = Array.from(places, (place) => (place === -1 ? empty : finite(values(place))))
    if (isOfValues(asked)) fillers[ask.fill](column, places, ask)
    return column
  })
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)

function valuesOf(segments: Segments, { kind, fraction }: HistoryFunction): (place: number) => number {
  if (kind === 'mean') return (place) => segments.sum[place]! / segments.count[place]!
  const values =
    kind === 'percentile' ? segments.percentiles.get(fraction!)! : segments[kind as 'min' | 'first' | 'count']
  return (place) => values[place]!
}

/** Each value holds until the next one, also over buckets that have none; nothing is known before the first. */
function timeWeightedMeans(segments: Segments, places: Int32Array, ask: FoldAsk): Column {
  const { boundaries, now } = ask
  let held = ask.prior?.value ?? null
  return Array.from(places, (place, bucket) => {
    const [start, end] = [boundaries[bucket]!, boundaries[bucket + 1]!]
    if (place === -1) return held !== null && Math.min(end, now) > start ? held : null
    const [firstAt, lastAt] = [segments.firstAt[place]!, segments.lastAt[place]!]
    const last = segments.last[place]!
    const from = held === null ? firstAt : start
    const until = Math.max(lastAt, Math.min(end, now))
    const before = held === null ? 0 : held * ((firstAt - start) / 1_000)
    const area = before + segments.integral[place]! + last * ((until - lastAt) / 1_000)
    held = last
    return finite(until > from ? area / ((until - from) / 1_000) : last)
  })
}

/** What a counter rose by between two datapoints is of the bucket of the later one. */
function rates(segments: Segments, places: Int32Array, ask: FoldAsk): Column {
  const { boundaries, now } = ask
  let before = ask.prior?.value ?? null
  return Array.from(places, (place, bucket) => {
    if (place === -1) return null
    const seconds = (Math.min(boundaries[bucket + 1]!, now) - boundaries[bucket]!) / 1_000
    const known = before !== null || segments.count[place]! > 1
    const increase = (before === null ? 0 : rise(before, segments.first[place]!)) + segments.increase[place]!
    before = segments.last[place]!
    return known && seconds > 0 ? finite(increase / seconds) : null
  })
}

const fillers: Record<Fill, (column: Column, places: Int32Array, ask: FoldAsk) => void> = {
  null: () => {},
  previous(column, places, { prior }) {
    let previous = prior === null ? null : finite(prior.value)
    for (let bucket = 0; bucket < column.length; bucket++)
      if (places[bucket] === -1) column[bucket] = previous
      else previous = column[bucket]!
  },
  linear(column, places, { boundaries }) {
    let left = -1
    for (let right = 0; right < column.length; right++) {
      if (places[right] === -1) continue
      const [from, to] = [left === -1 ? null : column[left]!, column[right]!]
      for (let bucket = left + 1; left !== -1 && bucket < right; bucket++)
        if (from !== null && to !== null) {
          const part = (boundaries[bucket]! - boundaries[left]!) / (boundaries[right]! - boundaries[left]!)
          // As two products, since the difference may be more than a double holds
          column[bucket] = from * (1 - part) + to * part
        }
      left = right
    }
  }
}
