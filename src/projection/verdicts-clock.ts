/** Verdicts on when a message says that it was. Pure. */

import type { Datapoint } from '../datapoints.ts'
import type { Millis } from '../model.ts'
import type { Evidence, Seen } from './evidence.ts'
import { decoded, toTime } from './evidence.ts'
import { valueAt, stepsOf, whyNothing } from './paths.ts'
import type { Verdict } from './projections.ts'
import { verdict } from './verdict-codes.ts'

const units: ReadonlyArray<[unit: string, perMilli: number]> = [
  ['s', 0.001],
  ['ms', 1],
  ['us', 1_000],
  ['ns', 1_000_000]
]
/** A device's clock is right to within this, for finding its unit. */
const nearMs = 366 * 86_400_000
const minute = 60_000

export function clockVerdicts(evidence: Evidence, seen: Seen): Verdict[] {
  const timestamp = timestampOf(evidence, seen)
  const off = seen.preview.datapoints.find(({ clock }) => clock === 'ahead' || clock === 'behind')
  if (off !== undefined) return [wrongClock(evidence, seen, off, timestamp)]
  if (timestamp === null || timestamp.raw !== undefined || seen.preview.datapoints.length === 0) return []
  if (seen.preview.datapoints.some(({ clock }) => clock === 'device')) return []
  if (seen.preview.rejections.some(({ reason }) => reason === 'invalid_timestamp')) return []
  const why = timeLike(seen, timestamp.select) ?? whyNothing(decoded(seen.message).value, timestamp.select)
  return [
    verdict(
      'timestamp_missing',
      `${why?.detail ?? `\`${timestamp.select}\` selects nothing`}; the time of receipt is taken`,
      why?.fix ?? 'Select the timestamp by the name that it has, or leave `timestamp` out'
    )
  ]
}

interface Timestamp {
  select: string
  unit: string
  /** What the message has there; undefined: nothing, or it cannot be told. */
  raw: unknown
}

function timestampOf({ fields, matched }: Evidence, { message }: Seen): Timestamp | null {
  const given = fields.get(matched?.mapping.name ?? '')
  if (given?.timestamp == null) return null
  const { select, unit } = given.timestamp
  const document = decoded(message).value
  const steps = stepsOf(select)
  const inItems = given.each === null ? null : stepsOf(given.each)
  const outer = steps === null ? undefined : valueAt(document, steps)
  const inner = steps && inItems ? valueAt(valueAt(document, inItems), ['[0]', ...steps]) : undefined
  return { select, unit, raw: outer ?? inner }
}

/** A member that is a time near receipt, where none was found by name. */
function timeLike({ message }: Seen, select: string): { detail: string; fix: string } | null {
  const { value } = decoded(message)
  if (typeof value !== 'object' || value === null) return null
  const isTime = (member: unknown): boolean =>
    typeof member === 'string'
      ? /^\d{4}-\d\d-\d\d[T ]/.test(member)
      : typeof member === 'number' && unitOf(member, message.receivedAt) !== null
  const name = Object.entries(value).find(([, member]) => isTime(member))?.[0]
  if (name === undefined) return null
  return {
    detail: `\`${select}\` selects nothing; there is \`${name}\``,
    fix: `Write \`${name}\` instead of \`${select}\``
  }
}

/** The unit in which a number would be a time near receipt. */
const unitOf = (number: number, receivedAt: Millis): [unit: string, perMilli: number] | null =>
  units.find(([, perMilli]) => Math.abs(number / perMilli - receivedAt) < nearMs) ?? null

/** A timestamp that is none in its unit. */
export function whyNoTime(evidence: Evidence, seen: Seen): { detail: string; fix: string } {
  const timestamp = timestampOf(evidence, seen)
  const number = toNumber(timestamp?.raw)
  const fits = number === null ? null : unitOf(number, seen.message.receivedAt)
  const detail = 'The timestamp cannot be read; the time of receipt was taken'
  if (fits !== null && fits[0] !== timestamp!.unit)
    return {
      detail: `${detail}. In \`${fits[0]}\` it would be ${toTime(number! / fits[1])}`,
      fix: `Write \`timestamp: { select: ${timestamp!.select}, unit: ${fits[0]} }\``
    }
  return {
    detail,
    fix:
      'Let the device send a number since 1970, or RFC 3339 with its zone, such as 2026-11-24T17:00:00Z: a time without a ' +
      'zone may be any'
  }
}

const toNumber = (raw: unknown): number | null =>
  typeof raw === 'number' ? raw : typeof raw === 'string' && /^\d+$/.test(raw) ? Number(raw) : null

function wrongClock(
  evidence: Evidence,
  seen: Seen,
  { clock }: Pick<Datapoint, 'clock'>,
  timestamp: Timestamp | null
): Verdict {
  const { receivedAt } = seen.message
  const code = clock === 'ahead' ? 'clock_ahead' : 'clock_behind'
  const { clockAheadSecondsMax, clockBehindSecondsMax } = evidence.limits
  const bound =
    code === 'clock_ahead'
      ? `more than ${clockAheadSecondsMax} seconds ahead of receipt`
      : `more than ${Math.floor(clockBehindSecondsMax / 86_400)} days behind receipt`
  const raw = timestamp?.raw
  const value = raw === undefined ? 'The timestamp' : `The timestamp \`${String(raw)}\``
  const detail = `${value} is ${bound}; the time of receipt (${toTime(receivedAt)}) is taken`
  const number = toNumber(raw)
  if (number !== null) {
    const fits = unitOf(number, receivedAt)
    if (fits !== null && fits[0] !== timestamp!.unit)
      return verdict(
        code,
        `${detail}. In \`${fits[0]}\` it would be ${toTime(number / fits[1])}`,
        `Write \`timestamp: { select: ${timestamp!.select}, unit: ${fits[0]} }\``
      )
  }
  const at = number === null ? Date.parse(String(raw)) : NaN
  const zone = Number.isFinite(at) ? zoneOf(at - receivedAt) : null
  if (zone !== null)
    return verdict(
      code,
      `${detail}. It is off by ${zone}, as a time zone is`,
      'Let the device send UTC, or its zone with the time, such as +02:00'
    )
  return code === 'clock_behind'
    ? verdict(
        code,
        `${detail}. The clock of the device is not set`,
        'Let the device set its clock (NTP), or leave `timestamp` out'
      )
    : verdict(code, detail, 'Set the clock of the device (NTP), or leave `timestamp` out')
}

/** A difference that is a time zone's: a multiple of 15 minutes, up to 14 hours; null: it is not. */
function zoneOf(difference: Millis): string | null {
  const quarters = Math.round(difference / (15 * minute))
  if (quarters === 0 || Math.abs(quarters) > 56 || Math.abs(difference - quarters * 15 * minute) > 2 * minute)
    return null
  return `${quarters / 4} hours`
}

/** Which of what is known is shown as latest. */
export function latestVerdicts({ topic, latest }: Evidence, { stored }: Seen): Verdict[] {
  const states = stored.filter(({ role }) => role === 'state')
  if (stored.length > 0 && stored.every(({ role }) => role === 'event'))
    return [
      verdict(
        'only_events',
        `What this message says are events: ${namesOf(stored)}. An event happened and is no state, so that latest is null`,
        'Read /v1/datapoints, or leave `merge: event` out of the mapping if the value stays until the next one'
      )
    ]
  if (stored.length > 0 && stored.every(({ role }) => role === 'historical'))
    return [
      verdict('historical', `What this message says is told late: ${namesOf(stored)}. Read /v1/datapoints`)
    ]
  for (const datapoint of states) {
    const newer = latest.find(
      ({ device, metric }) => device === datapoint.device && metric === datapoint.metric
    )
    if (newer === undefined || newer.seq === datapoint.seq || newer.observedAt < datapoint.observedAt)
      continue
    const what = `\`${datapoint.metric}\` of \`${datapoint.device}\``
    if (newer.topic !== topic)
      return [
        verdict(
          'other_topic',
          `Latest of ${what} is from \`${newer.topic}\`, observed ${toTime(newer.observedAt)}: two topics give one metric`,
          'Let the mapping use a part of the topic that tells them apart in `device` or `metric`'
        )
      ]
    return [
      verdict(
        'older_than_latest',
        `Latest of ${what} was observed ${toTime(newer.observedAt)} (message ${newer.seq}); this message says ${toTime(datapoint.observedAt)}, ` +
          'which is earlier',
        'Let the device send in order, or check its clock: one message with a time ahead holds latest until then'
      )
    ]
  }
  return []
}

const namesOf = (datapoints: readonly Datapoint[]): string =>
  [...new Set(datapoints.map(({ metric }) => `\`${metric}\``))].slice(0, 5).join(', ')
