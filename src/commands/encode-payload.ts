/** From a JSON value to the bytes that are published: the same on every surface. Pure. */

import { encode as writeMsgPack } from '@msgpack/msgpack'
import { encode } from 'cborg'
import { Problem } from '../errors.ts'

export const encodings = ['json', 'text', 'cbor', 'msgpack'] as const
export type Encoding = (typeof encodings)[number]

/** What says so to the receiver, where the client gives no content type. */
export const contentTypeOf: Record<Encoding, string | null> = {
  json: null,
  text: null,
  cbor: 'application/cbor', // RFC 8949 section 9.5
  msgpack: 'application/msgpack' // IANA media types
}

/**
 * `payload` is a JSON value. As CBOR and MessagePack its numbers are integers where they are safe integers, and its members
 * keep their order. Throws Problem invalid_value that names `/payload`.
 */
export function encodePayload(payload: unknown, encoding: Encoding): Buffer {
  if (encoding === 'text') {
    if (typeof payload !== 'string') throw refuse('must be a string, because encoding is text')
    if (!payload.isWellFormed()) throw refuse('has a lone surrogate, which has no UTF-8')
    return Buffer.from(payload)
  }
  try {
    // JSON has an escape for a lone surrogate, UTF-8 has nothing
    if (encoding === 'json') return Buffer.from(JSON.stringify(payload))
    if (!isWellFormed(payload)) throw refuse(`has a lone surrogate, which has no ${encoding}`)
    return toBuffer(
      encoding === 'cbor' ? encode(payload, { mapSorter: () => 0 }) : writeMsgPack(payload, anyDepth)
    )
  } catch (error) {
    if (error instanceof RangeError) throw refuse('is nested too deeply') // its stack ran out
    throw error
  }
}

/** As deep as the stack goes, as JSON is. */
const anyDepth = { maxDepth: Infinity }

const toBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isWellFormed)
  return Object.entries(value).every(([name, member]) => name.isWellFormed() && isWellFormed(member))
}

const refuse = (detail: string): Problem =>
  new Problem('invalid_value', `/payload ${detail}`, [{ pointer: '/payload', detail }])
