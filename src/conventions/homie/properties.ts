/** Values of properties, by the description of their device. Pure. */

import type { ConventionRoute } from '../../normalize/convention.ts'
import type { DecodedDatapoint, DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import { Facts } from '../facts.ts'
import { set } from '../shared-map.ts'
import { isLegal, readPayload } from './checks.ts'
import { readLiteral } from './literals.ts'
import { deviceOf, propertyOf, toMemory, withDevice, withWaiting } from './memory.ts'
import type { Memory, Property } from './memory.ts'
import { isWithin, parseRange } from './range.ts'

type Decode = ConventionRoute['decode']

/** What the device with an ID is called in Rialto. */
export type Naming = (id: string) => string

/** Of a property, or of its `$target`: what the device accepted, and has not reached yet. */
export const decodeProperty =
  (name: Naming, suffix: '' | '/$target'): Decode =>
  (state, message) => {
    const facts = new Facts()
    const { device: id, node, property } = message.captures as Record<string, string>
    // Extensions have attributes of their own, such as $meta
    if (node!.startsWith('$') || property!.startsWith('$')) return null
    if (!isLegal(id!, facts) || !isLegal(node!, facts) || !isLegal(property!, facts)) return facts.result()
    // Deleted: section Device reconfiguration
    if (message.payload.length === 0) return facts.result()
    const text = readPayload(message, facts)
    if (text === undefined) return facts.result()
    const metric = `${node}/${property}${suffix}`
    const memory = toMemory(state)
    if (deviceOf(memory, id!)?.properties === undefined)
      return wait(memory, id!, metric, text, message.kind, facts)
    const after = withTarget(memory, id!, metric, tell(memory, id!, metric, text, message, name, facts))
    return facts.result(after === memory ? undefined : after)
  }

/** Remembers that a property has a `$target`: from then on, that tells soonest what became of a command. */
export function withTarget(memory: Memory, id: string, metric: string, told: Property | undefined): Memory {
  if (told === undefined || told.target || !metric.endsWith('/$target')) return memory
  const device = deviceOf(memory, id)!
  const path = metric.replace('/$target', '')
  return withDevice(memory, id, {
    ...device,
    properties: set(device.properties!, path, { ...told, target: true })
  })
}

/** A value without its description: nobody knows whether 1 is a number, a text or a choice. */
function wait(
  memory: Memory,
  id: string,
  metric: string,
  text: string,
  kind: DecoderMessage['kind'],
  facts: Facts
): DecoderResult {
  const after = withWaiting(memory, id, metric, text)
  if (after === null)
    facts.reject('state_too_large', `${id} has not described itself, and too many values wait for that`)
  else if (kind === 'message')
    facts.reject(
      'wrong_shape',
      `${id} has not described itself: the value waits for its $description. Is that topic subscribed to?`
    )
  return facts.result(after === null || after === memory ? undefined : after)
}

/** Undefined: there is no such property, or this is no value of it; `facts` say why. */
export function tell(
  memory: Memory,
  id: string,
  metric: string,
  text: string,
  message: DecoderMessage,
  name: Naming,
  facts: Facts
): Property | undefined {
  const property = propertyOf(memory, id, metric.replace('/$target', ''))
  if (property === undefined) {
    facts.reject('wrong_shape', `The $description of ${id} has no property ${metric}`)
    return undefined
  }
  const read = readLiteral(property.datatype, property.format, text)
  if ('fault' in read) {
    facts.reject('wrong_shape', `${metric} ${read.fault}`)
    return undefined
  }
  // What happened is not retained; what is, happened long ago
  if (property.event && message.kind !== 'message') return undefined
  facts.datapoint(toDatapoint(name(id), metric, property, read.value))
  return property
}

function toDatapoint(device: string, metric: string, property: Property, value: unknown): DecodedDatapoint {
  const { datatype, format, unit, event } = property
  const range =
    (datatype === 'integer' || datatype === 'float') && format !== undefined
      ? parseRange(datatype, format)
      : null
  return {
    device,
    metric,
    value: value as DecodedDatapoint['value'],
    ...(unit !== undefined && { unit }),
    ...(event && { role: 'event' as const }),
    ...(range !== null && !isWithin(range, Number(value)) && { quality: 'out_of_range' })
  }
}
