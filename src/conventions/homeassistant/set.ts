/** The commands `set` and `press`: what an entity's configuration says that it takes. Pure. */

import { CommandFault } from '../../normalize/convention.ts'
import type { CommandTarget, ConventionCommand, RenderedCommand } from '../../normalize/convention.ts'
import { quote } from '../../normalize/names.ts'
import { entriesOf, get } from '../shared-map.ts'
import { verbsFor } from './command-config.ts'
import type { Command } from './command-config.ts'
import { toLightJson } from './light-json.ts'
import { toMemory } from './memory.ts'
import { toNumber } from './template.ts'
import { metricOf } from './values.ts'

export const setEntity: ConventionCommand = {
  name: 'set',
  about:
    'Sets an entity, or a part of it such as its brightness, as its configuration says: payloads for on and off, ranges and options, QoS. Never retained, whatever the configuration says. Refused where it has a command template that is more than `{{ value }}`.',
  topic: 'the command topic of the entity',
  parameters: {
    entity: {
      type: 'text',
      required: false,
      about:
        'Its metric, such as Lamp or Lamp.brightness; not needed where the device has one that can be set'
    },
    value: {
      type: 'any',
      required: true,
      about:
        'true or false, a number, a text, a word such as open, close or lock; of a light with JSON an object such as {"state": true, "brightness": 120}'
    }
  },
  answer:
    'Done when the metric has the value, where the entity tells its state: that it is so, and not whose doing it is; one that is optimistic tells none, and nothing shows. There is no word of refusal: then it times out',
  render(target, parameters) {
    const found = find(target, parameters['entity'] as string | undefined, () => true)
    const { payload, shows } = toPayload(found, parameters['value'])
    return send(found, payload, shows)
  }
}

export const pressEntity: ConventionCommand = {
  name: 'press',
  about: 'Presses a button, or activates a scene',
  topic: 'the command topic of the entity',
  parameters: {
    entity: {
      type: 'text',
      required: false,
      about: 'Its name; not needed where the device has one button'
    }
  },
  answer: 'None: buttons have no state. It is not published again in doubt',
  render(target, parameters) {
    const isButton = (component: string): boolean => component === 'button' || component === 'scene'
    const found = find(target, parameters['entity'] as string | undefined, isButton)
    if (!isButton(found.component))
      throw new CommandFault('entity', `is ${found.entity}, no button but a ${found.component}; use set`)
    const [, payload] = verbsFor(found.component, found.command)[0]!
    return { ...send(found, payload, undefined), once: true }
  }
}

interface Found {
  entity: string
  part: string
  component: string
  command: Command
}

function find(
  { device, state }: CommandTarget,
  wanted: string | undefined,
  fits: (component: string) => boolean
): Found {
  const known = get(toMemory(state).devices, device)
  if (known === undefined)
    throw new CommandFault(null, `cannot be sent: no configuration of ${device} is known any more`)
  const all: Found[] = []
  for (const [entity, { component, commands }] of entriesOf(known.entities))
    for (const [part, command] of entriesOf(commands)) all.push({ entity, part, component, command })
  const found =
    wanted === undefined
      ? all.filter(({ component }) => fits(component))
      : all.filter(({ entity, part }) => metricOf(entity, part) === wanted)
  if (found.length === 1) return found[0]!
  const named = (of: Found[]): string =>
    of
      .map(({ entity, part }) => metricOf(entity, part))
      .toSorted()
      .slice(0, 30)
      .join(', ') || 'nothing'
  if (wanted === undefined && found.length > 0)
    throw new CommandFault('entity', `is needed: which of ${named(found)}?`)
  throw new CommandFault(
    'entity',
    wanted === undefined
      ? `is nowhere: nothing of ${device} takes this command; others are taken by ${named(all)}`
      : `is ${quote(wanted)}, and takes no commands; those are taken by ${named(all)}`
  )
}

function send({ entity, command, part }: Found, payload: string, shows: unknown): RenderedCommand {
  const { topic, qos = 0, around, unsupported, state } = command
  if (unsupported !== undefined)
    throw new CommandFault(
      'entity',
      `is ${metricOf(entity, part)}, whose command template is not supported: ${quote(unsupported)}. Send to the topic ${topic} instead`
    )
  return {
    topic,
    payload: around === undefined ? payload : around.join(payload),
    // Retained, it would be obeyed again by every device that connects: `retain` is ignored
    qos,
    correlation: null,
    effect:
      state === undefined || shows === undefined ? null : { metric: metricOf(entity, state), value: shows }
  }
}

/** `shows`: what the state will be; undefined: nobody knows. */
function toPayload(
  { component, command, entity, part }: Found,
  value: unknown
): { payload: string; shows?: unknown } {
  const { json, words, options, min, max, number } = command
  const fault = (why: string): CommandFault => new CommandFault('value', why)
  if (json) {
    const light = toLightJson(value)
    if (light !== null) return light
    throw fault('must be true, false, or an object such as {"state": true, "brightness": 120}')
  }
  if (typeof value === 'boolean') {
    if (words === undefined) throw fault(`is ${value}, and ${metricOf(entity, part)} is neither on nor off`)
    return { payload: words[value ? 0 : 1], shows: value }
  }
  if (typeof value === 'number' || typeof value === 'bigint') value = String(value)
  if (typeof value !== 'string') throw fault('must be true, false, a number or a text')
  const text = value
  const verb = part === '' ? verbsFor(component, command).find(([word]) => word === text) : undefined
  if (verb !== undefined) return { payload: verb[1], shows: verb[2] }
  if (words !== undefined) {
    const place = words.indexOf(text)
    if (place === -1) throw fault(`is ${quote(text)}; ${metricOf(entity, part)} takes true or false`)
    return { payload: text, shows: place === 0 }
  }
  if (options !== undefined && !options.includes(text))
    throw fault(`is ${quote(text)}, none of ${options.join(', ')}`)
  const asNumber = toNumber(text)
  if (number && asNumber === null) throw fault(`is ${quote(text)}, and must be a number`)
  if (asNumber !== null && ((min !== undefined && asNumber < min) || (max !== undefined && asNumber > max)))
    throw fault(`is ${text}, and must be from ${min ?? 'any'} to ${max ?? 'any'}`)
  return { payload: text, shows: number ? asNumber : text }
}
