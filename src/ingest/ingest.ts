/**
 * The architecture in one function: received, normalized, committed, and only then acknowledged and shown.
 */

import type { Logger } from 'pino'
import type { Feed } from '../feed/feed.ts'
import type { Limits } from '../limits.ts'
import type { Fact, GapDetail, Message } from '../model.ts'
import type { InboxBatch } from '../mqtt/draft.ts'
import type { Inbox } from '../mqtt/inbox.ts'
import type { NormalizedFact } from '../normalize/normalize.ts'
import { normalize } from '../normalize/normalize.ts'
import type { Stats } from '../stats.ts'
import { countGap } from '../stats.ts'
import type { Appended, Store } from '../store/store.ts'
import type { Lease } from '../store/sessions.ts'
import { withoutKnown } from './found.ts'
import { appendAll } from './poison.ts'
import type { IsOthers } from './sparkplug.ts'

export interface IngestParts {
  inbox: Inbox
  store: Store
  feed: Feed
  lease: Lease
  limits: Limits
  stats: Stats
  log: Logger
  /** Everything retained has been read once, so that what we do not hold is not there. */
  retainedKnown: () => boolean
  /** Topics whose messages another session stores. */
  isOthers: IsOthers | null
}

/** Broker -> normalize -> store -> feed, batch by batch, until the inbox is closed. Throws FencedError. */
export async function ingest(parts: IngestParts): Promise<void> {
  const { inbox, limits } = parts
  const running = new Set<Promise<void>>()
  let failure: { error: unknown } | null = null
  let last = Promise.resolve()
  for (let batch = await inbox.next(); batch !== null && failure === null; batch = await inbox.next()) {
    const left = leaveOthers(parts, batch)
    if (batch.messages.some(({ found }) => found)) {
      await last
      batch.messages = await withoutKnown(parts, batch.messages)
    }
    // The next batch is encoded while this one is in Postgres; the store keeps their order
    const committed = commit(parts, batch, left, last)
    const settled = committed.catch((error: unknown) => {
      failure ??= { error }
      inbox.close() // nothing that comes now would be stored in order
    })
    last = settled
    running.add(settled)
    void settled.then(() => running.delete(settled))
    while (running.size >= limits.batchesInFlightMax) await Promise.race(running)
  }
  await Promise.all(running)
  if (failure !== null) throw (failure as { error: unknown }).error
}

/** Takes out what another session stores: it is acknowledged with the rest. Returns how many. */
function leaveOthers({ isOthers }: IngestParts, batch: InboxBatch): number {
  if (isOthers === null) return 0
  const all = batch.messages.length
  batch.messages = batch.messages.filter(({ topic }) => !isOthers(topic))
  return all - batch.messages.length
}

async function commit(
  parts: IngestParts,
  batch: InboxBatch,
  left: number,
  before: Promise<void>
): Promise<void> {
  const { store, lease, stats, feed } = parts
  const { facts, states } = normalize(batch.messages, lease.name)
  const { packets } = batch
  try {
    const empty = facts.length === 0 && packets.added.length === 0 && packets.released.length === 0
    const appended = empty
      ? []
      : await appendAll(parts, { facts, states, packets, retainedKnown: parts.retainedKnown() }, store, lease)
    await before // acknowledgements leave in the order of receipt [MQTT-4.6.0-2]
    batch.acknowledge() // only now: a crash before this line makes the broker send the batch again
    stats.stored += facts.length
    stats.leftToOther += left
    stats.batches++
    for (const { facts: stored, where } of appended) {
      for (const { kind, detail } of stored) if (kind === 'gap') countGap(stats, (detail as GapDetail).cause)
      if (where === null) feed.hint(null) // committed, but nobody told us where
      else feed.publish(toFacts(stored, where))
    }
  } catch (error) {
    batch.abandon()
    throw error
  }
}

/** As a reader of the journal would get them. */
export function toFacts(facts: readonly NormalizedFact[], { base, at, topicIds }: Appended): Fact[] {
  return facts.map((fact, index) => {
    const seq = base + index + 1
    const topicId = fact.topic === null ? null : topicIds.get(fact.topic)!.id
    const message: Message | null =
      topicId === null
        ? null
        : {
            seq,
            topicId,
            topic: fact.topic!,
            receivedAt: fact.receivedAt,
            qos: fact.qos!,
            retain: fact.retain,
            dup: fact.dup!,
            payload: fact.payload as Buffer,
            properties: fact.properties
          }
    return {
      seq,
      at,
      kind: fact.kind,
      topicId,
      topic: fact.topic,
      message,
      commandId: null,
      detail: fact.detail
    }
  })
}
