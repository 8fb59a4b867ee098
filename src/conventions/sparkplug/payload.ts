/**
 * Sparkplug's payload on the wire, both ways. The schema is written from the specification's table of fields; uint64 is a
 * number where it is exact, else a bigint. What is absent is undefined, never a default. Bounded. Pure.
 */

import protobuf from 'protobufjs/light.js'
import { defaultLimits } from '../../limits.ts'

export type Integer = number | bigint

/** The value of a metric, a property, a parameter or a cell: one of these at most. */
export interface Wire {
  intValue?: number
  longValue?: Integer
  floatValue?: number
  doubleValue?: number
  booleanValue?: boolean
  stringValue?: string
  bytesValue?: Uint8Array
  datasetValue?: DataSet
  templateValue?: Template
  propertysetValue?: PropertySet
  propertysetsValue?: { propertyset: PropertySet[] }
}

export interface Metric extends Wire {
  name?: string
  alias?: Integer
  timestamp?: Integer
  datatype?: number
  isHistorical?: boolean
  isTransient?: boolean
  isNull?: boolean
  metadata?: MetaData
  properties?: PropertySet
}

export interface MetaData {
  isMultiPart?: boolean
  contentType?: string
  size?: Integer
  seq?: Integer
  fileName?: string
  fileType?: string
  md5?: string
  description?: string
}

export interface PropertySet {
  keys: string[]
  values: Array<Wire & { type?: number; isNull?: boolean }>
}

export interface DataSet {
  numOfColumns?: Integer
  columns: string[]
  types: number[]
  rows: Array<{ elements: Wire[] }>
}

export interface Template {
  version?: string
  metrics: Metric[]
  parameters: Array<Wire & { name?: string; type?: number }>
  templateRef?: string
  isDefinition?: boolean
}

export interface Payload {
  timestamp?: Integer
  metrics: Metric[]
  seq?: Integer
  uuid?: string
  body?: Uint8Array
}

type Fields = Record<string, { type: string; id: number; rule?: 'repeated' }>

/** Names with `*` may repeat. */
const fields = (numbers: Record<number, string>): { edition: string; fields: Fields } => ({
  edition: 'proto2',
  fields: Object.fromEntries(
    Object.entries(numbers).map(([id, text]) => {
      const [type, name] = text.split(' ') as [string, string]
      const field = { type: type.replace('*', ''), id: Number(id) }
      return [name, type.endsWith('*') ? { ...field, rule: 'repeated' as const } : field]
    })
  )
})

/** Of a property, a parameter and a cell. */
const scalars = (first: number): Record<number, string> =>
  Object.fromEntries(
    [
      'uint32 intValue',
      'uint64 longValue',
      'float floatValue',
      'double doubleValue',
      'bool booleanValue',
      'string stringValue'
    ].map((text, index) => [first + index, text])
  )

const root = protobuf.Root.fromJSON({
  nested: {
    Payload: fields({
      1: 'uint64 timestamp',
      2: 'Metric* metrics',
      3: 'uint64 seq',
      4: 'string uuid',
      5: 'bytes body'
    }),
    Metric: fields({
      1: 'string name',
      2: 'uint64 alias',
      3: 'uint64 timestamp',
      4: 'uint32 datatype',
      5: 'bool isHistorical',
      6: 'bool isTransient',
      7: 'bool isNull',
      8: 'MetaData metadata',
      9: 'PropertySet properties',
      ...scalars(10),
      16: 'bytes bytesValue',
      17: 'DataSet datasetValue',
      18: 'Template templateValue'
    }),
    MetaData: fields({
      1: 'bool isMultiPart',
      2: 'string contentType',
      3: 'uint64 size',
      4: 'uint64 seq',
      5: 'string fileName',
      6: 'string fileType',
      7: 'string md5',
      8: 'string description'
    }),
    PropertySet: fields({ 1: 'string* keys', 2: 'PropertyValue* values' }),
    PropertySetList: fields({ 1: 'PropertySet* propertyset' }),
    PropertyValue: fields({
      1: 'uint32 type',
      2: 'bool isNull',
      ...scalars(3),
      9: 'PropertySet propertysetValue',
      10: 'PropertySetList propertysetsValue'
    }),
    DataSet: fields({ 1: 'uint64 numOfColumns', 2: 'string* columns', 3: 'uint32* types', 4: 'Row* rows' }),
    Row: fields({ 1: 'DataSetValue* elements' }),
    DataSetValue: fields(scalars(1)),
    Template: fields({
      1: 'string version',
      2: 'Metric* metrics',
      3: 'Parameter* parameters',
      4: 'string templateRef',
      5: 'bool isDefinition'
    }),
    Parameter: fields({ 1: 'string name', 2: 'uint32 type', ...scalars(3) })
  }
}).resolveAll()

const high = 2 ** 32

/** Bounded by parts: an empty message in a list takes two bytes on the wire, and a hundred in memory. */
class PartsReader extends protobuf.BufferReader {
  partsLeft = defaultLimits.sparkplugPartsMax
  override discardUnknown = true

  override uint64(): never {
    const bits = super.uint64() as unknown as { low: number; high: number }
    const top = bits.high >>> 0
    const exact = top < 2 ** 21
    const value = exact ? top * high + (bits.low >>> 0) : (BigInt(top) << 32n) | BigInt(bits.low >>> 0)
    return value as never
  }
}

class ExactWriter extends protobuf.BufferWriter {
  override uint64(value: unknown): protobuf.Writer {
    if (typeof value !== 'bigint') return super.uint64(value as number)
    const [low, top] = [Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))]
    return super.uint64({ low, high: top, unsigned: true } as never)
  }
}

for (const type of root.nestedArray as protobuf.Type[]) {
  type.setup()
  for (const field of type.fieldsArray)
    if (!field.repeated) (type.ctor.prototype as unknown as Record<string, unknown>)[field.name] = undefined
  const decode = type.decode.bind(type) as (reader: PartsReader, ...rest: unknown[]) => protobuf.Message
  type.decode = ((reader: PartsReader, ...rest: unknown[]) => {
    if (--reader.partsLeft < 0)
      throw new RangeError(`it has more than ${defaultLimits.sparkplugPartsMax} parts`)
    return decode(reader, ...rest)
  }) as typeof type.decode
}

const payloadType = root.lookupType('Payload')

/** Throws an Error that says why the bytes are none. */
export const decodePayload = (bytes: Uint8Array): Payload =>
  payloadType.decode(
    new PartsReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  ) as unknown as Payload

/** Lists may be left out here. */
export const encodePayload = (payload: object): Uint8Array =>
  Uint8Array.from(payloadType.encode(payload, new ExactWriter()).finish())
