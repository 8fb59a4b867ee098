/** POST stream/tickets: for clients that cannot send headers, such as a browser's EventSource. */

import { Type } from 'typebox'
import type { FastifyContextConfig, FastifyRequest } from 'fastify'
import type { Authenticator } from '../access/access.ts'
import type { Access } from '../model.ts'
import { toTime } from '../views.ts'
import { json, noQuery, refusalsOfV1 } from './answers.ts'
import type { RouteParts, Routes } from './parts.ts'
import { strict } from './schemas.ts'
import { bodyIsReadByRoute, createCheck } from './validation.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `ticket` in the query may stand for `Authorization`. Everywhere else it is a parameter that is not known. */
    takesTickets?: boolean
  }
}

/** Who asks. Throws Problem unauthenticated. */
export async function accessOf(request: FastifyRequest, authenticator: Authenticator): Promise<Access> {
  const { takesTickets }: FastifyContextConfig = request.routeOptions.config
  const { ticket } = request.query as { ticket?: string | string[] }
  return takesTickets === true && ticket !== undefined
    ? authenticator.readTicket(String(ticket), request.ip)
    : authenticator.authenticate(request.headers.authorization, request.ip)
}

export async function ticketRoutes(app: Routes, { authenticator, limits }: RouteParts): Promise<void> {
  const body = strict({
    expiresInSeconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: limits.streamTicketSecondsMax,
        description: `How long streams may be opened with it, default ${limits.streamTicketSecondsDefault}`,
        examples: [60]
      })
    )
  })
  const check = createCheck(body)
  const ticket = Type.Object(
    {
      ticket: Type.String({
        description: 'For `GET /v1/stream?ticket=`, as often as wanted until it expires'
      }),
      expiresAt: Type.String({
        format: 'date-time',
        description: 'Then no stream is opened with it; those that are open go on'
      })
    },
    { required: ['ticket', 'expiresAt'] }
  )

  app.post(
    '/stream/tickets',
    {
      validatorCompiler: bodyIsReadByRoute,
      schema: {
        operationId: 'createStreamTicket',
        summary: 'Gives a ticket that opens streams without an `Authorization` header',
        description:
          "For a browser's EventSource, which cannot send headers: it stands in the URL, allows nothing but streams, " +
          'and is over soon. It is good on every instance, and shows what whoever asked for it may see. The body may be left out.',
        tags: ['Streams'],
        querystring: noQuery,
        body,
        response: {
          201: json('The ticket', ticket),
          ...refusalsOfV1('malformed_json', 'payload_too_large', 'unsupported_media_type')
        }
      }
    },
    async (request, reply) => {
      const { expiresInSeconds = limits.streamTicketSecondsDefault } = check(request.body ?? {})
      const issued = authenticator.issueTicket(request.access, expiresInSeconds)
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ticket: issued.ticket, expiresAt: toTime(issued.expiresAt) })
    }
  )
}
