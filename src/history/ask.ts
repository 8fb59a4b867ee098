/** Which buckets a request for history asks for, read the same for every surface. Pure. */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Millis } from '../model.ts'
import type { Bucket } from './buckets.ts'
import { boundaries, readBucket } from './buckets.ts'
import type { HistoryFunction } from './functions.ts'
import { readFunctions } from './functions.ts'

export interface BucketsGiven {
  from: Millis
  /** null: now. */
  to: Millis | null
  /** ISO 8601 duration. */
  bucket: string
  /** IANA name, or UTC. */
  tz: string
  /** Names of functions. */
  fn: readonly string[]
}

export interface Buckets {
  bucket: Bucket
  /** One more than there are buckets, in milliseconds since 1970; strictly increasing. */
  boundaries: Millis[]
  functions: HistoryFunction[]
}

/** The years that RFC 3339 can write. */
const [firstAt, lastAt] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59.999Z')]

/** Throws Problem invalid_value or query_too_complex that names the argument. */
export function readBuckets(
  { from, to, bucket, tz, fn }: BucketsGiven,
  now: Millis,
  limits: Limits
): Buckets {
  const functions = readFunctions(fn, limits, 'fn')
  const length = readBucket(bucket, tz, limits)
  if (to === null && from >= now)
    throw refuse('from', 'is not over yet: give to as well, for what is to come')
  const found = boundaries(length, from, to ?? now, limits.bucketsMax)
  if (found[0]! < firstAt) throw refuse('from', 'is in a bucket that begins before the year 1')
  if (found.at(-1)! > lastAt) throw refuse('to', 'is in a bucket that ends after the year 9999')
  return { bucket: length, boundaries: found, functions }
}

const refuse = (pointer: string, detail: string): Problem =>
  new Problem('invalid_value', `${pointer} ${detail}`, [{ pointer, detail }])
