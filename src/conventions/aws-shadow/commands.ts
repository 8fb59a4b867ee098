/** Commands to a shadow: what is desired, and requests to the shadow service. Pure. */

import type { CommandTarget, ConventionCommand, RenderedCommand } from '../../normalize/convention.ts'
import { CommandFault } from '../../normalize/convention.ts'
import { writeCommandJson } from '../command-json.ts'
import { isObject } from '../facts.ts'
import { mergeMembers } from '../members.ts'
import { toMetric } from './documents.ts'

/** Client tokens of ours: devices give some, too, and what is answered to them is none of a command. At most 64 bytes. */
export const tokenPrefix = 'rialto-'

const shadow = {
  type: 'text',
  required: false,
  about: 'name of the shadow; without it, the classic one'
} as const

export const commands: readonly ConventionCommand[] = [
  {
    name: 'desire',
    about: 'Changes the desired state; the shadow service tells the device what differs',
    topic: '$aws/things/{thing}/shadow/update',
    parameters: {
      state: { type: 'object', required: true, about: 'members of `desired`; null removes' },
      shadow,
      version: { type: 'integer', required: false, about: 'refused unless the shadow has it' }
    },
    answer:
      'Done when the device reports the value, where that is one. A response by client token comes of the shadow service: `rejected` fails the command; `accepted` proves that the shadow has it, and is no word of the device. It is waited for with `awaits: response` alone, so that of several members nothing is known without it',
    render(target, given) {
      const state = given['state'] as Record<string, unknown>
      const version = given['version']
      if (Object.keys(state).length === 0) throw new CommandFault('state', 'has no member')
      const token = tokenPrefix + target.id
      const document = {
        state: { desired: state },
        clientToken: token,
        ...(version !== undefined && { version: Number(version) })
      }
      return {
        ...request(target, given, 'update', document, token),
        responds: 'received',
        effect: toEffect(state, (given['shadow'] as string | undefined) ?? null)
      }
    }
  },
  {
    name: 'get',
    about: 'Asks the shadow service for the whole document',
    topic: '$aws/things/{thing}/shadow/get',
    parameters: { shadow },
    answer: 'A response by client token, of the shadow service; the document becomes metrics',
    render: (target, given) => ask(target, given, 'get')
  },
  {
    name: 'delete',
    about: 'Deletes the shadow; all its metrics become null',
    topic: '$aws/things/{thing}/shadow/delete',
    parameters: { shadow },
    answer: 'A response by client token: the shadow service says that it is gone',
    render: (target, given) => ask(target, given, 'delete')
  }
]

type Given = Readonly<Record<string, unknown>>

function ask(target: CommandTarget, given: Given, operation: string): RenderedCommand {
  const token = tokenPrefix + target.id
  return { ...request(target, given, operation, { clientToken: token }, token), effect: null }
}

function request(
  { device }: CommandTarget,
  given: Given,
  operation: string,
  document: object,
  correlation: string
): Omit<RenderedCommand, 'effect'> {
  // https://docs.aws.amazon.com/iot/latest/apireference/API_CreateThing.html
  if (!/^[a-zA-Z0-9:_-]{1,128}$/.test(device))
    throw new CommandFault(null, `goes to a thing, and ${JSON.stringify(device)} is no name of one`)
  const name = given['shadow'] as string | undefined
  if (name !== undefined && !/^[$a-zA-Z0-9:_-]{1,64}$/.test(name))
    throw new CommandFault('shadow', 'is no name of a shadow: 1 to 64 letters, digits, $ : _ -')
  return {
    topic: `$aws/things/${device}/shadow/${name === undefined ? '' : `name/${name}/`}${operation}`,
    payload: writeCommandJson(document, operation === 'update' ? 'state' : null),
    qos: 1,
    correlation
  }
}

/** One value that is reported shows it; of several, none shows all. */
function toEffect(state: Record<string, unknown>, shadowName: string | null): RenderedCommand['effect'] {
  const values: Array<{ metric: string; value: unknown }> = []
  mergeMembers(null, state, (path, value) => {
    values.push({ metric: toMetric({ shadow: shadowName }, path.join('.')), value })
  })
  const [first] = values
  if (values.length !== 1 || first === undefined || first.value === null || isObject(first.value)) return null
  return first
}
