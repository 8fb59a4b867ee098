/** What the HTTP surface is made of. */

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault
} from 'fastify'
import type { Logger } from 'pino'
import type { Authenticator } from '../access/access.ts'
import type { Keys } from '../access/keys.ts'
import type { Batches } from '../commands/batches.ts'
import type { Commands } from '../commands/commands.ts'
import type { EventSource } from '../feed/events.ts'
import type { Feed } from '../feed/feed.ts'
import type { MinCursor } from '../feed/min-cursor.ts'
import type { Watches } from '../feed/watch.ts'
import type { Limits } from '../limits.ts'
import type { Access, Millis } from '../model.ts'
import type { ToRequest } from '../commands/requests.ts'
import type { TraceContext, TraceRequest } from '../trace.ts'
import type { Projections } from '../projection/projections.ts'
import type { Stats } from '../stats.ts'
import type { Store } from '../store/store.ts'
import type { ServiceStatus } from '../service-status.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'
import type { ServedCertificate } from './certificate.ts'
import type { Reads } from './reads.ts'

/** What only the instance that receives can tell; null: another one does, or there is none. */
export interface Receiving {
  /** Since when the message waits for its commit that waits longest. */
  oldestHeldAt: Millis | null
  lease: { epoch: number; msLeft: number } | null
  hostConnected: boolean | null
}

export interface HttpParts {
  store: Pick<
    Store,
    | 'journal'
    | 'states'
    | 'asOf'
    | 'commands'
    | 'batches'
    | 'commandQueue'
    | 'devices'
    | 'currentProjection'
    | 'datapoints'
    | 'history'
    | 'exports'
    | 'rejections'
    | 'imports'
    | 'retention'
    | 'webhooks'
    | 'audit'
    | 'cursors'
    | 'ping'
    | 'healthy'
    | 'schema'
    | 'load'
  >
  feed: Feed
  events: EventSource
  minCursor: MinCursor
  watches: Watches
  commands: Commands
  batches: Batches
  projections: Projections
  toRequest: ToRequest
  webhooks: Webhooks
  keys: Keys
  authenticator: Authenticator
  limits: Limits
  stats: Stats
  logger: Logger
  /** Not given: nobody collects spans. */
  traceRequest?: TraceRequest | undefined
  status: () => ServiceStatus
  /** null: HTTP without TLS. */
  certificate: ServedCertificate | null
  receiving: () => Receiving
  /** Whether this instance is about to end: load balancers are to go elsewhere. */
  draining?: () => boolean
  /** Whose pages may ask from browsers. Not given: none but our own. */
  corsOrigins?: readonly string[]
  /** Proxies whose X-Forwarded-For is believed. Not given: none. */
  trustedProxies?: readonly string[]
  /** The page that shows openapi.yaml is served. Not given: it is. */
  explorers?: boolean
  /** Adds what else is served on the same port, before the server is ready. */
  register?: (app: FastifyInstance) => Promise<void>
}

export interface Surface extends HttpParts {
  /** Aborts when the server closes: whoever waits or streams ends. */
  closing: AbortSignal
}

export interface RouteParts extends Surface {
  reads: Reads
}

/** An instance whose routes get the types of their schemas. */
export type Routes = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Only for administrators. */
    administers?: boolean
  }
  interface FastifyRequest {
    /** Who asks, and what they may. Set by a hook on every request under /v1, and only there. */
    access: Access
    /** The trace that it belongs to; null: none that is known. */
    trace: TraceContext | null
  }
}
