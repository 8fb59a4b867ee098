/** What CBOR, MessagePack and Protobuf have in common: bounds, names of members, instants. Pure. */

import type { RejectionReason } from '../datapoints.ts'

/** Deeper than this is not read, as with JSON. */
export const depthMax = 100

export interface BinaryDocument {
  value: unknown
  /** A name stands twice in a map; the last member was taken. */
  duplicates: boolean
}

/** Why bytes are not what they should be. */
export class UnreadableError extends Error {
  readonly reason: RejectionReason

  constructor(reason: RejectionReason, message: string) {
    super(message)
    this.reason = reason
  }
}

export const tooDeep = (format: string): UnreadableError =>
  new UnreadableError('too_deep', `${format} nested deeper than ${depthMax} levels`)

export const tooMany = (format: string, itemsMax: number): UnreadableError =>
  new UnreadableError('value_too_large', `${format} of more than ${itemsMax} values`)

/** Names are text: that of a number is its digits, that of bytes their base64. */
export function toMemberName(key: unknown, format: string): string {
  if (typeof key === 'string') return key
  if (key instanceof Uint8Array) return toBase64(key)
  if (typeof key === 'object' && key !== null)
    throw new UnreadableError('wrong_shape', `A ${format} map has a list or a map as a name`)
  return String(key)
}

export const toBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

/** What a double holds exactly is a number. */
export const toInteger = (value: bigint): number | bigint =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value

const firstSecond = Date.parse('0001-01-01T00:00:00Z') / 1_000
const lastSecond = Date.UTC(9999, 11, 31, 23, 59, 59) / 1_000

/** RFC 3339 with as many digits as there are; null: no year of four digits. */
export function toRfc3339(seconds: number | bigint, nanos: number): string | null {
  const whole = Number(seconds)
  if (!(whole >= firstSecond && whole <= lastSecond) || !(nanos >= 0 && nanos < 1e9)) return null
  const fraction = nanos === 0 ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`
  return `${new Date(whole * 1_000).toISOString().slice(0, 19)}${fraction}Z`
}
