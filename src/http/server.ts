/** The Fastify instance: how requests are read and refused, and the routes. Not listening yet. */

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify'
import { LogController, fastify } from 'fastify'
import { mustAdminister } from '../access/administer.ts'
import { rateHeadersOf } from '../access/rates.ts'
import { Problem } from '../errors.ts'
import { auditRoutes } from './audit.ts'
import { auditSchemas } from './audit-schemas.ts'
import { batchSchemas } from './batch-schemas.ts'
import { batchRoutes } from './batches.ts'
import { commandSchema } from './command-body.ts'
import { commandRoutes } from './commands.ts'
import { endSlowReaders, endUnusedAtClose, limitConnections } from './connections.ts'
import { allowOrigins } from './cross-origin.ts'
import { datapointRoutes } from './datapoints.ts'
import { commandSchemas } from './command-schemas.ts'
import { deviceSchemas } from './device-schemas.ts'
import { oneDeviceRoutes } from './device.ts'
import { deviceRoutes } from './devices.ts'
import { exportRoutes } from './export.ts'
import { forgetRoutes } from './forget.ts'
import { healthRoutes } from './health.ts'
import { historySchemas } from './history-schemas.ts'
import { historyRoutes } from './history.ts'
import { importSchemas } from './import-schemas.ts'
import { importRoutes } from './imports.ts'
import { parseJson } from './json-body.ts'
import { keySchemas } from './key-schemas.ts'
import { keyRoutes } from './keys.ts'
import { mappingSchemas } from './mapping-schemas.ts'
import { mappingRoutes } from './mappings.ts'
import { createMetrics } from './metrics.ts'
import { measureRequests } from './request-metrics.ts'
import { messageRoutes } from './messages.ts'
import type { HttpParts, RouteParts, Routes } from './parts.ts'
import { permissionRoutes } from './permissions.ts'
import { pickedSchemas } from './picked.ts'
import { previewSchema } from './preview-body.ts'
import { answerClientError, answerFrameworkError, answerWithProblems } from './problems.ts'
import { isDecodable, parseQuery } from './query-string.ts'
import { createReads } from './reads.ts'
import { toRequestId } from './request-id.ts'
import { redriveRoutes, rejectionRoutes } from './rejections.ts'
import { retentionSchemas } from './retention-schemas.ts'
import { retentionRoutes } from './retention.ts'
import { retainedRoutes } from './retained.ts'
import { sharedSchemas } from './schemas.ts'
import { addSecurityHeaders } from './security-headers.ts'
import { retryCommandRoutes } from './retry-command.ts'
import { sendCommandRoutes } from './send-commands.ts'
import { traceRequests } from './trace-requests.ts'
import { endSlowBodies } from './slow-bodies.ts'
import { statusRoutes } from './status.ts'
import { streamRoutes } from './stream.ts'
import { registerSwagger } from './swagger.ts'
import { accessOf, ticketRoutes } from './tickets.ts'
import { oneTopicRoutes } from './topic.ts'
import { createHttpsServer, sayStrictTransport } from './tls.ts'
import { readTrace } from '../trace.ts'
import { topicRoutes } from './topics.ts'
import { withholdFromOver } from './withhold.ts'
import { compileRoutePart } from './validation.ts'
import { webhookSchemas } from './webhook-schemas.ts'
import { webhookRoutes } from './webhooks.ts'

export type { HttpParts } from './parts.ts'

export async function createHttpServer(parts: HttpParts): Promise<FastifyInstance> {
  const app = createInstance(parts)
  const closing = new AbortController()
  // Before the server waits for its connections: streams would keep it waiting for ever
  app.addHook('preClose', async () => closing.abort())
  // A connection that falls idle after that would keep it waiting, too
  app.addHook('onSend', async (_, reply) => {
    if (closing.signal.aborted || parts.draining?.() === true) void reply.header('connection', 'close')
  })
  app.decorateRequest('access')
  app.decorateRequest('trace', null)
  if (parts.traceRequest !== undefined) traceRequests(app, parts.traceRequest)
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id)
    request.trace ??= readTrace(request.headers)
  })
  answerWithProblems(app)
  if (parts.certificate !== null) sayStrictTransport(app)
  addSecurityHeaders(app)
  limitConnections(app.server, { ...parts, trustedProxies: parts.trustedProxies ?? [] })
  endUnusedAtClose(app, parts.limits)
  endSlowBodies(app, parts.limits)
  endSlowReaders(app, parts.limits)
  await allowOrigins(app, parts.corsOrigins ?? [], parts.limits)
  app.addHook('onRequest', async (request) => {
    checkOneAuthorization(request.raw.rawHeaders)
    checkNotCompressed(request.headers)
    const at = request.url.indexOf('?')
    if (at !== -1 && !isDecodable(request.url.slice(at))) {
      throw new Problem(
        'malformed_request',
        'The query string has a percent sign that encodes nothing: write it as %25'
      )
    }
  })
  const metrics = createMetrics(parts)
  measureRequests(app, metrics)
  for (const schema of allSchemas(parts)) app.addSchema(schema)
  await registerSwagger(app, { version: parts.status().version, page: parts.explorers ?? true })
  await parts.register?.(app)
  await app.register(async (scope) => healthRoutes(prepare(scope), parts, metrics))
  const surface = { ...parts, closing: closing.signal }
  const routeParts = { ...surface, reads: createReads(surface) }
  await app.register(async (scope) => v1Routes(prepare(scope), routeParts), { prefix: '/v1' })
  return app
}

/** Of several, Node takes the first, and a proxy before it perhaps the last: two would be let in as two. */
function checkOneAuthorization(rawHeaders: readonly string[]): void {
  const names = rawHeaders.filter((text, at) => at % 2 === 0 && text.length === 13)
  if (names.filter((name) => name.toLowerCase() === 'authorization').length > 1)
    throw new Problem('malformed_request', 'Send one Authorization header')
}

/** What is small on the wire may be without end when it is read. */
function checkNotCompressed({ 'content-encoding': encoding }: FastifyRequest['headers']): void {
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    throw new Problem('unsupported_media_type', 'Send the body as it is, without Content-Encoding')
}

const allSchemas = ({ limits }: HttpParts) => [
  ...sharedSchemas,
  ...auditSchemas,
  ...commandSchemas,
  ...deviceSchemas,
  ...historySchemas,
  ...importSchemas,
  ...mappingSchemas,
  ...pickedSchemas,
  ...retentionSchemas,
  ...batchSchemas(limits),
  ...webhookSchemas,
  ...keySchemas(limits),
  commandSchema(limits),
  previewSchema(limits)
]

function createInstance({ limits, logger, certificate, trustedProxies = [] }: HttpParts): FastifyInstance {
  return fastify({
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    // A client's own id is taken where it can do no harm in a log
    genReqId: ({ headers }) => toRequestId(headers['x-request-id']),
    bodyLimit: limits.bodyBytesMax,
    trustProxy: trustedProxies.length === 0 ? false : [...trustedProxies],
    // Bodies have a watch of their own
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveMsMax,
    handlerTimeout: limits.requestMsMax,
    http: { headersTimeout: limits.headersMsMax, connectionsCheckingInterval: 1_000 },
    // Requests that arrive while closing are still served, and told to close their connection
    return503OnClosing: false,
    // For validation outside of /v1: no coercion, no stripping
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    // Names of topics are long, above all when they are percent-encoded; Node bounds the whole head
    routerOptions: { maxParamLength: 16_384, querystringParser: parseQuery },
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerClientError,
    ...(certificate !== null && { serverFactory: createHttpsServer(certificate, limits) })
  })
}

/** Routes of ours: strict about what comes in, exact about what goes out. */
function prepare(scope: FastifyInstance): Routes {
  scope.setValidatorCompiler(compileRoutePart)
  // Schemas of answers document; serialising by them would drop and convert values
  scope.setSerializerCompiler(() => JSON.stringify)
  return scope.withTypeProvider<TypeBoxTypeProvider>() as Routes
}

async function v1Routes(app: Routes, parts: RouteParts): Promise<void> {
  const { authenticator } = parts
  app.addHook('onRequest', async (request, reply) => {
    request.access = await accessOf(request, authenticator)
    void reply.headers(rateHeadersOf(request.access))
    if (request.routeOptions.config.administers === true) mustAdminister(request.access)
    void reply.header('cache-control', 'private, no-cache')
  })
  app.addHook('onSend', withholdFromOver)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_: unknown, body: Buffer) =>
    parseJson(body)
  )
  await app.register(async (scope) => topicRoutes(scope as Routes, parts))
  await app.register(async (scope) => oneTopicRoutes(scope as Routes, parts))
  await app.register(async (scope) => retainedRoutes(scope as Routes, parts))
  await app.register(async (scope) => deviceRoutes(scope as Routes, parts))
  await app.register(async (scope) => oneDeviceRoutes(scope as Routes, parts))
  await app.register(async (scope) => datapointRoutes(scope as Routes, parts))
  await app.register(async (scope) => historyRoutes(scope as Routes, parts))
  await app.register(async (scope) => exportRoutes(scope as Routes, parts))
  await app.register(async (scope) => importRoutes(scope as Routes, parts))
  await app.register(async (scope) => rejectionRoutes(scope as Routes, parts))
  await app.register(async (scope) => redriveRoutes(scope as Routes, parts))
  await app.register(async (scope) => mappingRoutes(scope as Routes, parts))
  await app.register(async (scope) => retentionRoutes(scope as Routes, parts))
  await app.register(async (scope) => forgetRoutes(scope as Routes, parts))
  await app.register(async (scope) => messageRoutes(scope as Routes, parts))
  await app.register(async (scope) => commandRoutes(scope as Routes, parts))
  await app.register(async (scope) => sendCommandRoutes(scope as Routes, parts))
  await app.register(async (scope) => batchRoutes(scope as Routes, parts))
  await app.register(async (scope) => retryCommandRoutes(scope as Routes, parts))
  await app.register(async (scope) => webhookRoutes(scope as Routes, parts))
  await app.register(async (scope) => auditRoutes(scope as Routes, parts))
  await app.register(async (scope) => keyRoutes(scope as Routes, parts))
  await app.register(async (scope) => streamRoutes(scope as Routes, parts))
  await app.register(async (scope) => ticketRoutes(scope as Routes, parts))
  await app.register(async (scope) => permissionRoutes(scope as Routes, parts))
  await app.register(async (scope) => statusRoutes(scope as Routes, parts))
}
