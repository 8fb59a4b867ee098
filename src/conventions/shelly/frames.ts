/** Frames of the RPC protocol (https://shelly-api-docs.shelly.cloud/gen2/General/RPCProtocol). */

import type { DecodedDatapoint, DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import { Facts, flatten, isObject, readObject } from '../facts.ts'
import type { Time } from './status.ts'
import { deviceInformation, readTime, sayStatus } from './status.ts'

/** `events/rpc`. null: it is no frame, and not from a Shelly. */
export function decodeNotification(message: DecoderMessage): DecoderResult | null {
  const facts = new Facts()
  if (message.kind === 'cleared') return facts.result()
  if (!looksLikeObject(message)) return null
  const frame = readObject(message, facts)
  if (frame === undefined) return facts.result()
  const { src, method, params } = frame
  if (typeof src !== 'string' || typeof method !== 'string') return null
  const device = message.captures.device!
  if (!isObject(params)) return facts.reject('wrong_shape', 'The notification has no params').result()
  // Where the prefix is another, what the device calls itself
  if (src !== device) facts.attributes(device, { id: src })
  const { ts, ...rest } = params
  const time = readTime(ts, facts)
  if (method === 'NotifyStatus' || method === 'NotifyFullStatus') sayAll(facts, device, rest, time)
  else if (method === 'NotifyEvent') sayEvents(facts, device, params.events, time)
  else facts.reject('wrong_shape', `${JSON.stringify(method.slice(0, 60))} is no notification that is known`)
  return facts.result()
}

export const looksLikeObject = ({ payload }: DecoderMessage): boolean =>
  /^\s*\{/.test(Buffer.from(payload.subarray(0, 64)).toString('latin1'))

function sayAll(facts: Facts, device: string, components: Record<string, unknown>, time: Time): void {
  for (const [component, status] of Object.entries(components))
    if (isObject(status)) sayStatus(facts, device, component, status, time)
    // A dynamic component that was removed is null
    else if (status !== null) facts.reject('wrong_shape', 'The status of a component is no object')
}

function sayEvents(facts: Facts, device: string, events: unknown, all: Time): void {
  if (!Array.isArray(events)) {
    facts.reject('wrong_shape', 'NotifyEvent has no list of events')
    return
  }
  for (const item of events) {
    if (!isObject(item) || typeof item.component !== 'string' || typeof item.event !== 'string') {
      facts.reject('wrong_shape', 'An event without its component, or without its name; it was left out')
      continue
    }
    const { component, event, ts, id: _, ...more } = item
    const time = ts === undefined || ts === null ? all : readTime(ts, facts)
    const metric = `${component}.event`
    facts.datapoint({ device, metric, value: event, ...time, role: 'event' })
    flatten(more, (path, value) =>
      facts.datapoint({
        device,
        metric: `${metric}.${path}`,
        value: value as DecodedDatapoint['value'],
        ...time,
        role: 'event'
      })
    )
  }
}

/** `rpc` of a device: what it is asked, by us or by others. null: it is none of that. */
export function decodeRequest(message: DecoderMessage): DecoderResult | null {
  if (message.kind === 'cleared' || !looksLikeObject(message)) return null
  const frame = readObject(message, new Facts())
  return typeof frame?.method === 'string' && frame.id !== undefined ? new Facts().result() : null
}

/** `CLIENT/rpc`: answers to what we asked. `device` is its name where the topic tells it, and else it is the source. */
export function decodeResponse(message: DecoderMessage): DecoderResult {
  const facts = new Facts()
  if (message.kind === 'cleared') return facts.result()
  const frame = readObject(message, facts)
  // The protocol is symmetric: a device may ask, too
  if (frame === undefined || typeof frame.method === 'string') return facts.result()
  const { id, src, result, error } = frame
  const device = message.captures.device ?? src
  if ((typeof id !== 'number' && typeof id !== 'string') || typeof device !== 'string')
    return facts
      .reject('wrong_shape', 'The response does not say to which request (`id`), or who it is from (`src`)')
      .result()
  if (error === undefined && result === undefined)
    return facts.reject('wrong_shape', 'The response has neither result nor error').result()
  const about = deviceInformation(result)
  if (about !== null) facts.attributes(device, about)
  return facts
    .response({
      device,
      correlation: String(id),
      ok: error === undefined,
      ...(error !== undefined && { detail: detailOf(error) }),
      ...(result !== undefined && { value: result })
    })
    .result()
}

function detailOf(error: unknown): string {
  if (!isObject(error)) return 'The device says no more'
  const { code, message } = error
  return [code, message].filter((part) => typeof part === 'number' || typeof part === 'string').join(': ')
}
