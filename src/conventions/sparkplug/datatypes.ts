/** Sparkplug's data types, by number; and the integers among them, which travel as unsigned ones. Pure. */

import type { Integer } from './payload.ts'

export const datatypes = {
  Int8: 1,
  Int16: 2,
  Int32: 3,
  Int64: 4,
  UInt8: 5,
  UInt16: 6,
  UInt32: 7,
  UInt64: 8,
  Float: 9,
  Double: 10,
  Boolean: 11,
  String: 12,
  DateTime: 13,
  Text: 14,
  UUID: 15,
  DataSet: 16,
  Bytes: 17,
  File: 18,
  Template: 19,
  PropertySet: 20,
  PropertySetList: 21,
  Int8Array: 22,
  Int16Array: 23,
  Int32Array: 24,
  Int64Array: 25,
  UInt8Array: 26,
  UInt16Array: 27,
  UInt32Array: 28,
  UInt64Array: 29,
  FloatArray: 30,
  DoubleArray: 31,
  BooleanArray: 32,
  StringArray: 33,
  DateTimeArray: 34
} as const

const names = new Map<number, string>(Object.entries(datatypes).map(([name, number]) => [number, name]))

export const datatypeName = (datatype: number): string => names.get(datatype) ?? `datatype ${datatype}`

export const isDatatype = (datatype: number | undefined): datatype is number =>
  datatype !== undefined && names.has(datatype)

export interface IntegerType {
  bits: number
  signed: boolean
}

const integers = new Map<number, IntegerType>([
  [datatypes.Int8, { bits: 8, signed: true }],
  [datatypes.Int16, { bits: 16, signed: true }],
  [datatypes.Int32, { bits: 32, signed: true }],
  [datatypes.Int64, { bits: 64, signed: true }],
  [datatypes.UInt8, { bits: 8, signed: false }],
  [datatypes.UInt16, { bits: 16, signed: false }],
  [datatypes.UInt32, { bits: 32, signed: false }],
  [datatypes.UInt64, { bits: 64, signed: false }]
])

export const integerType = (datatype: number): IntegerType | undefined => integers.get(datatype)

/** A number where it is exact. */
export const exactInteger = (value: bigint): Integer =>
  BigInt.asIntN(54, value) === value && Number.isSafeInteger(Number(value)) ? Number(value) : value

const limit32 = 2 ** 32

/**
 * What an integer on the wire means: two's complement of its own width (Python) or of the whole field (Java, the
 * specification). A value that does not fit its type is kept as it is.
 */
export function fromWire(raw: Integer, { bits, signed }: IntegerType): Integer {
  if (bits === 64) return signed ? exactInteger(BigInt.asIntN(64, BigInt(raw))) : raw
  // 32 bits of two's complement may have come in the field of 64
  const whole = raw < limit32 ? Number(raw) | 0 : exactInteger(BigInt.asIntN(64, BigInt(raw)))
  const size = 2 ** bits
  if (signed) return whole >= size / 2 && whole < size ? Number(whole) - size : whole
  if (whole >= 0) return raw
  return whole >= -size / 2 || bits === 32 ? Number(BigInt.asUintN(bits, BigInt(whole))) : raw
}

/** Two's complement of the field's width, as the specification has it. */
export function toWire(value: bigint, { bits }: IntegerType): { intValue: number } | { longValue: Integer } {
  return bits === 64
    ? { longValue: exactInteger(BigInt.asUintN(64, value)) }
    : { intValue: Number(BigInt.asUintN(32, value)) }
}

export const fits = (value: bigint, { bits, signed }: IntegerType): boolean =>
  (signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)) === value
