/** What the leading instance does: restores what the session remembers, receives, reconciles, until stopped or fenced. */

import type { Logger } from 'pino'
import type { Feed } from '../feed/feed.ts'
import type { Limits } from '../limits.ts'
import type { Broker, GapDetail, QoS } from '../model.ts'
import type { Connection } from '../mqtt/connection.ts'
import { Inbox } from '../mqtt/inbox.ts'
import type { ReceivingSession, SessionStatus } from '../mqtt/session.ts'
import { createReceivingSession } from '../mqtt/session.ts'
import { readRetained } from '../mqtt/snapshot.ts'
import type { NormalizedFact } from '../normalize/normalize.ts'
import type { Stats } from '../stats.ts'
import type { Lease } from '../store/sessions.ts'
import type { Store } from '../store/store.ts'
import { ingest, toFacts } from './ingest.ts'
import type { Term } from './leader.ts'
import { reconcile } from './retained.ts'

export interface ReceiverParts {
  broker: Broker
  filters: readonly string[]
  qos: QoS
  sessionExpirySeconds: number
  store: Store
  feed: Feed
  limits: Limits
  stats: Stats
  log: Logger
}

export interface Receiver extends Term {
  status(): SessionStatus
}

/** The topic of our own presence; retained `online`, or `offline` as our will. */
export const statusTopicOf = (clientId: string): string => `rialto/${clientId}/status`

export async function beginReceiving(parts: ReceiverParts, lease: Lease): Promise<Receiver> {
  const { store, limits, stats, log } = parts
  const inbox = new Inbox({ limits, stats })
  inbox.restore(
    await store.sessions.inboundPackets(lease),
    await store.sessions.lastReceived(lease, limits.receiveMaximum)
  )
  let retainedKnown = false
  let fenced = false

  const session = createReceivingSession({
    broker: parts.broker,
    memory: {
      name: lease.name,
      clientId: lease.clientId,
      protocolVersion: lease.protocolVersion,
      filters: lease.filters,
      subscription: lease.subscription,
      aliveAt: lease.aliveAt?.getTime() ?? null
    },
    filters: parts.filters,
    qos: parts.qos,
    sessionExpirySeconds: parts.sessionExpirySeconds,
    statusTopic: statusTopicOf(lease.clientId),
    inbox,
    hooks: {
      newSession: () => store.sessions.raiseGeneration(lease),
      subscription: (state, filters, version) =>
        store.sessions.setSubscription(lease, state, filters, version),
      gap: (detail) => appendGap(parts, lease, detail),
      ready: async (connection) => {
        retainedKnown = (await snapshot(parts, lease, inbox, connection)) && connection.version === 5
      }
    },
    limits,
    stats,
    log
  })

  return {
    status: () => session.status(),
    alive: () => session.status().state === 'connected',
    async run() {
      const receiving = session.run()
      try {
        await ingest({ ...parts, inbox, lease, retainedKnown: () => retainedKnown })
      } catch (error) {
        fenced = true
        throw error
      } finally {
        session.drop()
        await receiving
        if (fenced) inbox.abandonRest()
      }
    },
    stop: () => flushAndStop(session, inbox),
    drop: () => {
      session.drop()
      inbox.close()
    }
  }
}

/** Nothing more is taken; what is held is committed and acknowledged before the connection ends. */
async function flushAndStop(session: ReceivingSession, inbox: Inbox): Promise<void> {
  inbox.stopTaking()
  await inbox.idle()
  await session.stop()
  inbox.close()
}

async function appendGap(
  { store, feed, stats, log }: ReceiverParts,
  lease: Lease,
  detail: GapDetail
): Promise<void> {
  stats.gaps++
  log.warn(
    { cause: detail.cause, from: new Date(detail.from), to: new Date(detail.to) },
    'Messages may be missing'
  )
  const gap: NormalizedFact = {
    kind: 'gap',
    topic: null,
    receivedAt: detail.to,
    payload: null,
    qos: null,
    retain: null,
    dup: null,
    packetId: null,
    properties: null,
    detail
  }
  const batch = { facts: [gap], states: [], packets: { added: [], released: [] }, retainedKnown: false }
  const appended = await store.append(batch, lease)
  if (appended === null) feed.hint(null)
  else feed.publish(toFacts([gap], appended))
}

/** True when everything retained has been read. A failure ends the connection, and the next one tries again. */
async function snapshot(
  parts: ReceiverParts,
  lease: Lease,
  inbox: Inbox,
  connection: Connection
): Promise<boolean> {
  const { store, limits, log } = parts
  const since = (await store.journal.head()).seq
  const { messages, complete } = await readRetained({
    broker: parts.broker,
    version: connection.version,
    clientId: `${lease.clientId}-snapshot`,
    filters: parts.filters,
    qos: parts.qos,
    statusTopic: statusTopicOf(lease.clientId),
    limits,
    onBatch: (batch) => reconcile({ ...parts, inbox, lease, since }, batch)
  })
  log.info({ messages, complete }, 'Read what the broker retains')
  return complete
}
