/** Payloads to values: what the decoder of a mapping makes of bytes. Integers beyond 2^53 are exact. Pure. */

import { isUtf8 } from 'node:buffer'
import type { RejectionReason } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { MessageProperties } from '../model.ts'
import { decodePayload, payloadFaults } from '../payload.ts'
import type { BinaryDocument } from './binary-document.ts'
import { UnreadableError } from './binary-document.ts'
import type { BinaryFormat } from './content-types.ts'
import { binaryFormatOf, mayBeCompressed, withoutCompression } from './content-types.ts'
import type { Compression } from './decompress.ts'
import { decompress } from './decompress.ts'
import { mayHaveLargeIntegers, parseExact } from './exact-json.ts'
import { quote } from './names.ts'
import type { ProtobufSchema } from './protobuf-schema.ts'
import { readCbor } from './read-cbor.ts'
import { readMsgPack } from './read-msgpack.ts'
import type { BooleanWords } from './values.ts'
import { defaultBooleans, readNumber } from './values.ts'

export const builtInDecoders = [
  'auto',
  'json',
  'cbor',
  'msgpack',
  'protobuf',
  'text',
  'number',
  'boolean',
  'bytes'
] as const
export type BuiltInDecoder = (typeof builtInDecoders)[number]

/** How the payloads of a mapping are to be read. */
export interface Encoding {
  decoder: BuiltInDecoder
  compression: Compression
  schema: ProtobufSchema | null
  booleans: BooleanWords
}

export const automaticEncoding: Encoding = {
  decoder: 'auto',
  compression: 'auto',
  schema: null,
  booleans: defaultBooleans
}

export interface Decoded {
  /** undefined: the payload says nothing. */
  value: unknown
  /** Every number in it is a double, and there are no bytes in it, so that JSON.stringify writes it. */
  plain: boolean
}

/** `bytes`: what the payload had, decompressed. */
export type DecodedMessage = Decoded & { bytes: number }

export type Reject = (reason: RejectionReason, detail: string) => void

/** null: rejected. */
export function decode(
  encoding: Encoding,
  message: { payload: Uint8Array; properties: MessageProperties | null },
  limits: Pick<Limits, 'decompressedBytesMax' | 'binaryItemsMax' | 'protobufBytesMax'>,
  reject: Reject
): DecodedMessage | null {
  let { payload, properties } = message
  const { compression, decoder } = encoding
  // Bytes are kept as they are, unless the mapping says that they are compressed
  if (payload.length > 0 && (compression !== 'auto' || mayBeCompressed(decoder, properties))) {
    const inflated = decompress(payload, compression, limits.decompressedBytesMax)
    if ('fault' in inflated) {
      reject('not_decompressed', inflated.fault)
      return null
    }
    if (inflated.payload !== payload) properties = withoutCompression(properties)
    payload = inflated.payload
  }
  const decoded = decodeBytes(encoding, payload, properties, limits, reject)
  return decoded === null ? null : { ...decoded, bytes: payload.length }
}

function decodeBytes(
  { decoder, schema, booleans }: Encoding,
  payload: Uint8Array,
  properties: MessageProperties | null,
  limits: Pick<Limits, 'binaryItemsMax' | 'protobufBytesMax'>,
  reject: Reject
): Decoded | null {
  switch (decoder) {
    case 'auto': {
      if (payload.length === 0) return { value: undefined, plain: true }
      const format = binaryFormatOf(properties, schema !== null)
      return format === null
        ? decodeAuto(payload, properties, reject)
        : decodeBinary(format, payload, schema, limits, reject)
    }
    case 'json':
      return notEmpty(payload, reject) ? decodeAuto(payload, saidJson, reject) : null
    case 'cbor':
    case 'msgpack':
      return notEmpty(payload, reject) ? decodeBinary(decoder, payload, schema, limits, reject) : null
    case 'protobuf':
      // A message whose fields all have their default has no bytes
      return decodeBinary(decoder, payload, schema, limits, reject)
    case 'bytes':
      return { value: Uint8Array.from(payload), plain: false }
    case 'text': {
      const text = toText(payload, reject)
      return text === null ? null : { value: text, plain: true }
    }
    case 'number':
      return notEmpty(payload, reject) ? decodeNumber(payload, reject) : null
    case 'boolean':
      return notEmpty(payload, reject) ? decodeBoolean(payload, booleans, reject) : null
  }
}

const saidJson: MessageProperties = { contentType: 'application/json' }

function decodeBinary(
  format: BinaryFormat,
  payload: Uint8Array,
  schema: ProtobufSchema | null,
  { binaryItemsMax, protobufBytesMax }: Pick<Limits, 'binaryItemsMax' | 'protobufBytesMax'>,
  reject: Reject
): Decoded | null {
  let document: BinaryDocument
  try {
    if (format === 'protobuf') document = schema!.read(payload, protobufBytesMax)
    else document = (format === 'cbor' ? readCbor : readMsgPack)(payload, binaryItemsMax)
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error
    reject(error.reason, error.message)
    return null
  }
  if (document.duplicates)
    reject('duplicate_keys', 'A name stands twice in a map: the last of them was taken.')
  return { value: document.value, plain: false }
}

/** JSON, or a number, text and bytes, as the content type and the bytes say. */
function decodeAuto(
  payload: Uint8Array,
  properties: MessageProperties | null,
  reject: Reject
): Decoded | null {
  const { format, value, text, fault } = decodePayload(payload, properties)
  if (fault !== null) {
    reject(fault, payloadFaults[fault].replace(/: .*/, '.'))
    if (fault !== 'duplicate_keys') return null
  }
  if (format === 'binary') return { value: Uint8Array.from(payload), plain: false }
  if (format === 'text') {
    const saidText = properties?.contentType?.trim().toLowerCase().startsWith('text/')
    return { value: saidText === true ? text : (readNumber(text!) ?? text), plain: true }
  }
  if (text!.length < 16 || !mayHaveLargeIntegers(text!)) return { value, plain: true }
  return { value: parseExact(text!.startsWith('\ufeff') ? text!.slice(1) : text!), plain: false }
}

function notEmpty(payload: Uint8Array, reject: Reject): boolean {
  if (payload.length === 0) reject('empty_payload', 'The payload is empty, and the mapping expects a value')
  return payload.length > 0
}

function toText(payload: Uint8Array, reject: Reject): string | null {
  if (isUtf8(payload))
    return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8')
  reject('not_utf8', 'The payload is not UTF-8. Use decoder: bytes to keep it as it is')
  return null
}

function decodeNumber(payload: Uint8Array, reject: Reject): Decoded | null {
  const text = toText(payload, reject)
  if (text === null) return null
  const number = readNumber(text)
  if (number === null) reject('not_a_number', `The text is not a number: ${quote(text)}`)
  return number === null ? null : { value: number, plain: true }
}

function decodeBoolean(payload: Uint8Array, booleans: BooleanWords, reject: Reject): Decoded | null {
  const text = toText(payload, reject)
  if (text === null) return null
  const value = booleans.get(text.trim())
  if (value === undefined)
    reject('not_a_boolean', `None of the words for true and false: ${quote(text)}. Add it to booleans`)
  return value === undefined ? null : { value, plain: true }
}
