/** `from` and `to`: instants as RFC 3339 writes them; the first is in the range, the second is not. Pure. */

import { Type } from 'typebox'
import { Problem } from '../errors.ts'
import type { Millis } from '../model.ts'
import { readRfc3339 } from '../rfc3339.ts'

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

function readTime(text: string, pointer: string): Millis {
  const at = readRfc3339(text)
  if (at === null)
    throw refuse(pointer, 'must be a time as RFC 3339 writes it, such as 2026-03-14T09:26:53.589Z')
  return Math.ceil(at)
}

const refuse = (pointer: string, detail: string): Problem =>
  new Problem('invalid_value', `${pointer} ${detail}`, [{ pointer, detail }])
