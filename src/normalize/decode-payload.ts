/** Payloads to values: what the decoder of a mapping makes of bytes. Integers beyond 2^53 are exact. Pure. */

import { isUtf8 } from 'node:buffer'
import type { RejectionReason } from '../datapoints.ts'
import type { MessageProperties } from '../model.ts'
import { decodePayload, payloadFaults } from '../payload.ts'
import { mayHaveLargeIntegers, parseExact } from './exact-json.ts'
import { quote } from './names.ts'
import type { BooleanWords } from './values.ts'
import { readNumber } from './values.ts'

export const builtInDecoders = ['auto', 'json', 'text', 'number', 'boolean', 'bytes'] as const
export type BuiltInDecoder = (typeof builtInDecoders)[number]

export interface Decoded {
  /** undefined: the payload says nothing. */
  value: unknown
  /** Every number in it is a double, so that JSON.stringify writes it. */
  plain: boolean
}

export type Reject = (reason: RejectionReason, detail: string) => void

/** null: rejected. */
export function decode(
  decoder: BuiltInDecoder,
  payload: Uint8Array,
  properties: MessageProperties | null,
  booleans: BooleanWords,
  reject: Reject
): Decoded | null {
  switch (decoder) {
    case 'auto':
      return payload.length === 0
        ? { value: undefined, plain: true }
        : decodeAuto(payload, properties, reject)
    case 'json':
      return notEmpty(payload, reject) ? decodeAuto(payload, saidJson, reject) : null
    case 'bytes':
      return { value: Uint8Array.from(payload), plain: true }
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
  if (format === 'binary') return { value: Uint8Array.from(payload), plain: true }
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
