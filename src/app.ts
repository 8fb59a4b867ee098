/** The composition root: makes the parts in the order in which data flows, and closes them in the reverse. */

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { createAuthenticator } from './access/access.ts'
import { createCommands } from './commands/commands.ts'
import type { Dispatcher } from './commands/dispatcher.ts'
import { createDispatcher } from './commands/dispatcher.ts'
import { closeInOrder } from './closing.ts'
import type { Config } from './config.ts'
import { isLoopback } from './config.ts'
import { createEventSource } from './feed/events.ts'
import type { Feed } from './feed/feed.ts'
import { createFeed } from './feed/feed.ts'
import { registerGraphql } from './graphql/server.ts'
import { createHttpServer } from './http/server.ts'
import type { ServiceStatus } from './service-status.ts'
import { createLeader } from './ingest/leader.ts'
import type { Receiver } from './ingest/receiver.ts'
import { beginReceiving } from './ingest/receiver.ts'
import { createRetentionJob } from './jobs/retention.ts'
import type { Limits } from './limits.ts'
import type { Broker } from './model.ts'
import type { Publisher } from './mqtt/publisher.ts'
import { createPublisher } from './mqtt/publisher.ts'
import type { Stats } from './stats.ts'
import { createStats } from './stats.ts'
import type { Store } from './store/store.ts'
import { openStore } from './store/store.ts'

export interface AppParts {
  config: Config
  /** Where they really are, embedded or not. */
  databaseUrl: string
  databaseDirectUrl: string
  broker: Broker
  embedded: { postgres: boolean; broker: boolean }
  version: string
  limits: Limits
  log: Logger
}

export interface App {
  http: FastifyInstance
  stats: Stats
  store: Store
  /** Address of REST and GraphQL, once listening. */
  url: string
  close(): Promise<void>
}

const portAttemptsMax = 20
const distDirectory = new URL('.', import.meta.url)

export async function startApp(parts: AppParts): Promise<App> {
  const { config, limits, log } = parts
  const stats = createStats()
  const core = await startCore(parts, stats)
  const { store, feed, publisher, dispatcher, leader } = core

  const commands = createCommands({ store, feed, limits, stats })
  const events = createEventSource({
    feed,
    cursors: store.cursors,
    head: async () => (await store.journal.head()).seq,
    statesByName: store.states.byNames,
    statesPage: store.states.page,
    limits
  })
  const authenticator = createAuthenticator({ apiKey: config.apiKey })
  const startedAt = new Date()
  const status = (): ServiceStatus => toStatus(parts, core, store.instanceId, startedAt)
  const surface = {
    store,
    feed,
    events,
    commands,
    authenticator,
    limits,
    stats,
    status,
    wakeDispatcher: dispatcher.wake
  }
  const graphiqlHtml = await readFile(new URL('graphiql.html', distDirectory), 'utf8').catch(() => null)
  const http = await createHttpServer({
    ...surface,
    logger: log,
    register: (app) =>
      registerGraphql(app, { ...surface, graphiqlHtml, introspection: isLoopback(config.host) })
  })
  const retention = createRetentionJob({ store, limits, stats, log })
  retention.start()
  const running = [leader.run(), publisher.run(), dispatcher.run()]
  await leader.decided
  await listen(http, config, log)
  const { port } = http.server.address() as { port: number }
  return {
    http,
    stats,
    store,
    url: `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`,
    close: () => closeInOrder({ ...core, http, retention, running, limits, log })
  }
}

/** Says which port is taken, and takes the next one; but not where somebody chose it. */
async function listen(http: FastifyInstance, { host, port, portGiven }: Config, log: Logger): Promise<void> {
  for (let candidate = port; ; candidate++) {
    try {
      await http.listen({ host, port: candidate })
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      if (portGiven || candidate >= port + portAttemptsMax) {
        throw new Error(`Port ${candidate} of ${host} is taken: set PORT to another one`, { cause: error })
      }
      log.warn({ port: candidate }, 'The port is taken; trying the next one')
    }
  }
}

interface Core {
  store: Store
  feed: Feed
  publisher: Publisher
  dispatcher: Dispatcher
  leader: ReturnType<typeof createLeader>
  receiver: () => Receiver | null
}

async function startCore(parts: AppParts, stats: Stats): Promise<Core> {
  const { config, broker, limits, log } = parts
  let feed: Feed | null = null
  let dispatcher: Dispatcher | null = null
  const store = await openStore({
    url: parts.databaseUrl,
    directUrl: parts.databaseDirectUrl,
    migrationsDirectory: fileURLToPath(new URL('../prisma/migrations', distDirectory)),
    limits,
    stats,
    log: log.child({ part: 'store' }),
    onHead: (seq) => {
      feed?.hint(seq)
      dispatcher?.wake() // a command may have been accepted by another instance
    }
  })
  await store.partitions.setDefault(config.retention)
  const { seq } = await store.journal.head()
  feed = createFeed({
    end: seq,
    limits,
    stats,
    log: log.child({ part: 'feed' }),
    following: store.journal.following,
    head: async () => (await store.journal.head()).seq
  })
  const liveFeed = feed
  let receiver: Receiver | null = null
  const publisher = createPublisher({
    broker,
    // A server must take 23 characters [MQTT-3.1.3-5], and VerneMQ takes no more by default
    clientId: `rialto-p-${store.instanceId.replaceAll('-', '').slice(0, 12)}`,
    limits,
    log: log.child({ part: 'publisher' }),
    knownVersion: () => receiver?.status().version ?? null,
    onConnected: () => dispatcher?.wake()
  })
  const leader = createLeader({
    store,
    sessionName: 'ingest',
    clientId: config.clientId,
    begin: async (lease) => {
      const { filters, qos, sessionExpirySeconds } = config
      const ingestLog = log.child({ part: 'ingest' })
      const receiving = {
        broker,
        filters,
        qos,
        sessionExpirySeconds,
        store,
        feed: liveFeed,
        limits,
        stats,
        log: ingestLog
      }
      return (receiver = await beginReceiving(receiving, lease))
    },
    limits,
    stats,
    log: log.child({ part: 'ingest' })
  })
  dispatcher = createDispatcher({
    store,
    feed: liveFeed,
    publisher,
    leading: leader.leading,
    limits,
    stats,
    log: log.child({ part: 'commands' })
  })
  return {
    store,
    feed: liveFeed,
    publisher,
    dispatcher,
    leader,
    receiver: () => (leader.leading() ? receiver : null)
  }
}

function toStatus(parts: AppParts, core: Core, instanceId: string, startedAt: Date): ServiceStatus {
  const mqtt = core.receiver()?.status() ?? null
  return {
    version: parts.version,
    startedAt: startedAt.toISOString(),
    instanceId,
    leading: core.leader.leading(),
    mqtt: {
      state: mqtt?.state ?? 'stopped',
      since: mqtt === null ? startedAt.toISOString() : new Date(mqtt.since).toISOString(),
      version: mqtt?.version == null ? null : mqtt.version === 5 ? '5' : '3.1.1',
      lastError: mqtt?.lastError ?? null,
      refusedFilters: mqtt?.refusedFilters ?? [],
      sessionExpirySeconds: mqtt?.sessionExpirySeconds ?? null,
      takenOver: mqtt?.takenOver ?? false,
      snapshot: mqtt?.snapshot ?? { state: 'unread', at: null, reason: null },
      publisherConnected: core.publisher.connected()
    },
    embedded: parts.embedded
  }
}
