/** What the receiving session is given, and what it tells. */

import type { Logger } from 'pino'
import type { Limits } from '../limits.ts'
import type { Broker, GapDetail, Millis, QoS } from '../model.ts'
import type { Stats } from '../stats.ts'
import type { Connection, ProtocolVersion } from './connection.ts'
import type { Inbox } from './inbox.ts'
import type { Presence } from './presence.ts'
import type { SubscriptionMemory } from './subscribing.ts'
import type { TlsFault } from './tls-faults.ts'

/** What the session knows of itself from before. */
export interface SessionMemory extends SubscriptionMemory {
  name: string
  clientId: string
  protocolVersion: ProtocolVersion | null
  /** Last time a connection was known to live. */
  aliveAt: Millis | null
}

/** What must be durable before the session goes on. */
export interface SessionHooks {
  /**
   * Before CONNECT: throws unless the session is still ours, since connecting takes it from whoever has it. Writes
   * ahead that until SUBSCRIBE is answered nobody knows what the session is subscribed to.
   */
  connecting(): Promise<void>
  /** The broker has no session: raise the generation before SUBSCRIBE. */
  newSession(): Promise<void>
  subscription(
    state: 'subscribing' | 'subscribed',
    filters: string[],
    version: ProtocolVersion
  ): Promise<void>
  gap(detail: GapDetail): Promise<void>
  /** Connected and subscribed: time to read what is retained. */
  ready(connection: Connection): void
}

export interface SessionStatus {
  state: 'connecting' | 'connected' | 'stopped'
  since: Millis
  version: ProtocolVersion | null
  lastError: string | null
  /** Of it, where no TLS could be agreed on. */
  lastErrorCode: TlsFault | null
  /** Another client seems to use our client id. */
  takenOver: boolean
  /** Filters that the broker refused. */
  refusedFilters: string[]
  /** How long the broker keeps the session while we are away, in its own words (MQTT 5) [MQTT-3.2.2.3.2]. */
  sessionExpirySeconds: number | null
}

export interface ReceivingSession {
  status(): SessionStatus
  /** Receives until `stop`; never throws for the broker's sake. */
  run(): Promise<void>
  /** Publishes that we are gone, and disconnects; a session that is not clean is kept. */
  stop(): Promise<void>
  /** Drops the connection at once: the session is another's now. */
  drop(): void
}

export interface SessionParts {
  broker: Broker
  memory: SessionMemory
  filters: readonly string[]
  qos: QoS
  /** Begin anew at each connect: what came while we were away is missing, and nothing stale is sent. */
  clean: boolean
  sessionExpirySeconds: number
  presence: Presence
  inbox: Inbox
  hooks: SessionHooks
  limits: Limits
  stats: Stats
  log: Logger
}
