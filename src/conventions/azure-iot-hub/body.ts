/** The body of a message, by its content type and content encoding: members, a value, or bytes. Pure. */

import type { DecoderMessage } from '../../normalize/decoder.ts'
import { mayHaveLargeIntegers, parseExact } from '../../normalize/exact-json.ts'
import { decodePayload, payloadFaults } from '../../payload.ts'
import type { Facts } from '../facts.ts'
import { inflate } from '../inflate.ts'

/** undefined: there is none, and `facts` say why where that is a fault. `$.ct` and `$.ce` of the property bag. */
export function readBody(
  { payload, properties }: DecoderMessage,
  type: string | null,
  encoding: string | null,
  facts: Facts
): unknown {
  if (payload.length === 0) return undefined
  const contentType = type ?? properties?.contentType
  const charset = /;\s*charset="?([\w-]+)/i.exec(contentType ?? '')?.[1]
  const bytes = toUtf8(payload, (encoding ?? charset ?? 'utf-8').trim().toLowerCase(), facts)
  if (bytes === null) return undefined
  const { format, value, text, fault } = decodePayload(
    bytes,
    contentType === undefined ? null : { contentType }
  )
  if (fault !== null) facts.reject(fault, payloadFaults[fault].replace(/: .*/, '.'))
  // What it was said to be, it is not, and nothing tells what it is instead
  if (fault !== null && fault !== 'duplicate_keys') return undefined
  if (format === 'binary') return bytes
  const isJson = format !== 'text' && format !== 'empty'
  if (!isJson || !mayHaveLargeIntegers(text!)) return value
  return parseExact(text!.startsWith('\ufeff') ? text!.slice(1) : text!)
}

/** A content encoding is a charset, as the hub's message routing has it, or a compression, as everywhere else. */
function toUtf8(payload: Uint8Array, encoding: string, facts: Facts): Uint8Array | null {
  try {
    if (encoding === 'gzip') return inflate(payload, 'gzip', facts)
    if (encoding === 'deflate') return inflate(payload, 'zlib', facts)
    if (/^utf-?16(le)?$/.test(encoding)) return fromUtf16(payload, 'utf-16le')
    if (/^utf-?16be$/.test(encoding)) return fromUtf16(payload, 'utf-16be')
    if (/^utf-?32(le|be)?$/.test(encoding)) return fromUtf32(payload, encoding.endsWith('be'))
  } catch (error) {
    facts.reject(
      'wrong_shape',
      `The payload is not the ${encoding} that it is said to be: ${(error as Error).message}`
    )
    return null
  }
  if (!/^(utf-?8|us-ascii|ascii|identity)?$/.test(encoding))
    facts.reject(
      'wrong_shape',
      `The content encoding ${JSON.stringify(encoding.slice(0, 60))} is none known; the payload was read as it is`
    )
  return payload
}

/** A byte order mark says which way round. */
function fromUtf16(payload: Uint8Array, label: 'utf-16le' | 'utf-16be'): Uint8Array {
  const swapped = payload[0] === 0xfe && payload[1] === 0xff
  return Buffer.from(new TextDecoder(swapped ? 'utf-16be' : label, { fatal: true }).decode(payload))
}

function fromUtf32(payload: Uint8Array, bigEndian: boolean): Uint8Array {
  if (payload.length % 4 !== 0) throw new Error('its length is no multiple of 4')
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const marked = view.getUint32(0) === 0xfeff
  const pieces: string[] = []
  for (let at = 0; at < payload.length; at += 4)
    pieces.push(String.fromCodePoint(view.getUint32(at, !(bigEndian || marked))))
  const text = pieces.join('')
  return Buffer.from(text.startsWith('\ufeff') ? text.slice(1) : text)
}
