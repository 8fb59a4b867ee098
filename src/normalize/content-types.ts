/** What the content type of MQTT 5 [MQTT-3.3.2.3.9] says of an encoding. Bytes alone never tell CBOR or MessagePack. Pure. */

import type { MessageProperties } from '../model.ts'
import type { BuiltInDecoder } from './decode-payload.ts'

export type BinaryFormat = 'cbor' | 'msgpack' | 'protobuf'

/** Without its parameters; empty where there is none, as with most messages. */
export const mediaType = (properties: MessageProperties | null): string => {
  const contentType = properties?.contentType
  return contentType === undefined ? '' : contentType.split(';')[0]!.trim().toLowerCase()
}

const msgpack = new Set(['application/msgpack', 'application/x-msgpack', 'application/vnd.msgpack'])
const protobuf = new Set([
  'application/protobuf',
  'application/x-protobuf',
  'application/vnd.google.protobuf'
])
const compressed = new Set(['application/gzip', 'application/x-gzip', 'application/zlib'])

/** Protobuf can be read by those who have its schema. */
export function binaryFormatOf(
  properties: MessageProperties | null,
  hasSchema: boolean
): BinaryFormat | null {
  const type = mediaType(properties)
  if (type === '') return null
  // RFC 8949 section 9.5, RFC 8742 and others with a name before the suffix
  if (type === 'application/cbor' || type.endsWith('+cbor')) return 'cbor'
  if (msgpack.has(type)) return 'msgpack'
  return hasSchema && protobuf.has(type) ? 'protobuf' : null
}

/** What is said to be bytes of another kind is not looked into. */
export function mayBeCompressed(decoder: BuiltInDecoder, properties: MessageProperties | null): boolean {
  if (decoder === 'bytes') return false
  if (decoder !== 'auto') return true
  const type = mediaType(properties)
  return !/^(image|audio|video|font)\//.test(type) && !/^application\/(octet-stream|zip|pdf)$/.test(type)
}

/** A content type that told of the compression says nothing of what was compressed. */
export const withoutCompression = (properties: MessageProperties | null): MessageProperties | null =>
  compressed.has(mediaType(properties)) ? null : properties
