/**
 * Rows of series with their buckets. Arrays of numbers come as Postgres writes them in binary, since an answer has hundreds
 * of thousands of them. Their layout: see binary.ts.
 */

import type { Prior, Segments } from '../history/fold.ts'
import type { Needs } from '../history/functions.ts'
import type { Millis } from '../model.ts'

export interface HistoryRow {
  id: number
  device: string
  metric: string
  type: number
  unit: string | null
  topic: string
  kept_from: Millis | null
  prior_at: Millis | null
  prior: number | null
  /** null: no datapoint in the range. What the functions do not need is not there. */
  buckets: Buffer | null
  count: Buffer | null
  sum?: Buffer | null
  min?: Buffer | null
  max?: Buffer | null
  first?: Buffer | null
  last?: Buffer | null
  first_at?: Buffer | null
  last_at?: Buffer | null
  integral?: Buffer | null
  increase?: Buffer | null
  /** For each bucket, as many as there are fractions. */
  percentiles?: Buffer | null
}

const none = new Float64Array(0)

export function toSegments(row: HistoryRow, needs: Needs): { segments: Segments; prior: Prior | null } {
  const { percentiles } = needs
  const spread = numbersOf(row.percentiles)
  const segments: Segments = {
    buckets: numbersOf(row.buckets),
    count: numbersOf(row.count),
    sum: numbersOf(row.sum),
    min: numbersOf(row.min),
    max: numbersOf(row.max),
    first: numbersOf(row.first),
    last: numbersOf(row.last),
    firstAt: numbersOf(row.first_at),
    lastAt: numbersOf(row.last_at),
    integral: numbersOf(row.integral),
    increase: numbersOf(row.increase),
    percentiles: new Map(
      percentiles.map((fraction, index) => [
        fraction,
        spread.filter((_, place) => place % percentiles.length === index)
      ])
    )
  }
  const prior = row.prior === null ? null : { at: row.prior_at!, value: row.prior }
  return { segments, prior }
}

const headerBytes = 12
const dimensionBytes = 8

/** Elements of float8 and int4, in the order of the dimensions. None of them is null. */
function numbersOf(bytes: Buffer | null | undefined): Float64Array {
  if (bytes === null || bytes === undefined) return none
  const dimensions = bytes.readInt32BE(0)
  let length = 1
  for (let dimension = 0; dimension < dimensions; dimension++)
    length *= bytes.readInt32BE(headerBytes + dimension * dimensionBytes)
  const numbers = new Float64Array(length)
  const isInteger = bytes.readInt32BE(8) === int4
  let at = headerBytes + dimensions * dimensionBytes
  for (let index = 0; index < length; index++) {
    numbers[index] = isInteger ? bytes.readInt32BE(at + 4) : bytes.readDoubleBE(at + 4)
    at += isInteger ? 8 : 12
  }
  return numbers
}

/** Its number in Postgres (pg_type.dat). */
const int4 = 23
