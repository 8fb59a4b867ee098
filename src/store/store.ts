/** Opens the store: migrated, with its parts. Level 2: everything that speaks SQL is behind this. */

import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Cursors } from '../cursor.ts'
import { createCursors } from '../cursor.ts'
import type { Limits } from '../limits.ts'
import type { FactKind, Millis, Seq } from '../model.ts'
import type { Stats } from '../stats.ts'
import type { AppendQueue } from './append.ts'
import { createAppendQueue } from './append.ts'
import { applyMigrations } from './apply-migrations.ts'
import type { AsOf } from './as-of.ts'
import { createAsOf } from './as-of.ts'
import type { AuditLog } from './audit-log.ts'
import { createAuditLog } from './audit-log.ts'
import { instanceGuard } from './guard.ts'
import type { AppendedRow, Batch } from './append-batch.ts'
import { batchStatement, noteStatement } from './append-batch.ts'
import type { CommandStores } from './command-stores.ts'
import { createCommandStores } from './command-stores.ts'
import { openDatabase } from './database.ts'
import type { Exports } from './export.ts'
import { createExports } from './export.ts'
import type { Forget } from './forget.ts'
import { createForget } from './forget.ts'
import { createDatapointPartitions } from './datapoint-partitions.ts'
import type { Datapoints } from './datapoints.ts'
import { createDatapoints } from './datapoints.ts'
import { createCurrentProjection } from './current-projection.ts'
import type { DeviceVersions } from './device-versions.ts'
import { createDeviceVersions } from './device-versions.ts'
import type { Devices } from './devices.ts'
import { createDevices } from './devices.ts'
import type { History } from './history.ts'
import { createHistory } from './history.ts'
import type { Imports } from './imports.ts'
import { createImports } from './imports.ts'
import type { Journal } from './journal.ts'
import { createJournal } from './journal.ts'
import { openJournals } from './journals.ts'
import type { KeyStore } from './keys.ts'
import { createKeyStore } from './keys.ts'
import type { Listener } from './listen.ts'
import { openListener } from './listen.ts'
import type { StoreLoad } from './load.ts'
import { loadOf } from './load.ts'
import type { NestedReads } from './nested.ts'
import { createNestedReads } from './nested.ts'
import type { Partitions } from './partitions.ts'
import { createPartitions } from './partitions.ts'
import type { ProjectionStore } from './projected.ts'
import { createProjectionStore } from './projections.ts'
import type { Rejections } from './rejections.ts'
import { createRejections } from './rejections.ts'
import type { Retention } from './retention.ts'
import { createRetention } from './retention.ts'
import type { RetainedStore } from './retained.ts'
import { createRetainedStore } from './retained.ts'
import type { Rollups } from './rollups.ts'
import { createRollups } from './rollups.ts'
import type { Lease, Sessions } from './sessions.ts'
import { createSessions } from './sessions.ts'
import type { Schema } from './schema.ts'
import { createSchema } from './schema.ts'
import type { States } from './states.ts'
import { createStates } from './states.ts'
import type { TopicIds, TopicRow } from './topics.ts'
import { createTopicIds } from './topics.ts'
import type { WebhookStore } from './webhooks.ts'
import { createWebhookStore } from './webhooks.ts'

/** Where a batch went: its facts have the seqs base + 1, base + 2, ... */
export interface Appended {
  base: Seq
  at: Millis
  /** Topic ids, by name. */
  topicIds: ReadonlyMap<string, TopicRow>
}

export interface Store extends CommandStores {
  instanceId: string
  cursors: Cursors
  schema: Schema
  /** A secret of the database: seals what clients are given and give back. */
  tokenKey: Uint8Array
  journal: Journal
  states: States
  asOf: AsOf
  sessions: Sessions
  partitions: Partitions
  retention: Retention
  projections: ProjectionStore
  rollups: Rollups
  devices: Devices
  /** Id of the projection that is read. */
  currentProjection: () => Promise<number>
  deviceVersions: DeviceVersions
  datapoints: Datapoints
  exports: Exports
  nested: NestedReads
  history: History
  rejections: Rejections
  forget: Forget
  retained: RetainedStore
  imports: Imports
  webhooks: WebhookStore
  keys: KeyStore
  audit: AuditLog
  listener: Listener
  /**
   * Appends a batch under the lease; resolves after COMMIT, with null where the COMMIT happened but its answer was
   * lost. Waits as long as the database is away. Throws FencedError when the lease is another's, and the database's
   * error when the data can never be stored.
   */
  append(batch: Batch, lease: Lease): Promise<Appended | null>
  /** A fact without a topic, by this instance and under no lease. Never waits for a database that is away. */
  note(kind: FactKind, detail: unknown): Promise<void>
  forgetExpiredKeys(hours: number): Promise<number>
  /** False while the database takes no appends. */
  healthy(): boolean
  /** What its connections and its queue hold now. */
  load(): StoreLoad
  /** Asks the database for an answer; throws when there is none. */
  ping(): Promise<void>
  close(): Promise<void>
}

export interface StoreParts {
  url: string
  directUrl: string
  migrationsDirectory: string
  limits: Limits
  stats: Stats
  log: Logger
  onHead: (seq: Seq | null) => void
}

export async function openStore(parts: StoreParts): Promise<Store> {
  const { limits, stats, log } = parts
  const migrations = await applyMigrations(parts)
  const database = openDatabase({
    url: parts.url,
    limits,
    onError: (error) => log.debug({ err: error }, 'An idle database connection ended')
  })
  const datapointPartitions = createDatapointPartitions(database.pool, limits)
  const partitions = createPartitions(database, limits, datapointPartitions)
  await partitions.makeAhead()
  const journals = await openJournals(database.pool, stats, log)
  const head = await database.prisma.journalHead.findUniqueOrThrow({ where: { shard: 0 } })
  const instanceId = randomUUID()
  const sessions = createSessions(database, limits)
  await sessions.registerInstance(instanceId)
  const topicIds = createTopicIds(database.pool, limits)
  const queue = createAppendQueue({
    pool: database.pool,
    limits,
    stats,
    log,
    makePartitions: partitions.makeAhead,
    forgetTopicIds: () => topicIds.clear()
  })
  const { directUrl, onHead } = parts
  const listener = await openListener({ url: directUrl, migrations, limits, log, onHead })
  const guard = instanceGuard(instanceId)
  const asOf = createAsOf(database.pool, limits)
  const devices = createDevices(database.pool, limits, asOf)
  const retention = createRetention(database, limits, partitions)

  return {
    instanceId,
    cursors: createCursors(journals, head.tokenKey),
    schema: createSchema(database.pool, migrations),
    tokenKey: head.tokenKey,
    journal: createJournal(database.pool, limits),
    states: createStates(database.pool, limits, asOf),
    asOf,
    ...createCommandStores({ database, queue, guard, stats, limits }),
    sessions,
    partitions,
    retention,
    projections: createProjectionStore({
      database,
      limits,
      partitions: datapointPartitions,
      makePartitions: partitions.makeAhead
    }),
    devices,
    rollups: createRollups(database.pool, limits),
    deviceVersions: createDeviceVersions(database.pool),
    currentProjection: createCurrentProjection(database.pool),
    datapoints: createDatapoints(database.pool, limits),
    exports: createExports(database.pool, limits, retention.dropped),
    nested: createNestedReads(database.pool, limits),
    history: createHistory(database.pool, limits),
    rejections: createRejections(database.pool, limits),
    forget: createForget(database, limits),
    retained: createRetainedStore({ pool: database.pool, queue, topicIds, limits }),
    imports: createImports({ pool: database.pool, queue, guard, topicIds, limits }),
    webhooks: createWebhookStore(database, limits),
    keys: createKeyStore(database, limits),
    audit: createAuditLog(database.pool, limits),
    listener,
    append: (batch, lease) => append(queue, topicIds, batch, lease),
    async note(kind, detail) {
      const prepare = async () => noteStatement(kind, detail, guard.sql)
      await queue.push(guard, prepare, { patient: false })
    },
    async forgetExpiredKeys(hours) {
      const { count } = await database.prisma.idempotencyKey.deleteMany({
        where: { createdAt: { lt: new Date(Date.now() - hours * 3_600_000) } }
      })
      return count
    },
    healthy: queue.healthy,
    load: () => loadOf(database.pool, queue),
    async ping() {
      await database.pool.query('select 1')
    },
    async close() {
      await queue.close()
      await sessions.removeInstance(instanceId).catch(() => {}) // a database that is gone cannot be tidied
      await listener.close()
      await database.close()
    }
  }
}

async function append(
  queue: AppendQueue,
  topicIds: TopicIds,
  batch: Batch,
  lease: Lease
): Promise<Appended | null> {
  let rows = new Map<string, TopicRow>()
  const prepare = async () => {
    const names = [...new Set(batch.facts.flatMap((fact) => (fact.topic === null ? [] : [fact.topic])))]
    const forgets = await topicIds.forgets()
    const resolved = await topicIds.resolve(names)
    rows = new Map(names.map((name, index) => [name, resolved[index]!]))
    const session = { id: lease.sessionId, generation: lease.generation }
    return batchStatement(batch, rows, forgets, session, lease.guard.sql)
  }
  const { signal } = lease.ended
  const outcome = await queue.push<AppendedRow>(lease.guard, prepare, { patient: true, signal })
  return outcome && { base: outcome[0]!.base, at: outcome[0]!.at.getTime(), topicIds: rows }
}
