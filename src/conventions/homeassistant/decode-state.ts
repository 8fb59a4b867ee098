/** Messages on topics that configurations name: states, attributes, availability, and commands of others. Pure. */

import type { ConventionRoute } from '../../normalize/convention.ts'
import { Facts, readText } from '../facts.ts'
import { entriesOf, get, set } from '../shared-map.ts'
import { forget, hear, presenceOf } from './availability.ts'
import type { Group } from './availability.ts'
import type { Memory } from './memory.ts'
import { toMemory } from './memory.ts'
import { hearMessage, readUse } from './values.ts'
import type { Heard } from './values.ts'

/** Null: no configuration names the topic. */
export const decodeState: ConventionRoute['decode'] = (state, message) => {
  if (state === null) return null
  const before = toMemory(state)
  const devices = get(before.topics, message.topic)
  if (devices === undefined) return null
  const facts = new Facts()
  const text = message.payload.length === 0 ? '' : readText(message, facts)
  if (text === undefined) return facts.result()
  const heard = hearMessage(message, text, facts)
  let after = before
  for (const [device, uses] of entriesOf(devices)) {
    for (const use of uses) {
      if (heard.room.left <= 0) break
      if ('availability' in use) after = hearAvailability(after, device, heard, facts)
      else if (!('command' in use) && text !== '') readUse(use, device, heard, facts)
    }
  }
  return facts.result(after === before ? undefined : after)
}

function hearAvailability(
  memory: Memory,
  name: string,
  { message, text, json, room }: Heard,
  facts: Facts
): Memory {
  const device = get(memory.devices, name)!
  const before: ReadonlyArray<Group | null> = device.groups ?? []
  const groups =
    text === ''
      ? forget(before, message.topic)
      : hear(before, message.topic, text, json, (detail) => facts.reject('unknown_presence', detail))
  const presence = presenceOf(groups)
  room.left--
  if (presence !== 'unknown' || text === '') facts.presence(name, presence, 'availability')
  return groups === before
    ? memory
    : { ...memory, devices: set(memory.devices, name, { ...device, groups: [...groups] }) }
}
