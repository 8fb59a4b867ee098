/** Values as short texts that are the same where the values are equal: effects and correlations are found by them. Pure. */

import { createHash } from 'node:crypto'
import type { Value } from '../datapoints.ts'
import { mayHaveLargeIntegers, parseExact } from './exact-json.ts'

/** Longer texts are known by their SHA-256. */
const keyCharsMax = 200

/**
 * Of a value as a command or a payload has it. Numbers are equal by value, however they are written; members of objects in
 * any order. A number, a text and a boolean are never equal: `21`, `"21"` and `true` have keys of their own.
 */
export const toKey = (value: unknown): string => short(write(value, true))

/** Of a datapoint's value, as it is stored. */
export function keyOfValue({ type, number, exact }: Value): string {
  const text = (): string => Buffer.from(exact ?? []).toString('utf8')
  switch (type) {
    case 'null':
      return 'null'
    case 'number':
      return toKey(number)
    case 'integer':
      return short(text())
    case 'boolean':
      return String(number === 1)
    case 'text':
      return toKey(text())
    case 'json': {
      const json = text()
      return toKey(mayHaveLargeIntegers(json) ? parseExact(json) : JSON.parse(json))
    }
    case 'bytes':
      return toKey(exact ?? new Uint8Array())
  }
}

const short = (text: string): string =>
  text.length <= keyCharsMax ? text : `sha256:${createHash('sha256').update(text).digest('hex')}`

/** Bytes inside of JSON are base64, as datapoints have them. */
function write(value: unknown, outermost: boolean): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value).toString() : String(value)
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'object') return JSON.stringify(value)
  if (value instanceof Uint8Array) {
    const base64 = Buffer.from(value).toString('base64')
    return outermost ? `bytes:${base64}` : JSON.stringify(base64)
  }
  if (Array.isArray(value)) return `[${value.map((item) => write(item, false)).join()}]`
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${write(member, false)}`).join()}}`
}
