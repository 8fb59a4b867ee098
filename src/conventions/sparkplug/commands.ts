/** Commands to nodes and devices; what shows that one was done is the data that follows, for there are no answers. Pure. */

import { CommandFault } from '../../normalize/convention.ts'
import type { CommandTarget, ConventionCommand, RenderedCommand } from '../../normalize/convention.ts'
import { quote } from '../../normalize/names.ts'
import { datatypes } from './datatypes.ts'
import { deviceOf, nodeOf } from './node.ts'
import { encodePayload } from './payload.ts'
import type { Metric } from './payload.ts'
import { rebirthMetric, rebirthPayload } from './rebirth.ts'
import { indexOf } from './tables.ts'
import type { Known, Table } from './tables.ts'
import { ValueFault } from './value-fault.ts'
import { writeValue } from './write-value.ts'

interface Address {
  group: string
  node: string
  device: string | null
}

/** By its name: what said last that it is offline may have come for the whole node. */
function addressOf({ device: name, captures }: CommandTarget): Address {
  const [group, node, device = null, more] = name.split('/')
  if (captures['host'] !== undefined || group === undefined || node === undefined || more !== undefined)
    throw new CommandFault(null, `${quote(name)} is no edge node and no device of one; it takes no commands`)
  return { group, node, device }
}

const topicOf = ({ group, node, device }: Address): string =>
  device === null ? `spBv1.0/${group}/NCMD/${node}` : `spBv1.0/${group}/DCMD/${node}/${device}`

/** QoS 0, and no seq [tck-id-payloads-ncmd-qos] [tck-id-payloads-ncmd-seq]. */
const command = (topic: string, payload: Uint8Array, effect: RenderedCommand['effect']): RenderedCommand => ({
  topic,
  payload,
  qos: 0,
  correlation: null,
  effect
})

export const write: ConventionCommand = {
  name: 'write',
  about:
    'Writes a metric. The data type is the one of the last birth; a metric of the node itself goes to `spBv1.0/{group}/NCMD/{node}`. A member of a template is `template/member`.',
  topic: 'spBv1.0/{group}/DCMD/{node}/{device}',
  parameters: {
    metric: { type: 'text', required: true, about: 'Its name, as in the birth' },
    value: {
      type: 'any',
      required: true,
      about:
        'As the metric shows it; integers beyond 2^53 may be texts of digits, DateTime may be milliseconds, Bytes and File are Base64'
    }
  },
  answer:
    'Done when DDATA or NDATA has the value: that it is so, and not whose doing it is. There are no answers, so that no refusal is known: then it times out',
  render(target, parameters) {
    const address = addressOf(target)
    const name = parameters['metric'] as string
    const known = find(tableOf(target, address), name, target.device)
    try {
      const { wire, shown } = writeValue(known.datatype, parameters['value'])
      const metric = within(known, target.now, { name: known.entry[0], datatype: known.datatype, ...wire })
      const payload = encodePayload({ timestamp: target.now, metrics: [metric] })
      return command(topicOf(address), payload, { metric: name, value: shown })
    } catch (error) {
      if (error instanceof ValueFault) throw new CommandFault('value', `${quote(name)}: ${error.message}`)
      throw error
    }
  }
}

function tableOf({ state, device }: CommandTarget, address: Address): Table {
  const node = nodeOf(state)
  const born = address.device === null ? node : deviceOf(node, address.device)
  if (born?.table) return born.table
  throw new CommandFault(
    null,
    `No birth of ${quote(device)} is known, so that its metrics are not; ask for one with the command rebirth`
  )
}

function find(table: Table, name: string, device: string): Known {
  const { byName } = indexOf(table)
  const known = byName.get(name)
  if (known !== undefined) return known
  const some = [...byName.keys()].slice(0, 5).map(quote).join(', ')
  throw new CommandFault(
    'metric',
    `The last birth of ${quote(device)} has no metric ${quote(name)}; it has ${some || 'none'}${byName.size > 5 ? ' and others' : ''}`
  )
}

/** A member is written in the templates that it is in, and they are otherwise left as they are. */
function within({ within: templates }: Known, now: number, member: Partial<Metric>): Partial<Metric> {
  return templates.toReversed().reduce<Partial<Metric>>(
    (inner, [name, , , ref]) => ({
      name,
      datatype: datatypes.Template,
      templateValue: {
        isDefinition: false,
        ...(typeof ref === 'string' && { templateRef: ref }),
        metrics: [inner],
        parameters: []
      },
      timestamp: now
    }),
    { ...member, timestamp: now }
  )
}

export const rebirth: ConventionCommand = {
  name: 'rebirth',
  about: 'Asks an edge node for its births again, and those of its devices.',
  topic: 'spBv1.0/{group}/NCMD/{node}',
  parameters: {},
  answer: 'Done when the birth of the node comes; of a device nothing shows. There are no answers',
  render(target) {
    const address = { ...addressOf(target), device: null }
    // Every NBIRTH has it as false [tck-id-payloads-nbirth-rebirth-req]; a birth of a device has nothing of the kind
    const isNode = target.device === `${address.group}/${address.node}`
    const effect = isNode ? { metric: rebirthMetric, value: false } : null
    return command(topicOf(address), rebirthPayload(target.now), effect)
  }
}
