/** What was read for somebody whose key or token ended meanwhile is not sent. */

import type { FastifyContextConfig, FastifyReply, FastifyRequest } from 'fastify'
import { isOver, overProblem } from '../access/ended.ts'
import { securityHeaders } from './security-headers.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** It is no GET, and yet nothing but a read. */
    onlyReads?: boolean
  }
}

/** Not of writes: what was done is told. */
export async function withholdFromOver(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown
): Promise<unknown> {
  const { access, method, routeOptions } = request
  const { onlyReads }: FastifyContextConfig = routeOptions.config
  const isRead = method === 'GET' || method === 'HEAD' || onlyReads === true
  // Who is not known at all has no access, and was told so
  if (!isRead || access == null || !isOver(access)) return payload
  for (const name of Object.keys(reply.getHeaders())) if (!isKept(name)) void reply.removeHeader(name)
  const problem = overProblem()
  void reply
    .code(problem.status)
    .header('www-authenticate', 'Bearer')
    .header('content-type', 'application/problem+json')
  return JSON.stringify(problem)
}

/** They say nothing of what was read. */
const isKept = (name: string): boolean =>
  name in securityHeaders || /^(cache-control|connection|vary|access-control-.*|ratelimit.*)$/.test(name)
