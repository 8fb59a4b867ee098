/**
 * Commands: `cmnd/TOPIC/COMMAND` (https://tasmota.github.io/docs/Commands/). Tasmota has no correlation: an answer is the
 * RESULT that follows, and who asked for it nobody knows.
 */

import { writeCommandJson } from '../command-json.ts'
import { CommandFault } from '../../normalize/convention.ts'
import type { CommandTarget, ConventionCommand, RenderedCommand } from '../../normalize/convention.ts'

type ToTopic = (target: CommandTarget) => string

/** `example` is where commands go, as it is shown. */
export const createCommands = (toTopic: ToTopic, example: string): ConventionCommand[] => [
  {
    name: 'power',
    about: 'Switches a relay or a light.',
    topic: `${example}/POWER`,
    parameters: {
      state: { type: 'text', required: true, about: '`ON`, `OFF` or `TOGGLE`' },
      relay: { type: 'integer', required: false, about: '1 to 32; without it the first' }
    },
    answer:
      'Done when metric `POWER` (or `POWER1`, `POWER2`, …) is told with the state: that it is so, and not whose doing it is. There is no correlation, so that no refusal is known: then it times out. After `TOGGLE` nothing shows, and it is not published again in doubt.',
    render: (target, parameters) => renderPower(toTopic(target), target, parameters)
  },
  {
    name: 'command',
    about: 'Any command of Tasmota, such as `Dimmer` or `TelePeriod`.',
    topic: `${example}/COMMAND`,
    parameters: {
      command: { type: 'text', required: true, about: 'Name of the command' },
      value: { type: 'any', required: false, about: 'Its parameter; objects are sent as JSON' },
      query: { type: 'boolean', required: false, about: '`true`, and no value: ask how it is set' },
      effectMetric: { type: 'text', required: false, about: 'Metric that shows that it was done' },
      effectValue: { type: 'any', required: false, about: 'What it has then; without it, the value' }
    },
    answer:
      'Done when `effectMetric`, where it is given, is told with `effectValue`. The RESULT is a datapoint, and tells of no command: there is no correlation.',
    render: (target, parameters) => renderCommand(toTopic(target), parameters)
  }
]

function renderPower(
  topic: string,
  { attributes }: CommandTarget,
  { state, relay }: Readonly<Record<string, unknown>>
): RenderedCommand {
  const word = String(state).toUpperCase()
  const index = ['OFF', 'ON', 'TOGGLE'].indexOf(word)
  if (index === -1) throw new CommandFault('state', 'Write ON, OFF or TOGGLE')
  if (relay !== undefined && !(Number(relay) >= 1 && Number(relay) <= 32))
    throw new CommandFault('relay', 'Write a number from 1 to 32')
  const { relays, stateTexts } = attributes
  if (typeof relays === 'number' && relays > 0 && Number(relay ?? 1) > relays)
    throw new CommandFault('relay', `The device says that it has ${relays}`)
  // A device with one relay says POWER, others POWER1
  const isOne = relays === 1 || (typeof relays !== 'number' && relay === undefined)
  const own: unknown = Array.isArray(stateTexts) ? stateTexts[index] : undefined
  return {
    topic: `${topic}/POWER${relay === undefined ? '' : String(relay)}`,
    payload: word,
    qos: 1,
    correlation: null,
    once: word === 'TOGGLE',
    effect:
      word === 'TOGGLE'
        ? null
        : {
            metric: isOne ? 'POWER' : `POWER${Number(relay ?? 1)}`,
            value: typeof own === 'string' ? own : word
          }
  }
}

function renderCommand(
  topic: string,
  { command, value, query, effectMetric, effectValue }: Readonly<Record<string, unknown>>
): RenderedCommand {
  if (!/^\w{1,64}$/.test(String(command)))
    throw new CommandFault('command', 'Write the name of one command, of letters, digits and _')
  const payload = toPayload(value)
  // An empty payload asks, and changes nothing (https://tasmota.github.io/docs/MQTT/#commands-over-mqtt)
  if (query === true && payload !== '')
    throw new CommandFault('query', 'A query has no value; leave one of them out')
  if (query !== true && payload === '')
    throw new CommandFault(
      'value',
      'Without a value Tasmota only tells how it is set; give a value, or query: true'
    )
  if (effectValue !== undefined && effectMetric === undefined)
    throw new CommandFault('effectMetric', 'Write which metric has the effectValue')
  return {
    topic: `${topic}/${String(command)}`,
    payload,
    qos: 1,
    correlation: null,
    // `2` is a toggle, too; `+` and `-` are steps (https://tasmota.github.io/docs/Commands/)
    once: /^(toggle|[+-])$/i.test(payload) || (/^power/i.test(String(command)) && payload === '2'),
    effect:
      effectMetric === undefined
        ? null
        : { metric: String(effectMetric), value: effectValue === undefined ? (value ?? null) : effectValue }
  }
}

function toPayload(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'object') return writeCommandJson(value, 'value')
  return typeof value === 'string' ? value : String(value as number | bigint | boolean)
}
