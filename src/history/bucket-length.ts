/** Reads how long a bucket is, from an ISO 8601 duration. Pure. */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'

/** Years are twelve months each. */
export interface BucketLength {
  unit: 'month' | 'week' | 'day' | 'second'
  count: number
}

const daySeconds = 86_400

const forms: ReadonlyArray<{
  pattern: RegExp
  unit: BucketLength['unit']
  /** How many units one of each captured is. */
  units: readonly number[]
  perYear: number
}> = [
  { pattern: /^P(?:(\d{1,9})Y)?(?:(\d{1,9})M)?$/, unit: 'month', units: [12, 1], perYear: 12 },
  { pattern: /^P(\d{1,9})W$/, unit: 'week', units: [1], perYear: 52 },
  { pattern: /^P(\d{1,9})D$/, unit: 'day', units: [1], perYear: 365 },
  {
    pattern: /^PT(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?$/,
    unit: 'second',
    units: [3_600, 60, 1],
    perYear: daySeconds * 365
  }
]

/** Of the calendar, or of the clock: those do not mix. Throws Problem invalid_value that names `bucket`. */
export function readLength(
  text: string,
  { bucketSecondsMin, bucketYearsMax }: Pick<Limits, 'bucketSecondsMin' | 'bucketYearsMax'>
): BucketLength {
  for (const { pattern, unit, units, perYear } of forms) {
    const parts = pattern.exec(text)?.slice(1)
    if (parts === undefined || parts.every((part) => part === undefined)) continue
    const count = parts.reduce((sum, part, index) => sum + Number(part ?? 0) * units[index]!, 0)
    if (count === 0) throw refusal('is no time at all: ask for PT1M or more, for instance')
    if (count > bucketYearsMax * perYear) throw refusal(`is longer than ${bucketYearsMax} years`)
    if (unit === 'second') checkSeconds(count, bucketSecondsMin)
    return { unit, count }
  }
  throw refusal(
    'is no ISO 8601 duration of whole years and months (P1Y, P3M), weeks (P1W), days (P1D), or hours, minutes and seconds ' +
      '(PT15M)'
  )
}

/** So that every day begins with a bucket. */
function checkSeconds(seconds: number, secondsMin: number): void {
  if (seconds < secondsMin) throw refusal(`is shorter than ${duration(secondsMin)}`)
  if (daySeconds % seconds === 0) return
  let [below, above] = [Math.min(seconds, daySeconds), seconds]
  while (daySeconds % below !== 0) below--
  while (above < daySeconds && daySeconds % above !== 0) above++
  const nearest = above >= daySeconds ? [below, daySeconds] : [below, above]
  const named = [...new Set(nearest)].map((one) => (one === daySeconds ? 'P1D' : duration(one)))
  throw refusal(
    `does not divide a day: ask for ${named.join(' or ')}${seconds > daySeconds ? ', or for several days' : ''}`
  )
}

function duration(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 3_600), 'H'],
    [Math.floor(seconds / 60) % 60, 'M'],
    [seconds % 60, 'S']
  ] as const
  return `PT${parts.map(([number, unit]) => (number === 0 ? '' : `${number}${unit}`)).join('')}`
}

const refusal = (detail: string): Problem =>
  new Problem('invalid_value', `bucket ${detail}`, [{ pointer: 'bucket', detail }])
