/** What the GraphQL surface is made of. */

import type { Authenticator } from '../access/access.ts'
import type { Keys } from '../access/keys.ts'
import type { Batches } from '../commands/batches.ts'
import type { Commands } from '../commands/commands.ts'
import type { EventSource } from '../feed/events.ts'
import type { Feed } from '../feed/feed.ts'
import type { MinCursor } from '../feed/min-cursor.ts'
import type { ListedDocuments } from './listed-documents.ts'
import type { Limits } from '../limits.ts'
import type { Access } from '../model.ts'
import type { ToRequest } from '../commands/requests.ts'
import type { Projections } from '../projection/projections.ts'
import type { Stats } from '../stats.ts'
import type { Store } from '../store/store.ts'
import type { ServiceStatus } from '../service-status.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'

export interface GraphqlParts {
  store: Pick<
    Store,
    | 'journal'
    | 'states'
    | 'asOf'
    | 'commands'
    | 'batches'
    | 'cursors'
    | 'devices'
    | 'datapoints'
    | 'nested'
    | 'history'
    | 'currentProjection'
    | 'rejections'
    | 'retention'
    | 'audit'
  >
  feed: Feed
  events: EventSource
  minCursor: MinCursor
  commands: Commands
  batches: Batches
  projections: Projections
  toRequest: ToRequest
  webhooks: Webhooks
  keys: Keys
  authenticator: Authenticator
  limits: Limits
  stats: Stats
  status: () => ServiceStatus
  /** The page that `/graphiql` serves; null: none. */
  graphiqlHtml: string | null
  /** Documents that clients may name instead of sending. */
  listed: ListedDocuments
  /** Whether clients may ask for the schema. */
  introspection: boolean
  /** Whose pages may open sockets without a key. Not given: none but our own. */
  corsOrigins?: readonly string[]
  /** Of each operation on a socket. Throws Problem too_many_requests. Not given: any number. */
  countOperation?: (access: Access) => void
}
