/** What HTTP and WebSocket share: one schema, one way to read documents, one way to know who asks. */

import type { GraphQLSchema } from 'graphql'
import type { Authenticator } from '../access/access.ts'
import type { Limits } from '../limits.ts'
import type { Access } from '../model.ts'
import type { Context } from './context.ts'
import type { Documents } from './documents.ts'
import type { FindDocument } from './sources.ts'

export interface Surface {
  schema: GraphQLSchema
  authenticator: Authenticator
  limits: Limits
  /** Whose pages may open sockets without a key, beside our own. */
  corsOrigins: readonly string[]
  /** Throws Problem too_many_requests. */
  countOperation: (access: Access) => void
  /** Aborts when the service stops: what waits for an outcome answers without it. */
  closing: AbortSignal
  findDocument: FindDocument
  prepare: Documents['prepare']
  toContext: (asked: Pick<Context, 'access' | 'signal' | 'trace'>) => Context
}
