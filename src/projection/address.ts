/** A command to a device, by name: which message that is, as the device's convention or mapping says. */

import type { Addressed, AddressAsk } from '../command-ask.ts'
import type { Awaited } from '../command.ts'
import type { Device } from '../datapoints.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access, MessageProperties, Millis } from '../model.ts'
import { checkParameters } from '../normalize/command-parameters.ts'
import type { ConventionCommand, RenderedCommand } from '../normalize/convention.ts'
import { CommandFault } from '../normalize/convention.ts'
import { parseExact } from '../normalize/exact-json.ts'
import type { MappingCommand } from '../normalize/mapping-command.ts'
import { renderMappingCommand } from '../normalize/mapping-command.ts'
import type { Commandable, DecoderState, MappingSet } from '../normalize/mapping-set.ts'
import { escapePointer } from '../normalize/parameter-schema.ts'
import { toKey } from '../normalize/value-key.ts'
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

  /** Who may not read a device may command it all the same, by a grant of that. */
  async function deviceFor(access: Access, name: string): Promise<Device | null> {
    const device = await store.devices.byName(anything, name)
    if (device === null) return null
    const known = access.mayRead(device.topic) || access.mayCommandDevice?.(name, device.topic) === true
    return known ? device : null
  }

  return async (access, ask) => {
    const device = await deviceFor(access, ask.device)
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
    const rule = mappings().storing(device.mapping)
    const known: Known = {
      device: device.name,
      leavesOut: (metric) => rule !== null && rule(metric) !== null
    }
    if (!('render' in command)) return fromMapping(command, commandable, known, ask, limits)
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
      rendered(() => command.render(target, parameters)),
      known
    )
  }
}

const anything: Access = { principal: 'addresser', mayRead: () => true, mayPublish: () => false }

const unknownCommand = (mapping: string, names: readonly string[]): string =>
  names.length === 0
    ? `is no command: ${mapping} has none. Send to a topic instead`
    : `is no command of ${mapping}; there are ${[...new Set(names)].join(', ')}`

interface Known {
  device: string
  /** The mapping does not store each datapoint of the metric: that it has a value may be told, and left out. */
  leavesOut: (metric: string) => boolean
}

function fromMapping(
  command: MappingCommand,
  { captures, shown }: Commandable,
  known: Known,
  { id, payload }: AddressAsk,
  limits: Limits
): Addressed {
  const { effect, ...message } = renderMappingCommand(command, { id, captures, payload, shown, limits })
  return {
    ...message,
    effect: toShown(effect, null, known),
    responds: 'done',
    once: command.once,
    timeoutSeconds: command.timeoutSeconds
  }
}

/** The datapoint that shows something, if there will be one; `refusal`: how the device would say that it will not. */
function toShown(
  shown: { metric: string; value: unknown } | null | undefined,
  refusal: string | null,
  { device, leavesOut }: Known
): Awaited | null {
  if (shown === null || shown === undefined || leavesOut(shown.metric)) return null
  return { kind: 'datapoint', device, metric: shown.metric, value: toKey(shown.value), refusal }
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
    throw refuse(parameter === null ? '/payload' : `/payload/${escapePointer(parameter)}`, message)
  }
}

function toMessage(command: RenderedCommand, known: Known): Addressed {
  const { topic, payload, qos, contentType, responseTopic, correlation, accepted } = command
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
    response:
      correlation === null
        ? toShown(accepted, null, known)
        : { kind: 'response', device: known.device, correlation },
    effect: toShown(command.effect, correlation, known),
    responds: accepted === undefined ? (command.responds ?? 'done') : 'received',
    oneInFlight: command.shared === true || accepted !== undefined,
    once: command.once === true,
    timeoutSeconds: command.timeoutSeconds ?? null
  }
}

const refuse = (pointer: string, detail: string): Problem =>
  new Problem('invalid_value', `${pointer} ${detail}`, [{ pointer, detail }])
