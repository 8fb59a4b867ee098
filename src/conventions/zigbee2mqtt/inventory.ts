/** `bridge/devices` and `bridge/groups`, retained: what there is, and in which units it measures. */

import { defaultLimits } from '../../limits.ts'
import type { DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import type { DecoderState } from '../../normalize/mapping-set.ts'
import { Facts, isObject, readJson } from '../facts.ts'
import { unitsOf } from './exposes.ts'
import { byName, toMemory, toState } from './memory.ts'
import type { Naming } from './naming.ts'

const max = defaultLimits.discoveredDevicesMax

export function decodeDevices(
  naming: Naming,
  state: DecoderState | null,
  message: DecoderMessage
): DecoderResult {
  const facts = new Facts()
  const memory = toMemory(state)
  if (message.kind === 'cleared') return facts.result(toState({ ...memory, units: [], devices: {} }, state))
  const items = readList(message, facts)
  if (items === undefined) return facts.result()
  /** Units by themselves, as JSON, so that equal ones are one. */
  const indexes = new Map<string, number>()
  const devices = new Map<string, number>()
  for (const item of items) {
    const name = isObject(item) ? item.friendly_name : undefined
    if (!isObject(item) || typeof name !== 'string' || name === '') {
      facts.reject('wrong_shape', 'A device without its friendly_name; it was left out')
      continue
    }
    // Its own stick: what is known of it stands in bridge/info
    if (item.type === 'Coordinator') continue
    facts.attributes(naming.device(name), attributesOf(item))
    const { exposes } = isObject(item.definition) ? item.definition : { exposes: null }
    const units = JSON.stringify([...unitsOf(exposes)])
    if (!indexes.has(units)) indexes.set(units, indexes.size)
    if (devices.size < max) devices.set(name, indexes.get(units)!)
    else facts.reject('state_too_large', `More than ${max} devices; the units of those behind are not known`)
  }
  const units = [...indexes.keys()].map((json) => byName(JSON.parse(json) as Array<[string, string]>))
  return facts.result(toState({ ...memory, units, devices: byName(devices) }, state))
}

export function decodeGroups(
  naming: Naming,
  state: DecoderState | null,
  message: DecoderMessage
): DecoderResult {
  const facts = new Facts()
  const memory = toMemory(state)
  if (message.kind === 'cleared') return facts.result(toState({ ...memory, groups: {} }, state))
  const items = readList(message, facts)
  if (items === undefined) return facts.result()
  const groups = new Map<string, number>()
  for (const item of items) {
    const name = isObject(item) ? item.friendly_name : undefined
    if (!isObject(item) || typeof name !== 'string' || name === '') {
      facts.reject('wrong_shape', 'A group without its friendly_name; it was left out')
      continue
    }
    const members = Array.isArray(item.members) ? item.members.filter(isObject) : []
    facts.attributes(naming.device(name), {
      type: 'Group',
      groupId: item.id ?? null,
      members: members.map((member) => member.ieee_address ?? null)
    })
    if (groups.size < max) groups.set(name, 0)
  }
  return facts.result(toState({ ...memory, groups: byName(groups) }, state))
}

function readList(message: DecoderMessage, facts: Facts): readonly unknown[] | undefined {
  const value = readJson(message, facts)
  if (value === undefined || Array.isArray(value)) return value as readonly unknown[] | undefined
  facts.reject('wrong_shape', 'The payload is JSON, but no list')
  return undefined
}

const ofDevice = new Map([
  ['ieee_address', 'ieeeAddress'],
  ['type', 'type'],
  ['network_address', 'networkAddress'],
  ['supported', 'supported'],
  ['disabled', 'disabled'],
  ['power_source', 'powerSource'],
  ['manufacturer', 'manufacturer'],
  ['model_id', 'modelId'],
  ['software_build_id', 'firmware'],
  ['date_code', 'dateCode'],
  ['interview_state', 'interviewState']
])

const ofDefinition = new Map([
  ['model', 'model'],
  ['vendor', 'vendor'],
  ['description', 'description']
])

function attributesOf(item: Record<string, unknown>): Record<string, unknown> {
  const { definition, description } = item
  const attributes = [
    ...pick(item, ofDevice),
    ...(isObject(definition) ? pick(definition, ofDefinition) : [])
  ]
  // The user's own words
  if (typeof description === 'string' && description !== '') attributes.push(['note', description])
  return Object.fromEntries(attributes)
}

function pick(
  members: Record<string, unknown>,
  names: ReadonlyMap<string, string>
): Array<[string, unknown]> {
  return [...names].flatMap(([member, name]): Array<[string, unknown]> => {
    const value = Object.hasOwn(members, member) ? members[member] : undefined
    return value === undefined || value === null || typeof value === 'object' ? [] : [[name, value]]
  })
}
