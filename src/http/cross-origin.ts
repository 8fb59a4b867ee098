/** Pages of other origins (Fetch standard, CORS): those that the operator names, and no other. */

import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import type { Limits } from '../limits.ts'

/** What a page may read of an answer beside what every page may. */
const exposed = [
  'Content-Disposition',
  'ETag',
  'Link',
  'Location',
  'Preference-Applied',
  'Retry-After',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'Rialto-Cursor',
  'WWW-Authenticate',
  'X-Request-Id'
]

/**
 * `origins`: exact, as browsers write them. A credential is a header that the page itself adds, so that no cookies and no
 * `Access-Control-Allow-Credentials` are needed; asked before, an origin that is not among them is told of nothing.
 */
export async function allowOrigins(
  app: FastifyInstance,
  origins: readonly string[],
  { preflightSeconds }: Pick<Limits, 'preflightSeconds'>
): Promise<void> {
  if (origins.length === 0) return
  await app.register(cors, {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: exposed,
    maxAge: preflightSeconds
  })
}
