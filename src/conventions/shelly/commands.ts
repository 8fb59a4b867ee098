/** Commands: requests of the RPC protocol to `PREFIX/rpc`. */

import { CommandFault } from '../../normalize/convention.ts'
import type { CommandTarget, ConventionCommand, RenderedCommand } from '../../normalize/convention.ts'
import { isTemplateFault, parseTopicTemplate, renderTemplate } from '../../normalize/topic-template.ts'
import { defaultLimits } from '../../limits.ts'
import { writeCommandJson } from '../command-json.ts'

export interface Addresses {
  /** Templates of topic prefixes. */
  prefixes: readonly string[]
  /** Where answers come: `CLIENT/rpc`, or `CLIENT/PREFIX/rpc`. */
  clientId: string
}

const component = { type: 'integer', required: false, about: 'number of the switch; without it 0' } as const

export function createCommands(addresses: Addresses): ConventionCommand[] {
  const { clientId, prefixes } = addresses
  const topic = `${prefixes[0]}/rpc`
  const answer = `\`${clientId}/rpc\` with the same \`id\`, or \`${clientId}/PREFIX/rpc\` where the topic prefix is not the id of the device: the device says that it did it, or an error`
  return [
    {
      name: 'rpc',
      about: 'Any method, such as `Cover.GoToPosition` or `Shelly.GetStatus`.',
      topic,
      parameters: {
        method: { type: 'text', required: true, about: 'name of the method' },
        params: { type: 'object', required: false, about: 'its parameters' }
      },
      answer: `${answer}.`,
      render: (target, { method, params }) => {
        if (!/^\w+(\.\w+)+$/.test(String(method)))
          throw new CommandFault('method', 'must be a name such as Switch.Set')
        return {
          ...request(addresses, target, String(method), params, null),
          once: /\.Toggle$/i.test(String(method))
        }
      }
    },
    {
      name: 'switch',
      about: 'Switches an output on or off.',
      topic,
      parameters: { on: { type: 'boolean', required: true, about: '`true` or `false`' }, id: component },
      answer: `${answer}. The effect, metric \`switch:ID.output\`, proves that the output is so.`,
      render: (target, { on, id }) => {
        const number = toNumber(id)
        const effect = { metric: `switch:${number}.output`, value: on }
        return request(addresses, target, 'Switch.Set', { id: number, on }, effect)
      }
    },
    {
      name: 'toggle',
      about: 'Switches an output to what it is not.',
      topic,
      parameters: { id: component },
      answer: `${answer}. It is not published again in doubt.`,
      render: (target, { id }) => ({
        ...request(addresses, target, 'Switch.Toggle', { id: toNumber(id) }, null),
        once: true
      })
    }
  ]
}

function toNumber(id: unknown): number {
  const number = Number(id ?? 0)
  if (!(number >= 0 && number < 1_000)) throw new CommandFault('id', 'must be a number from 0 to 999')
  return number
}

function request(
  { prefixes, clientId }: Addresses,
  target: CommandTarget,
  method: string,
  params: unknown,
  effect: RenderedCommand['effect']
): RenderedCommand {
  const id = toId(target.id)
  const prefix = toPrefix(prefixes, clientId, target)
  const src = isOwnName(target) ? clientId : `${clientId}/${prefix}`
  const frame = { id, src, method, ...(params !== undefined && { params }) }
  return {
    topic: `${prefix}/rpc`,
    payload: writeCommandJson(frame, 'params'),
    qos: 1,
    correlation: String(id),
    effect
  }
}

/** The answer says who it is from by the device's own id: where it is named otherwise, the topic has to tell. */
const isOwnName = ({ device, attributes }: CommandTarget): boolean =>
  attributes.id === undefined ? isShellyId(device) : attributes.id === device

export const isShellyId = (name: string): boolean => /^shelly[a-z0-9]+-[0-9a-f]{12}$/i.test(name)

/** FNV-1a, to 31 bits: numbers of that size are exact everywhere. Not 0. */
export function toId(uuid: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(uuid)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash & 0x7fffffff || 1
}

const ends = ['online', 'events/rpc', 'status/+', 'rpc', 'announce', 'debug/log', 'command', 'command/+']

function toPrefix(prefixes: readonly string[], clientId: string, { device, topic }: CommandTarget): string {
  for (const prefix of prefixes)
    for (const one of [`${clientId}/${prefix}/rpc`, ...ends.map((end) => `${prefix}/${end}`)]) {
      const template = parseTopicTemplate(one, defaultLimits.topicLevelsMax)
      const captures = isTemplateFault(template) ? null : template.capture(topic)
      if (captures?.device === device) return renderTemplate(prefix, captures)
    }
  const [only] = prefixes
  if (prefixes.length === 1 && !/\{(?!device\+?\})|\+(?!\})/.test(only!))
    return renderTemplate(only!, { device })
  throw new CommandFault(null, 'needs the topic prefix of the device, and its last message does not tell it')
}
