/** The composition root: makes the parts in the order in which data flows, and closes them in the reverse. */

import { readFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Holders } from './access/access.ts'
import { createAuthenticator } from './access/access.ts'
import { createKeys } from './access/keys.ts'
import { createDeviceTopics } from './access/device-topics.ts'
import { createRates } from './access/rates.ts'
import { createRefusals } from './access/refusals.ts'
import { createKeyring } from './access/keyring.ts'
import { createTokens } from './access/tokens.ts'
import { createBatches } from './commands/batches.ts'
import { createCommands } from './commands/commands.ts'
import { createRequests } from './commands/requests.ts'
import { closeInOrder, handOver } from './closing.ts'
import type { Config } from './config.ts'
import { startCore } from './core.ts'
import { createEventSource } from './feed/events.ts'
import { createMinCursor } from './feed/min-cursor.ts'
import type { ListedDocuments } from './graphql/listed-documents.ts'
import { nothingListed, readListedDocuments } from './graphql/listed-documents.ts'
import { createWatches } from './feed/watch.ts'
import { registerGraphql } from './graphql/server.ts'
import type { ServedCertificate } from './http/certificate.ts'
import { openCertificate } from './http/certificate.ts'
import { createHttpServer } from './http/server.ts'
import type { ServiceStatus } from './service-status.ts'
import { toReceiving, toStatus } from './app-status.ts'
import { listen } from './listening.ts'
import type { Projections } from './projection/projections.ts'
import { createRetentionJob } from './jobs/retention.ts'
import { createRollupJob } from './jobs/rollup.ts'
import type { Limits } from './limits.ts'
import type { Broker, Seq } from './model.ts'
import type { Stats } from './stats.ts'
import type { Tracing } from './tracing/tracing.ts'
import { createStats } from './stats.ts'
import type { Store } from './store/store.ts'
import { createWebhookService } from './webhooks/service.ts'

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
  tracing?: Tracing | null
  /** Ways of being known beside those of the configuration. */
  holders?: readonly Holders[]
}

export interface App {
  http: FastifyInstance
  stats: Stats
  store: Store
  /** Address of REST and GraphQL, once listening. */
  url: string
  projections: Projections
  /** Is not ready any more, gives up receiving and publishing, so that another instance goes on, and still answers. */
  drain(): Promise<void>
  /** After `drain`, which it does where that was not done. */
  close(): Promise<void>
}

const distDirectory = new URL('.', import.meta.url)

export async function startApp(parts: AppParts): Promise<App> {
  const { config, limits, log } = parts
  const stats = createStats()
  const { explorers, corsOrigins, trustedProxies } = config
  const listed = await readListed(parts)
  const certificate = await openServed(parts)
  const core = await startCore(parts, stats)
  const { store, feed, publisher, dispatcher, answers, leader, projection } = core
  const { projections } = projection

  const commands = createCommands({
    store,
    feed,
    limits,
    stats,
    offerAtOnce: dispatcher.offerAtOnce,
    wake: dispatcher.wake
  })
  const toRequest = createRequests({
    address: projections.address,
    responses: core.responses,
    filters: core.filters,
    limits
  })
  const batches = createBatches({ store, feed, commands, toRequest, limits })
  const head = async (): Promise<Seq> => (await store.journal.head()).seq
  const events = createEventSource({
    feed,
    cursors: store.cursors,
    head,
    statesByName: store.states.byNames,
    statesPage: store.states.page,
    projected: projection.feed,
    limits
  })
  const minCursor = createMinCursor({
    cursors: store.cursors,
    feed,
    head,
    projected: projection.feed,
    limits
  })
  const { deviceVersions } = store
  const watches = createWatches({ feed, projected: projection.feed, deviceVersions, limits })
  const keyring = createKeyring({
    read: store.keys.live,
    noteUse: store.keys.noteUse,
    limits,
    log: log.child({ part: 'keys' })
  })
  store.listener.onKeys(keyring.wake)
  await keyring.start()
  const accessLog = log.child({ part: 'access' })
  const tokens = config.oidc && createTokens({ settings: config.oidc, limits, log: accessLog })
  const deviceTopics = createDeviceTopics({ read: store.devices.sourceTopics, limits, log: accessLog })
  const refusals = createRefusals({ stats, limits, log: accessLog })
  const rates = createRates(config.requestsPerMinute, limits)
  const known = refusals.noting(
    createAuthenticator({
      apiKey: config.apiKey,
      anonymous: config.anonymous,
      holders: [keyring, ...(tokens === null ? [] : [tokens]), ...(parts.holders ?? [])],
      tokenKey: store.tokenKey,
      deviceTopics,
      limits
    })
  )
  const authenticator = rates.limiting(known)
  const { webhooks, runner: webhookRunner } = createWebhookService({
    store,
    events,
    accessOf: authenticator.accessOf,
    ready: authenticator.ready,
    leading: leader.leading,
    allowPrivate: config.webhooksPrivate,
    version: parts.version,
    limits,
    stats,
    log: log.child({ part: 'webhooks' })
  })
  const startedAt = new Date()
  let draining: Promise<void> | null = null
  const status = (): ServiceStatus => toStatus(parts, core, certificate, startedAt)
  const surface = {
    store,
    feed,
    events,
    minCursor,
    watches,
    commands,
    batches,
    projections,
    toRequest,
    webhooks,
    keys: createKeys({ store: store.keys, onChange: keyring.refresh, limits }),
    authenticator,
    limits,
    stats,
    status,
    certificate,
    receiving: () => toReceiving(core),
    draining: () => draining !== null,
    explorers,
    corsOrigins,
    trustedProxies,
    countOperation: rates.count
  }
  const page = new URL('graphiql.html', distDirectory)
  const graphiqlHtml = explorers ? await readFile(page, 'utf8').catch(() => null) : null
  const http = await createHttpServer({
    ...surface,
    logger: log,
    traceRequest: parts.tracing?.request,
    register: (app) => registerGraphql(app, { ...surface, graphiqlHtml, listed, introspection: explorers })
  })
  const retention = createRetentionJob({
    store,
    auditKeepSeconds: config.auditKeepSeconds,
    limits,
    stats,
    log
  })
  retention.start()
  const rollup = createRollupJob({ store, limits, stats, log, leading: core.leader.leading })
  // The host's session is for the instance that leads
  const hosting = leader.decided.then(() => core.host?.leader.run())
  const parallel = [publisher, dispatcher, answers, core.batchRunner, projection, rollup, webhookRunner].map(
    (part) => part.run()
  )
  const running = [leader.run(), hosting, ...parallel]
  await leader.decided
  await listen(http, config, log)
  const drain = (): Promise<void> => (draining ??= handOver({ ...core, limits, log }))
  const { port } = http.server.address() as { port: number }
  return {
    http,
    stats,
    store,
    projections,
    url: `${certificate === null ? 'http' : 'https'}://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`,
    drain,
    async close() {
      await drain()
      tokens?.close()
      await closeInOrder({
        ...core,
        http,
        keyring,
        deviceTopics,
        webhooks: webhookRunner,
        retention,
        rollup,
        running,
        limits,
        log
      })
      refusals.close()
      certificate?.close()
    }
  }
}

/** Before anything is connected: a faulty file stops the start. */
async function readListed({ config, limits }: AppParts): Promise<ListedDocuments> {
  const { graphqlDocumentsFile: path, graphqlOnlyDocuments: only, explorers: introspection } = config
  if (path === null) return nothingListed
  return { texts: await readListedDocuments(path, { limits, introspection }), only }
}

/** Before anything is connected, too. */
const openServed = async ({ config, limits, log }: AppParts): Promise<ServedCertificate | null> =>
  config.tls && openCertificate(config.tls, { limits, log: log.child({ part: 'tls' }) })
