/**
 * The session that receives: connects again whenever it is lost, subscribes, and says when something may be missing.
 * Each connection is an object of its own; what outlives it is in the inbox and in the store.
 */

import type { Logger } from 'pino'
import type { Limits } from '../limits.ts'
import type { Broker, GapDetail, Millis, QoS } from '../model.ts'
import type { Stats } from '../stats.ts'
import { nextDelay } from './backoff.ts'
import type { Connection, ProtocolVersion } from './connection.ts'
import { connect, ConnectError } from './connection.ts'
import type { Inbox } from './inbox.ts'

/** What the session knows of itself from before. */
export interface SessionMemory {
  name: string
  clientId: string
  protocolVersion: ProtocolVersion | null
  /** Filters as subscribed, and whether that is certain. */
  filters: readonly string[]
  subscription: 'none' | 'subscribing' | 'subscribed'
  /** Last time a connection was known to live. */
  aliveAt: Millis | null
}

/** What must be durable before the session goes on. */
export interface SessionHooks {
  /** The broker has no session: raise the generation before SUBSCRIBE. */
  newSession(): Promise<void>
  subscription(
    state: 'subscribing' | 'subscribed',
    filters: string[],
    version: ProtocolVersion
  ): Promise<void>
  gap(detail: GapDetail): Promise<void>
  /** Connected and subscribed: time to read what is retained. */
  ready(connection: Connection, resumed: boolean): Promise<void>
}

export interface SessionStatus {
  state: 'connecting' | 'connected' | 'stopped'
  since: Millis
  version: ProtocolVersion | null
  lastError: string | null
  /** Filters that the broker refused. */
  refusedFilters: string[]
}

export interface ReceivingSession {
  status(): SessionStatus
  /** Receives until `stop`; never throws for the broker's sake. */
  run(): Promise<void>
  /** Publishes that we are gone, disconnects, and keeps the session. */
  stop(): Promise<void>
  /** Drops the connection at once: the session is another's now. */
  drop(): void
}

export interface SessionParts {
  broker: Broker
  memory: SessionMemory
  filters: readonly string[]
  qos: QoS
  sessionExpirySeconds: number
  statusTopic: string
  inbox: Inbox
  hooks: SessionHooks
  limits: Limits
  stats: Stats
  log: Logger
}

/** A connection that lived shorter does not make the next attempt quicker: it may be a client id used twice. */
const stableMsMin = 10_000

export function createReceivingSession(parts: SessionParts): ReceivingSession {
  const { memory, limits, stats, log, inbox, hooks, statusTopic } = parts
  let version: ProtocolVersion = memory.protocolVersion ?? 5
  let connection: Connection | null = null
  let stopped = false
  let stopWaiting: (() => void) | null = null
  const connecting = new AbortController()
  let aliveAt = memory.aliveAt
  let filters = memory.filters
  let subscription = memory.subscription
  const status: SessionStatus = {
    state: 'connecting',
    since: Date.now(),
    version: null,
    lastError: null,
    refusedFilters: []
  }

  async function open(): Promise<Connection> {
    // Identity of the connection for the inbox; its tap exists only once the stream is built
    const sink = {
      version,
      acknowledge: (packets: Buffer) => opened?.tap?.acknowledge(packets),
      pauseReading: () => opened?.tap?.pauseReading(),
      resumeReading: () => opened?.tap?.resumeReading()
    }
    let opened: Connection | null = null
    opened = await connect({
      broker: parts.broker,
      version,
      clientId: memory.clientId,
      clean: false,
      sessionExpirySeconds: parts.sessionExpirySeconds,
      will: { topic: statusTopic, payload: 'offline' },
      limits,
      signal: connecting.signal,
      tap: {
        connack: (sessionPresent) => inbox.connected(sink, sessionPresent),
        publish: (frame) => inbox.publish(frame),
        pubrel: (packetId) => inbox.pubrel(packetId)
      }
    })
    return opened
  }

  /** MQTT 5 first; 3.1.1 where the broker refuses, or closes without CONNACK and never spoke 5 with us. */
  function chooseVersion(error: unknown): void {
    const silent =
      error instanceof ConnectError && error.reasonCode === null && memory.protocolVersion === null
    if (
      version === 5 &&
      error instanceof ConnectError &&
      (error.versionRefused || (silent && isClosed(error)))
    ) {
      log.info('The broker does not speak MQTT 5; trying 3.1.1')
      version = 4
    } else if (version === 4 && memory.protocolVersion === null) version = 5
  }

  async function establish(opened: Connection): Promise<void> {
    stats.connects++
    const from = aliveAt
    const known = subscription === 'subscribed'
    const lost = !opened.sessionPresent
    if (lost && from !== null && known) stats.sessionsLost++
    if (from !== null && known) {
      await hooks.gap({
        cause: lost ? 'session_lost' : 'absence',
        session: memory.name,
        from,
        to: Date.now(),
        messages: null
      })
    }
    if (lost) {
      await inbox.idle() // earlier messages carry identifiers of the former session
      await hooks.newSession()
    }
    await subscribe(opened, lost || !known)
    aliveAt = Date.now()
    await opened.publish({ topic: statusTopic, payload: 'online', qos: 1, retain: true, properties: null })
    Object.assign(status, { state: 'connected', since: Date.now(), version: opened.version, lastError: null })
    log.info({ version: opened.version === 5 ? '5' : '3.1.1', resumed: !lost }, 'Connected to the broker')
    await hooks.ready(opened, !lost)
  }

  /**
   * On MQTT 5 at every connect: with retain handling 2 it heals a session that lost its subscriptions and brings no
   * flood. On 3.1.1 every SUBSCRIBE replays all that is retained, so only where it is needed.
   */
  async function subscribe(opened: Connection, needed: boolean): Promise<void> {
    const wanted = [...parts.filters]
    const dropped = filters.filter((filter) => !wanted.includes(filter))
    const changed = dropped.length > 0 || wanted.some((filter) => !filters.includes(filter))
    if (opened.version === 4 && !needed && !changed) return
    await hooks.subscription('subscribing', [...new Set([...filters, ...wanted])], opened.version)
    if (opened.sessionPresent) await opened.unsubscribe(dropped)
    const grants = await opened.subscribe({ filters: wanted, qos: parts.qos, retainHandling: 2 })
    status.refusedFilters = wanted.filter((_, index) => (grants[index] ?? 0x80) >= 0x80) // [MQTT-3.9.3]
    if (status.refusedFilters.length > 0) {
      log.error(
        { filters: status.refusedFilters },
        'The broker refused subscriptions: check what this client may read'
      )
    }
    await hooks.subscription('subscribed', wanted, opened.version)
    filters = wanted
    subscription = 'subscribed'
  }

  async function live(opened: Connection): Promise<void> {
    connection = opened
    const alive = setInterval(() => (aliveAt = Date.now()), 1_000)
    const ended = opened.ended
    try {
      await Promise.race([establish(opened), ended.then((reason) => Promise.reject(new Error(reason)))])
      status.lastError = await ended
    } finally {
      clearInterval(alive)
      connection = null
      opened.destroy()
      await ended
      stats.disconnects++
      inbox.disconnected()
      if (!stopped) Object.assign(status, { state: 'connecting', since: Date.now() })
    }
  }

  return {
    status: () => ({ ...status }),
    async run() {
      let delay = 0
      while (!stopped) {
        const started = Date.now()
        try {
          const opened = await open()
          // Stopped meanwhile: nobody would end this connection any more
          if (stopped) opened.destroy()
          else await live(opened)
        } catch (error) {
          chooseVersion(error)
          status.lastError = (error as Error).message
        }
        if (stopped) break
        delay = nextDelay(Date.now() - started > stableMsMin ? 0 : delay, limits)
        log.warn({ reason: status.lastError, retryInMs: Math.round(delay) }, 'Not connected to the broker')
        await new Promise<void>((resolve) => {
          stopWaiting = resolve
          setTimeout(resolve, delay)
        })
      }
      Object.assign(status, { state: 'stopped', since: Date.now() })
    },
    async stop() {
      stopped = true
      stopWaiting?.()
      const opened = connection
      if (opened === null) return connecting.abort()
      await opened
        .publish({ topic: statusTopic, payload: 'offline', qos: 1, retain: true, properties: null })
        .catch(() => {}) // then the broker publishes our will
      await opened.end()
    },
    drop() {
      stopped = true
      stopWaiting?.()
      connecting.abort()
      connection?.destroy()
    }
  }
}

/** Not a refused TCP connection, nor a name that does not resolve: something accepted, and closed. */
const isClosed = (error: ConnectError): boolean => error.cause === null || error.cause === undefined
