/** What browsers are told with every answer: it is data, not a page, and nothing on other origins is to use it as one. */

import type { FastifyInstance, FastifyReply } from 'fastify'

/** Pages (GraphiQL, the API reference, payloads) say more exactly what they may; nothing here stands in their way. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY'
}

export function addSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', async (_, reply) => void reply.headers(securityHeaders))
}

/** Whoever writes the answer by hand goes on with the headers that there are: those above, and of CORS and of limits. */
export function hijackWithHeaders(reply: FastifyReply): void {
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (value !== undefined) reply.raw.setHeader(name, value)
  reply.hijack()
}
