/** What a payload is, for readers: decoded when it is read, never instead of the bytes. Pure. */

import { isUtf8 } from 'node:buffer'
import type { MessageProperties } from './model.ts'

export type PayloadFormat = 'json' | 'number' | 'boolean' | 'text' | 'binary' | 'empty'

export interface DecodedPayload {
  format: PayloadFormat
  /** The decoded value; null for binary, empty, and numbers beyond what JSON clients can hold. */
  value: unknown
  /** The exact text; null for binary. */
  text: string | null
}

/** Deeper JSON is text: a reader's parser, or ours, would exhaust its stack on it. */
const jsonDepthMax = 100

const binary: DecodedPayload = { format: 'binary', value: null, text: null }

/** In this order: MQTT 5 content type, JSON, number, UTF-8 text, bytes. */
export function decodePayload(payload: Uint8Array, properties: MessageProperties | null): DecodedPayload {
  if (payload.length === 0) return { format: 'empty', value: null, text: '' }
  const contentType = (properties?.contentType ?? '').split(';')[0]!.trim().toLowerCase()
  if (isBinaryType(contentType) || !isUtf8(payload)) return binary
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8')
  if (contentType.startsWith('text/')) return { format: 'text', value: text, text }
  return decodeJson(text) ?? { format: 'text', value: text, text }
}

const isBinaryType = (type: string): boolean =>
  type === 'application/octet-stream' ||
  type === 'application/cbor' ||
  type === 'application/msgpack' ||
  type === 'application/x-protobuf' ||
  type === 'application/gzip' ||
  type === 'application/zip' ||
  type === 'application/pdf' ||
  /^(image|audio|video|font)\//.test(type)

/** A number is one by JSON's grammar (RFC 8259 section 6): 00123, NaN and 0x1F are text. */
function decodeJson(text: string): DecodedPayload | null {
  // A byte order mark is not part of the text (RFC 8259 section 8.1)
  const body = text.startsWith('\ufeff') ? text.slice(1) : text
  if (!/^\s*["[{\-\dtfn]/.test(body) || isDeep(body)) return null
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return null
  }
  if (typeof value === 'number')
    return { format: 'number', value: Number.isFinite(value) ? value : null, text }
  if (typeof value === 'boolean') return { format: 'boolean', value, text }
  return { format: 'json', value, text }
}

/** Counts brackets outside strings, without recursion. */
function isDeep(text: string): boolean {
  let depth = 0
  let inString = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (inString) {
      if (code === 0x5c) index++
      else if (code === 0x22) inString = false
    } else if (code === 0x22) inString = true
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > jsonDepthMax) return true
    } else if (code === 0x5d || code === 0x7d) depth--
  }
  return false
}
