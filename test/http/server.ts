/** The REST surface: over a real store and a feed, without a broker; or over next to nothing, for `inject`. */

import type { FastifyInstance } from 'fastify'
import type { Authenticator } from '../../src/access/access.ts'
import { createAuthenticator } from '../../src/access/access.ts'
import { createKeys } from '../../src/access/keys.ts'
import { createBatches } from '../../src/commands/batches.ts'
import { createCommands } from '../../src/commands/commands.ts'
import { createRequests } from '../../src/commands/requests.ts'
import { createCursors } from '../../src/cursor.ts'
import { createEventSource } from '../../src/feed/events.ts'
import { createMinCursor } from '../../src/feed/min-cursor.ts'
import type { Feed } from '../../src/feed/feed.ts'
import { createFeed } from '../../src/feed/feed.ts'
import { createWatches } from '../../src/feed/watch.ts'
import type { HttpParts } from '../../src/http/server.ts'
import { createHttpServer } from '../../src/http/server.ts'
import type { ServiceStatus } from '../../src/service-status.ts'
import type { Limits } from '../../src/limits.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Access } from '../../src/model.ts'
import { createStats } from '../../src/stats.ts'
import { createWebhookService } from '../../src/webhooks/service.ts'
import { watchInjected } from '../prism/exchanges.ts'
import { atEnd } from '../support/cleanup.ts'
import { silent } from '../support/database.ts'
import type { TestProjected } from '../support/projected-feed.ts'
import { createProjected } from '../support/projected-feed.ts'
import type { TestStore } from '../support/store.ts'
import { openTestStore } from '../support/store.ts'

export const connected: ServiceStatus = {
  version: '1.2.3',
  schemaVersion: '20260101000000_begin',
  startedAt: '2026-01-01T00:00:00.000Z',
  instanceId: '0d4b7f0e-5a0a-4f6e-9d53-6b1c6f1f2a10',
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
  projection: { id: '1', doneSeq: '100', lag: 0, mappingHash: 'a'.repeat(64), building: null },
  certificate: null,
  embedded: { postgres: false, broker: false }
}

export interface Given {
  apiKey?: string
  limits?: Partial<Limits>
  parts?: Partial<HttpParts>
}

const commonParts = ({ apiKey, limits }: Given) => ({
  authenticator: createAuthenticator({
    apiKey: apiKey ?? null,
    tokenKey: Buffer.alloc(32, 7),
    limits: defaultLimits
  }),
  limits: { ...defaultLimits, ...limits },
  stats: createStats(),
  logger: silent,
  certificate: null,
  status: () => connected,
  receiving: () => ({ oldestHeldAt: null, lease: { epoch: 1, msLeft: 10_000 }, hostConnected: null })
})

/** Whoever asks may see and do what `access` says. */
export const alwaysAs = (access: Access): Authenticator => ({
  ...createAuthenticator({ apiKey: null, tokenKey: Buffer.alloc(32, 7), limits: defaultLimits }),
  authenticate: async () => access
})

/** What is not given is missing, so a test that reaches it fails with `internal`. */
export async function createBareServer(given: Given = {}): Promise<FastifyInstance> {
  const head = { seq: 100, at: Date.parse('2026-01-01T00:00:00Z'), horizon: 10 }
  const store = {
    cursors: createCursors([{ id: 'journal', beganSeq: 0 }], Buffer.alloc(32, 7)),
    journal: { head: async () => head, lastGap: async () => null },
    commands: { countOpen: async () => 0, countOpenByState: async () => new Map() },
    retention: { bytes: async () => new Map([['default', 8_192]]) },
    load: () => ({ connections: 1, idleConnections: 1, waitingForConnection: 0, waitingAppends: 0 }),
    commandQueue: { oldestSeconds: async () => 0 },
    webhooks: { lag: async () => ({ facts: 0, failing: 0 }) },
    healthy: () => true,
    schema: { newest: async () => '20260101000000_begin' },
    ping: async () => {}
  }
  const feed: Partial<Feed> = { end: () => head.seq }
  const parts: Partial<HttpParts> = {
    ...commonParts(given),
    store: store as unknown as HttpParts['store'],
    feed: feed as Feed,
    ...given.parts
  }
  const app = await createHttpServer(parts as HttpParts)
  watchInjected(app)
  await app.ready()
  atEnd(() => app.close())
  return app
}

export interface TestServer extends Omit<TestStore, 'url'> {
  databaseUrl: string
  app: FastifyInstance
  url: string
  parts: HttpParts
  /** How far normalization is said to be: Infinity at first. */
  projected: TestProjected
}

export async function startServer(given: Given = {}): Promise<TestServer> {
  let feed: Feed | null = null
  const common = commonParts(given)
  const test = await openTestStore({
    stats: common.stats,
    ...(given.limits && { limits: given.limits }),
    onHead: (seq) => feed?.hint(seq)
  })
  const { store } = test
  const { limits, stats } = common
  const head = async (): Promise<number> => (await store.journal.head()).seq
  feed = createFeed({
    end: await head(),
    limits,
    stats,
    log: silent,
    following: store.journal.following,
    head,
    horizon: async () => (await store.journal.head()).horizon,
    nextKept: store.journal.nextKept,
    dropped: store.retention.dropped
  })
  const projected = createProjected()
  const minCursor = createMinCursor({ cursors: store.cursors, feed, head, projected, limits })
  const { deviceVersions } = store
  const watches = createWatches({ feed, projected, deviceVersions, limits })
  const events = createEventSource({
    feed,
    cursors: store.cursors,
    head,
    statesByName: store.states.byNames,
    statesPage: store.states.page,
    projected,
    limits: { ...defaultLimits, pageItemsMax: 100 }
  })
  const commands = createCommands({ store, feed, limits, stats })
  const projections = { list: () => store.projections.list() } as HttpParts['projections']
  const { webhooks } = createWebhookService({
    store,
    events,
    accessOf: common.authenticator.accessOf,
    leading: () => false,
    allowPrivate: false,
    version: 'test',
    limits,
    stats,
    log: silent
  })
  const parts: HttpParts = {
    ...common,
    store,
    feed,
    events,
    minCursor,
    watches,
    webhooks,
    keys: createKeys({ store: store.keys, onChange: async () => {}, limits }),
    commands,
    batches: createBatches({
      store,
      feed,
      commands,
      toRequest: async (access, ask) => parts.toRequest(access, ask),
      limits
    }),
    projections,
    toRequest: createRequests({
      address: async (access, ask) => parts.projections.address(access, ask),
      responses: 'rialto/test/responses',
      filters: ['#'],
      limits
    }),
    ...given.parts
  }
  const app = await createHttpServer(parts)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  atEnd(async () => {
    await app.close()
    feed.close()
  })
  return { ...test, databaseUrl: test.url, app, url, parts, projected }
}
