/** Messages of discovery: a device, and its entities. Pure. */

import { defaultLimits } from '../../limits.ts'
import { nameFault, quote } from '../../normalize/names.ts'
import type { Facts } from '../facts.ts'
import { isObject } from '../facts.ts'
import { expandConfig, expandDevice, expandOrigin } from './abbreviations.ts'
import type { EntityConfig } from './entity-config.ts'

export interface Discovery {
  device: string
  /** Known of the device beside its entities. */
  attributes: Record<string, unknown>
  entities: Array<{ key: string; component: string; config: EntityConfig }>
}

/** Levels of a discovery topic: `component/[node_id/]object_id`, without the prefix and `config`. */
export interface Place {
  component: string
  node: string | null
  object: string
}

/** More entities of one message are left out. */
const { discoveryEntitiesMax: entitiesMax } = defaultLimits

/** Topics that tell whether one entity is available; those behind are left out. */
const { discoveryAvailabilitiesMax: availabilitiesMax } = defaultLimits

/** `migrate`: the entities are about to be told by another message. Undefined: nothing; `facts` say why. */
export function readDiscovery(
  { component, object }: Place,
  document: Record<string, unknown>,
  facts: Facts
): Discovery | 'migrate' | undefined {
  const config = expandConfig(document)
  if (config['migrate_discovery'] === true) return 'migrate'
  const device = expandDevice(config['device'])
  const components = component === 'device' ? componentsOf(config, facts) : [{ key: '', component, config }]
  if (components === undefined) return undefined
  const entities = components.map((one) => ({
    ...one,
    config: withTopics(one.config, config['~'])
  }))
  const unique = entities[0]?.config['unique_id']
  const name = deviceNameOf(device) ?? nameOf(unique) ?? object
  return { device: name, attributes: attributesOf(device, config), entities }
}

/** Page MQTT, section Device discovery payload: what the components share, unless they have their own. */
const shared = [
  'availability',
  'availability_mode',
  'availability_template',
  'availability_topic',
  'command_topic',
  'encoding',
  'payload_available',
  'payload_not_available',
  'qos',
  'state_topic'
]

function componentsOf(config: EntityConfig, facts: Facts): Discovery['entities'] | undefined {
  const { components } = config
  if (!isObject(components)) {
    facts.reject(
      'wrong_shape',
      'A device is discovered with its components, in an object `components` or `cmps`'
    )
    return undefined
  }
  const common = Object.entries(config).filter(([name]) => shared.includes(name))
  const entities: Discovery['entities'] = []
  for (const [key, given] of Object.entries(components)) {
    const own = isObject(given) ? expandConfig(given) : {}
    const { platform, ...rest } = own
    if (typeof platform !== 'string' || !/^\w+$/.test(platform))
      facts.reject('wrong_shape', `The component ${quote(key)} has no platform`)
    // Nothing but its platform: it is removed
    else if (Object.keys(rest).length === 0) continue
    else if (entities.length === entitiesMax) {
      facts.reject('state_too_large', `More than ${entitiesMax} components; those behind were left out`)
      break
    } else entities.push({ key, component: platform, config: { ...Object.fromEntries(common), ...rest } })
  }
  return entities
}

/** `~` at the beginning or the end of a topic is the base. */
function withTopics(config: EntityConfig, commonBase: unknown): EntityConfig {
  const base = config['~'] ?? commonBase
  const { availability } = config
  const items = Array.isArray(availability) ? availability : availability === undefined ? [] : [availability]
  return {
    ...withBase(config, base),
    ...(items.length > 0 && {
      availability: items
        .slice(0, availabilitiesMax)
        .map((item) => (isObject(item) ? withBase(expandConfig(item), base) : item))
    })
  }
}

function withBase(config: EntityConfig, base: unknown): EntityConfig {
  if (typeof base !== 'string') return config
  return Object.fromEntries(
    Object.entries(config).map(([name, value]) => [
      name,
      name.endsWith('topic') && typeof value === 'string' ? replaceBase(value, base) : value
    ])
  )
}

function replaceBase(topic: string, base: string): string {
  const begun = topic.startsWith('~') ? base + topic.slice(1) : topic
  return begun.endsWith('~') ? begun.slice(0, -1) + base : begun
}

/** A name that a device or an entity can have. */
export function nameOf(text: unknown): string | null {
  const name = typeof text === 'number' ? String(text) : text
  return typeof name === 'string' && nameFault(name, nameBytesMax) === null ? name : null
}

const nameBytesMax = 200

/** Stable, and the same for all of its entities: what identifies it first, then how it is connected, then its name. */
function deviceNameOf({ identifiers, connections, name }: EntityConfig): string | null {
  const [identifier] = Array.isArray(identifiers) ? (identifiers as unknown[]) : [identifiers]
  const [connection] = Array.isArray(connections) ? (connections as unknown[]) : []
  const address = Array.isArray(connection) ? (connection as unknown[])[1] : undefined
  return nameOf(identifier) ?? nameOf(address) ?? nameOf(name)
}

const told = [
  'name',
  'manufacturer',
  'model',
  'model_id',
  'hw_version',
  'sw_version',
  'serial_number',
  'suggested_area',
  'configuration_url',
  'via_device',
  'identifiers',
  'connections'
]

function attributesOf(device: EntityConfig, config: EntityConfig): Record<string, unknown> {
  const origin = expandOrigin(config['origin'])
  return {
    ...Object.fromEntries(Object.entries(device).filter(([name]) => told.includes(name))),
    ...(Object.keys(origin).length > 0 && { origin })
  }
}
