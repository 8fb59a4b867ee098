/** Instants of Sparkplug: milliseconds since 1970 on the wire, RFC 3339 for those who read them. Pure. */

import { readTimestamp } from '../../normalize/timestamps.ts'
import { ValueFault } from './value-fault.ts'

const first = BigInt(Date.parse('0000-01-01T00:00:00.000Z'))
const last = BigInt(Date.parse('9999-12-31T23:59:59.999Z'))

/** `millis` is the number on the wire, two's complement of 64 bits. Throws ValueFault outside the years of RFC 3339. */
export function readDateTime(millis: number | bigint): string {
  const signed = BigInt.asIntN(64, BigInt(millis))
  if (signed > last || signed < first)
    throw new ValueFault(`${signed} milliseconds since 1970 are no date of RFC 3339`, 'number_out_of_range')
  return new Date(Number(signed)).toISOString()
}

/** A text of RFC 3339, or milliseconds; null: it is no instant. */
export function writeDateTime(value: unknown): bigint | null {
  const millis =
    typeof value === 'string'
      ? readTimestamp(value, 'iso')
      : typeof value === 'bigint'
        ? Number(value)
        : value
  return typeof millis === 'number' && Number.isSafeInteger(millis) && millis >= first && millis <= last
    ? BigInt(millis)
    : null
}
