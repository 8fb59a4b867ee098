/** Actuation: the same records, sent to a device (RFC 8428 section 4.9). Pure. */

import { defaultLimits } from '../../limits.ts'
import type { CommandTarget, ConventionCommand, RenderedCommand } from '../../normalize/convention.ts'
import { CommandFault } from '../../normalize/convention.ts'
import { writeExact } from '../../normalize/exact-json.ts'
import type { CommandTopic } from '../plain-payload.ts'
import { toCommandTopic } from '../plain-payload.ts'
import { addressOf } from './names.ts'

export const actuate = (topic: CommandTopic): ConventionCommand => ({
  name: 'actuate',
  about: 'Sends one record to the device',
  topic: topic.text,
  parameters: {
    name: { type: 'text', required: true, about: 'Name of the record, behind the base name' },
    value: { type: 'any', required: true, about: 'A number (`v`), a boolean (`vb`) or text (`vs`)' },
    unit: { type: 'text', required: false, about: 'Its unit' },
    baseName: { type: 'text', required: false, about: 'The base name, such as `urn:dev:ow:10e2073a0108006:`' }
  },
  answer: 'Done when a record of the metric has this value: that it is so, and not whose doing it is',
  render: (target, parameters) => render(topic, target, parameters)
})

const isName = (text: string): boolean => /^[A-Za-z0-9][-:./_A-Za-z0-9]*$/.test(text)

function render(
  topic: CommandTopic,
  target: CommandTarget,
  { name, value, unit, baseName = '' }: Readonly<Record<string, unknown>>
): RenderedCommand {
  if (typeof name !== 'string' || typeof baseName !== 'string' || !isName(baseName + name))
    throw new CommandFault(
      'name',
      'Names have letters, digits, -, :, ., / and _, and begin with a letter or a digit'
    )
  const field = { number: 'v', bigint: 'v', boolean: 'vb', string: 'vs' }[typeof value as string]
  if (field === undefined) throw new CommandFault('value', 'Give a number, a boolean or text')
  const record = Object.fromEntries([
    ...(baseName === '' ? [] : [['bn', baseName]]),
    ['n', name],
    ...(typeof unit === 'string' ? [['u', unit]] : []),
    [field, value]
  ]) as Record<string, unknown>
  const address = addressOf(baseName, name, target.topic, target.captures['device'] ?? null)
  return {
    topic: toCommandTopic(topic, target),
    payload: writeExact([record], defaultLimits.commandPayloadBytesMax),
    qos: 1,
    contentType: 'application/senml+json',
    correlation: null,
    // Without the base name it is not known under which device it will be told, unless the topic tells
    effect: { metric: address.device === target.device ? address.metric : name, value }
  }
}
