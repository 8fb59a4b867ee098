/**
 * What is remembered of all entities: which topics tell what of them, what commands they take, whether they are available.
 * By topic, so that a message costs the same however many entities there are. Pure.
 */

import type { DecoderState } from '../../normalize/mapping-set.ts'
import { emptyMap, entriesOf, get, isEmpty, set, without } from '../shared-map.ts'
import type { SharedMap } from '../shared-map.ts'
import type { Availability, Group } from './availability.ts'
import { addGroup, dropGroup, isWatched } from './availability.ts'
import type { Command } from './command-config.ts'
import type { Template } from './template.ts'

export interface Memory {
  /** By the levels of their topics before `config`. */
  configs: SharedMap<Config>
  devices: SharedMap<Device>
  /** By topic, then by device. */
  topics: SharedMap<SharedMap<Use[]>>
}

export interface Config {
  /** Of its payload: most are told again and again as they were. */
  hash: string
  device: string
  /** What its entities are called, by their keys in it. */
  entities: Array<[key: string, name: string]>
}

export interface Device {
  entities: SharedMap<Entity>
  /** Where values of it are told; where it is commanded, and said to be available, is known of its entities. */
  topics: string[]
  /** Entities with the same availability share it; null: a place that is free. */
  groups?: Array<Group | null>
}

export interface Entity {
  component: string
  /** By what they set: `brightness`; empty: the entity's own state. */
  commands?: SharedMap<Command>
  /** Its place in the groups of the device. */
  group?: number
}

/** What a message of a topic is to a device. */
export type Use = ReadUse | { entity: string; command: true } | { availability: true }

/** A value of an entity. */
export interface ReadUse extends Template {
  entity: string
  /** `brightness`; absent: the entity's own state. */
  part?: string
  words?: [on: string, off: string]
  number?: true
  unit?: string
  event?: true
  /** The payload is an object: this member is the entity's own state, the others are parts. */
  main?: string
  /** It is of this entity only with this payload: a trigger. */
  only?: string
}

/** An entity, with what its messages are. */
export interface Discovered {
  component: string
  uses: Array<[topic: string, use: ReadUse | { entity: string; command: true }]>
  commands: SharedMap<Command>
  availability: Availability | null
}

const nothing: Memory = { configs: emptyMap, devices: emptyMap, topics: emptyMap }

export const toMemory = (state: DecoderState | null): Memory => (state as Memory | null) ?? nothing

export const isNothing = ({ configs }: Memory): boolean => isEmpty(configs)

export function withEntity(memory: Memory, name: string, entity: string, discovered: Discovered): Memory {
  let { topics } = memory
  const known: Device = get(memory.devices, name) ?? { entities: emptyMap, topics: [] }
  const { uses, availability, component, commands } = discovered
  for (const [topic, added] of byTopic(uses, availability)) {
    const devices: SharedMap<Use[]> = get(topics, topic) ?? emptyMap
    const before = get(devices, name) ?? []
    const watched = before.some((use) => 'availability' in use)
    const fresh = watched ? added.filter((use) => !('availability' in use)) : added
    topics = set(topics, topic, set(devices, name, [...before, ...fresh]))
  }
  const told = new Set(uses.filter(([, use]) => !('command' in use)).map(([topic]) => topic))
  const more = [...told].filter((topic) => !known.topics.includes(topic))
  const { groups, group } = addGroup(known.groups, availability)
  const device: Device = {
    entities: set(known.entities, entity, {
      component,
      ...(!isEmpty(commands) && { commands }),
      ...(group !== null && { group })
    }),
    topics: more.length === 0 ? known.topics : [...known.topics, ...more],
    ...(groups !== undefined && { groups })
  }
  return { ...memory, topics, devices: set(memory.devices, name, device) }
}

function byTopic(uses: Discovered['uses'], availability: Availability | null): Map<string, Use[]> {
  const found = new Map<string, Use[]>()
  for (const [topic, use] of uses) found.set(topic, [...(found.get(topic) ?? []), use])
  for (const topic of new Set((availability?.of ?? []).map((watched) => watched.topic)))
    found.set(topic, [...(found.get(topic) ?? []), { availability: true }])
  return found
}

/** All of one device, in one go over its topics. */
export function withoutEntities(memory: Memory, name: string, gone: ReadonlySet<string>): Memory {
  const known = get(memory.devices, name)
  if (known === undefined || gone.size === 0) return memory
  let { entities } = known
  let { topics } = memory
  let groups: Device['groups'] = known.groups
  const touched = new Set(known.topics)
  for (const entity of gone) {
    const found = get(entities, entity)
    if (found === undefined) continue
    for (const topic of otherTopics(known, found)) touched.add(topic)
    groups = dropGroup(groups, found.group)
    entities = without(entities, entity)
  }
  for (const topic of touched) {
    const devices = get(topics, topic)
    const uses = get(devices, name)
    if (devices === undefined || uses === undefined) continue
    const kept = uses.filter((use) =>
      'availability' in use ? isWatched(groups, topic) : !gone.has(use.entity)
    )
    if (kept.length === uses.length) continue
    const left = kept.length === 0 ? without(devices, name) : set(devices, name, kept)
    topics = isEmpty(left) ? without(topics, topic) : set(topics, topic, left)
  }
  const told = known.topics.filter((topic) =>
    get(get(topics, topic), name)?.some((use) => 'entity' in use && !('command' in use))
  )
  const devices = isEmpty(entities)
    ? without(memory.devices, name)
    : set(memory.devices, name, { entities, topics: told, ...(groups !== undefined && { groups }) })
  return { ...memory, topics, devices }
}

/** Where the entity is commanded, and said to be available. */
function otherTopics({ groups }: Device, { commands, group }: Entity): string[] {
  const watched = group === undefined ? [] : (groups?.[group]?.of ?? [])
  const commanded = [...entriesOf(commands)].map(([, { topic }]) => topic)
  return [...watched.map(({ topic }) => topic), ...commanded]
}
