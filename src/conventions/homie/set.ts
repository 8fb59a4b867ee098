/** The command `set`: a property gets a value that its description allows. Pure. */

import { CommandFault } from '../../normalize/convention.ts'
import type { CommandTarget, ConventionCommand, RenderedCommand } from '../../normalize/convention.ts'
import { quote } from '../../normalize/names.ts'
import { entriesOf } from '../shared-map.ts'
import { readLiteral, writeLiteral } from './literals.ts'
import { deviceOf, toMemory } from './memory.ts'
import type { Property } from './memory.ts'
import { isWithin, nearestStep, parseRange } from './range.ts'

/** `addressOf` tells domain and ID of what is called so in Rialto. */
export const toSet = (addressOf: (device: string) => { domain: string; id: string }): ConventionCommand => ({
  name: 'set',
  about:
    'Sets a property: never retained, with QoS 2 as Homie recommends, or QoS 0 where the property is not retained. Refused where the description does not allow the value.',
  topic: '{domain}/5/{device}/{node}/{property}/set',
  parameters: {
    property: {
      type: 'text',
      required: true,
      about: 'The property, or node/property'
    },
    node: { type: 'text', required: false, about: 'Its node, where several have such a property' },
    value: {
      type: 'any',
      required: true,
      about: 'A number, true or false, a text, or an object or a list, as the datatype is'
    }
  },
  answer:
    'Done when the property’s metric has the value. Where the device tells `$target`, `node/property/$target` has it as soon as it is accepted: that proves that the device took it on, and is waited for with `awaits: response`. There is no word of refusal: then it times out',
  render(target, parameters) {
    const { domain, id } = addressOf(target.device)
    const [path, property] = find(target, id, parameters)
    const literal = toLiteral(path, property, parameters['value'])
    return {
      topic: `${domain}/5/${id}/${path}/set`,
      payload: literal.text,
      // Section QoS and retained messages
      qos: property.event ? 0 : 2,
      correlation: null,
      // Section Target attribute: once a device tells $target, it tells it for every value
      ...(property.target && { accepted: { metric: `${path}/$target`, value: literal.value } }),
      effect: { metric: path, value: literal.value }
    } satisfies RenderedCommand
  }
})

function find(
  { state, device }: CommandTarget,
  id: string,
  parameters: Readonly<Record<string, unknown>>
): [string, Property] {
  const properties = deviceOf(toMemory(state), id)?.properties
  if (properties === undefined)
    throw new CommandFault(
      null,
      `cannot be sent: ${device} has not described itself, so that nobody knows what it can do`
    )
  const property = parameters['property'] as string
  const node = parameters['node'] as string | undefined
  const wanted = node === undefined ? property : `${node}/${property}`
  const all = [...entriesOf(properties)]
  const found = all.filter(([path]) => path === wanted || (node === undefined && path.endsWith(`/${wanted}`)))
  const names = (of: typeof all): string => of.map(([path]) => path).join(', ')
  if (found.length === 0) {
    const settable = all.filter(([, { settable: can }]) => can)
    throw new CommandFault(
      'property',
      `names nothing: there is no ${quote(wanted)}; ${settable.length === 0 ? 'nothing of it can be set' : `these can be set: ${names(settable.slice(0, 20))}`}`
    )
  }
  if (found.length > 1)
    throw new CommandFault('property', `is in several nodes: name one of ${names(found.slice(0, 20))}`)
  if (!found[0]![1].settable)
    throw new CommandFault('property', `is ${found[0]![0]}, which cannot be set, its description says`)
  return found[0]!
}

function toLiteral(path: string, property: Property, value: unknown): { text: string; value: unknown } {
  const { datatype, format } = property
  const fault = (why: string): CommandFault => new CommandFault('value', why)
  const text = writeLiteral(datatype, value)
  if (text === undefined) throw fault(`must be ${datatype}, as ${path} is`)
  const read = readLiteral(datatype, format, text)
  if ('fault' in read) throw fault(read.fault)
  if ((datatype === 'integer' || datatype === 'float') && format !== undefined) {
    const range = parseRange(datatype, format)!
    const number = Number(read.value)
    const nearest = nearestStep(range, number)
    if (!isWithin(range, nearest)) throw fault(`is ${text}, and must be within ${format}`)
    // Far from the base, one step is less than a double can tell
    if (Math.abs(nearest - number) > Math.abs(number) * 1e-9)
      throw fault(`is ${text}, between two steps of ${format}; ${nearest} is one`)
  }
  return { text, value: read.value }
}
