/** What an entity can be told, as its configuration has it. Pure. */

import { defaultLimits } from '../../limits.ts'
import type { EntityConfig } from './entity-config.ts'
import { isNumber, wordIn, wordsOf } from './entity-config.ts'
import { asPython } from './template.ts'
import { isTopic } from './topics.ts'

export interface Command {
  topic: string
  qos?: 1 | 2
  /** Around the value; absent: the value alone. */
  around?: string[]
  /** Its template is not understood, so that nothing can be sent. */
  unsupported?: string
  words?: [on: string, off: string]
  /** Words, their payloads, and the state that shows that they were obeyed, where there is one. */
  verbs?: Verb[]
  options?: string[]
  min?: number
  max?: number
  number?: true
  /** JSON as the light's page says. */
  json?: true
  /** The part that tells what became of it: empty, the entity's own state; absent: none. */
  state?: string
}

export type Verb = [word: string, payload: string, shows?: string]

/** Longer lists are not checked. */
const optionsMax = 32
const { discoveryTemplateCharsMax: templateCharsMax } = defaultLimits

/** They take no commands of their own, though their device may share a command topic. */
const deaf = new Set([
  'binary_sensor',
  'camera',
  'climate',
  'device_automation',
  'device_tracker',
  'event',
  'image',
  'lawn_mower',
  'sensor',
  'tag',
  'water_heater'
])

/** `told` are the parts whose state is told. */
export function* commandsOf(
  component: string,
  config: EntityConfig,
  told: ReadonlySet<string | null>
): Generator<[part: string, command: Command]> {
  for (const [variable, topic] of Object.entries(config)) {
    const part = partOf(variable)
    if (part === null || !isTopic(topic) || (part === '' && deaf.has(component))) continue
    const words = wordsOf(component, part, config)
    const state = [part, part === 'tilt' ? 'tilt_status' : part].find((one) => told.has(one))
    const { qos } = config
    yield [
      part,
      {
        topic,
        ...((qos === 1 || qos === 2) && { qos }),
        ...templateOf(component, part, config),
        ...(component === 'light' && part === '' && config['schema'] === 'json' && { json: true as const }),
        ...(words !== null && { words: sent(part, words, config) }),
        ...verbsOf(component, part, config),
        ...optionsOf(component, part, config),
        ...rangeOf(component, part, config),
        ...(isNumber(component, state ?? part, config) && { number: true as const }),
        ...(state !== undefined && { state })
      }
    ]
  }
}

/** Null: it is no topic for commands. */
function partOf(variable: string): string | null {
  if (variable === 'set_position_topic') return 'position'
  if (variable === 'set_fan_speed_topic') return 'fan_speed'
  return /^(?:(.+)_)?command_topic$/.exec(variable) === null ? null : variable.replace(/_?command_topic$/, '')
}

/** What is sent may be another word than what is told. */
const sent = (part: string, words: [string, string], config: EntityConfig): [string, string] =>
  part === '' ? [wordIn(config, ['payload_on'], 'ON'), wordIn(config, ['payload_off'], 'OFF')] : words

/** Only `{{ value }}`, wherever it stands, is understood. */
function templateOf(
  component: string,
  part: string,
  config: EntityConfig
): Pick<Command, 'around' | 'unsupported'> {
  const variable =
    component === 'light' && part === '' && config['schema'] === 'template'
      ? 'command_on_template'
      : part === 'position' && config['set_position_topic'] !== undefined
        ? 'set_position_template'
        : part === ''
          ? 'command_template'
          : `${part}_command_template`
  const text = config[variable]
  if (typeof text !== 'string' || text === '') return {}
  // Page Alarm control panel: the action is what others call the value
  const name = component === 'alarm_control_panel' ? 'action' : 'value'
  const around = text
    .slice(0, templateCharsMax)
    .split(new RegExp(`\\{\\{-?\\s{0,20}${name}\\s{0,20}-?\\}\\}`))
  if (text.length > templateCharsMax || around.some((piece) => /\{[{%#]/.test(piece)))
    return { unsupported: text.slice(0, 100) }
  return around.length === 2 && around.join('') === '' ? {} : { around }
}

const defaultVerbs: Record<string, Verb[]> = {
  alarm_control_panel: [
    ['arm_away', 'ARM_AWAY'],
    ['arm_custom_bypass', 'ARM_CUSTOM_BYPASS'],
    ['arm_home', 'ARM_HOME'],
    ['arm_night', 'ARM_NIGHT'],
    ['arm_vacation', 'ARM_VACATION'],
    ['disarm', 'DISARM', 'disarmed'],
    ['trigger', 'TRIGGER']
  ],
  button: [['press', 'PRESS']],
  cover: [
    ['open', 'OPEN', 'open'],
    ['close', 'CLOSE', 'closed'],
    ['stop', 'STOP']
  ],
  lock: [
    ['lock', 'LOCK', 'LOCKED'],
    ['unlock', 'UNLOCK', 'UNLOCKED']
  ],
  scene: [['on', 'ON']],
  vacuum: [
    ['clean_spot', 'clean_spot'],
    ['locate', 'locate'],
    ['pause', 'pause'],
    ['return_to_base', 'return_to_base'],
    ['start', 'start'],
    ['stop', 'stop']
  ],
  valve: [
    ['open', 'OPEN', 'open'],
    ['close', 'CLOSE', 'closed'],
    ['stop', 'STOP']
  ]
}

export const verbsFor = (component: string, { verbs }: Command): readonly Verb[] =>
  verbs ?? (Object.hasOwn(defaultVerbs, component) ? defaultVerbs[component]! : [])

/** Words that have another payload, or another state, than most. */
function verbsOf(component: string, part: string, config: EntityConfig): Pick<Command, 'verbs'> {
  const usual = part === '' && Object.hasOwn(defaultVerbs, component) ? defaultVerbs[component]! : []
  const more: Verb[] = [
    ...(part === '' && component === 'lock' && config['payload_open'] !== undefined
      ? [['open', 'OPEN'] as Verb]
      : []),
    ...(part === '' && component === 'update' ? [['install', ''] as Verb] : [])
  ]
  const verbs = [...usual, ...more].map(([word, payload, shows]): Verb => {
    const other = wordIn(config, [`payload_${word}`], payload)
    const state = shows === undefined ? undefined : wordIn(config, [`state_${shows.toLowerCase()}`], shows)
    return state === undefined ? [word, other] : [word, other, state]
  })
  return JSON.stringify(verbs) === JSON.stringify(usual) ? {} : { verbs }
}

const optionVariables: Record<string, string> = {
  fan_mode: 'fan_modes',
  mode: 'modes',
  preset_mode: 'preset_modes',
  swing_mode: 'swing_modes',
  swing_horizontal_mode: 'swing_horizontal_modes'
}

function optionsOf(component: string, part: string, config: EntityConfig): Pick<Command, 'options'> {
  const variable =
    part === ''
      ? component === 'select'
        ? 'options'
        : null
      : Object.hasOwn(optionVariables, part)
        ? optionVariables[part]!
        : null
  const listed = variable === null ? undefined : config[variable]
  if (!Array.isArray(listed) || listed.length > optionsMax) return {}
  const options = listed.map(asPython)
  return options.every((option) => option !== null) ? { options } : {}
}

function rangeOf(component: string, part: string, config: EntityConfig): Pick<Command, 'min' | 'max'> {
  const range = (
    min: string | null,
    max: string,
    least?: number,
    most?: number
  ): Pick<Command, 'min' | 'max'> => {
    const [from = least, to = most] = [min, max].map((name) => {
      const bound = name === null ? undefined : config[name]
      return typeof bound === 'number' ? bound : undefined
    })
    return { ...(from !== undefined && { min: from }), ...(to !== undefined && { max: to }) }
  }
  if (part === '' && component === 'number') return range('min', 'max', 1, 100)
  if (part === 'temperature' || part === 'temperature_high' || part === 'temperature_low')
    return range('min_temp', 'max_temp')
  if (part === 'target_humidity') return range('min_humidity', 'max_humidity', 0, 100)
  if (part === 'brightness') return range(null, 'brightness_scale', 0, 255)
  return {}
}
