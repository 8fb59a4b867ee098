/** A span for each request of a client, of which its commands are children. */

import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { RequestSpan, TraceRequest } from '../trace.ts'
import { readTrace } from '../trace.ts'

/** What the operator's probes ask all the time. */
const untraced: ReadonlySet<string | undefined> = new Set(['/livez', '/readyz', '/metrics'])

export function traceRequests(app: FastifyInstance, begin: TraceRequest): void {
  const spans = new WeakMap<FastifyRequest, RequestSpan>()
  app.addHook('onRequest', async (request) => {
    if (untraced.has(request.routeOptions.url)) return
    const span = begin(request.method, readTrace(request.headers))
    spans.set(request, span)
    request.trace = span.trace
  })
  app.addHook('onResponse', async (request, { statusCode }) =>
    // Without a route the path is the client's own, and there is no end to them
    spans.get(request)?.end(request.routeOptions.url ?? 'none', statusCode)
  )
}
