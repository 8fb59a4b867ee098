/** The GraphQL surface over a listening server, on a journal, states and commands kept in memory. */

import type { TestContext } from 'node:test'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import Fastify from 'fastify'
import pino from 'pino'
import { createAuthenticator } from '../../src/access/access.ts'
import type { Keys } from '../../src/access/keys.ts'
import type { Batches } from '../../src/commands/batches.ts'
import { createCommands } from '../../src/commands/commands.ts'
import { createRequests } from '../../src/commands/requests.ts'
import { createCursors } from '../../src/cursor.ts'
import { createEventSource } from '../../src/feed/events.ts'
import { createMinCursor } from '../../src/feed/min-cursor.ts'
import { createFeed } from '../../src/feed/feed.ts'
import { nothingListed } from '../../src/graphql/listed-documents.ts'
import type { GraphqlParts } from '../../src/graphql/server.ts'
import { registerGraphql } from '../../src/graphql/server.ts'
import { answerWithProblems } from '../../src/http/problems.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Command, CommandState, CommandTransition } from '../../src/command.ts'
import type { Fact, Message, Seq, TopicState } from '../../src/model.ts'
import type { Projections } from '../../src/projection/projections.ts'
import { createStats } from '../../src/stats.ts'
import type { CommandStore } from '../../src/store/commands.ts'
import type { Store } from '../../src/store/store.ts'
import type { Webhooks } from '../../src/webhooks/webhooks.ts'
import { compileFilters } from '../../src/topic.ts'
import { toTopicStateView } from '../../src/views.ts'
import { notYet } from '../support/new-command.ts'
import { createProjected } from '../support/projected-feed.ts'

export interface TestServer {
  app: FastifyInstance
  url: string
  parts: GraphqlParts
  memory: Memory
}

export async function startServer(
  t: TestContext,
  given: Partial<GraphqlParts> & { apiKey?: string } = {}
): Promise<TestServer> {
  const log = pino({ level: 'silent' })
  const limits = { ...defaultLimits, ...given.limits }
  const stats = createStats()
  const memory = createMemory()
  const feed = createFeed({
    end: 0,
    limits,
    stats,
    log,
    following: async (after, limit) => memory.facts.slice(after, after + limit),
    head: async () => memory.facts.length,
    horizon: async () => 0,
    nextKept: async () => null,
    dropped: async () => []
  })
  memory.onFacts = feed.publish
  const { store } = memory
  const events = createEventSource({
    feed,
    cursors: store.cursors,
    head: async () => memory.facts.length,
    statesByName: store.states.byNames,
    statesPage: store.states.page,
    projected: createProjected(),
    limits: { ...defaultLimits, pageItemsMax: 100 }
  })
  const parts: GraphqlParts = {
    store,
    feed,
    events,
    minCursor: createMinCursor({
      cursors: store.cursors,
      feed,
      head: async () => memory.facts.length,
      projected: createProjected(),
      limits
    }),
    // Devices and mappings are tested on a real store
    projections: {} as Projections,
    batches: {} as Batches,
    webhooks: {} as Webhooks,
    keys: {} as Keys,
    commands: createCommands({ store: store as Store, feed, limits, stats }),
    toRequest: createRequests({
      address: async () => assertUnused(),
      responses: 'rialto/test/responses',
      filters: ['#'],
      limits
    }),
    authenticator: createAuthenticator({ apiKey: given.apiKey ?? null, tokenKey: new Uint8Array(), limits }),
    stats,
    status: () => status,
    graphiqlHtml: null,
    introspection: true,
    listed: nothingListed,
    ...given,
    limits
  }
  const loggerInstance: FastifyBaseLogger = log
  const app = Fastify({ loggerInstance, forceCloseConnections: true, handlerTimeout: limits.requestMsMax })
  app.decorateRequest('trace', null)
  answerWithProblems(app)
  await registerGraphql(app, parts)
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(async () => {
    await app.close()
    feed.close()
  })
  return { app, url: `${address}/graphql`, parts, memory }
}

const status = {
  version: '1.2.3',
  schemaVersion: '20260101000000_begin',
  startedAt: '2026-01-01T00:00:00.000Z',
  instanceId: 'one',
  leading: true,
  mqtt: {
    state: 'connected',
    since: '2026-01-01T00:00:01.000Z',
    version: '5',
    lastError: null,
    lastErrorCode: null,
    refusedFilters: [],
    sessionExpirySeconds: 604_800,
    takenOver: false,
    snapshot: { state: 'known' as const, at: '2026-01-01T00:00:02.000Z', reason: null },
    publisherConnected: true
  },
  sparkplugHost: null,
  projection: null,
  certificate: null,
  embedded: { postgres: false, broker: false }
}

export interface Memory {
  facts: Fact[]
  store: GraphqlParts['store']
  onFacts: (facts: readonly Fact[]) => void
  /** How often transitions were read. */
  eventReads: number
  receive(topic: string, payload: string | Buffer): Message
  /** As the dispatcher would. */
  moveCommand(id: string, to: CommandState): void
}

function createMemory(): Memory {
  const states = new Map<string, TopicState>()
  const commands = new Map<string, Command>()
  const memory: Memory = {
    facts: [],
    onFacts: () => {},
    eventReads: 0,
    store: {
      ...({} as Pick<
        Store,
        'asOf' | 'audit' | 'batches' | 'devices' | 'datapoints' | 'nested' | 'history' | 'rejections'
      >),
      cursors: createCursors([{ id: 'journal', beganSeq: 0 }], Buffer.alloc(32, 7)),
      retention: { dropped: async () => [] } as unknown as Store['retention'],
      currentProjection: async () => 0,
      journal: {
        head: async () => ({ seq: memory.facts.length, at: Date.now(), horizon: 0 }),
        following: async () => [],
        nextKept: async () => null,
        lastGap: async () => null,
        range: async () => ({ from: 0, to: Infinity }),
        keptBehind: async () => 0,
        async page(_access, { filters, kinds, after, until, limit, order }) {
          const matches = compileFilters(filters)
          const inOrder = order === 'asc' ? memory.facts : memory.facts.toReversed()
          const rest = inOrder.filter(
            ({ seq, kind, topic }) =>
              seq <= until &&
              kinds.includes(kind) &&
              (after === null || (order === 'asc' ? seq > after : seq < after)) &&
              (topic === null || matches(topic))
          )
          return { items: rest.slice(0, limit), next: rest.length > limit ? rest[limit - 1]!.seq : null }
        }
      },
      states: {
        byName: async (_access, name) => states.get(name) ?? null,
        byNames: async (_access, names) => new Map(names.flatMap((name) => entry(states.get(name)))),
        byId: async (_access, id) => [...states.values()].find((state) => state.topicId === id) ?? null,
        async page(_access, { filters, after, limit, order, until = Infinity }) {
          const matches = compileFilters(filters)
          const all = order === 'asc' ? [...states.values()] : [...states.values()].toReversed()
          const rest = all.filter(
            ({ topicId, topic, seq }) =>
              matches(topic) &&
              seq <= until &&
              (after === null || (order === 'asc' ? topicId > after : topicId < after))
          )
          return { items: rest.slice(0, limit), next: rest.length > limit ? rest[limit - 1]!.topicId : null }
        },
        async search(_access, { filters, state, where, order, after, limit }) {
          const matches = compileFilters(filters)
          const all = order === 'asc' ? [...states.values()] : [...states.values()].toReversed()
          const rest = all.filter(
            (one) =>
              matches(one.topic) &&
              (state === null || one[state] !== null) &&
              (where === null || where.test(toTopicStateView(one))) &&
              (after === null || (order === 'asc' ? one.topicId > after.id : one.topicId < after.id))
          )
          const next = rest.length > limit ? { id: rest[limit - 1]!.topicId, key: null } : null
          return { items: rest.slice(0, limit), next }
        }
      },
      commands: createCommandMemory(commands, () => memory)
    },
    receive(topic, payload) {
      const topicId = states.get(topic)?.topicId ?? states.size + 1
      const seq = memory.facts.length + 1
      const receivedAt = Date.now()
      const bytes = Buffer.from(payload)
      const message = {
        seq,
        topicId,
        topic,
        receivedAt,
        qos: 1,
        retain: false,
        dup: false,
        payload: bytes
      } as const
      const received = { ...message, properties: null }
      const nothing = {
        retained: null,
        retainedKnown: true,
        tombstone: null,
        expiresAt: null,
        confirmedAt: null
      }
      states.set(topic, { topicId, topic, seq, latest: received, ...nothing })
      append(memory, { kind: 'message', topicId, topic, message: received, commandId: null, detail: null })
      return received
    },
    moveCommand(id, to) {
      const command = commands.get(id)!
      const seq = transition(memory, command, command.state, to)
      commands.set(id, { ...command, state: to, seq, finishedAt: isOpen.has(to) ? null : Date.now() })
    }
  }
  return memory
}

/** Of commands that await nothing. */
const isOpen: ReadonlySet<CommandState> = new Set(['scheduled', 'pending', 'publishing'])

const entry = (state: TopicState | undefined): Array<[string, TopicState]> =>
  state ? [[state.topic, state]] : []

function append(memory: Memory, fact: Omit<Fact, 'seq' | 'at'>): Seq {
  const appended = { ...fact, seq: memory.facts.length + 1, at: Date.now() }
  memory.facts.push(appended)
  memory.onFacts([appended])
  return appended.seq
}

const transition = (
  memory: Memory,
  { id, topic }: { id: string; topic: string },
  from: CommandState | null,
  to: CommandState
) =>
  append(memory, {
    kind: 'command',
    topicId: null,
    topic: null,
    message: null,
    commandId: id,
    detail: { id, topic, from, to, attempt: 0, brokerReasonCode: null }
  })

function createCommandMemory(commands: Map<string, Command>, memory: () => Memory): CommandStore {
  const keys = new Map<string, { bodyHash: Buffer; answer: string }>()
  const unused = async (): Promise<never> => assertUnused()
  return {
    async accept(created, claim) {
      if (claim !== null) {
        if (keys.has(claim.key)) return { accepted: false, seq: 0, going: new Map() }
        keys.set(claim.key, { bodyHash: Buffer.from(claim.bodyHash), answer: claim.answer })
      }
      let seq = 0
      for (const command of created) {
        seq = transition(memory(), command, null, 'pending')
        commands.set(command.id, {
          ...command,
          ...notYet,
          createdSeq: seq,
          seq,
          parameters: null,
          payload: Buffer.from(command.payload)
        })
      }
      return { accepted: true, seq, going: new Map() }
    },
    acceptance: async (_principal, key) => keys.get(key) ?? null,
    async move(transitions) {
      const movable = transitions.filter(({ id, from }) => from.includes(commands.get(id)!.state))
      for (const { id, to } of movable) memory().moveCommand(id, to!)
      return new Set(movable.map(({ id }) => id))
    },
    byId: async (_access, id) => commands.get(id) ?? null,
    async page(_access, { states, topic, after, limit, order }) {
      const all = order === 'asc' ? [...commands.values()] : [...commands.values()].toReversed()
      const rest = all.filter(
        (command) =>
          (states.length === 0 || states.includes(command.state)) &&
          (topic === null || command.topic === topic) &&
          (after === null || (order === 'asc' ? command.createdSeq > after : command.createdSeq < after))
      )
      return { items: rest.slice(0, limit), next: rest.length > limit ? rest[limit - 1]!.createdSeq : null }
    },
    async events(ids) {
      memory().eventReads++
      return new Map(
        ids.map((id) => [
          id,
          memory()
            .facts.filter(({ commandId }) => commandId === id)
            .map(toEvent)
        ])
      )
    },
    countOpen: async () => 0,
    countOpenByState: async () => new Map(),
    forgetFinal: unused
  }
}

const toEvent = ({ seq, at, detail }: Fact) => ({ seq, at, ...(detail as CommandTransition) })

function assertUnused(): never {
  throw new Error('GraphQL never does this')
}

export interface Answer<Data> {
  status: number
  data: Data
  errors?: Array<{ message: string; path?: unknown[]; extensions: { code: string; errors?: unknown } }>
}

/** Sends a document and reads the answer. */
export async function query<Data = unknown>(
  url: string,
  document: string,
  variables: Record<string, unknown> = {},
  headers: Record<string, string> = {}
): Promise<Answer<Data>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query: document, variables })
  })
  return { status: response.status, ...((await response.json()) as Omit<Answer<Data>, 'status'>) }
}

/** The codes of an answer's errors. */
export const codes = ({ errors = [] }: Answer<unknown>): string[] =>
  errors.map(({ extensions }) => extensions.code)

/** Waits until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !condition();) {
    if (Date.now() > end) throw new Error(`Never: ${condition.toString()}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
