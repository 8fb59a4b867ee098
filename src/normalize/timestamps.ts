/** When something was, by a device's clock; never further from receipt than the limits say. Pure. */

import type { Clock } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { Millis } from '../model.ts'

export const timestampUnits = ['auto', 's', 'ms', 'us', 'ns', 'iso'] as const
export type TimestampUnit = (typeof timestampUnits)[number]

export interface Instant {
  observedAt: Millis
  clock: Clock
}

/** Milliseconds in one of these; as a divisor where it is less than one. */
const perMilli: Record<string, { times: number; by: number }> = {
  s: { times: 1_000, by: 1 },
  ms: { times: 1, by: 1 },
  us: { times: 1, by: 1_000 },
  ns: { times: 1, by: 1_000_000 }
}

/** Milliseconds, or null where the value is no time. */
export function readTimestamp(value: unknown, unit: TimestampUnit): Millis | null {
  if (typeof value === 'string') {
    const text = value.trim()
    if (text.length > 64) return null
    if (unit !== 'iso' && /^-?\d+(\.\d+)?$/.test(text))
      return readTimestamp(/^-?\d{16,}$/.test(text) ? BigInt(text) : Number(text), unit)
    return unit === 'auto' || unit === 'iso' ? readRfc3339(text) : null
  }
  if ((typeof value !== 'number' && typeof value !== 'bigint') || unit === 'iso') return null
  const { times, by } = perMilli[unit === 'auto' ? guessUnit(value) : unit]!
  const millis =
    typeof value === 'bigint'
      ? Number(((value as bigint) * BigInt(times)) / BigInt(by))
      : Math.round(((value as number) * times) / by)
  return Number.isSafeInteger(millis) ? millis : null
}

/** By size: what would be before 1973 in one unit, or after 5000, is meant in another. */
function guessUnit(value: number | bigint): TimestampUnit {
  const size = Math.abs(Number(value))
  if (size < 1e11) return 's'
  if (size < 1e14) return 'ms'
  return size < 1e17 ? 'us' : 'ns'
}

/** RFC 3339 section 5.6, with its offset: a local time does not say when it was. */
const rfc3339 =
  /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(\.\d+)?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

function readRfc3339(text: string): Millis | null {
  const match = rfc3339.exec(text)
  if (match === null) return null
  const [, date, hour, minute, second, fraction = '', offset] = match
  // A leap second is the instant after it, as everywhere in Unix time
  const leap = second === '60'
  const millis = Date.parse(`${date}T${hour}:${minute}:${leap ? '59' : second}Z`)
  // Date takes the 31st of April for the 1st of May
  if (Number.isNaN(millis) || !new Date(millis).toISOString().startsWith(date!)) return null
  const shift = offset!.toUpperCase() === 'Z' ? 0 : toMinutes(offset!) * 60_000
  return millis + (leap ? 1_000 : 0) - shift + Math.floor(Number(`0${fraction}`) * 1_000 + 1e-6)
}

const toMinutes = (offset: string): number => {
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4, 6))
  return offset.startsWith('-') ? -minutes : minutes
}

/** The device's word if it can be true, else our receipt; and which of both it is. */
export function toInstant(millis: Millis | null, receivedAt: Millis, limits: Limits): Instant {
  if (millis === null) return { observedAt: receivedAt, clock: 'received' }
  if (millis > receivedAt + limits.clockAheadSecondsMax * 1_000)
    return { observedAt: receivedAt, clock: 'ahead' }
  if (millis < receivedAt - limits.clockBehindSecondsMax * 1_000)
    return { observedAt: receivedAt, clock: 'behind' }
  return { observedAt: millis, clock: 'device' }
}
