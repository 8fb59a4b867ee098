/** Messages of discovery: what they configure is remembered, and known of the device. Pure. */

import { defaultLimits } from '../../limits.ts'
import type { ConventionRoute } from '../../normalize/convention.ts'
import { hashOf } from '../../normalize/hash.ts'
import { quote } from '../../normalize/names.ts'
import { Facts, readObject } from '../facts.ts'
import { entriesOf, get, set, without } from '../shared-map.ts'
import { keepTold } from './availability.ts'
import { readDiscovery } from './discovery.ts'
import type { Discovery, Place } from './discovery.ts'
import { readEntity } from './entity-config.ts'
import type { EntityConfig, ReadEntity } from './entity-config.ts'
import { chooseName } from './entity-names.ts'
import { isNothing, toMemory, withEntity, withoutEntities } from './memory.ts'
import type { Config, Memory } from './memory.ts'

/** `space` keeps what is told under one prefix from what is told under another. */
export const decodeConfig =
  (space: string): ConventionRoute['decode'] =>
  (state, message) => {
    const facts = new Facts()
    const { component = 'device', node = null, object } = message.captures as Partial<Record<string, string>>
    const place: Place = { component, node, object: object! }
    const wrong = [component, node, object].find((id) => id !== null && !/^[a-zA-Z0-9_-]+$/.test(id!))
    if (wrong !== undefined) {
      facts.reject(
        'wrong_shape',
        `${quote(wrong)} in the topic is no ID: those have a to z, A to Z, 0 to 9, _ and -`
      )
      return facts.result()
    }
    const id = space + [component, ...(node === null ? [] : [node]), object].join('/')
    const before = toMemory(state)
    const known = get(before.configs, id)
    if (message.payload.length === 0) {
      const after = forget(before, id, known, facts)
      return facts.result(after === before ? undefined : isNothing(after) ? null : after)
    }
    const document = readObject(message, facts)
    const discovery = document === undefined ? undefined : readDiscovery(place, document, facts)
    if (discovery === undefined) return facts.result()
    if (discovery === 'migrate') {
      // The entities come again by another topic, by the names that they have
      const after = known === undefined ? before : withoutConfig(before, id, known)
      return facts.result(after === before ? undefined : isNothing(after) ? null : after)
    }
    const hash = hashOf(Buffer.from(message.payload).toString('latin1')).slice(0, 12)
    const after = known?.hash === hash ? before : configure(before, id, known, hash, discovery, place, facts)
    tellAttributes(after, id, known, discovery, facts)
    return facts.result(after === before ? undefined : after)
  }

/** That one message may name. */
const { discoveryTopicsMax: topicsMax } = defaultLimits

function configure(
  before: Memory,
  id: string,
  known: Config | undefined,
  hash: string,
  { device, entities }: Discovery,
  place: Place,
  facts: Facts
): Memory {
  const former = known?.device === device ? new Map(known.entities) : new Map<string, string>()
  let after = known === undefined ? before : withoutConfig(before, id, known)
  const names: Config['entities'] = []
  let topics = 0
  for (const { key, component, config } of entities) {
    const used = get(after.devices, device)?.entities
    const name = chooseName(component, config, key === '' ? place.object : key, used, former.get(key))
    const read = readEntity(component, name, config)
    topics += read.uses.length
    if (topics > topicsMax) {
      facts.reject('state_too_large', `More than ${topicsMax} topics; the entities behind were left out`)
      break
    }
    names.push([key, name])
    after = withEntity(after, device, name, read)
  }
  const groups = keepTold(get(before.devices, device)?.groups, get(after.devices, device)?.groups)
  if (groups !== undefined)
    after = {
      ...after,
      devices: set(after.devices, device, { ...get(after.devices, device)!, groups })
    }
  return { ...after, configs: set(after.configs, id, { hash, device, entities: names }) }
}

function withoutConfig(before: Memory, id: string, { device, entities }: Config): Memory {
  const after = withoutEntities(before, device, new Set(entities.map(([, name]) => name)))
  return { ...after, configs: without(after.configs, id) }
}

/** An empty payload: what it configured is removed. */
function forget(before: Memory, id: string, known: Config | undefined, facts: Facts): Memory {
  if (known === undefined) return before
  const after = withoutConfig(before, id, known)
  const { device, entities } = known
  if (entities.length > 0)
    facts.attributes(device, Object.fromEntries(entities.map(([, name]) => [`entity.${name}`, null])))
  if (get(after.devices, device) === undefined) facts.presence(device, 'unknown', 'availability')
  return after
}

function tellAttributes(
  after: Memory,
  id: string,
  known: Config | undefined,
  { device, attributes, entities }: Discovery,
  facts: Facts
): void {
  const names = new Map(get(after.configs, id)!.entities)
  const gone = (known?.entities ?? []).map(([, name]) => [`entity.${name}`, null] as const)
  if (known !== undefined && known.device !== device && gone.length > 0)
    facts.attributes(known.device, Object.fromEntries(gone))
  facts.attributes(device, {
    ...(known?.device === device && Object.fromEntries(gone)),
    ...attributes,
    ...Object.fromEntries(
      entities.flatMap(({ key, component, config }) => {
        const name = names.get(key)
        return name === undefined
          ? []
          : [[`entity.${name}`, describe(component, config, readEntity(component, name, config))]]
      })
    )
  })
}

const told = [
  'unique_id',
  'device_class',
  'state_class',
  'unit_of_measurement',
  'entity_category',
  'options',
  'event_types',
  'min',
  'max',
  'step'
]

/** What a person may want to know of an entity. */
function describe(component: string, config: EntityConfig, read: ReadEntity): Record<string, unknown> {
  const sets = [...entriesOf(read.commands)].map(([part]) => (part === '' ? 'state' : part))
  return {
    component,
    ...Object.fromEntries(Object.entries(config).filter(([name]) => told.includes(name))),
    ...(sets.length > 0 && { sets: sets.toSorted() }),
    ...(config['retain'] === true && { ignored: 'retain: true; commands are never retained' }),
    ...(read.unsupported.size > 0 && { unsupported: Object.fromEntries(read.unsupported) })
  }
}
