/** Commands of a mapping: which message one is, and how it will be known what became of it. Pure. */

import type { Awaited } from '../command.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { MessageProperties, QoS } from '../model.ts'
import { filterFault } from '../topic.ts'
import { correlationIn } from './correlate.ts'
import { automaticEncoding, decode } from './decode-payload.ts'
import type { MappingDefinition } from './definition.ts'
import { UnwritableError, writeExact } from './exact-json.ts'
import type { Expression } from './expression.ts'
import type { CommandAddress } from './mapping-set.ts'
import type { ParameterCheck } from './parameter-schema.ts'
import { isMembers } from './select.ts'
import type { Captures } from './topic-template.ts'
import { renderTemplate } from './topic-template.ts'
import { convert } from './values.ts'
import { toKey } from './value-key.ts'

export interface MappingCommand extends CommandAddress {
  qos: QoS
  parameters: ParameterCheck | null
  /** Makes the payload of what was given; null: it is the payload. */
  payload: Expression | null
  /** The member of the payload that is the command's id, unless it is given. */
  id: { path: readonly string[]; type: 'text' | 'integer' } | null
  correlated: Expression | null
  /** Nothing but its topic tells that a message is an answer. */
  byTopic: boolean
  /** Predicate on an answer, as clients see it: whether it says yes. */
  ok: string | null
  /** Text template of the metric; null value: all that was given. */
  effect: { metric: string; value: Expression | null } | null
  timeoutSeconds: number | null
  once: boolean
  oneInFlight: boolean
}

export interface MappingCommandTarget {
  /** Of the command, a UUID. */
  id: string
  captures: Readonly<Captures>
  payload: Uint8Array
  /** A value as the mapping will show it when the device tells it (shownValue). */
  shown: (metric: string, value: unknown) => unknown
  limits: Limits
}

export interface RenderedMappingCommand {
  topic: string
  payload: Buffer
  qos: QoS
  properties: MessageProperties | null
  response: Extract<Awaited, { kind: 'message' }> | null
  effect: { metric: string; value: unknown } | null
  oneInFlight: boolean
}

/** Throws Problem. */
export function renderMappingCommand(
  command: MappingCommand,
  target: MappingCommandTarget
): RenderedMappingCommand {
  const { id, limits } = target
  const names = { id, ...target.captures }
  const given = read(command, target)
  const { document, bytes } = toPayload(command, given, target)
  const topic = renderTemplate(command.topic, names)
  const message = { topic, payload: bytes, qos: command.qos }
  const effect = toEffect(command, names, given, target.shown)
  if (command.responseTopic === null)
    return { ...message, properties: null, response: null, effect, oneInFlight: false }
  const filter = renderTemplate(command.responseTopic, names)
  const correlation = toCorrelation(command, document)
  const byData = correlation === null && !command.byTopic
  const correlationData = byData ? Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64') : null
  const fault = filterFault(filter, limits.topicLevelsMax)
  if (fault !== null)
    throw refuse('', `cannot be answered: ${command.responseTopic} is no topic then: ${fault}`)
  // A topic to answer to has no wildcards [MQTT-3.3.2-14]
  const isTopic = !/[+#]/.test(filter)
  const properties = {
    ...(isTopic && { responseTopic: filter }),
    ...(correlationData !== null && { correlationData })
  }
  const told = byData || correlation !== null || /\{id\}/.test(command.responseTopic)
  return {
    ...message,
    properties: isTopic ? properties : null,
    response: { kind: 'message', filter, correlationData, correlation, where: null, ok: command.ok },
    effect,
    oneInFlight: command.oneInFlight || !told
  }
}

/** What the client gave, checked. */
function read({ parameters, name }: MappingCommand, { payload, limits }: MappingCommandTarget): unknown {
  const decoded = decode(automaticEncoding, { payload, properties: null }, limits, () => undefined)
  const given = decoded?.value ?? null
  const faults = parameters?.(given) ?? []
  if (faults.length === 0) return given
  const errors = faults.map(({ pointer, detail }) => ({ pointer: `/payload${pointer}`, detail }))
  const [first] = errors as [(typeof errors)[number], ...typeof errors]
  throw new Problem(
    'invalid_value',
    `${first.pointer} ${first.detail}; the mapping says what ${name} takes`,
    errors
  )
}

/** As bytes, and as what they say. */
function toPayload(
  command: MappingCommand,
  given: unknown,
  { id, payload, limits }: MappingCommandTarget
): { bytes: Buffer; document: unknown } {
  let document = given
  if (command.payload !== null) document = select(command.payload, given)
  if (command.id !== null) document = withId(command.id, document, id)
  if (command.payload === null && document === given) return { bytes: Buffer.from(payload), document }
  // Text as it is, as devices expect a word, and everything else as JSON
  return {
    bytes: Buffer.from(typeof document === 'string' ? document : write(document, limits)),
    document
  }
}

function select(expression: Expression, given: unknown): unknown {
  let selected: unknown
  try {
    selected = expression.select(given)
  } catch (error) {
    throw refuse('', `makes no payload: ${expression.text}: ${(error as Error).message}`)
  }
  if (selected === undefined)
    throw refuse('', `has nothing for ${expression.text}, of which the payload is made`)
  return selected
}

function write(document: unknown, limits: Limits): string {
  try {
    return writeExact(document, limits.commandPayloadBytesMax)
  } catch (error) {
    if (!(error instanceof UnwritableError)) throw error
    throw refuse('', `cannot be sent: ${error.message}`)
  }
}

/** The document with the id in it; the same one if it has one. */
function withId(member: NonNullable<MappingCommand['id']>, document: unknown, id: string): unknown {
  const put = (value: unknown, [name, ...rest]: readonly string[]): unknown => {
    if (!isMembers(value))
      throw refuse(
        '',
        `must be a JSON object: the mapping puts the id of the command in ${member.path.join('.')}`
      )
    const own = Object.hasOwn(value, name!) ? value[name!] : undefined
    if (rest.length === 0)
      return own === undefined || own === null ? { ...value, [name!]: idAs(member.type, id) } : value
    const inner = put(own ?? {}, rest)
    return inner === own ? value : { ...value, [name!]: inner }
  }
  return put(document, member.path)
}

/** An integer of 31 bits, of the end of a UUID, which is random: exact everywhere. */
const idAs = (type: 'text' | 'integer', id: string): string | number =>
  type === 'text' ? id : Number.parseInt(id.slice(-8), 16) & 0x7fff_ffff || 1

function toCorrelation(
  { correlated, id }: MappingCommand,
  document: unknown
): { expression: string; value: string } | null {
  if (correlated === null) return null
  const value = id === null ? correlationIn(correlated, document) : toKey(at(document, id.path))
  if (value === null)
    throw refuse(
      '',
      `has nothing for ${correlated.text}, by which its answer is known. Give it, or add id to the command in rialto.yaml`
    )
  return { expression: correlated.text, value }
}

const at = (document: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((value, name) => (isMembers(value) ? value[name] : undefined), document)

function toEffect(
  { effect }: MappingCommand,
  names: Captures,
  given: unknown,
  shown: MappingCommandTarget['shown']
): { metric: string; value: unknown } | null {
  if (effect === null) return null
  const metric = renderTemplate(effect.metric, names)
  const value = effect.value === null ? given : valueOf(effect.value, given)
  return value === undefined ? null : { metric, value: shown(metric, value) }
}

function valueOf(expression: Expression, given: unknown): unknown {
  try {
    return expression.select(given)
  } catch {
    return undefined
  }
}

/** A value as a metric of the mapping will show it: words as booleans, text as numbers, where the mapping says so. */
export function shownValue(
  { metrics, booleans, decoder }: Pick<MappingDefinition, 'metrics' | 'booleans' | 'decoder'>,
  metric: string,
  value: unknown
): unknown {
  const read = decoder === 'boolean' || decoder === 'number' || decoder === 'text' ? decoder : null
  const type = metrics?.find(({ name }) => name === metric)?.type ?? read
  const converted = type === null ? null : convert(value, type, booleans)
  return converted !== null && 'converted' in converted ? converted.converted : value
}

const refuse = (pointer: string, detail: string): Problem =>
  new Problem('invalid_value', `/payload${pointer} ${detail}`, [{ pointer: `/payload${pointer}`, detail }])
