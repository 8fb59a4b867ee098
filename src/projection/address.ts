/** A command to a device, by name: which message that is, as the device's convention or mapping says. */

import type { Addressed, AddressAsk } from '../command-ask.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access, MessageProperties, Millis } from '../model.ts'
import { checkParameters } from '../normalize/command-parameters.ts'
import type { ConventionCommand, RenderedCommand } from '../normalize/convention.ts'
import { CommandFault } from '../normalize/convention.ts'
import { parseExact } from '../normalize/exact-json.ts'
import type { CommandAddress, DecoderState, MappingSet } from '../normalize/mapping-set.ts'
import { renderTemplate } from '../normalize/topic-template.ts'
import { decodePayload } from '../payload.ts'
import type { Store } from '../store/store.ts'
import { DecoderStates } from './decoder-states.ts'

export interface AddresserParts {
  store: Pick<Store, 'devices' | 'projections'>
  mappings: () => MappingSet
  limits: Limits
  now?: () => Millis
}

export function createAddresser(
  parts: AddresserParts
): (access: Access, ask: AddressAsk) => Promise<Addressed> {
  const { store, mappings, limits, now = Date.now } = parts

  async function remembered(key: string | null): Promise<DecoderState | null> {
    if (key === null) return null
    const current = (await store.projections.list()).find(({ state }) => state === 'current')
    if (current === undefined) return null
    const states = await new DecoderStates(store, current.id, limits).load(new Set([key]))
    return states.get(key) ?? null
  }

  return async (access, ask) => {
    const device = await store.devices.byName(access, ask.device)
    if (device === null) throw new Problem('not_found', `There is no device ${JSON.stringify(ask.device)}`)
    const commandable = mappings().commandsOf(device.mapping, device.topic)
    const commands = commandable?.commands ?? []
    const command = commands.find(({ name }) => name === ask.name)
    if (commandable === null || command === undefined)
      throw refuse(
        '/name',
        unknownCommand(
          device.mapping,
          commands.map(({ name }) => name)
        )
      )
    if (!('render' in command)) return fromTemplate(command, commandable.captures, ask)
    const parameters = readParameters(command, ask)
    const { topic, attributes, name } = device
    const target = {
      device: name,
      topic,
      captures: commandable.captures,
      state: await remembered(commandable.stateKey),
      attributes,
      id: ask.id,
      now: now()
    }
    return toMessage(
      name,
      rendered(() => command.render(target, parameters))
    )
  }
}

const unknownCommand = (mapping: string, names: readonly string[]): string =>
  names.length === 0
    ? `is no command: ${mapping} has none. Send to a topic instead`
    : `is no command of ${mapping}; there are ${[...new Set(names)].join(', ')}`

function fromTemplate(
  { topic, responseTopic }: CommandAddress,
  captures: Record<string, string>,
  { payload }: AddressAsk
): Addressed {
  const properties =
    responseTopic === null ? null : { responseTopic: renderTemplate(responseTopic, captures) }
  const known = { response: null, effect: null, oneInFlight: false }
  return { topic: renderTemplate(topic, captures), payload, qos: 1, properties, ...known }
}

/** The payload of a convention's command are its parameters: a JSON object, integers beyond 2^53 exact. */
function readParameters(command: ConventionCommand, ask: AddressAsk): Record<string, unknown> {
  const { format, text } = decodePayload(ask.payload, { contentType: 'application/json' })
  const value = format === 'json' ? parseExact(text!) : null
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refuse(
      '/payload',
      `must be a JSON object with the parameters of ${command.name}: ${parametersOf(command)}`
    )
  return rendered(() => checkParameters(command, value as Record<string, unknown>))
}

const parametersOf = ({ parameters }: ConventionCommand): string =>
  Object.entries(parameters)
    .map(([name, { required, type }]) => `${name} (${type}${required ? '' : ', optional'})`)
    .join(', ') || 'none'

function rendered<T>(render: () => T): T {
  try {
    return render()
  } catch (error) {
    if (!(error instanceof CommandFault)) throw error
    const { parameter, message } = error
    throw refuse(parameter === null ? '/payload' : `/payload/${escape(parameter)}`, message)
  }
}

/** RFC 6901 section 3. */
const escape = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')

function toMessage(device: string, command: RenderedCommand): Addressed {
  const { topic, payload, qos, contentType, responseTopic, correlation, effect } = command
  const properties: MessageProperties = {
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(responseTopic !== undefined &&
      correlation !== null && { correlationData: Buffer.from(correlation).toString('base64') })
  }
  return {
    topic,
    payload: Buffer.from(payload as Uint8Array),
    qos,
    properties: Object.keys(properties).length === 0 ? null : properties,
    response: correlation === null ? null : { kind: 'response', device, correlation },
    effect: effect && { kind: 'datapoint', device, ...effect },
    oneInFlight: false
  }
}

const refuse = (pointer: string, detail: string): Problem =>
  new Problem('invalid_value', `${pointer} ${detail}`, [{ pointer, detail }])
