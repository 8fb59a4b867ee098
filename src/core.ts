/** The parts in the order in which data flows: broker, ingest, store, feed, projection; and commands the other way. */

import { fileURLToPath } from 'node:url'
import type { AppParts } from './app.ts'
import type { BatchRunner } from './commands/batch-runner.ts'
import { createBatchRunner } from './commands/batch-runner.ts'
import type { Answers } from './commands/answers.ts'
import { createAnswers } from './commands/answers.ts'
import { createConditionCheck } from './commands/condition.ts'
import type { Dispatcher } from './commands/dispatcher.ts'
import { createDispatcher } from './commands/dispatcher.ts'
import type { EffectsRunner } from './effects-runner.ts'
import { createEffectsRunner } from './effects-runner.ts'
import type { Feed } from './feed/feed.ts'
import { createFeed } from './feed/feed.ts'
import type { Leader } from './ingest/leader.ts'
import type { Session } from './ingest/leaders.ts'
import { createLeaders } from './ingest/leaders.ts'
import type { Receiver } from './ingest/receiver.ts'
import { responsesTopicOf } from './ingest/receiver.ts'
import type { Millis } from './model.ts'
import type { Publisher } from './mqtt/publisher.ts'
import { createPublisher } from './mqtt/publisher.ts'
import { createCorrelator } from './normalize/correlate.ts'
import { keyOfValue } from './normalize/value-key.ts'
import { createExplainer } from './projection/explain.ts'
import { loadMappings } from './projection/mapping-file.ts'
import type { ProjectionService } from './projection/service.ts'
import { createProjectionService } from './projection/service.ts'
import type { Stats } from './stats.ts'
import type { Store } from './store/store.ts'
import { openStore } from './store/store.ts'
import { covers } from './topic.ts'

const distDirectory = new URL('.', import.meta.url)

export interface Core {
  store: Store
  feed: Feed
  publisher: Publisher
  dispatcher: Dispatcher
  batchRunner: BatchRunner
  answers: Answers
  effects: EffectsRunner
  leader: Leader
  projection: ProjectionService
  receiver: () => Receiver | null
  /** All that is subscribed. */
  filters: readonly string[]
  /** Topic under which responses of MQTT 5 come: every instance of this deployment has the same. */
  responses: string
  /** The session of the Sparkplug host; null: there is none. */
  host: Session | null
}

export async function startCore(parts: AppParts, stats: Stats): Promise<Core> {
  const { config, broker, limits, log } = parts
  let feed: Feed | null = null
  let dispatcher: Dispatcher | null = null
  let batchRunner: BatchRunner | null = null
  let effects: EffectsRunner | null = null
  let mainSession: Session | null = null
  const set = await loadMappings(config.mappingsFile, limits, { optional: !config.mappingsFileGiven })
  const store = await openStore({
    url: parts.databaseUrl,
    directUrl: parts.databaseDirectUrl,
    migrationsDirectory: fileURLToPath(new URL('../prisma/migrations', distDirectory)),
    limits,
    stats,
    log: log.child({ part: 'store' }),
    onHead: (seq) => {
      feed?.hint(seq)
      dispatcher?.hint() // a command may have been accepted by another instance, or may be free to go
      batchRunner?.wake()
    }
  })
  if (config.retention !== null) await store.partitions.setDefault(config.retention)
  const sessionId = await store.sessions.ensure('ingest', config.clientId)
  const { seq } = await store.journal.head()
  feed = createFeed({
    end: seq,
    limits,
    stats,
    log: log.child({ part: 'feed' }),
    following: store.journal.following,
    head: async () => (await store.journal.head()).seq,
    horizon: async () => (await store.journal.head()).horizon,
    nextKept: store.journal.nextKept,
    dropped: store.retention.dropped
  })
  const liveFeed = feed
  const publisher = createPublisher({
    broker,
    // A server must take 23 characters [MQTT-3.1.3-5], and VerneMQ takes no more by default
    clientId: `rialto-p-${store.instanceId.replaceAll('-', '').slice(0, 12)}`,
    limits,
    log: log.child({ part: 'publisher' }),
    knownVersion: () => mainSession?.receiver()?.status().version ?? null,
    onConnected: () => dispatcher?.wake()
  })
  const responses = responsesTopicOf(await store.sessions.clientIdOf(sessionId))
  const mainFilters = withResponses(config.filters, responses)
  const { main, host } = createLeaders({
    broker,
    clientId: config.clientId,
    filters: mainFilters,
    qos: config.qos,
    sessionExpirySeconds: config.sessionExpirySeconds,
    sparkplug: config.sparkplug,
    onEnd: () => effects?.giveUp(),
    store,
    feed: liveFeed,
    limits,
    stats,
    log
  })
  mainSession = main
  const { leader, receiver } = main
  const filters = [...mainFilters, ...(config.sparkplug?.topics ?? [])]
  effects = createEffectsRunner({
    publisher,
    leading: leader.leading,
    limits,
    stats,
    log: log.child({ part: 'effects' })
  })
  dispatcher = createDispatcher({
    store,
    feed: liveFeed,
    publisher,
    lease: leader.lease,
    checkCondition: createConditionCheck(store.reservations),
    limits,
    stats,
    log: log.child({ part: 'commands' })
  })
  batchRunner = createBatchRunner({
    store,
    feed: liveFeed,
    leading: leader.leading,
    limits,
    log: log.child({ part: 'batches' })
  })
  const connectedSince = (): Millis | null => {
    const mqtt = receiver()?.status() ?? null
    return mqtt?.state === 'connected' ? mqtt.since : null
  }
  const projection = await createProjectionService({
    store,
    feed: liveFeed,
    limits,
    stats,
    log: log.child({ part: 'projection' }),
    file: config.mappingsFile,
    fileOptional: !config.mappingsFileGiven,
    set,
    leading: leader.leading,
    connectedSince,
    runEffects: effects.run,
    createExplainer: (mappings) =>
      createExplainer({
        mappings,
        config: { filters },
        status: () => receiver()?.status() ?? null,
        store,
        limits
      })
  })
  const answers = createAnswers({
    store,
    feed: liveFeed,
    projected: projection.feed.reached,
    correlate: createCorrelator(limits),
    keyOfValue,
    leading: leader.leading,
    connectedSince,
    limits,
    stats,
    log: log.child({ part: 'answers' })
  })
  parts.tracing?.follow({ store, feed: liveFeed, leading: leader.leading })
  return {
    store,
    feed: liveFeed,
    publisher,
    dispatcher,
    batchRunner,
    answers,
    effects,
    leader,
    projection,
    receiver,
    filters,
    responses,
    host
  }
}

/** Responses are heard, whatever else is subscribed. */
const withResponses = (filters: readonly string[], responses: string): string[] => {
  const own = `${responses}/#`
  return filters.some((filter) => covers(filter, own)) ? [...filters] : [...filters, own]
}
