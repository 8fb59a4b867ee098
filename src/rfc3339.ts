/** Reads instants as RFC 3339 writes them. Pure. */

/** RFC 3339 section 5.6, in capitals. Years of four digits are all that it has. */
const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(?:[01]\d|2[0-3]):\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/**
 * Milliseconds since 1970, between the years 1 and 9999 in UTC; null for everything else. Times here are whole
 * milliseconds: a fraction of one, however small, is given as a half, so that it is behind the one and before the next.
 */
export function readRfc3339(text: string): number | null {
  const [, year, month, day, fraction = ''] = rfc3339.exec(text) ?? []
  const at = year === undefined ? Number.NaN : Date.parse(text)
  // Date.parse takes 30 February for 2 March
  const exists = Number(day) <= daysOf(Number(year), Number(month)) && at >= firstAt && at <= lastAt
  if (!exists) return null
  return /[1-9]/.test(fraction.slice(4)) ? at + 0.5 : at
}

/** There is no year 0 in Postgres, and no year of five digits here. */
const [firstAt, lastAt] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59.999Z')]

/** Day 0 of the next month is the last of this one. */
const daysOf = (year: number, month: number): number =>
  new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()
