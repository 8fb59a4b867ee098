/** Remote procedure calls: requests are events, and what is answered is a response. Pure. */

import { mayHaveLargeIntegers, parseExact } from '../../normalize/exact-json.ts'
import { quote } from '../../normalize/names.ts'
import { decodePayload } from '../../payload.ts'
import type { Facts } from '../facts.ts'
import { isObject } from '../facts.ts'

/** `request`: `{ method, params }`. */
export function takeRequest(device: string, id: unknown, request: unknown, facts: Facts): void {
  if (!isObject(request) || typeof request.method !== 'string')
    facts.reject(
      'wrong_shape',
      `A call of ${quote(device)} should be an object with a method, such as {"method":"getTime"}`
    )
  else
    facts.datapoint({
      device,
      metric: 'rpc',
      value: { id, method: request.method, params: request.params ?? null },
      role: 'event'
    })
}

/**
 * ThingsBoard takes any answer for success; devices have no other way to say that they failed than by what is in it. Its
 * own words for that are `error` and `success`.
 */
export function takeResponse(device: string, correlation: string, value: unknown, facts: Facts): void {
  const error = isObject(value) ? value.error : undefined
  const failed = isObject(value) && (value.success === false || Boolean(error))
  facts.response({
    device,
    correlation,
    ok: !failed,
    ...(typeof error === 'string' && error !== '' && { detail: error }),
    ...(value !== undefined && { value })
  })
}

/** JSON, or text: a device may answer with what it likes. Undefined: with nothing. */
export function readAnswer(payload: Uint8Array, facts: Facts): unknown {
  const { format, value, text, fault } = decodePayload(payload, null)
  if (fault === 'duplicate_keys')
    facts.reject('duplicate_keys', 'A name stands twice in an object of the answer; the last one was taken')
  if (fault === 'number_out_of_range') return text
  if (format === 'empty') return undefined
  if (format === 'binary') {
    facts.reject('not_utf8', 'The answer is not UTF-8, and was left out')
    return undefined
  }
  return format !== 'text' && mayHaveLargeIntegers(text!) ? parseExact(text!.replace(/^\ufeff/, '')) : value
}

/** ThingsBoard's ids are integers of 32 bits with a sign; ours come from the end of the command's id, which is random. */
export function requestIdOf(id: string): number {
  const bits = Number.parseInt(id.replaceAll('-', '').slice(-8), 16) & 0x7fff_ffff
  // Devices count from 1 or 0 for their own calls
  return bits < 1_000_000 ? bits + 1_000_000 : bits
}
