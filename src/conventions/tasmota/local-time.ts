/**
 * When something was, by Tasmota's clock: `Epoch`, or ISO with its offset; ISO without one is a local time, which says
 * when it was only where the time zone is known (https://tasmota.github.io/docs/Commands/#time). Pure.
 */

import type { Millis } from '../../model.ts'
import { readTimestamp } from '../../normalize/timestamps.ts'
import { OptionFault } from '../../normalize/convention.ts'

/** Milliseconds; null: it does not say; undefined: it is no time. */
export type ReadTime = (members: Record<string, unknown>, receivedAt: Millis) => Millis | null | undefined

const local = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(\.\d{1,9})?$/

export function createReadTime(timezone: string | null): ReadTime {
  const offsetAt = timezone === null ? null : createOffsetAt(timezone)
  return (members, receivedAt) => {
    const { Epoch: epoch, Time: time } = members
    if (epoch !== undefined) return readTimestamp(epoch, 's') ?? undefined
    if (time === undefined) return null
    if (typeof time === 'number') return readTimestamp(time, 's') ?? undefined
    if (typeof time !== 'string') return undefined
    const match = local.exec(time.slice(0, 64))
    if (match === null) return readTimestamp(time, 'iso') ?? undefined
    const wall = readTimestamp(`${match[1]}T${match[2]}${match[3] ?? ''}Z`, 'iso')
    if (wall === null || wall < -dayMillis) return undefined
    return offsetAt === null ? null : toInstant(wall, offsetAt, receivedAt)
  }
}

type OffsetAt = (instant: Millis) => Millis

const dayMillis = 86_400_000

/**
 * Where clocks go back, an hour is there twice: what is nearer to receipt is meant. Where they go forward, an hour is
 * missing: a clock that shows it has not gone forward yet.
 */
function toInstant(wall: Millis, offsetAt: OffsetAt, receivedAt: Millis): Millis {
  const before = offsetAt(wall - dayMillis)
  const after = offsetAt(wall + dayMillis)
  const [first, second] = [wall - before, wall - after]
  if (before === after) return first
  const isFirst = offsetAt(first) === before
  const isSecond = offsetAt(second) === after
  if (isFirst && isSecond)
    return Math.abs(second - receivedAt) < Math.abs(first - receivedAt) ? second : first
  return isSecond ? second : first
}

function createOffsetAt(timezone: string): OffsetAt {
  const format = createFormat(timezone)
  return (instant) => {
    const part = new Map(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]))
    const [year, month, day] = [part.get('year')!, part.get('month')!, part.get('day')!]
    const wall = Date.UTC(year, month - 1, day, part.get('hour'), part.get('minute'), part.get('second'))
    return wall - Math.floor(instant / 1_000) * 1_000
  }
}

function createFormat(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric'
    })
  } catch {
    throw new OptionFault(
      'timezone',
      `${JSON.stringify(timeZone.slice(0, 80))} is no time zone`,
      'Write a name of the IANA database, such as Europe/Berlin'
    )
  }
}
