/** Serves GraphiQL, which the build renders into one page, under a policy that lets it run nothing else. */

import { createHash } from 'node:crypto'
import type {} from '@fastify/swagger' // `hide` of route schemas
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'

export function registerGraphiql(app: FastifyInstance, html: string | null): void {
  const page =
    html === null ? null : { html, policy: toPolicy(html), etag: `"${sha256(html).replaceAll(/\W/g, '')}"` }
  const handler = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (page === null) throw new Problem('not_found', 'GraphiQL is not served here')
    void reply
      .header('content-security-policy', page.policy)
      .header('x-content-type-options', 'nosniff')
      .header('referrer-policy', 'no-referrer')
      .header('cache-control', 'no-cache')
      .header('etag', page.etag)
    if (request.headers['if-none-match'] === page.etag) return reply.code(304).send()
    return reply.type('text/html; charset=utf-8').send(page.html)
  }
  app.route({ method: 'GET', url: '/graphiql', schema: { hide: true }, handler })
}

/** Only the page's own scripts, by their digests; its editor adds styles and starts workers by itself. */
function toPolicy(html: string): string {
  const scripts = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map(
    ([, script]) => `'sha256-${sha256(script!)}'`
  )
  return [
    "default-src 'none'",
    `script-src ${scripts.join(' ')}`,
    "style-src 'unsafe-inline'",
    'font-src data:',
    'img-src data:',
    'worker-src blob:',
    "connect-src 'self' ws: wss:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'"
  ].join('; ')
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64')
