/** Accepts commands, waits for what becomes of them, cancels them. The dispatcher publishes them. */

import { createHash, randomUUID } from 'node:crypto'
import { Problem } from '../errors.ts'
import type { Feed } from '../feed/feed.ts'
import type { Limits } from '../limits.ts'
import type { Awaited, Awaits, Command, CommandCondition, Delivery } from '../command.ts'
import type { Access, MessageProperties, Millis, QoS, Seq } from '../model.ts'
import type { Stats } from '../stats.ts'
import type { NewBatch } from '../store/append-command-batch.ts'
import type { IdempotencyClaim, NewCommand } from '../store/commands.ts'
import type { Store } from '../store/store.ts'
import type { TraceContext } from '../trace.ts'
import { withTrace } from '../trace.ts'
import { topicFault } from '../topic.ts'
import { mayCommand } from '../visibility.ts'
import type { OfferAtOnce } from './at-once.ts'
import { toCommand } from './at-once.ts'
import { conditionOfMany, notMet } from './condition.ts'
import { createCancel } from './cancel.ts'
import { isFinal } from './lifecycle.ts'
import { createOpenCount } from './open-count.ts'

/** What a client asks for; the payload is bytes by now. */
export interface CommandRequest {
  /** Where the message carries it already; else one is made. */
  id?: string
  topic: string
  /** Of a command to a device: its name, the command's, and what was given for it. */
  device?: string | null
  name?: string | null
  parameters?: Buffer | null
  payload: Buffer
  qos: QoS
  retain: boolean
  properties: MessageProperties | null
  /** Default atLeastOnce. */
  delivery?: Delivery
  /** Default: the topic. */
  orderKey?: string | null
  oneInFlight?: boolean
  notBefore?: Millis | null
  expiresInSeconds: number | null
  /** Default none. */
  awaits?: Awaits
  awaited?: Awaited | null
  timeoutSeconds?: number | null
  condition?: CommandCondition | null
  retryOf?: string | null
}

/** For one of several: accepted, or why not. */
export type CommandOutcome = { command: Command } | { problem: Problem }

export interface Accepted {
  /** What the request is answered, now and whenever it is repeated with the same key. */
  answer: string
  /** Position of the acceptance in the journal; 0 for a repetition. */
  seq: Seq
  repeated: boolean
}

export interface AcceptOptions {
  idempotencyKey: string | null
  /** Tells the same request from another one with the same key. */
  body: string
  /** The trace that the request belongs to; the commands then do, too. */
  trace: TraceContext | null
  toAnswer: (outcomes: CommandOutcome[]) => string
  /** That the commands are of: its id, and what is stored of it once it is known what is accepted. */
  batch?: { id: string; toRow: (outcomes: readonly CommandOutcome[]) => NewBatch }
}

type Requests = ReadonlyArray<CommandRequest | Problem>

export interface Commands {
  /**
   * Accepts all that are acceptable, in one transaction; a command with a condition only alone, and Problem
   * precondition_failed where the condition does not hold. `toAnswer` renders the outcomes once; a repetition gets the
   * same text, and `requests`, where it is a function, is not asked again. Throws Problem idempotency_mismatch for the same key with another body.
   */
  accept(
    access: Access,
    requests: Requests | (() => Promise<Requests>),
    options: AcceptOptions
  ): Promise<Accepted>
  /** Resolves with the command when it is final, or as it is when `signal` aborts. */
  waitUntilFinal(access: Access, id: string, signal: AbortSignal): Promise<Command | null>
  /**
   * It is not published any more: cancelled, or where it may have been published before, unknown. Throws Problem not_found
   * or not_cancellable.
   */
  cancel(access: Access, id: string): Promise<Command>
}

export function createCommands(parts: {
  store: Store
  feed: Feed
  limits: Limits
  stats: Stats
  /** Which of those that are accepted are published at once. */
  offerAtOnce?: OfferAtOnce
  /** Others wait to be published. */
  wake?: () => void
  now?: () => Millis
}): Commands {
  const { store, feed, limits, stats, offerAtOnce = () => null, wake = () => {}, now = Date.now } = parts
  const openCount = createOpenCount({ count: store.commands.countOpen, limits, now })

  function check(access: Access, request: CommandRequest): void {
    const fault = topicFault(request.topic, limits.topicLevelsMax)
    if (fault !== null) throw new Problem('invalid_topic', fault, [{ pointer: '/topic', detail: fault }])
    if (!mayCommand(access, request)) throw new Problem('forbidden', 'This key may not publish to this topic')
    if (request.payload.length > limits.commandPayloadBytesMax) {
      throw new Problem(
        'payload_too_large',
        `A command has at most ${limits.commandPayloadBytesMax} bytes of payload`
      )
    }
  }

  function toNewCommand(
    access: Access,
    request: CommandRequest,
    { batchId, trace }: { batchId: string | null; trace: TraceContext | null }
  ): NewCommand {
    const createdAt = now()
    const { topic, payload, qos, retain, expiresInSeconds } = request
    const { notBefore = null, awaits = 'none' } = request
    const expiresAt = expiresInSeconds === null ? null : createdAt + expiresInSeconds * 1_000
    return {
      id: request.id ?? randomUUID(),
      topic,
      device: request.device ?? null,
      name: request.name ?? null,
      parameters: request.parameters ?? null,
      payload,
      qos,
      retain,
      properties: withTrace(request.properties, trace),
      delivery: request.delivery ?? 'atLeastOnce',
      orderKey: request.orderKey ?? null,
      oneInFlight: request.oneInFlight ?? false,
      state: notBefore !== null && notBefore > createdAt ? 'scheduled' : 'pending',
      awaits,
      awaited: request.awaited ?? null,
      condition: request.condition ?? null,
      createdAt,
      notBefore,
      expiresAt,
      timeoutSeconds:
        awaits === 'none' ? null : (request.timeoutSeconds ?? limits.commandTimeoutSecondsDefault),
      retryOf: request.retryOf ?? null,
      principal: access.principal,
      address: access.address,
      batchId
    }
  }

  async function repetition(access: Access, key: string, bodyHash: Buffer): Promise<Accepted | null> {
    const before = await store.commands.acceptance(access.principal, key)
    if (before === null) return null
    if (!before.bodyHash.equals(bodyHash)) {
      throw new Problem('idempotency_mismatch', 'Use a new Idempotency-Key for a new request')
    }
    return { answer: before.answer, seq: 0, repeated: true }
  }

  return {
    async accept(access, given, { idempotencyKey, body, trace, toAnswer, batch }) {
      const bodyHash = createHash('sha256').update(body).digest()
      if (idempotencyKey !== null) {
        const before = await repetition(access, idempotencyKey, bodyHash)
        if (before !== null) return before
      }
      const requests = typeof given === 'function' ? await given() : given
      const batchId = batch?.id ?? (requests.length > 1 ? randomUUID() : null)
      const created: NewCommand[] = []
      const outcomes = requests.map((request): CommandOutcome => {
        if (request instanceof Problem) return { problem: request }
        try {
          check(access, request)
          if (requests.length > 1 && request.condition != null) throw conditionOfMany()
        } catch (error) {
          if (error instanceof Problem) return { problem: error }
          throw error
        }
        const command = toNewCommand(access, request, { batchId, trace })
        created.push(command)
        return { command: toCommand(command) }
      })
      if (created.length === 0) return { answer: toAnswer(outcomes), seq: 0, repeated: false }
      if (await openCount.wouldExceed(created.length)) {
        // Those that are too many may be the ones that this request is a repetition of
        const before = idempotencyKey === null ? null : await repetition(access, idempotencyKey, bodyHash)
        if (before !== null) return before
        throw new Problem(
          'too_many_requests',
          `${limits.commandsOpenMax} commands are open; wait until some are published`
        )
      }
      const answer = toAnswer(outcomes)
      const claim: IdempotencyClaim | null =
        idempotencyKey === null
          ? null
          : { principal: access.principal, key: idempotencyKey, bodyHash, answer }
      const offer = batch === undefined ? offerAtOnce(created) : null
      const { accepted, seq, going } = await store.commands
        .accept(created, claim, { batch: batch?.toRow(outcomes) ?? null, atOnce: offer })
        .catch((error: unknown) => {
          offer?.stored(new Map())
          throw error
        })
      offer?.stored(going)
      if (!accepted) {
        const before = idempotencyKey === null ? null : await repetition(access, idempotencyKey, bodyHash)
        if (before !== null) return before
        const { topic, condition } = created[0]!
        throw notMet(await store.states.byName(access, topic), condition)
      }
      stats.commandsAccepted += created.length
      feed.hint(seq)
      if (going.size < created.length) wake()
      return { answer, seq, repeated: false }
    },

    async waitUntilFinal(access, id, signal) {
      const after = feed.end() // listen first, then look: what happens in between is seen
      let command = await store.commands.byId(access, id)
      if (command === null || isFinal(command)) return command
      for await (const page of feed.read(
        access,
        { after, filters: [], kinds: ['command'], commandId: id },
        signal
      )) {
        if (page.facts.length === 0) continue
        command = await store.commands.byId(access, id)
        if (command === null || isFinal(command)) return command
      }
      return store.commands.byId(access, id)
    },

    cancel: createCancel(store, feed)
  }
}
