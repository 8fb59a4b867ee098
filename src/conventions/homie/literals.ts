/** Values of Homie's datatypes as they are written: strict, as the convention's section Payloads says. Pure. */

import { isObject } from '../facts.ts'
import { mayHaveLargeIntegers, parseExact, writeExact } from '../../normalize/exact-json.ts'
import { quote } from '../../normalize/names.ts'
import { decodePayload } from '../../payload.ts'
import { defaultLimits } from '../../limits.ts'

export const datatypes = [
  'integer',
  'float',
  'boolean',
  'string',
  'enum',
  'color',
  'datetime',
  'duration',
  'json'
] as const
export type Datatype = (typeof datatypes)[number]

/** What a literal means; or why it is none, as a sentence without its subject. */
export type Read = { value: unknown } | { fault: string }

/** An empty payload would delete the topic, so that the empty text is one byte: section Empty string values. */
const emptyText = '\u0000'

/** `format` is the property's, checked by then. */
export function readLiteral(datatype: Datatype, format: string | undefined, text: string): Read {
  if (datatype === 'string') return { value: text === emptyText ? '' : text }
  if (text === emptyText) return { fault: `is the empty text, which is no ${datatype}` }
  switch (datatype) {
    case 'integer':
      return readInteger(text)
    case 'float':
      return readFloat(text)
    case 'boolean':
      return text === 'true' || text === 'false'
        ? { value: text === 'true' }
        : { fault: `is ${quote(text)}, neither true nor false` }
    case 'enum':
      return format!.split(',').includes(text)
        ? { value: text }
        : { fault: `is ${quote(text)}, none of ${quote(format)}` }
    case 'color':
      return isColor(text, format!)
        ? { value: text }
        : { fault: `is ${quote(text)}, no color as ${quote(format)} says` }
    case 'datetime':
      return isDatetime(text)
        ? { value: text }
        : { fault: `is ${quote(text)}, no ISO 8601 date and time such as 2026-11-24T12:00:00Z` }
    case 'duration':
      return /^PT(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?$/.test(text)
        ? { value: text }
        : { fault: `is ${quote(text)}, no ISO 8601 duration such as PT12H5M46S` }
    case 'json':
      return readJsonLiteral(text)
  }
}

const integerMax = 2n ** 63n - 1n

/** 2^63 has 19 digits; what is much longer is not even calculated. */
const integerCharsMax = 40

function readInteger(text: string): Read {
  if (!/^-?\d+$/.test(text)) return { fault: `is ${quote(text)}, no integer` }
  const integer = text.length > integerCharsMax ? integerMax + 1n : BigInt(text)
  if (integer > integerMax || integer < -integerMax - 1n)
    return { fault: `is ${quote(text)}, no 64 bit integer` }
  const number = Number(integer)
  return { value: Number.isSafeInteger(number) ? number : integer }
}

/** Digits, `-`, `.`, `e` and `E`, and no others: +1 and 1e+5 are none, nor are NaN and Infinity. */
const floatPattern = /^-?(\d+\.?\d*|\.\d+)([eE]-?\d+)?$/

function readFloat(text: string): Read {
  if (!floatPattern.test(text)) return { fault: `is ${quote(text)}, no float` }
  const number = Number(text)
  return Number.isFinite(number) ? { value: number } : { fault: `is ${quote(text)}, larger than any float` }
}

const colorMaxima: Record<string, readonly number[]> = {
  rgb: [255, 255, 255],
  hsv: [360, 100, 100],
  xyz: [1, 1]
}

function isColor(text: string, format: string): boolean {
  const [kind = '', ...numbers] = text.split(',', 5)
  const maxima = format.split(',').includes(kind) ? colorMaxima[kind] : undefined
  return (
    maxima !== undefined &&
    numbers.length === maxima.length &&
    numbers.every((part, index) => {
      const read = readFloat(part)
      return 'value' in read && (read.value as number) >= 0 && (read.value as number) <= maxima[index]!
    })
  )
}

/** A day, by month, week or number, with or without a time of day and its offset. */
const datetimePattern =
  /^\d{4}-?(?:(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])|W(?:0[1-9]|[1-4]\d|5[0-3])-?[1-7]|(?:[0-2]\d\d|3[0-5]\d|36[0-6]))(?:T(?:[01]\d|2[0-4])(?::?[0-5]\d(?::?(?:[0-5]\d|60)(?:[.,]\d{1,12})?)?)?(?:Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?$/

function isDatetime(text: string): boolean {
  const match = datetimePattern.exec(text)
  if (match === null) return false
  const [, month, day] = match
  if (month === undefined) return true
  const date = new Date(Date.UTC(Number(text.slice(0, 4)), Number(month) - 1, Number(day)))
  return date.getUTCDate() === Number(day)
}

function readJsonLiteral(text: string): Read {
  if (text.startsWith('\ufeff')) return { fault: 'begins with a byte order mark' }
  const { value, fault } = decodePayload(Buffer.from(text), { contentType: 'application/json' })
  if (fault !== null && fault !== 'duplicate_keys') return { fault: 'is no JSON' }
  if (!isObject(value) && !Array.isArray(value)) return { fault: 'is JSON, but neither an object nor a list' }
  return { value: mayHaveLargeIntegers(text) ? parseExact(text) : value }
}

/** As it is sent to `set`. `value` is JSON of a client; undefined: it cannot be said. */
export function writeLiteral(datatype: Datatype, value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? emptyText : value === emptyText ? undefined : value
  switch (datatype) {
    case 'integer':
      return typeof value === 'bigint' || Number.isSafeInteger(value) ? String(value) : undefined
    case 'float':
      // 1e+21 is no float of Homie, 1e21 is
      return typeof value === 'number' || typeof value === 'bigint'
        ? String(value).replace('+', '')
        : undefined
    case 'boolean':
      return typeof value === 'boolean' ? String(value) : undefined
    case 'json':
      return typeof value === 'object' && value !== null
        ? writeExact(value, defaultLimits.commandPayloadBytesMax)
        : undefined
    default:
      return undefined
  }
}
