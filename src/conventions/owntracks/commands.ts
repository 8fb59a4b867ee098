/** Commands: a message of `_type` cmd, in a box where the device has a key. Pure. */

import type { CommandTarget, ConventionCommand, RenderedCommand } from '../../normalize/convention.ts'
import { CommandFault } from '../../normalize/convention.ts'
import { writeCommandJson } from '../command-json.ts'
import { isObject } from '../facts.ts'
import type { Secrets } from './secrets.ts'
import { closeBox, secretOf } from './secrets.ts'

type Given = Readonly<Record<string, unknown>>
/** What the command shows by, and the members of the message beside its action. */
interface Act extends Pick<ConventionCommand, 'name' | 'about' | 'parameters' | 'answer'> {
  action(given: Given): { action: string } & Record<string, unknown>
  shows?: Partial<Pick<RenderedCommand, 'correlation' | 'effect'>>
}

const epoch = (about: string) => ({ type: 'integer', required: false, about }) as const

const acts: readonly Act[] = [
  {
    name: 'reportLocation',
    about: 'Asks where it is. A sleeping app answers when it wakes up: give `timeoutSeconds`',
    parameters: {},
    answer:
      'Done when a location comes whose trigger `t` is `r`: it answers such a question, ours or that of another one',
    action: () => ({ action: 'reportLocation' }),
    shows: { effect: { metric: 't', value: 'r' } }
  },
  {
    name: 'reportSteps',
    about: 'Asks for the steps counted (iOS)',
    parameters: { from: epoch('seconds since 1970'), to: epoch('seconds since 1970') },
    answer:
      'The next `steps`: a response `reportSteps`, which fails where they are -1. One is in flight at a time',
    action: ({ from, to }) => ({
      action: 'reportSteps',
      ...(from !== undefined && { from: Number(from) }),
      ...(to !== undefined && { to: Number(to) })
    }),
    shows: { correlation: 'reportSteps' }
  },
  {
    name: 'dump',
    about: 'Asks for the configuration (iOS)',
    parameters: {},
    answer: 'The next `configuration`: a response `dump`. One is in flight at a time',
    action: () => ({ action: 'dump' }),
    shows: { correlation: 'dump' }
  },
  {
    name: 'status',
    about: 'Asks for the settings of the phone',
    parameters: {},
    answer: 'The next `status`: a response `status`. One is in flight at a time',
    action: () => ({ action: 'status' }),
    shows: { correlation: 'status' }
  },
  {
    name: 'waypoints',
    about: 'Asks for the regions',
    parameters: {},
    answer: 'The next `waypoints`: a response `waypoints`. One is in flight at a time',
    action: () => ({ action: 'waypoints' }),
    shows: { correlation: 'waypoints' }
  },
  {
    name: 'setWaypoints',
    about: 'Adds or changes regions',
    parameters: {
      waypoints: { type: 'any', required: true, about: 'a list of `{ desc, lat, lon, rad, tst }`' }
    },
    answer: 'None: the app does not say',
    action: ({ waypoints }) => ({
      action: 'setWaypoints',
      waypoints: { _type: 'waypoints', waypoints: toWaypoints(waypoints) }
    })
  },
  {
    name: 'clearWaypoints',
    about: 'Removes all regions (iOS)',
    parameters: {},
    answer: 'None: the app does not say',
    action: () => ({ action: 'clearWaypoints' })
  },
  {
    name: 'setConfiguration',
    about: 'Changes settings, where the app allows it',
    parameters: { configuration: { type: 'object', required: true, about: 'settings by their names' } },
    answer: 'None: the app does not say',
    action: ({ configuration }) => ({
      action: 'setConfiguration',
      configuration: { ...(configuration as object), _type: 'configuration' }
    })
  },
  {
    name: 'cmd',
    about: 'Any other action',
    parameters: {
      action: { type: 'text', required: true, about: 'its name' },
      members: { type: 'object', required: false, about: 'what else the message has' }
    },
    answer: 'None: the app does not say',
    action: ({ action, members = {} }) => ({ ...(members as object), action: action as string })
  }
]

function toWaypoints(given: unknown): unknown[] {
  if (!Array.isArray(given) || given.length === 0 || !given.every(isObject))
    throw new CommandFault('waypoints', 'is no list of objects { desc, lat, lon, rad, tst }')
  return given.map((waypoint: Record<string, unknown>, index) => {
    if (typeof waypoint['desc'] !== 'string' || waypoint['desc'] === '')
      throw new CommandFault('waypoints', `item ${index + 1} has no desc, its name`)
    if (!Number.isSafeInteger(waypoint['tst']))
      throw new CommandFault(
        'waypoints',
        `item ${index + 1} has no tst, seconds since 1970: its key on Android`
      )
    return { ...waypoint, _type: 'waypoint' }
  })
}

export const commandsFor = (bases: readonly string[], secrets: Secrets): ConventionCommand[] =>
  acts.map(({ name, about, parameters, answer, action, shows }) => ({
    name,
    about,
    topic: `${bases[0]}/{user}/{device}/cmd`,
    parameters,
    answer,
    render: (target, given) => ({
      topic: `${baseOf(target, bases)}/cmd`,
      payload: inBox(writeCommandJson({ _type: 'cmd', ...action(given) }, null), target, secrets),
      // The broker keeps it for an app that sleeps only from QoS 1 on (booklet, tech/json)
      qos: 1,
      correlation: shows?.correlation ?? null,
      // The app knows of no ids: any answer of its kind is the answer
      shared: true,
      effect: shows?.effect ?? null
    })
  }))

/** Where it was last heard, without the subtopic. */
function baseOf({ topic, device }: CommandTarget, bases: readonly string[]): string {
  const base = bases.find((one) => topic === `${one}/${device}` || topic.startsWith(`${one}/${device}/`))
  return `${base ?? bases[0]}/${device}`
}

function inBox(text: string, { device, id }: CommandTarget, secrets: Secrets): string {
  const key = secretOf(secrets, device)
  if (key === null) return text
  return JSON.stringify({ _type: 'encrypted', data: closeBox(text, key, `${id} ${device}`) })
}
