/** What history answers, the long way: for each bucket all points are looked at again. */

import type { Fill, HistoryFunction } from '../../src/history/functions.ts'

export interface Point {
  at: number
  seq: number
  n: number
  value: number
}

export interface ReferenceAsk {
  boundaries: readonly number[]
  functions: readonly HistoryFunction[]
  fill: Fill
  now: number
}

type Column = (number | null)[]

const inOrder = (a: Point, b: Point): number => a.at - b.at || a.seq - b.seq || a.n - b.n

/** A column for each function. */
export function reference(given: readonly Point[], ask: ReferenceAsk): Column[] {
  const points = given.toSorted(inOrder)
  const buckets = ask.boundaries
    .slice(0, -1)
    .map((start, index) => ({ start, end: ask.boundaries[index + 1]! }))
  return ask.functions.map((asked) => {
    const column = buckets.map(({ start, end }) => valueOf(asked, points, start, end, ask.now))
    if (['count', 'sum', 'timeWeightedMean', 'rate'].includes(asked.kind)) return column
    return column.map((value, index) => {
      const { start, end } = buckets[index]!
      if (points.some(({ at }) => at >= start && at < end)) return value
      return filled(ask, column, points, index)
    })
  })
}

function valueOf(
  { kind, fraction }: HistoryFunction,
  points: readonly Point[],
  start: number,
  end: number,
  now: number
): number | null {
  const inside = points.filter(({ at }) => at >= start && at < end)
  const values = inside.map(({ value }) => value)
  if (kind === 'count') return inside.length
  if (kind === 'timeWeightedMean') return meanOverTime(points, inside, start, end, now)
  if (inside.length === 0) return null
  if (kind === 'min') return Math.min(...values)
  if (kind === 'max') return Math.max(...values)
  if (kind === 'first') return values[0]!
  if (kind === 'last') return values.at(-1)!
  const sum = values.reduce((total, value) => total + value, 0)
  if (kind === 'sum') return sum
  if (kind === 'mean') return sum / values.length
  if (kind === 'percentile') return percentile(values, fraction!)
  return rate(points, inside, start, Math.min(end, now))
}

/** Linear between the two nearest of the sorted values. */
function percentile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const place = fraction * (sorted.length - 1)
  const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!]
  return below + (above - below) * (place - Math.floor(place))
}

function rate(points: readonly Point[], inside: readonly Point[], start: number, end: number): number | null {
  const rises = inside.flatMap((point) => {
    const before = points[points.indexOf(point) - 1]
    if (before === undefined) return []
    return [point.value < before.value ? point.value : point.value - before.value]
  })
  if (rises.length === 0 || end <= start) return null
  return rises.reduce((total, one) => total + one, 0) / ((end - start) / 1_000)
}

/** The area under the steps, by the width that they have in the bucket. */
function meanOverTime(
  points: readonly Point[],
  inside: readonly Point[],
  start: number,
  end: number,
  now: number
): number | null {
  const until = Math.max(inside.at(-1)?.at ?? start, Math.min(end, now))
  let [area, width] = [0, 0]
  points.forEach(({ at, value }, index) => {
    const next = points[index + 1]?.at ?? Infinity
    const part = Math.min(next, until) - Math.max(at, start)
    if (part <= 0) return
    area += part * value
    width += part
  })
  return width > 0 ? area / width : (inside.at(-1)?.value ?? null)
}

function filled(
  { fill, boundaries }: ReferenceAsk,
  column: Column,
  points: readonly Point[],
  index: number
): number | null {
  const has = (bucket: number): boolean =>
    points.some(({ at }) => at >= boundaries[bucket]! && at < boundaries[bucket + 1]!)
  const before = [...column.keys()].findLast((bucket) => bucket < index && has(bucket))
  const behind = [...column.keys()].find((bucket) => bucket > index && has(bucket))
  if (fill === 'previous')
    return before === undefined
      ? (points.findLast(({ at }) => at < boundaries[0]!)?.value ?? null)
      : column[before]!
  if (fill === 'null' || before === undefined || behind === undefined) return null
  const part = (boundaries[index]! - boundaries[before]!) / (boundaries[behind]! - boundaries[before]!)
  return column[before]! + (column[behind]! - column[before]!) * part
}
