/** The configuration of an entity: what its topics tell, and what they take. Pure. */

import { emptyMap, set } from '../shared-map.ts'
import type { SharedMap } from '../shared-map.ts'
import { readAvailability } from './availability.ts'
import { commandsOf } from './command-config.ts'
import type { Command } from './command-config.ts'
import type { Discovered, ReadUse } from './memory.ts'
import { asPython, parseTemplate } from './template.ts'
import { isTopic } from './topics.ts'

/** With its variables' full names, and the topics whole. */
export type EntityConfig = Readonly<Record<string, unknown>>

export interface ReadEntity extends Discovered {
  /** Templates that are not understood, by their variables: what they are for is not told. */
  unsupported: Map<string, string>
}

export function readEntity(component: string, entity: string, config: EntityConfig): ReadEntity {
  const unsupported = new Map<string, string>()
  const uses: Discovered['uses'] = []
  for (const { topic, part, templates } of statesOf(component, config)) {
    const template = findTemplate(config, templates, unsupported)
    if (template === null) continue
    uses.push([
      topic,
      {
        entity,
        ...(part !== '' && { part }),
        ...template,
        ...valueOf(component, part, config)
      }
    ])
  }
  let commands: SharedMap<Command> = emptyMap
  const told = new Set(uses.map(([, use]) => ('command' in use ? null : (use.part ?? ''))))
  for (const [part, command] of commandsOf(component, config, told)) {
    commands = set(commands, part, command)
    uses.push([command.topic, { entity, command: true }])
  }
  return { component, uses, commands, availability: readAvailability(config, unsupported), unsupported }
}

/** Null: there is one, and it is not understood. */
function findTemplate(
  config: EntityConfig,
  variables: readonly string[],
  unsupported: Map<string, string>
): ReturnType<typeof parseTemplate> {
  const variable = variables.find((name) => typeof config[name] === 'string' && config[name] !== '')
  if (variable === undefined) return {}
  const text = config[variable] as string
  const template = parseTemplate(text)
  if (template === null) unsupported.set(variable, text)
  return template
}

interface StateTopic {
  topic: string
  /** Empty: the entity's own state. */
  part: string
  /** Variables that may have its template; the first that does. */
  templates: string[]
}

/** Pictures are no values. */
const pictures = new Set(['camera', 'image'])

/** They have no state of their own, though their device may share a state topic. */
const stateless = new Set(['button', 'climate', 'lawn_mower', 'notify', 'scene', 'water_heater'])

/** Their topic has no longer name. */
const triggers = new Set(['device_automation', 'tag'])

function* statesOf(component: string, config: EntityConfig): Generator<StateTopic> {
  // Pages Climate and Water heater: the default for all templates
  const all = component === 'climate' || component === 'water_heater' ? ['value_template'] : []
  for (const [variable, topic] of Object.entries(config)) {
    if (!variable.endsWith('topic') || !isTopic(topic) || isNoState(variable)) continue
    const stem = variable.replace(/_?(state_)?topic$/, '')
    if (variable === 'json_attributes_topic')
      yield { topic, part: 'attributes', templates: ['json_attributes_template'] }
    else if (stem !== '')
      yield {
        topic,
        part: stem,
        templates: [`${stem}_value_template`, `${stem}_state_template`, `${stem}_template`, ...all]
      }
    else if (hasState(component) && (variable === 'state_topic' || triggers.has(component)))
      yield { topic, part: '', templates: ['state_value_template', 'value_template', 'state_template'] }
  }
  const state = config['state_topic']
  if (component === 'light' && config['schema'] === 'template' && isTopic(state))
    for (const part of ['brightness', 'color_temp', 'red', 'green', 'blue', 'effect'])
      if (config[`${part}_template`] !== undefined)
        yield { topic: state, part, templates: [`${part}_template`] }
}

const hasState = (component: string): boolean => !pictures.has(component) && !stateless.has(component)

const isNoState = (variable: string): boolean =>
  variable.endsWith('command_topic') ||
  ['availability_topic', 'image_topic', 'set_position_topic', 'set_fan_speed_topic'].includes(variable)

/** Their own state is on or off. */
const switches = new Set(['binary_sensor', 'fan', 'humidifier', 'light', 'siren', 'switch'])

export const isSwitch = (component: string): boolean => switches.has(component)

/** Payloads for on and off that tell the state; those of commands may be others. */
export function wordsOf(component: string, part: string, config: EntityConfig): [string, string] | null {
  if (part === 'oscillation')
    return [
      wordIn(config, ['payload_oscillation_on'], 'oscillate_on'),
      wordIn(config, ['payload_oscillation_off'], 'oscillate_off')
    ]
  const own = part === '' && isSwitch(component)
  if (!own && part !== 'power' && part !== 'aux') return null
  // Page Light, schemas: always these
  if (own && component === 'light' && config['schema'] === 'json') return ['ON', 'OFF']
  if (own && component === 'light' && config['schema'] === 'template') return ['on', 'off']
  const state = own && ['humidifier', 'siren', 'switch'].includes(component)
  return [
    wordIn(config, [...(state ? ['state_on'] : []), 'payload_on'], 'ON'),
    wordIn(config, [...(state ? ['state_off'] : []), 'payload_off'], 'OFF')
  ]
}

/** The first of these variables that there is. */
export function wordIn(config: EntityConfig, variables: readonly string[], otherwise: string): string {
  const given = variables.map((name) => config[name]).find((value) => value !== undefined && value !== null)
  return given === undefined ? otherwise : (asPython(given) ?? otherwise)
}

const temperatures = new Set(['current_temperature', 'temperature', 'temperature_high', 'temperature_low'])

const numbers = new Set([
  ...temperatures,
  'battery_level',
  'blue',
  'brightness',
  'color_temp',
  'current_humidity',
  'green',
  'percentage',
  'position',
  'red',
  'target_humidity',
  'tilt_status',
  'white_value'
])

const percents = new Set(['battery_level', 'current_humidity', 'target_humidity'])

/** Page Sensor: what has one of these is no number. */
const wordClasses = ['date', 'enum', 'timestamp']

export function isNumber(component: string, part: string, config: EntityConfig): boolean {
  if (part !== '') return numbers.has(part)
  if (component === 'number') return true
  const { device_class: kind, unit_of_measurement: unit, state_class: stateClass } = config
  return (
    component === 'sensor' &&
    !wordClasses.includes(kind as string) &&
    [kind, unit, stateClass].some((one) => typeof one === 'string' && one !== '')
  )
}

function valueOf(
  component: string,
  part: string,
  config: EntityConfig
): Pick<ReadUse, 'words' | 'number' | 'unit' | 'event' | 'main' | 'only'> {
  const words = wordsOf(component, part, config)
  const unit = unitOf(component, part, config)
  const main = part === '' ? mainOf(component, config) : undefined
  const event = part === '' && (component === 'event' || triggers.has(component))
  const payload = component === 'device_automation' ? asPython(config['payload'] ?? undefined) : null
  return {
    ...(words !== null && { words }),
    ...(isNumber(component, part, config) && { number: true as const }),
    ...(unit !== null && { unit }),
    ...(event && { event: true as const }),
    ...(main !== undefined && { main }),
    ...(payload !== null && { only: payload })
  }
}

function unitOf(component: string, part: string, config: EntityConfig): string | null {
  if (percents.has(part)) return '%'
  const { unit_of_measurement: unit, temperature_unit: scale } = config
  if (temperatures.has(part)) return scale === 'C' || scale === 'F' ? `°${scale}` : null
  const own = part === '' && (component === 'sensor' || component === 'number')
  return own && typeof unit === 'string' && unit !== '' && unit.length <= 64 ? unit : null
}

/** Pages of the components: their payloads may, or must, be objects. */
const mains = new Map([
  ['event', 'event_type'],
  ['siren', 'state'],
  ['update', 'installed_version'],
  ['vacuum', 'state'],
  ['valve', 'state']
])

function mainOf(component: string, config: EntityConfig): string | undefined {
  if (component === 'light') return config['schema'] === 'json' ? 'state' : undefined
  return mains.get(component)
}
