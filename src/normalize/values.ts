/** Decoded values to values without loss; what a mapping says a value is, it must be. Pure. */

import type { MetricType, RejectionReason, Value } from '../datapoints.ts'
import { toBase64 } from './binary-document.ts'
import { UnwritableError, writeExact } from './exact-json.ts'

/** Types that a mapping can ask for. */
export const askedTypes = ['number', 'integer', 'boolean', 'text', 'json'] as const
export type AskedType = (typeof askedTypes)[number]

/** Words for true and false. */
export type BooleanWords = ReadonlyMap<string, boolean>

export const defaultBooleans: BooleanWords = new Map([
  ...['true', 'True', 'TRUE', 'on', 'On', 'ON', '1'].map((word) => [word, true] as const),
  ...['false', 'False', 'FALSE', 'off', 'Off', 'OFF', '0'].map((word) => [word, false] as const)
])

/** Why there is no value. */
export interface Unfit {
  reason: RejectionReason
  detail: string
}

export const isUnfit = (value: Value | Unfit): value is Unfit => 'reason' in value

const nothing: Value = { type: 'null', number: null, exact: null }

const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8')

/** `small`: nothing in it is larger than the payload that it is a part of, so that the fast writer may be used. */
export function toValue(value: unknown, bytesMax: number, small: boolean): Value | Unfit {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value)
        ? { type: 'number', number: value, exact: null }
        : { reason: 'number_out_of_range', detail: `${value} is not a number that can be kept` }
    case 'bigint':
      return toInteger(value)
    case 'boolean':
      return { type: 'boolean', number: value ? 1 : 0, exact: null }
    case 'string':
      // A lone surrogate is no UTF-8; its escape is
      return value.isWellFormed()
        ? sized('text', utf8(value), bytesMax)
        : sized('json', utf8(JSON.stringify(value)), bytesMax)
    case 'object':
      if (value === null) return nothing
      if (value instanceof Json) return toJson(value.value, bytesMax, small)
      if (value instanceof Uint8Array) return sized('bytes', value, bytesMax)
      return toJson(value, bytesMax, small)
    default:
      return value === undefined
        ? nothing
        : { reason: 'wrong_shape', detail: `A ${typeof value} is not a value that can be kept` }
  }
}

function toInteger(value: bigint): Value | Unfit {
  const number = Number(value)
  if (!Number.isFinite(number))
    return { reason: 'number_out_of_range', detail: 'An integer is larger than any double' }
  if (Number.isSafeInteger(number)) return { type: 'number', number, exact: null }
  return { type: 'integer', number, exact: utf8(value.toString()) }
}

function sized(type: MetricType, exact: Uint8Array, bytesMax: number): Value | Unfit {
  if (exact.length <= bytesMax) return { type, number: null, exact }
  return {
    reason: 'value_too_large',
    detail: `A value has ${exact.length} bytes; a datapoint has at most ${bytesMax}`
  }
}

function toJson(value: unknown, bytesMax: number, small: boolean): Value | Unfit {
  if (small) return sized('json', utf8(JSON.stringify(value)), bytesMax)
  try {
    return { type: 'json', number: null, exact: utf8(writeExact(value, bytesMax, toBase64)) }
  } catch (error) {
    if (!(error instanceof UnwritableError)) throw error
    const reason = error.outOfRange ? 'number_out_of_range' : 'wrong_shape'
    return { reason: error.tooLarge ? 'value_too_large' : reason, detail: error.message }
  }
}

/** RFC 8259's numbers, and what people send beside them; never 0x10, NaN, an empty text or a leading zero. */
const numberPattern = /^[+-]?((?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/

/** The number that a text says, by a strict grammar; null: none. Spaces around it are not part of it. */
export function readNumber(text: string): number | bigint | null {
  const trimmed = text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')
  if (trimmed.length > 400 || !numberPattern.test(trimmed)) return null
  const number = Number(trimmed)
  if (!Number.isFinite(number)) return null
  return Number.isSafeInteger(number) || !/^[+-]?\d+$/.test(trimmed)
    ? number
    : BigInt(trimmed.replace('+', ''))
}

/** A value as the mapping says that it is. null stays null. */
export function convert(
  value: unknown,
  type: AskedType,
  booleans: BooleanWords
): { converted: unknown } | Unfit {
  if (value === null || value === undefined) return { converted: null }
  switch (type) {
    case 'number':
    case 'integer': {
      const number = typeof value === 'string' ? readNumber(value) : value
      const fits =
        typeof number === 'bigint' ||
        (typeof number === 'number' && (type === 'number' || Number.isInteger(number)))
      return fits
        ? { converted: number }
        : {
            reason: 'not_a_number',
            detail: `Not ${type === 'number' ? 'a number' : 'an integer'}: ${brief(value)}`
          }
    }
    case 'boolean': {
      if (typeof value === 'boolean') return { converted: value }
      const word =
        typeof value === 'string' || typeof value === 'number'
          ? booleans.get(String(value).trim())
          : undefined
      return word === undefined
        ? { reason: 'not_a_boolean', detail: `None of the words for true and false: ${brief(value)}` }
        : { converted: word }
    }
    case 'text':
      return typeof value === 'object'
        ? { reason: 'wrong_shape', detail: 'Not a text, but an object, a list or bytes' }
        : { converted: String(value) }
    case 'json':
      return { converted: new Json(value) }
  }
}

/** A value that is kept as JSON, whatever it is. */
export class Json {
  readonly value: unknown

  constructor(value: unknown) {
    this.value = value
  }
}

const brief = (value: unknown): string =>
  typeof value === 'object' ? 'an object, a list or bytes' : JSON.stringify(String(value).slice(0, 40))
