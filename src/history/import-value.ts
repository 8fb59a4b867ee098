/** The value of a datapoint in a file that is imported, without loss: as export writes it, or as people do. Pure. */

import { isUtf8 } from 'node:buffer'
import type { MetricType, Value } from '../datapoints.ts'
import { metricTypes } from '../datapoints.ts'

/** What is wrong with a member of a line. */
export class LineFault extends Error {
  readonly code: 'invalid_value' | 'unknown_field' | 'forbidden'
  /** '' is the line as a whole. */
  readonly member: string

  constructor(member: string, detail: string, code: LineFault['code'] = 'invalid_value') {
    super(detail)
    this.name = 'LineFault'
    this.member = member
    this.code = code
  }
}

/** RFC 8259 section 6. */
const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
const digits = /^-?(?:0|[1-9]\d*)$/

const fault = (detail: string): LineFault => new LineFault('value', detail)

/** Throws LineFault for a name that is none of a type. */
export function readType(name: unknown): MetricType | null {
  if (name === undefined || name === null || name === '') return null
  if (typeof name !== 'string' || !Object.hasOwn(metricTypes, name))
    throw new LineFault('type', `must be one of ${Object.keys(metricTypes).join(', ')}`)
  return name as MetricType
}

/** A value as a text says it exactly; without a type, a number if it is written as one, null if there is nothing, else text. */
export function valueOfText(text: string, type: MetricType | null): Value {
  switch (type) {
    case null:
      if (text === '') return ofNull
      return jsonNumber.test(text) ? ofDigits(text) : ofText(text)
    case 'null':
      if (text !== '') throw fault('is of type null, so there must be none')
      return ofNull
    case 'number':
      if (!jsonNumber.test(text)) throw fault(`is of type number, and none: ${quote(text)}`)
      return ofNumber(text)
    case 'integer':
      if (!digits.test(text)) throw fault(`is of type integer, and none: ${quote(text)}`)
      return ofDigits(text)
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw fault(`is of type boolean, and must be true or false`)
      return ofBoolean(text === 'true')
    case 'text':
      return ofText(text)
    case 'json':
      return ofJson(text)
    case 'bytes':
      return ofBase64(text, 'value')
  }
}

/** A value as members of a JSON object say it. */
export function valueOfMembers(
  members: { value?: unknown; valueText?: unknown; valueBase64?: unknown },
  type: MetricType | null
): Value {
  const { value, valueText: text = null, valueBase64: base64 = null } = members
  if (text !== null && typeof text !== 'string') throw new LineFault('valueText', 'must be a text')
  if (base64 !== null && typeof base64 !== 'string') throw new LineFault('valueBase64', 'must be a text')
  const meant = type ?? (base64 === null ? typeOf(value) : 'bytes')
  if (meant === 'bytes') {
    if (base64 === null) throw new LineFault('valueBase64', 'is missing, although the type is bytes')
    return ofBase64(base64, 'valueBase64')
  }
  if (base64 !== null) throw new LineFault('valueBase64', `must be null, since the type is ${meant}`)
  if (text === null) return ofJsonValue(value, meant)
  const exact = valueOfText(text, type === null && meant === 'number' ? null : meant)
  // Of an integer that no double says, and of JSON, only the text is exact
  if (value !== undefined && !(value === null && meant === 'json') && !isSaid(exact, value, meant))
    throw new LineFault('valueText', 'says another value than `value`')
  return exact
}

function typeOf(value: unknown): MetricType {
  if (value === undefined) throw fault('is missing')
  if (value === null) return 'null'
  if (typeof value === 'string') return 'text'
  if (typeof value === 'object') return 'json'
  return typeof value === 'number' ? 'number' : 'boolean'
}

function ofJsonValue(value: unknown, type: MetricType): Value {
  const is = typeOf(value)
  if (type === 'json') return ofJson(JSON.stringify(value))
  if (is !== type && !(type === 'integer' && is === 'number'))
    throw fault(`is ${is === 'integer' ? 'number' : is}, and not of type ${type}`)
  switch (type) {
    case 'integer':
      if (!Number.isSafeInteger(value))
        throw fault('has more digits than a JSON number keeps: give `valueText`')
      return { type: 'number', number: value as number, exact: null }
    case 'number':
      if (!Number.isFinite(value)) throw fault('is larger than any double')
      return { type: 'number', number: value as number, exact: null }
    case 'boolean':
      return ofBoolean(value as boolean)
    case 'text':
      return ofText(value as string)
    default:
      return ofNull
  }
}

function isSaid(exact: Value, value: unknown, type: MetricType): boolean {
  switch (type) {
    case 'number':
    case 'integer':
      return value === exact.number
    case 'boolean':
      return value === (exact.number === 1)
    case 'text':
      return typeof value === 'string' && Buffer.from(value).equals(exact.exact!)
    case 'json':
      return JSON.stringify(value) === JSON.stringify(JSON.parse(Buffer.from(exact.exact!).toString()))
    default:
      return value === null
  }
}

const ofNull: Value = { type: 'null', number: null, exact: null }

const ofBoolean = (value: boolean): Value => ({ type: 'boolean', number: value ? 1 : 0, exact: null })

function ofNumber(text: string): Value {
  const number = Number(text)
  if (!Number.isFinite(number)) throw fault('is larger than any double')
  return { type: 'number', number, exact: null }
}

/** With all digits of an integer that no double says. */
function ofDigits(text: string): Value {
  const value = ofNumber(text)
  if (!digits.test(text) || Number.isSafeInteger(value.number)) return value
  return { ...value, type: 'integer', exact: Buffer.from(text) }
}

function ofText(text: string): Value {
  if (!text.isWellFormed()) throw fault('has a lone surrogate, which no UTF-8 says')
  return { type: 'text', number: null, exact: Buffer.from(text) }
}

function ofJson(text: string): Value {
  try {
    JSON.parse(text)
  } catch {
    throw fault('is of type json, and not JSON')
  }
  const exact = Buffer.from(text)
  if (!isUtf8(exact) || !text.isWellFormed()) throw fault('has a lone surrogate: write it as an escape')
  return { type: 'json', number: null, exact }
}

/** RFC 4648 section 4, with its padding: Buffer takes anything. */
function ofBase64(text: string, member: string): Value {
  const exact = Buffer.from(text, 'base64')
  if (exact.toString('base64') !== text) throw new LineFault(member, 'is not base64 (RFC 4648 section 4)')
  return { type: 'bytes', number: null, exact }
}

export const quote = (text: string): string => JSON.stringify(text.slice(0, 40).toWellFormed())
