/** Messages of devices and modules to the hub. Pure. */

import type { DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import { readTimestamp } from '../../normalize/timestamps.ts'
import { Facts, flatten, isObject } from '../facts.ts'
import { readBody } from './body.ts'
import type { PropertyBag } from './property-bag.ts'
import { readBag } from './property-bag.ts'

/** Said by the device when it made the message; the hub has both names for it. */
const creationTimes = ['iothub-creation-time-utc', '$.ctime'] as const

/** `device`, or `device/module`, which is the client id of a module. */
export const deviceOf = ({ captures: { device, module } }: DecoderMessage): string =>
  module === undefined ? device! : `${device}/${module}`

export function decodeTelemetry(_: unknown, message: DecoderMessage): DecoderResult {
  const facts = new Facts()
  // Nothing is retained by a hub, and what is removed elsewhere says nothing
  if (message.kind === 'cleared') return facts.result()
  const device = deviceOf(message)
  const bag = readBag(message.captures['properties'] ?? '', (detail) => facts.reject('wrong_shape', detail))
  const at = readCreation(bag, facts)
  // A component of Plug and Play
  const component = bag.get('$.sub') ?? ''
  const prefix = component === '' ? '' : `${component}.`
  const tell = (metric: string, value: unknown): void =>
    void facts.datapoint({ device, metric, value: value as string, ...at })
  const body = readBody(message, bag.get('$.ct') ?? null, bag.get('$.ce') ?? null, facts)
  if (isObject(body)) flatten(body, tell, prefix)
  else if (body !== undefined) tell(`${prefix}value`, body)
  for (const [name, value] of bag)
    if (!name.startsWith('$.') && name !== creationTimes[0] && name !== messageType)
      tell(`properties.${name}`, value)
  const isWill = bag.get(messageType) === 'Will'
  if (isWill) facts.presence(device, 'offline', 'death')
  else if (message.kind === 'message') facts.presence(device, 'online')
  // Its will is said by the broker
  return { ...facts.result(), toDevice: isWill }
}

/** The hub gives it to will messages; a device says so itself where another broker publishes its will. */
const messageType = 'iothub-MessageType'

function readCreation(bag: PropertyBag, facts: Facts): { observedAt?: number } {
  for (const name of creationTimes) {
    const text = bag.get(name)
    if (text === undefined) continue
    const observedAt = readTimestamp(text, 'auto')
    if (observedAt !== null) return { observedAt }
    facts.reject('invalid_timestamp', `${name} in the topic is no time such as 2026-11-24T12:00:00Z`)
  }
  return {}
}
