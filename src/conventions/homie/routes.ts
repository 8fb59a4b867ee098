/** What becomes of the messages of a Homie device. Pure. */

import type { ConventionRoute } from '../../normalize/convention.ts'
import type { DecoderState } from '../../normalize/mapping-set.ts'
import { quote } from '../../normalize/names.ts'
import { Facts, readObject } from '../facts.ts'
import { entriesOf, get, set } from '../shared-map.ts'
import { isLegal, readPayload } from './checks.ts'
import { readDescription } from './description.ts'
import {
  descendantsOf,
  deviceOf,
  isLost,
  isNothing,
  presenceOf,
  states,
  toMemory,
  withDevice,
  withoutWaiting
} from './memory.ts'
import type { Memory, State } from './memory.ts'
import type { Naming } from './properties.ts'
import { tell, withTarget } from './properties.ts'

type Decode = ConventionRoute['decode']

const remembered = (memory: Memory): DecoderState | null => (isNothing(memory) ? null : memory)

/** Presence of a device, and of those below it where it became lost, or is no longer. */
function tellPresence(id: string, before: Memory, after: Memory, name: Naming, facts: Facts): void {
  facts.presence(name(id), presenceOf(after, id) ?? 'unknown', 'availability')
  if (isLost(before, id) === isLost(after, id)) return
  for (const below of descendantsOf(after, id)) {
    const presence = presenceOf(after, below)
    if (below !== id && presence !== undefined) facts.presence(name(below), presence, 'availability')
  }
}

export const decodeState =
  (name: Naming): Decode =>
  (state, message) => {
    const facts = new Facts()
    const id = message.captures['device']!
    const before = toMemory(state)
    if (!isLegal(id, facts)) return facts.result()
    if (message.payload.length === 0) {
      // Section Device Lifecycle: a device without a state is removed
      const after = withoutWaiting(withDevice(before, id, undefined), id)
      tellPresence(id, before, after, name, facts)
      return facts.result(remembered(after))
    }
    const text = readPayload(message, facts)
    if (text === undefined) return facts.result()
    if (!states.includes(text as State)) {
      facts.reject('unknown_presence', `$state is ${quote(text)}, and should be one of ${states.join(', ')}`)
      return facts.result()
    }
    facts.datapoint({ device: name(id), metric: '$state', value: text })
    const device = deviceOf(before, id)
    const after =
      device?.state === text ? before : withDevice(before, id, { ...device, state: text as State })
    tellPresence(id, before, after, name, facts)
    return facts.result(after === before ? undefined : after)
  }

export const decodeDescription =
  (name: Naming): Decode =>
  (state, message) => {
    const facts = new Facts()
    const id = message.captures['device']!
    const before = toMemory(state)
    const known = deviceOf(before, id)
    if (!isLegal(id, facts)) return facts.result()
    if (message.payload.length === 0) {
      const { properties: _gone, root: _root, ...rest } = known ?? {}
      return facts.result(known === undefined ? undefined : remembered(withDevice(before, id, rest)))
    }
    const document = readObject(message, facts)
    const description = document === undefined ? undefined : readDescription(document, facts)
    if (description === undefined) return facts.result()
    facts.attributes(name(id), description.attributes)
    let { properties } = description
    for (const [path, property] of entriesOf(known?.properties))
      if (property.target && get(properties, path) !== undefined)
        properties = set(properties, path, { ...get(properties, path)!, target: true })
    const { root } = description
    const described = withDevice(before, id, {
      ...(known?.state !== undefined && { state: known.state }),
      ...(root !== undefined && { root }),
      properties
    })
    // It may be below one that is lost, which nobody could know before
    const presence = presenceOf(described, id)
    if (presence !== undefined && presence !== presenceOf(before, id))
      facts.presence(name(id), presence, 'availability')
    let after = withoutWaiting(described, id)
    for (const [metric, text] of entriesOf(get(before.waiting, id))) {
      const told = tell(after, id, metric, text, { ...message, kind: 'snapshot' }, name, facts)
      after = withTarget(after, id, metric, told)
    }
    return facts.result(after)
  }

const levels = ['debug', 'info', 'warn', 'error', 'fatal']

/** Section Logging. */
export const decodeLog =
  (name: Naming): Decode =>
  (_state, message) => {
    const facts = new Facts()
    const { device, level } = message.captures as Record<string, string>
    if (!isLegal(device!, facts) || message.payload.length === 0) return facts.result()
    if (!levels.includes(level!)) {
      facts.reject('wrong_shape', `$log has ${levels.join(', ')}, and no ${quote(level)}`)
      return facts.result()
    }
    const value = readPayload(message, facts)
    if (value !== undefined)
      facts.datapoint({ device: name(device!), metric: `$log/${level}`, value, role: 'event' })
    return facts.result()
  }

/** Section Alert topic: it is deleted when it is over. */
export const decodeAlert =
  (name: Naming): Decode =>
  (_state, message) => {
    const facts = new Facts()
    const { device, alert } = message.captures as Record<string, string>
    if (!isLegal(device!, facts) || !isLegal(alert!.replace(/^\$/, ''), facts)) return facts.result()
    const value = message.payload.length === 0 ? null : readPayload(message, facts)
    if (value !== undefined) facts.datapoint({ device: name(device!), metric: `$alert/${alert}`, value })
    return facts.result()
  }

/** Commands that someone sends, and broadcasts: devices will tell what they made of them. */
export const decodeNothing: Decode = () => ({ facts: {} })
