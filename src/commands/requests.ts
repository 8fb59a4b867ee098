/** From what a client asks to a request: which message it is, and how it will be known what became of it. */

import { randomUUID } from 'node:crypto'
import type { Addressed, AddressAsk, CommandAsk, DeviceAsk, Responds, TopicAsk } from '../command-ask.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Awaited, Awaits } from '../command.ts'
import type { Access, MessageProperties, Millis } from '../model.ts'
import { readPredicate } from '../predicate/predicate.ts'
import { covers, filterFault, isExact, topicFault } from '../topic.ts'
import type { CommandRequest } from './commands.ts'

export interface RequestParts {
  /** Throws Problem not_found for the device, and invalid_value for the rest. */
  address: (access: Access, ask: AddressAsk) => Promise<Addressed>
  /** Topic under which responses of this deployment come: `rialto/{client id}/responses`. */
  responses: string
  /** Filters that are subscribed: what else comes is not heard. */
  filters: readonly string[]
  limits: Limits
  now?: () => Millis
}

export type ToRequest = (access: Access, ask: CommandAsk) => Promise<CommandRequest>

/** What could be awaited of a command, and whether two of them could not be told apart. */
interface Known {
  response: Awaited | null
  effect: Awaited | null
  oneInFlight: boolean
  responds?: Responds
  once?: boolean
  timeoutSeconds?: number | null
}

export function createRequests(parts: RequestParts): ToRequest {
  const { address, limits, now = Date.now } = parts

  async function toDevice(access: Access, ask: DeviceAsk): Promise<CommandRequest> {
    const id = randomUUID()
    const { device, name, payload: parameters } = ask
    const addressed = await address(access, { id, device, name, payload: parameters })
    const { topic, payload, qos } = addressed
    const { contentType = null } = ask
    const properties = contentType === null ? addressed.properties : { contentType, ...addressed.properties }
    const effect = toExpected(parts, access, ask) ?? addressed.effect
    const agreed = terms(ask, { ...addressed, effect })
    if (agreed.awaited?.kind === 'message' && !isHeard(parts, agreed.awaited.filter))
      throw refuse(
        '/awaits',
        `is response, and ${agreed.awaited.filter}, where it comes, ${notHeard(parts)}. Subscribe to it, or ask for none`
      )
    return {
      ...agreed,
      id,
      topic,
      device,
      name,
      parameters,
      payload,
      qos,
      retain: false,
      properties,
      orderKey: device
    }
  }

  function toTopic(access: Access, ask: TopicAsk): CommandRequest {
    const id = randomUUID()
    const { topic, payload, qos, retain } = ask
    if (ask.condition !== null) checkKnowable(parts, access, topic)
    const effect = toExpected(parts, access, ask)
    const asksForResponse = ask.response !== null || ask.awaits === 'response'
    const { response, properties } = asksForResponse
      ? toResponse(parts, access, ask, id)
      : { response: null, properties: ask.properties }
    const oneInFlight =
      response?.kind === 'message' && response.correlationData === null && response.where === null
    return {
      ...terms(ask, { response, effect, oneInFlight }),
      id,
      topic,
      payload,
      qos,
      retain,
      properties,
      orderKey: null
    }
  }

  return async (access, ask) => {
    checkTimes(ask, limits, now())
    return ask.kind === 'device' ? toDevice(access, ask) : toTopic(access, ask)
  }
}

function checkTimes({ notBefore, expiresInSeconds }: CommandAsk, limits: Limits, now: Millis): void {
  if (notBefore === null) return
  const delayMs = notBefore - now
  if (delayMs > limits.commandDelaySecondsMax * 1_000)
    throw refuse('/notBefore', `is more than ${limits.commandDelaySecondsMax} seconds away`)
  if (expiresInSeconds !== null && delayMs >= expiresInSeconds * 1_000)
    throw refuse(
      '/expiresInSeconds',
      'is over before notBefore, counted from now: it would never be published'
    )
}

/** What is awaited: as asked for, or what can be known. */
function terms(
  ask: CommandAsk,
  { response, effect, oneInFlight, responds = 'done', ...known }: Known
): Pick<
  CommandRequest,
  | 'delivery'
  | 'notBefore'
  | 'expiresInSeconds'
  | 'timeoutSeconds'
  | 'condition'
  | 'awaits'
  | 'awaited'
  | 'oneInFlight'
> {
  const { notBefore, expiresInSeconds, condition, expect } = ask
  const byEffect = effect !== null && (expect !== null || response === null || responds !== 'done')
  const byResponse = response !== null && responds !== 'received'
  const can: Awaits = byEffect ? 'effect' : byResponse ? 'response' : 'none'
  const awaits = ask.awaits ?? can
  if (awaits === 'response' && response === null)
    throw refuse('/awaits', 'is response, but this command has none; its convention or mapping says so')
  if (awaits === 'effect' && effect === null)
    throw refuse('/awaits', 'is effect, but nothing shows that this command was done: give /expect')
  if (awaits === 'none' && ask.timeoutSeconds !== null)
    throw refuse('/timeoutSeconds', 'is how long something is awaited, and nothing is')
  if (awaits !== 'effect' && expect !== null)
    throw refuse('/expect', `is for effects, and awaits is ${awaits}`)
  if (awaits !== 'response' && ask.kind === 'topic' && ask.response !== null)
    throw refuse('/response', `is how a response is known, and awaits is ${awaits}`)
  return {
    delivery: known.once === true ? 'atMostOnce' : ask.delivery,
    notBefore,
    expiresInSeconds,
    timeoutSeconds: awaits === 'none' ? null : (ask.timeoutSeconds ?? known.timeoutSeconds ?? null),
    condition,
    awaits,
    awaited: awaits === 'none' ? null : awaits === 'response' ? response : effect,
    // Of effects it is never known which command they are of
    oneInFlight: awaits === 'effect' || (awaits === 'response' && oneInFlight)
  }
}

function toExpected(parts: RequestParts, access: Access, { expect }: CommandAsk): Awaited | null {
  if (expect === null) return null
  checkHeard(parts, access, expect.filter, '/expect/filter')
  readPredicate(expect.where, parts.limits, '/expect/where')
  return { kind: 'state', ...expect }
}

/** By MQTT 5 response topic and correlation data (MQTT 5, section 4.10), or by what the client says of it. */
function toResponse(
  parts: RequestParts,
  access: Access,
  ask: TopicAsk,
  id: string
): { response: Awaited; properties: MessageProperties | null } {
  const { filter = null, where = null, ok = null } = ask.response ?? {}
  if (where !== null) readPredicate(where, parts.limits, '/response/where')
  if (ok !== null) readPredicate(ok, parts.limits, '/response/ok')
  const said = { kind: 'message', correlation: null, where, ok } as const
  if (filter !== null) {
    checkHeard(parts, access, filter, '/response/filter')
    const correlationData = ask.properties?.correlationData ?? null
    return { response: { ...said, filter, correlationData }, properties: ask.properties }
  }
  const responseTopic = ask.properties?.responseTopic ?? `${parts.responses}/${id}`
  if (ask.properties?.responseTopic !== undefined)
    checkHeard(parts, access, responseTopic, '/properties/responseTopic')
  const correlationData = ask.properties?.correlationData ?? toCorrelationData(id)
  const properties = { ...ask.properties, responseTopic, correlationData }
  return { response: { ...said, filter: responseTopic, correlationData }, properties }
}

/** The 16 bytes of the command's id, in base64. */
export const toCorrelationData = (id: string): string =>
  Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64')

/** A condition is about what is heard of the topic, and tells something of it. */
function checkKnowable({ filters, limits }: RequestParts, access: Access, topic: string): void {
  if (topicFault(topic, limits.topicLevelsMax) !== null) return // refused as every command to it
  if (!access.mayRead(topic))
    throw new Problem('forbidden', 'A condition is for those who may read the topic, and this key may not')
  if (!filters.some((subscribed) => covers(subscribed, topic)))
    throw new Problem(
      'precondition_failed',
      `This topic is not subscribed, so nothing is known of it; RIALTO_TOPICS is ${filters.join(',')}`
    )
}

/** What comes on it decides what the command becomes, so only who may read it may ask. */
function checkHeard(parts: RequestParts, access: Access, filter: string, pointer: string): void {
  const fault = filterFault(filter, parts.limits.topicLevelsMax)
  if (fault !== null) throw new Problem('invalid_filter', `${pointer} ${fault}`, [{ pointer, detail: fault }])
  const mayRead = access.readsAll === true || (isExact(filter) && access.mayRead(filter))
  if (!mayRead) throw new Problem('forbidden', `${pointer} is not a topic that this key may read`)
  if (!isHeard(parts, filter)) throw refuse(pointer, notHeard(parts))
}

const isHeard = ({ filters }: RequestParts, filter: string): boolean =>
  filters.some((subscribed) => covers(subscribed, filter))

const notHeard = ({ filters }: RequestParts): string =>
  `is not subscribed, so nothing of it is heard; RIALTO_TOPICS is ${filters.join(',')}`

const refuse = (pointer: string, detail: string): Problem =>
  new Problem('invalid_value', `${pointer} ${detail}`, [{ pointer, detail }])
