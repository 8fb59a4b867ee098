/** What the bridge says of itself (https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html). */

import type { DecodedDatapoint, DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import type { DecoderState } from '../../normalize/mapping-set.ts'
import { Facts, flatten, isObject, readJson, readObject } from '../facts.ts'
import { presenceOf, readOnline } from './entities.ts'
import type { Memory } from './memory.ts'
import { namesOf, toMemory, toState } from './memory.ts'
import type { Naming } from './naming.ts'

/** Its will. Without it no device can be reached; when it is back, what was said of them last counts until it is said anew. */
export function decodeState(
  naming: Naming,
  state: DecoderState | null,
  message: DecoderMessage
): DecoderResult {
  const facts = new Facts()
  const { bridge, ...others } = toMemory(state)
  const isGone = message.kind === 'cleared' || message.payload.length === 0
  const online = isGone ? null : readOnline(message, facts)
  if (online === undefined) return facts.result()
  const word = online === null ? undefined : online ? 'online' : 'offline'
  facts.presence(naming.bridge, word ?? 'unknown', word === 'offline' ? 'death' : 'availability')
  if (bridge === word) return facts.result()
  const memory: Memory = word === undefined ? others : { ...others, bridge: word }
  if (bridge === 'offline' || word === 'offline')
    for (const name of namesOf(memory)) facts.presence(naming.device(name), presenceOf(memory, name))
  return facts.result(toState(memory, state))
}

/** Its configuration is as large as it is private, and left out. */
export function decodeInfo(naming: Naming, message: DecoderMessage): DecoderResult {
  const facts = new Facts()
  if (message.kind === 'cleared') return facts.result()
  const info = readObject(message, facts)
  if (info === undefined) return facts.result()
  const { version, commit, coordinator, network, log_level: logLevel } = info
  const { ieee_address: ieeeAddress, type } = isObject(coordinator) ? coordinator : {}
  const { channel, pan_id: panId, extended_pan_id: extendedPanId } = isObject(network) ? network : {}
  const known = { version, commit, ieeeAddress, coordinator: type, channel, panId, extendedPanId, logLevel }
  const attributes = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined))
  facts.attributes(naming.bridge, attributes)
  for (const metric of ['permit_join', 'restart_required'])
    if (typeof info[metric] === 'boolean')
      facts.datapoint({ device: naming.bridge, metric, value: info[metric] })
  return facts.result()
}

/** `bridge/health`: of itself; what it counts of each device is left out. */
export function decodeHealth(naming: Naming, message: DecoderMessage): DecoderResult {
  const facts = new Facts()
  if (message.kind === 'cleared') return facts.result()
  const { devices: _, ...health } = readObject(message, facts) ?? {}
  flatten(health, (path, value) =>
    facts.datapoint({
      device: naming.bridge,
      metric: `health.${path}`,
      value: value as DecodedDatapoint['value']
    })
  )
  return facts.result()
}

/** `bridge/event`, `bridge/logging`, and `bridge/log` of 1.x: what happened, as it is told. */
export function decodeEvent(naming: Naming, metric: string, message: DecoderMessage): DecoderResult {
  const facts = new Facts()
  if (message.kind === 'cleared') return facts.result()
  const value = readObject(message, facts)
  if (value !== undefined) facts.datapoint({ device: naming.bridge, metric, value, role: 'event' })
  return facts.result()
}

export function decodeResponse(naming: Naming, message: DecoderMessage): DecoderResult {
  const facts = new Facts()
  if (message.kind === 'cleared') return facts.result()
  const response = readJson(message, facts)
  if (response === undefined) return facts.result()
  if (!isObject(response) || (response.status !== 'ok' && response.status !== 'error'))
    return facts.reject('wrong_shape', 'A response has a status, ok or error').result()
  const { status, error, data, transaction } = response
  const said = {
    ok: status === 'ok',
    ...(typeof error === 'string' && { detail: error }),
    value: { request: message.captures.request!, data: data ?? null }
  }
  const device = naming.bridge
  if (typeof transaction === 'string' || typeof transaction === 'number')
    facts.response({ device, correlation: String(transaction), ...said })
  // Nobody waits for this one
  else facts.datapoint({ device, metric: 'response', value: said, role: 'event' })
  return facts.result()
}
