/**
 * Brings what the broker retains together with what we hold, after the first connect and every absence. The same:
 * confirmed, no fact. Different: a `snapshot` fact. What came live since the reading began is newer and stays.
 */

import type { Feed } from '../feed/feed.ts'
import type { Message, MessageProperties, Seq, TopicState } from '../model.ts'
import type { Inbox } from '../mqtt/inbox.ts'
import type { RetainedMessage } from '../mqtt/snapshot.ts'
import type { NormalizedFact, NormalizedState } from '../normalize/normalize.ts'
import type { Stats } from '../stats.ts'
import type { Store } from '../store/store.ts'
import type { Lease } from '../store/sessions.ts'
import { toFacts } from './ingest.ts'

export interface ReconcileParts {
  store: Store
  feed: Feed
  inbox: Inbox
  lease: Lease
  stats: Stats
  /** Head of the journal when reading began. */
  since: Seq
}

/** The bridge's own rights: it sees everything. */
const everything = { principal: 'rialto', mayRead: () => true, mayPublish: () => true }

export async function reconcile(parts: ReconcileParts, messages: readonly RetainedMessage[]): Promise<void> {
  const { stats } = parts
  stats.received += messages.length
  stats.held += messages.length
  let outcome = { stored: 0, confirmed: 0 }
  try {
    outcome = await compareAndAppend(parts, messages)
  } finally {
    stats.held -= messages.length
    stats.stored += outcome.stored
    stats.confirmed += outcome.confirmed
    stats.abandoned += messages.length - outcome.stored - outcome.confirmed
  }
}

async function compareAndAppend(
  { store, feed, inbox, lease, since }: ReconcileParts,
  messages: readonly RetainedMessage[]
): Promise<{ stored: number; confirmed: number }> {
  // What was received live before this moment is committed before we compare, so that it is not overwritten
  await inbox.idle()
  const held = await store.states.byNames(
    everything,
    messages.map((message) => message.topic)
  )
  const receivedAt = Date.now()
  const facts: NormalizedFact[] = []
  const states: NormalizedState[] = []
  const confirmed: string[] = []
  for (const message of messages) {
    const state = held.get(message.topic)
    if (state !== undefined && isCurrent(state, message, since)) confirmed.push(message.topic)
    else {
      facts.push(toSnapshotFact(message, receivedAt))
      states.push(toStateChange(message, state, facts.length - 1, receivedAt, since))
    }
  }
  if (confirmed.length > 0) await store.confirm(confirmed)
  if (facts.length === 0) return { stored: 0, confirmed: confirmed.length }
  const batch = { facts, states, packets: { added: [], released: [] }, retainedKnown: false }
  const appended = await store.append(batch, lease)
  if (appended === null) feed.hint(null)
  else feed.publish(toFacts(facts, appended))
  return { stored: facts.length, confirmed: confirmed.length }
}

/** True when we hold the same, or something that came live while the snapshot was read. */
function isCurrent(state: TopicState, message: RetainedMessage, since: Seq): boolean {
  if ((state.retained?.seq ?? state.tombstone?.seq ?? 0) > since) return true
  return state.retained !== null && isSame(state.retained, message)
}

function isSame(held: Message, found: RetainedMessage): boolean {
  return held.payload.equals(found.payload) && same(held.properties, found.properties)
}

/** The expiry interval counts down at the broker, so it never is the same. */
const same = (one: MessageProperties | null, other: MessageProperties | null): boolean =>
  comparable(one) === comparable(other)

function comparable(properties: MessageProperties | null): string {
  const { messageExpiryInterval: _, ...rest } = properties ?? {}
  return JSON.stringify(Object.entries(rest).toSorted(([one], [other]) => (one < other ? -1 : 1)))
}

const toSnapshotFact = (message: RetainedMessage, receivedAt: number): NormalizedFact => ({
  kind: 'snapshot',
  topic: message.topic,
  receivedAt,
  payload: message.payload,
  qos: message.qos,
  retain: true,
  dup: false,
  packetId: null,
  properties: message.properties,
  detail: null
})

function toStateChange(
  message: RetainedMessage,
  state: TopicState | undefined,
  index: number,
  receivedAt: number,
  since: Seq
): NormalizedState {
  const expiry = message.properties?.messageExpiryInterval
  return {
    topic: message.topic,
    last: index,
    // It is the latest, too, unless something newer came live
    latest: state === undefined || state.latest.seq <= since ? index : null,
    retained: 'set',
    known: true,
    retainedBy: index,
    previous: null,
    expiresAt: expiry === undefined ? null : receivedAt + expiry * 1_000
  }
}
