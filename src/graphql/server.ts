/** The GraphQL surface: one schema, over HTTP and over WebSocket. */

import type {} from '@fastify/swagger' // `hide` of route schemas
import websocket from '@fastify/websocket'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import mercurius from 'mercurius'
import { rateHeadersOf } from '../access/rates.ts'
import { createBatchResolvers } from './command-batches.ts'
import { createContext } from './context.ts'
import { createDocuments } from './documents.ts'
import { buildExecutableSchema } from './executable.ts'
import { registerGraphiql } from './graphiql.ts'
import { createHttpHandler } from './http.ts'
import { createMappingMutations } from './mutations-mappings.ts'
import { createMutations } from './mutations.ts'
import type { GraphqlParts } from './parts.ts'
import { createPermissionQueries } from './permissions.ts'
import { createDeviceQueries } from './queries-devices.ts'
import { createHistoryQueries } from './queries-history.ts'
import { createMappingQueries } from './queries-mappings.ts'
import { createAuditQueries } from './audit.ts'
import { createRejectionQueries } from './queries-rejections.ts'
import { createQueries } from './queries.ts'
import { closeSockets, createSocketHandler, logSocketError, socketOptions } from './socket.ts'
import { createRetentionResolvers } from './retention.ts'
import { createSubscriptions } from './subscriptions.ts'
import { createKeyResolvers } from './keys.ts'
import { createWebhookResolvers } from './webhooks.ts'
import { createSources } from './sources.ts'
import type { Surface } from './surface.ts'

export type { GraphqlParts } from './parts.ts'

/**
 * Adds `/graphql` and `/graphiql`. Failures before a document is read (no key, no JSON) are Problems for the error
 * handler of `app`; what follows is GraphQL's `errors`.
 */
export async function registerGraphql(app: FastifyInstance, parts: GraphqlParts): Promise<void> {
  const { limits, introspection, authenticator } = parts
  const schema = buildExecutableSchema(
    createQueries(parts),
    createDeviceQueries(parts),
    createHistoryQueries(parts),
    createAuditQueries(parts),
    createRejectionQueries(parts),
    createMappingQueries(parts),
    createMutations(parts),
    createBatchResolvers(parts),
    createMappingMutations(parts),
    createRetentionResolvers(parts),
    createPermissionQueries(parts),
    createWebhookResolvers(parts),
    createKeyResolvers(parts),
    createSubscriptions(parts)
  )
  const closing = new AbortController()
  app.addHook('preClose', async () => closing.abort())
  const surface: Surface = {
    schema,
    authenticator,
    limits,
    corsOrigins: parts.corsOrigins ?? [],
    countOperation: parts.countOperation ?? (() => {}),
    closing: closing.signal,
    findDocument: createSources({ listed: parts.listed, limits }),
    prepare: createDocuments({ schema, limits, introspection }).prepare,
    toContext: (asked) => createContext(asked, parts)
  }

  // Outside of the scope below, so that upgrades to any other path are answered and their sockets closed
  await app.register(websocket, {
    options: socketOptions(limits),
    preClose: closeSockets,
    errorHandler: logSocketError
  })
  await app.register(async (scope) => {
    await scope.register(mercurius, {
      schema,
      routes: false,
      cache: 100,
      // graphql-jit forgets the defaults of input fields, and runs the first operation of a document for all of them
      jit: 0,
      // The handler formats all errors alike
      errorFormatter: (execution) => ({ statusCode: 200, response: execution })
    })
    // Bodies are JSON here, whatever the rest of the service takes
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      'application/json',
      { parseAs: 'string' },
      scope.getDefaultJsonParser('error', 'error')
    )
    const options = {
      url: '/graphql',
      schema: { hide: true },
      bodyLimit: limits.bodyBytesMax,
      handler: createHttpHandler(surface),
      // Before the body is read; over WebSocket the key may also come with the first message
      onRequest: async (request: FastifyRequest, reply: FastifyReply) => {
        if (request.ws) return
        request.access = await authenticator.authenticate(request.headers.authorization, request.ip)
        void reply.headers(rateHeadersOf(request.access))
      }
    }
    scope.route({ method: 'GET', wsHandler: createSocketHandler(surface, scope.log), ...options })
    scope.route({ method: 'POST', ...options })
    registerGraphiql(scope, parts.graphiqlHtml)
  })
}
