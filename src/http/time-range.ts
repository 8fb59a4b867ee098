/** `from` and `to`: instants as RFC 3339 writes them; the first is in the range, the second is not. Pure. */

import { Type } from 'typebox'
import { Problem } from '../errors.ts'
import type { Millis } from '../model.ts'

/** `of`: what is compared, for the description. */
export const timeRange = (of: string) => ({
  from: Type.Optional(
    Type.String({
      description: `Only where ${of} is then or later: RFC 3339, with an offset`,
      examples: ['2026-03-14T09:00:00Z']
    })
  ),
  to: Type.Optional(
    Type.String({
      description: `Only where ${of} is before: RFC 3339, with an offset`,
      examples: ['2026-03-14T10:00:00+01:00']
    })
  )
})

export interface TimeRange {
  from: Millis | null
  to: Millis | null
}

/** `prefix` makes a pointer of the name: nothing in a query, `/` in a body. Throws Problem invalid_value. */
export function readTimeRange(given: { from?: string; to?: string }, prefix: '' | '/' = ''): TimeRange {
  const read = (name: 'from' | 'to'): Millis | null =>
    given[name] === undefined ? null : readTime(given[name], `${prefix}${name}`)
  const range = { from: read('from'), to: read('to') }
  if (range.from !== null && range.to !== null && range.to < range.from)
    throw refuse(`${prefix}to`, 'is before from')
  return range
}

/** RFC 3339 section 5.6, in capitals. Years of four digits are all that it has. */
const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(?:[01]\d|2[0-3]):\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

function readTime(text: string, pointer: string): Millis {
  const [, year, month, day, fraction = ''] = rfc3339.exec(text) ?? []
  const at = year === undefined ? Number.NaN : Date.parse(text)
  // Date.parse takes 30 February for 2 March
  const exists = Number(day) <= daysOf(Number(year), Number(month)) && at >= firstAt && at <= lastAt
  if (!exists) {
    throw refuse(pointer, 'must be a time as RFC 3339 writes it, such as 2026-03-14T09:26:53.589Z')
  }
  // Times here are whole milliseconds: what is behind a fraction of one is behind the next
  return /[1-9]/.test(fraction.slice(4)) ? at + 1 : at
}

/** Years 1 to 9999 in UTC: there is no year 0 in Postgres, and no year of five digits here. */
const [firstAt, lastAt] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59.999Z')]

/** Day 0 of the next month is the last of this one. */
const daysOf = (year: number, month: number): number =>
  new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()

const refuse = (pointer: string, detail: string): Problem =>
  new Problem('invalid_value', `${pointer} ${detail}`, [{ pointer, detail }])
