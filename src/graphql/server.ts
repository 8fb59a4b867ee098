/** The GraphQL surface: one schema, over HTTP and over WebSocket. */

import websocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import mercurius from 'mercurius'
import { createContext } from './context.ts'
import { createDocuments } from './documents.ts'
import { toClientError } from './errors.ts'
import { buildExecutableSchema } from './executable.ts'
import { registerGraphiql } from './graphiql.ts'
import { createHttpHandler, parseJson } from './http.ts'
import { createMutations } from './mutations.ts'
import type { GraphqlParts } from './parts.ts'
import { createQueries } from './queries.ts'
import { closeSockets, createSocketHandler, socketOptions } from './socket.ts'
import { createSubscriptions } from './subscriptions.ts'

export type { GraphqlParts, ServiceStatus } from './parts.ts'

/**
 * Adds `/graphql` and `/graphiql`. Failures before a document is read (no key, no JSON) are Problems for the error
 * handler of `app`; what follows is GraphQL's `errors`.
 */
export async function registerGraphql(app: FastifyInstance, parts: GraphqlParts): Promise<void> {
  const { limits, introspection } = parts
  const schema = buildExecutableSchema({ ...createQueries(parts), ...createMutations(parts), ...createSubscriptions(parts) })
  const prepare = createDocuments({ schema, limits, introspection })
  const surface = {
    schema,
    prepare,
    authenticator: parts.authenticator,
    limits,
    toContext: (access: Parameters<typeof createContext>[0], signal: AbortSignal) =>
      createContext(access, signal, parts.store.commands)
  }

  // Outside of the scope below, so that upgrades to any other path are answered and their sockets closed
  await app.register(websocket, { options: socketOptions(limits), preClose: closeSockets })
  await app.register(async (scope) => {
    // JIT
    await scope.register(mercurius, {
      schema,
      routes: false,
      jit: 1,
      cache: 100,
      errorFormatter: ({ data, errors = [] }, { app: { log } }) => ({
        statusCode: 200,
        response: { data: data ?? null, errors: errors.map((error) => toClientError(error, log)) }
      })
    })
    const options = { schema: { hide: true }, bodyLimit: limits.bodyBytesMax }
    const handler = createHttpHandler(surface)
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('application/json', { parseAs: 'string' }, parseJson)
    scope.route({ method: 'GET', url: '/graphql', handler, wsHandler: createSocketHandler(surface, scope.log), ...options })
    scope.route({ method: 'POST', url: '/graphql', handler, ...options })
    registerGraphiql(scope, parts.graphiqlHtml)
  })
}
