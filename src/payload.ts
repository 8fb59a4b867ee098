/** What a payload is, for readers: decoded when it is read, never instead of the bytes. Pure. */

import { isUtf8 } from 'node:buffer'
import type { MessageProperties } from './model.ts'

export type PayloadFormat = 'json' | 'number' | 'boolean' | 'text' | 'binary' | 'empty'

/** Deeper JSON is text: a reader's parser, or ours, would exhaust its stack on it. */
const jsonDepthMax = 100

/**
 * Why the value does not say all that the bytes say, or why they are not what they were said to be; and what is given
 * then. Text and bytes are exact whatever it is.
 */
export const payloadFaults = {
  not_utf8: 'Said to be text or JSON, and not UTF-8: only the bytes are given.',
  malformed_json: 'Said to be JSON, and it is not: given as text.',
  too_deep: `JSON nested deeper than ${jsonDepthMax} levels: given as text.`,
  number_out_of_range:
    'A JSON number that no double holds, such as 1e400: the value is null, the text is exact.',
  duplicate_keys: 'A name stands twice in a JSON object: the value has the last of them, the text has all.'
} as const

export type PayloadFault = keyof typeof payloadFaults

export interface DecodedPayload {
  format: PayloadFormat
  /** The decoded value; null for binary, empty, and `number_out_of_range`. */
  value: unknown
  /** The exact text; null for binary. */
  text: string | null
  fault: PayloadFault | null
}

/** In this order: MQTT 5 content type, JSON, number, UTF-8 text, bytes. */
export function decodePayload(payload: Uint8Array, properties: MessageProperties | null): DecodedPayload {
  if (payload.length === 0) return { format: 'empty', value: null, text: '', fault: null }
  const type = toType(properties?.contentType)
  const saidJson = type === 'application/json' || type.endsWith('+json')
  const saidText = type.startsWith('text/')
  const saidUtf8 = saidText || saidJson || properties?.payloadFormatIndicator === 1 // [MQTT-3.3.2.3.2]
  const saidBytes = isBinaryType(type)
  if (saidBytes && !saidUtf8) return asBytes(null)
  if (!isUtf8(payload)) return asBytes(saidUtf8 ? 'not_utf8' : null)
  if (saidBytes) return asBytes(null)
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8')
  return saidText ? asText(text, null) : decodeJson(text, saidJson)
}

/** A media type without its parameters; empty where there is none, as with most messages. */
const toType = (contentType: string | undefined): string =>
  contentType === undefined ? '' : contentType.split(';')[0]!.trim().toLowerCase()

const asBytes = (fault: PayloadFault | null): DecodedPayload => ({
  format: 'binary',
  value: null,
  text: null,
  fault
})

const asText = (text: string, fault: PayloadFault | null): DecodedPayload => ({
  format: 'text',
  value: text,
  text,
  fault
})

const isBinaryType = (type: string): boolean =>
  type !== '' &&
  (type === 'application/octet-stream' ||
    type === 'application/cbor' ||
    type === 'application/msgpack' ||
    type === 'application/x-protobuf' ||
    type === 'application/gzip' ||
    type === 'application/zip' ||
    type === 'application/pdf' ||
    /^(image|audio|video|font)\//.test(type))

/** A number is one by JSON's grammar (RFC 8259 section 6): 00123, NaN and 0x1F are text. */
function decodeJson(text: string, saidJson: boolean): DecodedPayload {
  // A byte order mark is not part of the text (RFC 8259 section 8.1)
  const body = text.startsWith('\ufeff') ? text.slice(1) : text
  const notJson = (): DecodedPayload => asText(text, saidJson ? 'malformed_json' : null)
  if (!/^\s*["[{\-\dtfn]/.test(body)) return notJson()
  const { names, depth, closed } = scanJson(body)
  if (depth > jsonDepthMax) return closed ? asText(text, 'too_deep') : notJson()
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return notJson()
  }
  const format = typeof value === 'number' ? 'number' : typeof value === 'boolean' ? 'boolean' : 'json'
  const kept = countNames(value)
  // A number that is not finite makes the count one, too
  if (Number.isNaN(kept)) return { format, value: null, text, fault: 'number_out_of_range' }
  return { format, value, text, fault: kept < names ? 'duplicate_keys' : null }
}

/** Looks at brackets and colons outside strings, without recursion. In JSON, each colon follows a name of an object. */
function scanJson(text: string): { names: number; depth: number; closed: boolean } {
  let open = 0
  let depth = 0
  let names = 0
  let inString = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (inString) {
      if (code === 0x5c) index++
      else if (code === 0x22) inString = false
    } else if (code === 0x22) inString = true
    else if (code === 0x3a) names++
    else if (code === 0x5b || code === 0x7b) {
      if (++open > depth) depth = open
    } else if (code === 0x5d || code === 0x7d) open--
  }
  return { names, depth, closed: open === 0 }
}

/** Names in the objects of a parsed value, which is not deep; NaN where a number is not finite. */
function countNames(value: unknown): number {
  if (typeof value === 'number') return Number.isFinite(value) ? 0 : Number.NaN
  if (typeof value !== 'object' || value === null) return 0
  let names = 0
  if (Array.isArray(value)) for (const item of value) names += countNames(item)
  else {
    // Faster than Object.entries; JSON.parse makes own properties only, __proto__ among them
    for (const name in value) names += 1 + countNames((value as Record<string, unknown>)[name])
  }
  return names
}
