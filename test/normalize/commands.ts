/** Commands of mappings as they are rendered, for tests and for what the documentation shows. */

import { Problem } from '../../src/errors.ts'
import { defaultLimits } from '../../src/limits.ts'
import { renderMappingCommand } from '../../src/normalize/mapping-command.ts'
import type { MappingCommand, RenderedMappingCommand } from '../../src/normalize/mapping-command.ts'
import type { MappingSet } from '../../src/normalize/mapping-set.ts'

export const commandId = '0197c0de-0000-7000-8000-0000deadbeef'

export interface Rendered extends RenderedMappingCommand {
  command: MappingCommand
}

/** For the device that was heard last on a topic. Throws Problem. */
export function render(
  set: MappingSet,
  topic: string,
  name: string,
  payload: Uint8Array,
  id = commandId
): Rendered {
  const { captures, commands, shown } = set.commandsOf(set.match(topic)!.mapping.name, topic)!
  const command = commands.find((one) => one.name === name) as MappingCommand
  const rendered = renderMappingCommand(command, { id, captures, payload, shown, limits: defaultLimits })
  return { ...rendered, command }
}

/** As docs/mappings.md has it: the message, and what is awaited; or why it is refused. */
export function showCommand(set: MappingSet, topic: string, name: string, payload: Uint8Array): string[] {
  let rendered: Rendered
  try {
    rendered = render(set, topic, name, payload)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return error.errors.map(({ pointer, detail }) => `refused ${pointer} ${detail}`)
  }
  const { response, effect, qos, oneInFlight, command } = rendered
  const notes = [qos === 1 ? null : `QoS ${qos}`, command.once ? 'at most once' : null]
  const said = notes.filter((note) => note !== null).join(', ')
  return [
    `${rendered.topic}  ${rendered.payload.toString()}${said === '' ? '' : `  (${said})`}`,
    ...(response === null ? [] : [`response on ${showResponse(response, oneInFlight)}`]),
    ...(effect === null ? [] : [`effect ${effect.metric} is ${JSON.stringify(effect.value)}`])
  ]
}

function showResponse(
  { filter, correlation, correlationData, ok }: NonNullable<Rendered['response']>,
  oneInFlight: boolean
): string {
  return [
    filter,
    correlation === null ? '' : ` where ${correlation.expression} is ${correlation.value}`,
    correlationData === null ? '' : ` with correlation data ${correlationData}`,
    ok === null ? '' : `, success where ${ok}`,
    oneInFlight ? ', one in flight' : ''
  ].join('')
}
