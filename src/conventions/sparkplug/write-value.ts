/** Values of commands to the wire, by the data type that the birth says; what does not fit is refused. Pure. */

import { isArray, writeArray } from './arrays.ts'
import { datatypeName, datatypes, exactInteger, fits, integerType, toWire } from './datatypes.ts'
import { readDateTime, writeDateTime } from './date-time.ts'
import type { Wire } from './payload.ts'
import { ValueFault } from './value-fault.ts'

export interface Written {
  wire: Wire
  /** As the datapoint will show it. */
  shown: unknown
}

/** Throws ValueFault. */
export function writeValue(datatype: number, value: unknown): Written {
  const integer = integerType(datatype)
  if (integer !== undefined) {
    const exact = toBigInt(value)
    if (exact === null || !fits(exact, integer)) throw unfit(datatype, integerRange(integer))
    return { wire: toWire(exact, integer), shown: exactInteger(exact) }
  }
  if (isArray(datatype)) return writeItems(datatype, value)
  switch (datatype) {
    case datatypes.Float:
      if (!isNumber(value) || !Number.isFinite(Math.fround(value)))
        throw unfit(datatype, 'a number of 32 bits')
      return { wire: { floatValue: value }, shown: Math.fround(value) }
    case datatypes.Double:
      if (!isNumber(value)) throw unfit(datatype, 'a number')
      return { wire: { doubleValue: value }, shown: value }
    case datatypes.Boolean:
      if (typeof value !== 'boolean') throw unfit(datatype, 'true or false')
      return { wire: { booleanValue: value }, shown: value }
    case datatypes.String:
    case datatypes.Text:
      if (typeof value !== 'string') throw unfit(datatype, 'a text')
      return { wire: { stringValue: value }, shown: value }
    case datatypes.UUID:
      if (typeof value !== 'string' || !uuid.test(value))
        throw unfit(datatype, 'a text of 8-4-4-4-12 hex digits')
      return { wire: { stringValue: value }, shown: value }
    case datatypes.DateTime: {
      const millis = writeDateTime(value)
      if (millis === null) throw unfit(datatype, 'a time as RFC 3339 has it, or milliseconds since 1970')
      const longValue = exactInteger(BigInt.asUintN(64, millis))
      return { wire: { longValue }, shown: readDateTime(longValue) }
    }
    case datatypes.Bytes:
    case datatypes.File: {
      if (typeof value !== 'string' || !base64.test(value)) throw unfit(datatype, 'a text in Base64')
      const bytesValue = Uint8Array.from(Buffer.from(value, 'base64'))
      return { wire: { bytesValue }, shown: bytesValue }
    }
    case datatypes.DataSet:
      return writeDataSet(value)
    default:
      throw new ValueFault(`It is of ${datatypeName(datatype)}, which cannot be written`)
  }
}

const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i
const base64 = /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

/** JSON of many clients has no integers beyond 2^53: such a one may be a text of digits. */
function toBigInt(value: unknown): bigint | null {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : null
  return typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : null
}

const unfit = (datatype: number, what: string): ValueFault =>
  new ValueFault(`It is of ${datatypeName(datatype)}: give ${what}`)

function integerRange({ bits, signed }: { bits: number; signed: boolean }): string {
  const [low, high] = signed
    ? [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n]
    : [0n, 2n ** BigInt(bits) - 1n]
  const beyond = bits === 64 ? ', as a text of digits where it is beyond 2^53' : ''
  return `an integer from ${low} to ${high}${beyond}`
}

/** Items by the scalar type that they have: Int8Array is 21 above Int8. */
const itemType = (datatype: number): number => {
  if (datatype === datatypes.StringArray) return datatypes.String
  if (datatype === datatypes.DateTimeArray) return datatypes.DateTime
  return datatype - (datatypes.Int8Array - datatypes.Int8)
}

function writeItems(datatype: number, value: unknown): Written {
  if (!Array.isArray(value)) throw unfit(datatype, 'a list')
  const written = value.map((item: unknown) => writeValue(itemType(datatype), item))
  const shown = written.map((item) => item.shown)
  if (datatype === datatypes.StringArray && shown.some((text) => (text as string).includes('\0')))
    throw unfit(datatype, 'texts without NUL')
  const items =
    datatype === datatypes.DateTimeArray
      ? written.map(({ wire }) => BigInt.asIntN(64, BigInt(wire.longValue!)))
      : shown
  return { wire: { bytesValue: writeArray(datatype, items) }, shown }
}

/** As it is told: `{ columns, types, rows }`. */
function writeDataSet(value: unknown): Written {
  const { columns, types, rows } = (value ?? {}) as Record<string, unknown>
  if (!isTexts(columns) || !isTexts(types) || !Array.isArray(rows) || columns.length !== types.length)
    throw unfit(datatypes.DataSet, '{ columns, types, rows }, with as many types as columns')
  const numbers = types.map((name) => {
    const number = Object.hasOwn(datatypes, name) ? datatypes[name as keyof typeof datatypes] : 0
    if (number === 0 || number > datatypes.Text)
      throw unfit(datatypes.DataSet, 'types such as Int32 or String')
    return number
  })
  const written = rows.map((row: unknown) => {
    if (!Array.isArray(row) || row.length !== columns.length)
      throw unfit(datatypes.DataSet, 'rows as lists with one cell for each column')
    return row.map((cell: unknown, index) =>
      cell === null ? { wire: {}, shown: null } : writeValue(numbers[index]!, cell)
    )
  })
  return {
    wire: {
      datasetValue: {
        numOfColumns: columns.length,
        columns,
        types: numbers,
        rows: written.map((row) => ({ elements: row.map(({ wire }) => wire) }))
      }
    },
    shown: { columns, types, rows: written.map((row) => row.map(({ shown }) => shown)) }
  }
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')
