/**
 * What devices and groups say: `BASE/FRIENDLY_NAME` with a JSON object, or, with `output: attribute`, one value on
 * `BASE/FRIENDLY_NAME/ATTRIBUTE`, which is never an object: so the payload tells where the name ends.
 */

import type { DecodedDatapoint, DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import type { DecoderState } from '../../normalize/mapping-set.ts'
import { Facts, flatten, isObject, readObject, readText } from '../facts.ts'
import type { Memory } from './memory.ts'
import { availabilityOf, isKnown, toMemory, toState, unitOf, withAvailability } from './memory.ts'
import type { Naming } from './naming.ts'

export function decodeEntity(
  naming: Naming,
  state: DecoderState | null,
  message: DecoderMessage
): DecoderResult {
  const facts = new Facts()
  const memory = toMemory(state)
  const name = message.captures.name!
  if (message.kind === 'cleared') return facts.result()
  if (/^\s*\{/.test(Buffer.from(message.payload.subarray(0, 64)).toString('latin1'))) {
    const members = readObject(message, facts)
    if (members !== undefined) sayMembers({ naming, memory, name, facts }, members)
    return facts.result()
  }
  const slash = name.lastIndexOf('/')
  if (slash === -1 || isKnown(memory, name)) {
    // A device that was removed or renamed leaves an empty message
    if (message.payload.length > 0) facts.reject('wrong_shape', 'The payload is no JSON object')
    return facts.result()
  }
  const word = readText(message, facts)
  if (word === undefined) return facts.result()
  const owner = { naming, memory, name: name.slice(0, slash), facts }
  // Members of objects are joined by `-` there, and by `.` in metrics
  say(owner, name.slice(slash + 1).replaceAll('-', '.'), toValue(word))
  return facts.result()
}

interface Owner {
  naming: Naming
  memory: Memory
  name: string
  facts: Facts
}

function sayMembers(owner: Owner, members: Record<string, unknown>): void {
  const { device, ...rest } = members
  // With include_device_information
  if (isObject(device)) owner.facts.attributes(owner.naming.device(owner.name), deviceInformation(device))
  else if (device !== undefined) say(owner, 'device', device)
  flatten(rest, (path, value) => say(owner, path, value))
}

/** What was pressed or turned, and how (https://www.zigbee2mqtt.io/guide/usage/exposes.html: it is no state). */
const isAction = (path: string): boolean => /^(action|click)($|[._])/.test(path)

function say({ naming, memory, name, facts }: Owner, path: string, value: unknown): void {
  const unit = typeof value === 'string' ? undefined : unitOf(memory, name, path)
  const isEvent = isAction(path)
  // It is said once more to be over, which is nothing that happened
  if (isEvent && (value === '' || value === null)) return
  facts.datapoint({
    device: naming.device(name),
    metric: path,
    value: value as DecodedDatapoint['value'],
    ...(unit !== undefined && { unit }),
    ...(isEvent && { role: 'event' })
  })
}

function toValue(word: string): string | number | boolean | null {
  if (word === '') return null
  if (word === 'true' || word === 'false') return word === 'true'
  return /^-?(0|[1-9]\d{0,14})(\.\d{1,15})?$/.test(word) ? Number(word) : word
}

const information = new Map([
  ['ieeeAddr', 'ieeeAddress'],
  ['model', 'model'],
  ['networkAddress', 'networkAddress'],
  ['type', 'type'],
  ['manufacturerName', 'manufacturer'],
  ['powerSource', 'powerSource'],
  ['softwareBuildID', 'firmware'],
  ['dateCode', 'dateCode']
])

const deviceInformation = (members: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    [...information].flatMap(([member, name]) => {
      const value = members[member]
      return value === undefined || value === null || typeof value === 'object' ? [] : [[name, value]]
    })
  )

/** A device is there if the bridge is, too: as zigbee2mqtt itself tells Home Assistant (`availability_mode: all`). */
export function decodeAvailability(
  naming: Naming,
  state: DecoderState | null,
  message: DecoderMessage
): DecoderResult {
  const facts = new Facts()
  const memory = toMemory(state)
  const name = message.captures.name!
  const device = naming.device(name)
  const online =
    message.kind === 'cleared' || message.payload.length === 0 ? null : readOnline(message, facts)
  if (online === undefined) return facts.result()
  facts.presence(device, toPresence(memory, online))
  const next = withAvailability(memory, name, online)
  return next === undefined ? facts.result() : facts.result(toState(next, state))
}

export const toPresence = ({ bridge }: Memory, online: boolean | null): 'online' | 'offline' | 'unknown' => {
  if (bridge === 'offline' || online === false) return 'offline'
  return online === null ? 'unknown' : 'online'
}

export const presenceOf = (memory: Memory, name: string): 'online' | 'offline' | 'unknown' =>
  toPresence(memory, availabilityOf(memory, name) ?? null)

/** Text, or JSON since 2.0; undefined where it is neither. */
export function readOnline(message: DecoderMessage, facts: Facts): boolean | undefined {
  const text = readText(message, facts)
  if (text === undefined) return undefined
  const word = text.trimStart().startsWith('{') ? readObject(message, facts)?.state : text.trim()
  if (word === 'online' || word === 'offline') return word === 'online'
  facts.reject('unknown_presence', 'It is neither online nor offline')
  return undefined
}
