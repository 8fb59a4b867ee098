/** How long requests took, by route: `/v1/topics/:topic`, never what was asked for, so that there are as many as routes. */

import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import { Histogram } from 'prom-client'

const bucketsSeconds = [0.01, 0.1, 1, 10]

export const requestDurations = (registry: Registry): Histogram<'method' | 'route' | 'status'> =>
  new Histogram({
    name: 'rialto_http_request_duration_seconds',
    help: 'Requests and how long they took, until the end of their answers; streams as long as they were open. Without a route: none',
    labelNames: ['method', 'route', 'status'],
    buckets: bucketsSeconds,
    registers: [registry]
  })

/** Before the routes are registered: of those that are there already, nothing is measured. */
export function measureRequests(app: FastifyInstance, registry: Registry): void {
  const took = requestDurations(registry)
  app.addHook('onResponse', async ({ method, routeOptions }, reply) => {
    took.observe(
      { method, route: routeOptions.url ?? 'none', status: reply.statusCode },
      reply.elapsedTime / 1_000
    )
  })
}
