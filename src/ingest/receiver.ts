/** What the leading instance does: restores what the session remembers, receives, reconciles, until stopped or fenced. */

import type { Logger } from 'pino'
import type { Feed } from '../feed/feed.ts'
import type { Limits } from '../limits.ts'
import type { Broker, GapDetail, Millis, QoS } from '../model.ts'
import { Inbox } from '../mqtt/inbox.ts'
import type { Presence } from '../mqtt/presence.ts'
import { statusPresence } from '../mqtt/presence.ts'
import { createReceivingSession } from '../mqtt/session.ts'
import type { SessionStatus } from '../mqtt/session-parts.ts'
import type { NormalizedFact } from '../normalize/normalize.ts'
import type { Stats } from '../stats.ts'
import { countGap } from '../stats.ts'
import { FencedError } from '../store/append.ts'
import type { Lease } from '../store/sessions.ts'
import type { Store } from '../store/store.ts'
import type { SnapshotStatus } from '../service-status.ts'
import { ingest, toFacts } from './ingest.ts'
import type { Term } from './leader.ts'
import { expire } from './retained.ts'
import type { Snapshots } from './snapshots.ts'
import { createSnapshots, noSnapshots } from './snapshots.ts'
import type { IsOthers } from './sparkplug.ts'

export interface ReceiverParts {
  broker: Broker
  filters: readonly string[]
  qos: QoS
  sessionExpirySeconds: number
  /** A Sparkplug host begins anew at each connect, has its own certificates, and leaves retained messages to the main session. */
  host: Presence | null
  /** Topics whose messages the other session stores; null: there is no other. */
  isOthers: IsOthers | null
  store: Store
  feed: Feed
  limits: Limits
  stats: Stats
  log: Logger
}

export interface Receiver extends Term {
  status(): SessionStatus & { snapshot: SnapshotStatus }
  /** When the message came that waits longest for its commit; null: none does. */
  oldestHeldAt(): Millis | null
}

/** The topic of our own presence; retained `online`, or `offline` as our will. */
export const statusTopicOf = (clientId: string): string => `rialto/${clientId}/status`

/** Responses to commands come on topics under this one. */
export const responsesTopicOf = (clientId: string): string => `rialto/${clientId}/responses`

export async function beginReceiving(parts: ReceiverParts, lease: Lease): Promise<Receiver> {
  const { store, limits, stats, log } = parts
  const inbox = new Inbox({ limits, stats })
  inbox.restore(
    await store.sessions.inboundPackets(lease),
    await store.sessions.lastReceived(lease, limits.receiveMaximum)
  )
  const statusTopic = statusTopicOf(lease.clientId)
  const { host } = parts
  const snapshots = host === null ? createSnapshots({ ...parts, statusTopic, lease }) : noSnapshots

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
    // [tck-id-message-flow-phid-sparkplug-clean-session-50], [tck-id-message-flow-phid-sparkplug-clean-session-311]
    clean: host !== null,
    sessionExpirySeconds: host === null ? parts.sessionExpirySeconds : 0,
    presence: host ?? statusPresence(statusTopic),
    inbox,
    hooks: {
      connecting: () =>
        store.sessions.beforeConnect(lease).catch((error: unknown) => {
          if (error instanceof FencedError) drop()
          throw error
        }),
      newSession: () => store.sessions.raiseGeneration(lease),
      subscription: (state, filters, version) =>
        store.sessions.setSubscription(lease, state, filters, version),
      gap: (detail) => appendGap(parts, lease, detail),
      ready: (connection) => snapshots.begin(connection)
    },
    limits,
    stats,
    log
  })

  /** At once: what is in the store's queue is given up, too. */
  function drop(): void {
    session.drop()
    lease.ended.abort()
    inbox.close()
  }

  return {
    status: () => ({ ...session.status(), snapshot: snapshots.status() }),
    oldestHeldAt: () => inbox.oldestHeldAt(),
    alive: () => session.status().state === 'connected',
    async run() {
      const lostBefore = stats.abandonedQos0
      const receiving = session.run()
      const expiring = host === null ? expireNowAndThen(parts, lease) : undefined
      try {
        await ingest({ ...parts, inbox, lease, retainedKnown: snapshots.known })
      } finally {
        clearInterval(expiring)
        session.drop()
        await Promise.all([receiving, snapshots.stop()])
        inbox.abandonRest()
        await tellAbandoned(parts, lease, inbox.lostSince, stats.abandonedQos0 - lostBefore)
      }
    },
    async stop() {
      await flushAndStop(parts, session, inbox, snapshots)
      drop()
    },
    drop
  }
}

/** Nothing more is taken; what is held is committed and acknowledged, and then the connection ends in order. */
async function flushAndStop(
  { limits, log }: ReceiverParts,
  session: ReturnType<typeof createReceivingSession>,
  inbox: Inbox,
  snapshots: Snapshots
): Promise<void> {
  inbox.stopTaking()
  const late = new Promise<'late'>((resolve) => setTimeout(resolve, limits.flushMsMax, 'late'))
  const flushed = Promise.all([inbox.idle(), snapshots.stop()])
  if ((await Promise.race([flushed, late])) === 'late') {
    log.warn('The database does not take what is held; the broker will send it again, but for QoS 0')
  } else await session.stop()
}

function expireNowAndThen({ store, limits, stats, log }: ReceiverParts, lease: Lease): NodeJS.Timeout {
  let running = false
  return setInterval(() => {
    if (running || !store.healthy()) return
    running = true
    expire(store, lease, stats)
      .catch((error: unknown) => log.debug({ err: error }, 'Cannot expire retained messages yet'))
      .finally(() => (running = false))
  }, limits.expiryCheckMs)
}

/** Nobody sends QoS 0 again: what was held when the lease was lost is missing. The lease is not ours to say it under. */
async function tellAbandoned(
  { store, stats, log }: ReceiverParts,
  lease: Lease,
  from: Millis | null,
  messages: number
): Promise<void> {
  if (from === null) return
  const detail: GapDetail = { cause: 'abandoned', session: lease.name, from, to: Date.now(), messages }
  countGap(stats, detail.cause)
  await store
    .note('gap', detail)
    .catch((error: unknown) => log.error({ err: error, messages }, 'Messages of QoS 0 are lost, unrecorded'))
}

async function appendGap(
  { store, feed, stats, log }: ReceiverParts,
  lease: Lease,
  detail: GapDetail
): Promise<void> {
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
  countGap(stats, detail.cause)
  if (appended === null) feed.hint(null)
  else feed.publish(toFacts([gap], appended))
}
