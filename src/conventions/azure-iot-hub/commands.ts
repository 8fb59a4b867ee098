/** Commands as a hub gives them: direct methods, what is desired, messages to the device. Pure. */

import type { CommandTarget, ConventionCommand, RenderedCommand } from '../../normalize/convention.ts'
import { CommandFault } from '../../normalize/convention.ts'
import { writeCommandJson } from '../command-json.ts'
import { isObject } from '../facts.ts'
import { mergeMembers } from '../members.ts'
import { writeBag } from './property-bag.ts'
import { toCorrelation } from './twin.ts'

/** What stands before `$iothub` in the topics of a device; null: nothing tells. */
export type PrefixOf = (device: string) => string | null

type Given = Readonly<Record<string, unknown>>

// No QoS 2: a hub closes the connection on it
const qos = 1

export const commandsFor = (prefixOf: PrefixOf): ConventionCommand[] => [
  {
    name: 'method',
    about: 'Calls a direct method',
    topic: '$iothub/methods/POST/{method}/?$rid={id}',
    parameters: {
      method: { type: 'text', required: true, about: 'its name' },
      payload: { type: 'any', required: false, about: 'what it is given, as JSON' }
    },
    answer:
      'A response by `$rid`: the device’s word, success where the status is 2xx; its value is the payload',
    render: (target, { method, payload }) => ({
      topic: `${prefixFor(target, prefixOf)}$iothub/methods/POST/${toLevel(method as string)}/?$rid=${target.id}`,
      payload: payload === undefined ? '' : writeCommandJson(payload, 'payload'),
      qos,
      correlation: target.id,
      effect: null
    })
  },
  {
    name: 'desired',
    about: 'Changes desired properties, as a hub tells the device',
    topic: '$iothub/twin/PATCH/properties/desired/?$version={version}',
    parameters: {
      properties: { type: 'object', required: true, about: 'by their names; null removes' },
      version: {
        type: 'integer',
        required: false,
        about: '`$version`; without it, the one behind the last known'
      }
    },
    answer:
      'Done when the device reports the value, where that is one. A response by `$version` comes where it acknowledges as Plug and Play has it: 2xx proves that it took the value on, another one that it will not, and fails the command; 202 says that it is at work. It is waited for where several properties are desired, or with `awaits: response`',
    render: (target, given) => renderDesired(target, given, prefixFor(target, prefixOf))
  },
  {
    name: 'message',
    about: 'Sends a cloud-to-device message',
    topic: 'devices/{device}/messages/devicebound/{properties}',
    parameters: {
      body: { type: 'any', required: true, about: 'text as it is, everything else as JSON' },
      properties: { type: 'object', required: false, about: 'text by name, or null' }
    },
    answer: 'None: what becomes of it is told to the hub alone',
    render: renderMessage
  }
]

function prefixFor({ device }: CommandTarget, prefixOf: PrefixOf): string {
  const prefix = prefixOf(device)
  if (prefix !== null) return prefix
  throw new CommandFault(
    null,
    `goes to a topic that does not name the device: set the option device to ${JSON.stringify(device)}, or the option bridged`
  )
}

function toLevel(method: string): string {
  if (!/^[^/+#?\u0000-\u001f]{1,100}$/.test(method))
    throw new CommandFault('method', 'is no name of a method: 1 to 100 characters, none of / + # ?')
  return method
}

function renderDesired({ attributes }: CommandTarget, given: Given, prefix: string): RenderedCommand {
  const properties = given['properties'] as Record<string, unknown>
  if (Object.keys(properties).length === 0) throw new CommandFault('properties', 'has no member')
  const last = Number.isSafeInteger(attributes['desiredVersion'])
    ? (attributes['desiredVersion'] as number)
    : 0
  const version = Number(given['version'] ?? last + 1)
  if (!Number.isSafeInteger(version) || version < 1)
    throw new CommandFault('version', 'is no version: it is at least 1')
  return {
    topic: `${prefix}$iothub/twin/PATCH/properties/desired/?$version=${version}`,
    payload: writeCommandJson({ ...properties, $version: version }, 'properties'),
    qos,
    correlation: toCorrelation(version),
    responds: 'perhaps',
    // Whoever desires something next may choose the same version
    shared: true,
    effect: toEffect(properties)
  }
}

/** One value that is reported shows it; of several, none shows all. */
function toEffect(properties: Record<string, unknown>): RenderedCommand['effect'] {
  const values: Array<{ metric: string; value: unknown }> = []
  mergeMembers(null, properties, (path, value) => {
    values.push({ metric: `reported.${path.join('.')}`, value })
  })
  const [first] = values
  if (values.length !== 1 || first === undefined || first.value === null || isObject(first.value)) return null
  return first
}

function renderMessage({ device, id }: CommandTarget, { body, properties = {} }: Given): RenderedCommand {
  if (!/^[^/+#\u0000-\u001f]{1,128}$/.test(device))
    throw new CommandFault(
      null,
      `goes to a device, and ${JSON.stringify(device)} is a module, or no name of one`
    )
  const isText = typeof body === 'string'
  const type: Array<[string, string]> = isText
    ? []
    : [
        ['$.ct', 'application/json'],
        ['$.ce', 'utf-8']
      ]
  const own = Object.entries(properties as object).map(([name, value]: [string, unknown]) => {
    if (typeof value === 'string' || value === null) return [name, value] as const
    throw new CommandFault('properties', `${JSON.stringify(name)} is neither text nor null`)
  })
  return {
    topic: `devices/${device}/messages/devicebound/${writeBag([['$.mid', id], ...type, ...own])}`,
    payload: isText ? body : writeCommandJson(body, 'body'),
    qos,
    correlation: null,
    effect: null
  }
}
