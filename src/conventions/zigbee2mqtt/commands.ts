/** Commands of devices, groups and the bridge. */

import { CommandFault } from '../../normalize/convention.ts'
import type { CommandTarget, ConventionCommand, RenderedCommand } from '../../normalize/convention.ts'
import { writeCommandJson } from '../command-json.ts'
import { isObject } from '../facts.ts'
import type { Naming } from './naming.ts'

export const createCommands = (namings: readonly Naming[]): ConventionCommand[] => [
  {
    name: 'set',
    about: 'Sets properties of a device or a group.',
    topic: `${namings[0]!.base}/FRIENDLY_NAME/set`,
    parameters: {
      payload: { type: 'object', required: true, about: 'properties and values, such as `{"state": "ON"}`' },
      effect: {
        type: 'text',
        required: false,
        about: 'which of them shows that it was done; without it the first that can'
      }
    },
    answer:
      'Done when the property is told with the value: zigbee2mqtt tells it once the device took it, and with `optimistic` off once the device says so. There is no word of refusal: then it times out. `TOGGLE`, and steps and moves, show nothing, and are not published again in doubt.',
    render: (target, { payload, effect }) => {
      const members = payload as Record<string, unknown>
      if (Object.keys(members).length === 0) throw new CommandFault('payload', 'names no property')
      return {
        ...to(namings, target, 'set'),
        payload: writeCommandJson(members, 'payload'),
        once: Object.entries(members).some(([name, value]) => isRelative(name, value)),
        effect: effect === undefined ? findEffect(members) : namedEffect(members, String(effect))
      }
    }
  },
  {
    name: 'get',
    about: 'Asks a device for properties.',
    topic: `${namings[0]!.base}/FRIENDLY_NAME/get`,
    parameters: { properties: { type: 'texts', required: true, about: 'names of properties' } },
    answer: 'None: the device says what they are, and not that it was asked.',
    render: (target, { properties }) => {
      const names = properties as string[]
      if (names.length === 0) throw new CommandFault('properties', 'names none')
      const asked = Object.fromEntries(names.map((name) => [name, '']))
      return { ...to(namings, target, 'get'), payload: writeCommandJson(asked, 'properties') }
    }
  },
  {
    name: 'bridge',
    about:
      'A request to the bridge: `permit_join`, `device/rename`, `group/members/add`, … Its device is `BASE/bridge`.',
    topic: `${namings[0]!.base}/bridge/request/REQUEST`,
    parameters: {
      request: { type: 'text', required: true, about: 'what stands behind `bridge/request/`' },
      payload: { type: 'object', required: false, about: 'its parameters' }
    },
    answer:
      '`BASE/bridge/response/REQUEST` with the same `transaction`: the bridge says whether it did it, `ok` or `error`.',
    render: (target, parameters) => renderRequest(namings, target, parameters)
  }
]

type Addressed = Pick<RenderedCommand, 'topic' | 'qos' | 'correlation' | 'effect'>

function to(namings: readonly Naming[], { device, topic }: CommandTarget, verb: string): Addressed {
  const naming = namingOf(namings, topic)
  if (device === naming.bridge)
    throw new CommandFault(null, `is for devices; the bridge has the command bridge`)
  const name = naming.friendlyName(device)
  if (name === null) throw new CommandFault(null, `is for devices of ${naming.base}`)
  return { topic: `${naming.base}/${name}/${verb}`, qos: 1, correlation: null, effect: null }
}

/** Of several bases, one may be the beginning of another. */
function namingOf(namings: readonly Naming[], topic: string): Naming {
  const [naming] = namings
    .filter(({ base }) => topic.startsWith(`${base}/`))
    .toSorted((a, b) => b.base.length - a.base.length)
  if (naming === undefined)
    throw new CommandFault(null, 'No message of it tells which zigbee2mqtt it belongs to')
  return naming
}

function renderRequest(
  namings: readonly Naming[],
  { device, topic, id }: CommandTarget,
  { request, payload }: Readonly<Record<string, unknown>>
): RenderedCommand {
  const naming = namingOf(namings, topic)
  if (device !== naming.bridge) throw new CommandFault(null, `is for the bridge, the device ${naming.bridge}`)
  if (!/^\w+(\/\w+)*$/.test(String(request)))
    throw new CommandFault('request', 'must be levels of letters, digits and _, such as device/rename')
  const members = (payload ?? {}) as Record<string, unknown>
  return {
    topic: `${naming.bridge}/request/${String(request)}`,
    payload: writeCommandJson({ ...members, transaction: id }, 'payload'),
    qos: 1,
    correlation: id,
    effect: null
  }
}

/** They change something, and are no property that is told. */
const unsaid =
  /(_step|_move|_move_onoff|_step_onoff|_percent)$|^(transition|on_time|off_wait_time|effect|alert|identify|read|write|command|commandResponse|zclcommand)$|^scene_/

/** What becomes of it depends on what was before: done twice, it is something else. */
const isRelative = (name: string, value: unknown): boolean =>
  /_step(_onoff)?$/.test(name) || (typeof value === 'string' && value.toUpperCase() === 'TOGGLE')

function findEffect(members: Record<string, unknown>): RenderedCommand['effect'] {
  for (const [metric, value] of Object.entries(members))
    if (!unsaid.test(metric)) {
      const effect = toEffect(metric, value)
      if (effect !== null) return effect
    }
  return null
}

function namedEffect(members: Record<string, unknown>, path: string): RenderedCommand['effect'] {
  let value: unknown = members
  for (const name of path.split('.'))
    value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
  const effect = toEffect(path, value)
  if (effect === null) throw new CommandFault('effect', 'is no property of the payload that has one value')
  return effect
}

function toEffect(metric: string, value: unknown): RenderedCommand['effect'] {
  if (value === null || value === undefined || typeof value === 'object') return null
  if (typeof value !== 'string') return { metric, value }
  if (value === '' || value.toUpperCase() === 'TOGGLE') return null
  // Any case is understood, and told in capitals
  return { metric, value: /^state($|_)/.test(metric) ? value.toUpperCase() : value }
}
