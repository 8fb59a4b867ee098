/**
 * Buckets of time: ISO 8601 durations, counted on the calendar and the clock of a zone. Days, weeks, months and years
 * begin with the local day; hours and less are counted within it, so that each day has the buckets that a person expects,
 * also where it has 23 or 25 hours. Pure.
 */

import { Temporal } from 'temporal-polyfill'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Millis } from '../model.ts'
import { readLength } from './bucket-length.ts'
import type { BucketLength } from './bucket-length.ts'

export interface Bucket {
  /** As it was given. */
  text: string
  /** Name of the IANA time zone database, or UTC. */
  tz: string
  length: BucketLength
}

const hourSeconds = 3_600
const dayMillis = 86_400_000

/** Throws Problem invalid_value that names `bucket` or `tz`. */
export function readBucket(
  text: string,
  tz: string,
  limits: Pick<Limits, 'bucketSecondsMin' | 'bucketYearsMax'>
): Bucket {
  return { text, tz: readZone(tz), length: readLength(text, limits) }
}

function readZone(tz: string): string {
  // Names begin with a letter; what begins with a sign is an offset, whose days are the same all the year
  if (/^[A-Za-z]/.test(tz)) {
    try {
      return new Intl.DateTimeFormat('en', { timeZone: tz }).resolvedOptions().timeZone === 'UTC' ? 'UTC' : tz
    } catch {
      // told below
    }
  }
  const detail = 'is no time zone: give a name such as Europe/Berlin (IANA), or UTC'
  throw new Problem('invalid_value', `tz ${detail}`, [{ pointer: 'tz', detail }])
}

/**
 * Whole buckets, as n + 1 boundaries for n of them, in milliseconds since 1970 and strictly increasing: the first is the
 * one that `from` is in, the last the one that the instant before `to` is in. Throws Problem query_too_complex where they
 * are more than `bucketsMax`, and invalid_value where `to` is not after `from`.
 */
export function boundaries(bucket: Bucket, from: Millis, to: Millis, bucketsMax: number): Millis[] {
  if (!(to > from)) {
    const detail = 'must be after from'
    throw new Problem('invalid_value', `to ${detail}`, [{ pointer: 'to', detail }])
  }
  const found: Millis[] = []
  for (const at of startsFrom(bucket, from)) {
    // Where a bucket ends with another one that has no time at all, as on a day that a zone left out
    if (found.length > 0 && at <= found.at(-1)!) continue
    if (at <= from) found.length = 0
    found.push(at)
    if (at >= to) return found
    if (found.length > bucketsMax) throw tooMany(bucket, bucketsMax)
  }
  throw new RangeError('the calendar ended')
}

const tooMany = ({ text }: Bucket, bucketsMax: number): Problem => {
  const detail = `${text} gives more than ${bucketsMax} buckets: ask for larger ones, or a shorter time`
  return new Problem('query_too_complex', `bucket ${detail}`, [{ pointer: 'bucket', detail }])
}

/** Starts of buckets, from one that is not behind `from` on. They may repeat themselves. */
function startsFrom({ length, tz }: Bucket, from: Millis): Generator<Millis> {
  if (length.unit === 'second') return timeStarts(length.count, tz, from)
  const clock = tz === 'UTC' ? utc : zoned(tz)
  return calendarStarts(length, clock, from)
}

/** The days of a zone. Days are counted from 1970-01-01, by the local date. */
interface Clock {
  /** The day that an instant is on. */
  dayOf(at: Millis): number
  /** When a day begins. */
  startOf(day: number): Millis
  /** The instant at which clocks show so many seconds after 00:00; the later one where they were set forward. */
  wall(day: number, seconds: number): Millis
}

const utc: Clock = {
  dayOf: (at) => Math.floor(at / dayMillis),
  startOf: (day) => day * dayMillis,
  wall: (day, seconds) => day * dayMillis + seconds * 1_000
}

const zoned = (tz: string): Clock => ({
  dayOf: (at) =>
    toDay(Temporal.Instant.fromEpochMilliseconds(Math.floor(at)).toZonedDateTimeISO(tz).toPlainDate()),
  startOf: (day) => toDate(day).toZonedDateTime(tz).epochMilliseconds,
  wall: (day, seconds) =>
    toDate(day).toZonedDateTime({
      timeZone: tz,
      plainTime: Temporal.PlainTime.from('00:00').add({ seconds })
    }).epochMilliseconds
})

const toDay = ({ year, month, day }: Temporal.PlainDate): number =>
  new Date(0).setUTCFullYear(year, month - 1, day) / dayMillis

function toDate(day: number): Temporal.PlainDate {
  const date = new Date(day * dayMillis)
  return new Temporal.PlainDate(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate())
}

/** Monday 1970-01-05: weeks begin on Mondays (ISO 8601). */
const firstMonday = 4

function* calendarStarts({ unit, count }: BucketLength, clock: Clock, from: Millis): Generator<Millis> {
  const day = clock.dayOf(from)
  const offset = unit === 'week' ? firstMonday : 0
  const date = new Date(day * dayMillis)
  const month = (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth()
  const days = unit === 'week' ? count * 7 : count
  // One earlier, since a zone may have gone back over midnight to the day before
  let index = unit === 'month' ? Math.floor(month / count) - 1 : Math.floor((day - offset) / days) - 1
  for (; ; index++) yield clock.startOf(unit === 'month' ? dayOfMonth(index * count) : index * days + offset)
}

/** The first day of a month, of which 0 is January 1970. */
const dayOfMonth = (month: number): number =>
  new Date(0).setUTCFullYear(1970 + Math.floor(month / 12), month - Math.floor(month / 12) * 12, 1) /
  dayMillis

function* timeStarts(seconds: number, tz: string, from: Millis): Generator<Millis> {
  const clock = tz === 'UTC' ? utc : zoned(tz)
  for (let day = clock.dayOf(from) - 1; ; day++) {
    const [start, end] = [clock.startOf(day), clock.startOf(day + 1)]
    if (seconds > hourSeconds) {
      // On a day of 24 hours nobody set a clock
      const even = end - start === dayMillis
      for (let at = 0; at < dayMillis / 1_000; at += seconds)
        yield even || at === 0 ? start + at * 1_000 : clock.wall(day, at)
    } else {
      const length = seconds * 1_000
      // Those that are over are not counted one by one
      const skipped = Math.max(
        0,
        Math.min(Math.floor((from - start) / length), Math.floor((end - start) / length))
      )
      for (let at = start + skipped * length; at < end; at += length) yield at
    }
  }
}
