/** Arrays of Sparkplug: packed little-endian in bytes, whatever some of the specification's examples print. Pure. */

import { defaultLimits } from '../../limits.ts'
import { datatypes, exactInteger } from './datatypes.ts'
import { readDateTime } from './date-time.ts'
import { ValueFault } from './value-fault.ts'

interface Packing {
  size: number
  read(view: DataView, at: number): unknown
  write(view: DataView, at: number, value: never): void
}

const packings = new Map<number, Packing>()
const pack = (
  datatype: number,
  size: number,
  read: (view: DataView, at: number) => unknown,
  write: (view: DataView, at: number, value: never) => void
): unknown => packings.set(datatype, { size, read, write })

type V = DataView
pack(
  datatypes.Int8Array,
  1,
  (v: V, at) => v.getInt8(at),
  (v: V, at, x: number) => v.setInt8(at, x)
)
pack(
  datatypes.Int16Array,
  2,
  (v: V, at) => v.getInt16(at, true),
  (v: V, at, x: number) => v.setInt16(at, x, true)
)
pack(
  datatypes.Int32Array,
  4,
  (v: V, at) => v.getInt32(at, true),
  (v: V, at, x: number) => v.setInt32(at, x, true)
)
pack(
  datatypes.Int64Array,
  8,
  (v: V, at) => exactInteger(v.getBigInt64(at, true)),
  (v: V, at, x: number | bigint) => v.setBigInt64(at, BigInt(x), true)
)
pack(
  datatypes.UInt8Array,
  1,
  (v: V, at) => v.getUint8(at),
  (v: V, at, x: number) => v.setUint8(at, x)
)
pack(
  datatypes.UInt16Array,
  2,
  (v: V, at) => v.getUint16(at, true),
  (v: V, at, x: number) => v.setUint16(at, x, true)
)
pack(
  datatypes.UInt32Array,
  4,
  (v: V, at) => v.getUint32(at, true),
  (v: V, at, x: number) => v.setUint32(at, x, true)
)
pack(
  datatypes.UInt64Array,
  8,
  (v: V, at) => exactInteger(v.getBigUint64(at, true)),
  (v: V, at, x: number | bigint) => v.setBigUint64(at, BigInt(x), true)
)
// JSON has no NaN: such an item is null
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)
pack(
  datatypes.FloatArray,
  4,
  (v: V, at) => finite(v.getFloat32(at, true)),
  (v: V, at, x: number | null) => v.setFloat32(at, x ?? NaN, true)
)
pack(
  datatypes.DoubleArray,
  8,
  (v: V, at) => finite(v.getFloat64(at, true)),
  (v: V, at, x: number | null) => v.setFloat64(at, x ?? NaN, true)
)
pack(
  datatypes.DateTimeArray,
  8,
  (v: V, at) => readDateTime(v.getBigInt64(at, true)),
  (v: V, at, x: bigint) => v.setBigInt64(at, x, true)
)

export const isArray = (datatype: number): boolean =>
  datatype >= datatypes.Int8Array && datatype <= datatypes.DateTimeArray

/** Throws ValueFault. */
export function readArray(datatype: number, bytes: Uint8Array): unknown[] {
  if (datatype === datatypes.BooleanArray) return readBooleans(bytes)
  if (datatype === datatypes.StringArray) return readTexts(bytes)
  const { size, read } = packings.get(datatype)!
  if (bytes.length % size !== 0)
    throw new ValueFault(`${bytes.length} bytes are no whole number of items of ${size} bytes`)
  const count = checkCount(bytes.length / size)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: count }, (_, index) => read(view, index * size))
}

/** Items are of the kind that readArray gives, except that a DateTime is a bigint of milliseconds. */
export function writeArray(datatype: number, items: readonly unknown[]): Uint8Array {
  if (datatype === datatypes.BooleanArray) return writeBooleans(items as boolean[])
  if (datatype === datatypes.StringArray)
    return Uint8Array.from(Buffer.from(items.map((item) => `${item as string}\0`).join('')))
  const { size, write } = packings.get(datatype)!
  const bytes = new Uint8Array(items.length * size)
  const view = new DataView(bytes.buffer)
  for (const [index, item] of items.entries()) write(view, index * size, item as never)
  return bytes
}

/** Each takes two characters of JSON at least. */
function checkCount(count: number): number {
  if (count * 2 > defaultLimits.datapointBytesMax)
    throw new ValueFault(`${count} items are more than a datapoint may have`, 'value_too_large')
  return count
}

/** A count of 32 bits, then one bit for each, the highest first. */
function readBooleans(bytes: Uint8Array): boolean[] {
  if (bytes.length < 4) throw new ValueFault('A BooleanArray begins with a count of four bytes')
  const count = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0, true)
  if (count > (bytes.length - 4) * 8)
    throw new ValueFault(`A BooleanArray of ${count} items in ${bytes.length - 4} bytes`)
  checkCount(count)
  return Array.from({ length: count }, (_, index) => (bytes[4 + (index >> 3)]! & (128 >> (index & 7))) !== 0)
}

function writeBooleans(items: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(4 + Math.ceil(items.length / 8))
  new DataView(bytes.buffer).setUint32(0, items.length, true)
  for (const [index, item] of items.entries()) if (item) bytes[4 + (index >> 3)]! |= 128 >> (index & 7)
  return bytes
}

/** Each ends with NUL; of the last one it may be missing. */
function readTexts(bytes: Uint8Array): string[] {
  if (bytes.length > defaultLimits.datapointBytesMax)
    throw new ValueFault(`A StringArray of ${bytes.length} bytes`, 'value_too_large')
  const texts = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8').split('\0')
  if (texts.at(-1) === '') texts.pop()
  return texts
}
