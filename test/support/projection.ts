/** Normalization on a real store, with messages put into its journal as the ingest does: what is stored, comparable between runs. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Feed } from '../../src/feed/feed.ts'
import { createFeed } from '../../src/feed/feed.ts'
import { toFacts } from '../../src/ingest/ingest.ts'
import type { Limits } from '../../src/limits.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Received } from '../../src/normalize/normalize.ts'
import { normalize } from '../../src/normalize/normalize.ts'
import { loadMappings } from '../../src/projection/mapping-file.ts'
import type { ProjectionService } from '../../src/projection/service.ts'
import { createProjectionService } from '../../src/projection/service.ts'
import { createStats } from '../../src/stats.ts'
import { atEnd } from './cleanup.ts'
import { query, silent } from './database.ts'
import { eventually } from './eventually.ts'
import type { TestStore } from './store.ts'
import { openTestStore } from './store.ts'

/** A message at a minute of its own, so that runs can be compared. */
export const received = (
  topic: string,
  payload: string | Uint8Array,
  minute: number,
  more: Partial<Received> = {}
): Received => ({
  topic,
  payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
  qos: 1,
  retain: false,
  dup: false,
  packetId: null,
  properties: null,
  receivedAt: Date.UTC(2026, 0, 1) + minute * 60_000,
  found: false,
  discardedBytes: 0,
  malformedTopic: null,
  ...more
})

/** A file with these mappings, for as long as the tests run. */
export async function mappingFile(text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'rialto-mappings-'))
  atEnd(() => rm(directory, { recursive: true, force: true }))
  const file = join(directory, 'rialto.yaml')
  await writeFile(file, text)
  return file
}

export interface Projecting extends TestStore {
  feed: Feed
  service: ProjectionService
  append(messages: readonly Received[]): Promise<void>
  /** Everything that is in the journal is projected, and nothing is being built or redriven. */
  settled(): Promise<void>
  /** Ends without a word, as kill -9 does for what is in memory. */
  end(): Promise<void>
}

export async function startProjecting(parts: {
  url: string
  file: string | null
  limits?: Partial<Limits>
  connectedSince?: () => number | null
}): Promise<Projecting> {
  const limits = { ...defaultLimits, presenceCheckMs: 20, projectionRetryMs: 20, ...parts.limits }
  const holder: { feed?: Feed } = {}
  const opened = await openTestStore({ url: parts.url, limits, onHead: (seq) => holder.feed?.hint(seq) })
  const { store, lease } = opened
  const head = async (): Promise<number> => (await store.journal.head()).seq
  const stats = createStats()
  const feed = createFeed({
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
  holder.feed = feed
  const service = await createProjectionService({
    store,
    feed,
    limits,
    stats,
    log: silent,
    file: parts.file,
    fileOptional: false,
    set: await loadMappings(parts.file, limits),
    leading: () => true,
    connectedSince: parts.connectedSince ?? (() => null),
    runEffects: () => {},
    createExplainer: () => ({
      preview: () => Promise.reject(new Error('not here')),
      explain: () => Promise.reject(new Error('not here'))
    })
  })
  const running = service.run()
  return {
    ...opened,
    feed,
    service,
    async append(messages) {
      const { facts, states } = normalize(messages, 'test')
      const packets = { added: [], released: [] }
      const appended = await store.append({ facts, states, packets, retainedKnown: false }, lease)
      feed.publish(toFacts(facts, appended!))
    },
    async settled() {
      await eventually(
        async () => {
          const { doneSeq, faults, hash } = await service.projections.mappings()
          const current = (await store.projections.list()).find(({ state }) => state === 'current')
          if (current?.mappingHash !== hash) return false
          const open = await store.projections.redrives.next()
          return (
            faults.length === 0 &&
            doneSeq >= (await head()) &&
            (await store.projections.building()) === null &&
            open === null
          )
        },
        { withinMs: 120_000, what: 'everything to be projected' }
      )
    },
    async end() {
      await service.stop()
      await running
      await opened.store.close()
    }
  }
}

/** Devices, metrics and datapoints as they are stored, with messages named by their topic and number instead of their seq. */
export async function dump(url: string): Promise<Record<string, unknown[]>> {
  const messages = `
    with current as (select id from projections where state = 'current'),
    named as (
      select j.seq, t.name || '#' || row_number() over (partition by j.topic_id order by j.seq) as message
      from journal j join topics t on t.id = j.topic_id where j.kind in (1, 2, 3)
    )`
  const [devices, metrics, datapoints, rejections] = await Promise.all([
    query(
      url,
      `${messages} select d.name, d.mapping, d.first_seen_at, d.last_seen_at, d.presence, d.presence_source, d.presence_at,
         d.offline_after_seconds, d.attributes::text
       from devices d join current c on c.id = d.projection_id where d.seq > 0 order by d.name`
    ),
    query(
      url,
      `${messages} select d.name as device, m.name, m.type, m.unit, named.message, m.latest_n, m.latest_observed_at,
         m.latest_number, m.latest_exact, m.latest_role, m.latest_clock, m.latest_quality
       from metrics m join devices d on d.id = m.device_id join current c on c.id = d.projection_id
       left join named on named.seq = m.latest_seq where m.seq > 0 order by d.name, m.name`
    ),
    query(
      url,
      `${messages} select d.name as device, m.name as metric, named.message, p.n, p.observed_at, p.received_at, p.type, p.role,
         p.clock, p.number, p.exact, p.unit, p.quality
       from datapoints p join current c on c.id = p.projection_id join metrics m on m.id = p.metric_id
       join devices d on d.id = m.device_id left join named on named.seq = p.seq order by named.message, p.n`
    ),
    query(
      url,
      `${messages} select named.message, r.n, r.mapping, r.reason, r.detail
       from rejections r join current c on c.id = r.projection_id left join named on named.seq = r.seq
       order by named.message, r.n`
    )
  ])
  return { devices, metrics, datapoints, rejections }
}
