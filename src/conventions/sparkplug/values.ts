/** Values on the wire to values of datapoints, by the data type that a birth or the message says. Pure. */

import { defaultLimits } from '../../limits.ts'
import { isArray, readArray } from './arrays.ts'
import { datatypeName, datatypes, fromWire, integerType } from './datatypes.ts'
import { readDateTime } from './date-time.ts'
import type { DataSet, PropertySet, Wire } from './payload.ts'
import { ValueFault } from './value-fault.ts'

/** Throws ValueFault. Nothing on the wire is null; a float may be NaN. Templates are no values. */
export function readValue(datatype: number, wire: Wire): unknown {
  const kind = kindOf(wire)
  if (kind === null) return null
  const integer = integerType(datatype)
  if (integer !== undefined) {
    // Tahu writes UInt32 as a long, others as an int
    if (kind === 'intValue' || kind === 'longValue') return fromWire(wire[kind]!, integer)
    throw unexpected(datatype, kind)
  }
  if (isArray(datatype)) {
    if (kind === 'bytesValue') return readArray(datatype, wire.bytesValue!)
    throw unexpected(datatype, kind)
  }
  switch (datatype) {
    case datatypes.Float:
    case datatypes.Double:
      if (['floatValue', 'doubleValue', 'intValue', 'longValue'].includes(kind)) return wire[kind]
      break
    case datatypes.Boolean:
      if (kind === 'booleanValue') return wire.booleanValue
      if (kind === 'intValue' || kind === 'longValue') return Number(wire[kind]) !== 0
      break
    case datatypes.String:
    case datatypes.Text:
    case datatypes.UUID:
      if (kind === 'stringValue') return wire.stringValue
      break
    case datatypes.DateTime:
      if (kind === 'longValue' || kind === 'intValue') return readDateTime(wire[kind]!)
      break
    case datatypes.Bytes:
    case datatypes.File:
      if (kind === 'bytesValue') return wire.bytesValue
      break
    case datatypes.DataSet:
      if (kind === 'datasetValue') return readDataSet(wire.datasetValue!)
      break
    case datatypes.PropertySet:
      if (kind === 'propertysetValue') return readProperties(wire.propertysetValue!)
      break
    case datatypes.PropertySetList:
      if (kind === 'propertysetsValue') return wire.propertysetsValue!.propertyset.map(readProperties)
      break
    default:
      // An unknown type: what the wire says is all there is
      if (kind === 'datasetValue') return readDataSet(wire.datasetValue!)
      if (kind !== 'propertysetValue' && kind !== 'propertysetsValue' && kind !== 'templateValue')
        return wire[kind]
  }
  throw unexpected(datatype, kind)
}

const kinds = [
  'intValue',
  'longValue',
  'floatValue',
  'doubleValue',
  'booleanValue',
  'stringValue',
  'bytesValue',
  'datasetValue',
  'templateValue',
  'propertysetValue',
  'propertysetsValue'
] as const

function kindOf(wire: Wire): (typeof kinds)[number] | null {
  for (const kind of kinds) if (wire[kind] !== undefined) return kind
  return null
}

const unexpected = (datatype: number, kind: string): ValueFault =>
  new ValueFault(`It is ${datatypeName(datatype)}, and comes as ${kind.replace('Value', '_value')}`)

/** As a part of JSON, which has no NaN. */
const toJson = (value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? null : value

/** What cannot be read is null there, and the rest is kept. */
function readCell(datatype: number, wire: Wire): unknown {
  try {
    return toJson(readValue(datatype, wire))
  } catch (error) {
    if (error instanceof ValueFault) return null
    throw error
  }
}

/** `{ columns, types, rows }`, rows as lists in the order of the columns. */
function readDataSet({ columns, types, rows }: DataSet): object {
  // Each takes three characters of JSON at least; cells are counted where they are read
  if ((columns.length + types.length) * 3 > defaultLimits.datapointBytesMax)
    throw new ValueFault('A DataSet has more columns than a datapoint may have', 'value_too_large')
  return {
    columns,
    types: types.map(datatypeName),
    rows: rows.map(({ elements }) => elements.map((cell, index) => readCell(types[index] ?? 0, cell)))
  }
}

/** Names become own members, `__proto__` like any other. */
export const readProperties = ({ keys, values }: PropertySet): Record<string, unknown> =>
  Object.fromEntries(
    keys
      .slice(0, values.length)
      .map((key, index) => [
        key,
        values[index]!.isNull === true ? null : readCell(values[index]!.type ?? 0, values[index]!)
      ])
  )
