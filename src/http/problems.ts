/** Every failure as RFC 9457 says, whoever found it: our code, Fastify, Node's HTTP parser or the database. */

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Socket } from 'node:net'
import type { ProblemCode } from '../errors.ts'
import { Problem } from '../errors.ts'
import { isDatabaseAway } from '../store/database.ts'
import { securityHeaders } from './security-headers.ts'

/** What a client is told of `error`: nothing of its text, unless it is a Problem. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  const { code, message } = error as FastifyError
  const known = frameworkCodes[code]
  if (known !== undefined) return new Problem(known, message, [], { cause: error })
  if (isDatabaseAway(error)) {
    return new Problem('database_unavailable', 'Try again in a moment', [], { cause: error })
  }
  return new Problem('internal', 'This was logged; it is not the fault of the request', [], { cause: error })
}

const frameworkCodes: Record<string, ProblemCode> = {
  FST_ERR_BAD_URL: 'malformed_request',
  FST_ERR_INVALID_URL: 'malformed_request',
  FST_ERR_MAX_PARAM_LENGTH: 'malformed_request',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_request',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_VALIDATION: 'invalid_value',
  FST_ERR_ROUTE_MISSING_CONTENT_TYPE: 'malformed_request',
  FST_ERR_HANDLER_TIMEOUT: 'request_timeout'
}

/** Seconds; for problems that pass. */
const retryAfter = '1'

export function sendProblem(problem: Problem, reply: FastifyReply): FastifyReply {
  if (problem.status === 401) void reply.header('www-authenticate', challenge(reply.request))
  if (problem.status === 429 || problem.status === 503) void reply.header('retry-after', retryAfter)
  return (
    reply
      .headers(problem.headers)
      .code(problem.status)
      // Also where no hook has run
      .header('x-request-id', reply.request.id)
      .type('application/problem+json')
      .send(JSON.stringify(problem))
  )
}

/** RFC 6750 section 3.1: who sent nothing, or in another scheme, is not told of an error. */
const challenge = ({ headers }: FastifyRequest): string =>
  /^Bearer\b/i.test(headers.authorization ?? '') ? 'Bearer error="invalid_token"' : 'Bearer'

export function answerWithProblems(app: FastifyInstance): void {
  app.setErrorHandler((error, request, reply) => sendProblem(report(error, request), reply))
  app.setNotFoundHandler((request, reply) =>
    sendProblem(new Problem('not_found', `There is no ${request.method} ${pathOf(request)}`), reply)
  )
}

/** For errors before routing: Fastify calls it outside of hooks and handlers. */
export function answerFrameworkError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply
): void {
  void sendProblem(report(error, request), reply.headers(securityHeaders))
}

function report(error: unknown, request: FastifyRequest): Problem {
  const problem = toProblem(error)
  // Who goes away in the middle of a body is no fault of ours, and is not to fill the log
  if (problem.code === 'internal' && !isOfGoneClient(error, request))
    request.log.error({ err: error, path: pathOf(request) }, 'A request failed')
  return problem
}

const isOfGoneClient = (error: unknown, { raw }: FastifyRequest): boolean =>
  raw.destroyed && !raw.complete && error === raw.errored

/** Without the query: it may be long. */
const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0]!

/** What is not HTTP, or too slow, never becomes a request: the answer goes straight to the socket. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  // Nothing can be said before TLS is agreed on, and waiting to say it would keep the connection for ever
  if ('secureConnecting' in socket && socket.secureConnecting === true) return void socket.destroy()
  const problem =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? new Problem('request_timeout', 'The request did not arrive in time')
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? new Problem('malformed_request', 'The URL and the headers are too long together')
        : new Problem('malformed_request', 'This is not HTTP as RFC 9112 defines it')
  const body = JSON.stringify(problem)
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.code}\r\ncontent-type: application/problem+json\r\n` +
      Object.entries(securityHeaders)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('') +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
  )
}
