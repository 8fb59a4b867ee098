/**
 * Brings what the broker retains together with what we hold, after the first connect and every absence. Found as it is
 * here: confirmed, no fact. Different: a `snapshot` fact. Held here and not found: asked for by its exact name, and if it
 * is gone, `cleared`. What came live since the asking began is newer and stays.
 */

import type { MessageProperties, Millis, Seq } from '../model.ts'
import type { RetainedMessage } from '../mqtt/snapshot.ts'
import type { Stats } from '../stats.ts'
import type { RetainedChange } from '../store/append-retained.ts'
import type { HeldRetained } from '../store/retained.ts'
import type { Lease } from '../store/sessions.ts'
import type { Store } from '../store/store.ts'

export interface Asking {
  store: Store
  lease: Lease
  stats: Stats
  /** Head of the journal before the broker was asked, and when that was. */
  since: Seq
  askedAt: Millis
}

/** Compares a batch of what was found with what we hold. */
export async function reconcile(asking: Asking, messages: readonly RetainedMessage[]): Promise<void> {
  const { stats } = asking
  stats.received += messages.length
  stats.held += messages.length
  let settled: { stored: number; confirmed: number } | null = null
  try {
    settled = await compareAndAppend(asking, messages)
  } finally {
    stats.held -= messages.length
    if (settled === null) stats.abandoned += messages.length
    else {
      stats.stored += settled.stored
      stats.confirmed += settled.confirmed
    }
  }
}

async function compareAndAppend(
  { store, lease, since, askedAt }: Asking,
  messages: readonly RetainedMessage[]
): Promise<{ stored: number; confirmed: number }> {
  // Overlapping filters bring a message more than once
  const byTopic = new Map(messages.map((message) => [message.topic, message]))
  const held = await store.retained.held([...byTopic.keys()])
  const changes: RetainedChange[] = []
  const confirmed: number[] = []
  for (const message of byTopic.values()) {
    const here = held.get(message.topic)!
    if (isCurrent(here, message, since)) confirmed.push(here.topicId)
    else changes.push(toSnapshot(here, message, askedAt))
  }
  const changed = await store.retained.append({ changes, confirmed, since, askedAt }, lease)
  // Where something newer came live while this was appended, the broker's word is confirmed, not stored
  const stored = changed?.length ?? changes.length
  return { stored, confirmed: messages.length - stored }
}

/** True when we hold the same, or something that came live while the snapshot was read. */
const isCurrent = (here: HeldRetained, found: RetainedMessage, since: Seq): boolean =>
  here.seen > since || (here.message !== null && isSame(here.message, found))

export const isSame = (
  here: { payload: Uint8Array; properties: MessageProperties | null },
  found: { payload: Uint8Array; properties: MessageProperties | null }
): boolean =>
  Buffer.compare(here.payload, found.payload) === 0 &&
  comparable(here.properties) === comparable(found.properties)

/** The expiry interval counts down at the broker, so it never is the same. */
function comparable(properties: MessageProperties | null): string {
  const { messageExpiryInterval: _, ...rest } = properties ?? {}
  return JSON.stringify(Object.entries(rest).toSorted(([one], [other]) => (one < other ? -1 : 1)))
}

function toSnapshot(here: HeldRetained, message: RetainedMessage, receivedAt: Millis): RetainedChange {
  const { payload, qos, properties } = message
  const seconds = properties?.messageExpiryInterval
  return {
    topicId: here.topicId,
    seen: here.seen,
    kind: 'snapshot',
    found: {
      receivedAt,
      payload,
      qos,
      properties,
      expiresAt: seconds === undefined ? null : receivedAt + seconds * 1_000
    }
  }
}

/**
 * Asks for what the snapshot did not find, by exact names, and clears what is gone. Returns how many were cleared, or null
 * when it cannot be told any more.
 */
export async function sweep(
  asking: Asking,
  filters: readonly string[],
  findMissing: (topics: readonly string[]) => Promise<string[] | null>
): Promise<number | null> {
  const { store, lease, stats, since, askedAt } = asking
  let swept = 0
  for (let after = 0; ;) {
    const candidates = await store.retained.missing({ filters, since, askedAt, after })
    if (candidates.length === 0) return swept
    after = candidates.at(-1)!.topicId
    const missing = await findMissing(candidates.map(({ topic }) => topic))
    if (missing === null) return null
    const gone = new Set(missing)
    const changes = candidates
      .filter(({ topic }) => gone.has(topic))
      .map(({ topicId, seen }): RetainedChange => ({ topicId, seen, kind: 'cleared', found: null }))
    const changed = await store.retained.append({ changes, confirmed: [], since, askedAt }, lease)
    swept += changed?.length ?? changes.length
    stats.swept += changed?.length ?? changes.length
  }
}

/** Retained messages end by their Message Expiry Interval without a word of the broker [MQTT-3.3.2-5]. */
export async function expire(store: Store, lease: Lease, stats: Stats): Promise<void> {
  for (;;) {
    const now = Date.now()
    const due = await store.retained.due(now)
    if (due.length === 0) return
    const changes = due.map(({ topicId, seen }): RetainedChange => ({
      topicId,
      seen,
      kind: 'expired',
      found: null
    }))
    const asked = { changes, confirmed: [], since: 0, askedAt: now }
    const changed = await store.retained.append(asked, lease)
    stats.expired += changed?.length ?? changes.length
  }
}
