/** GraphQL over HTTP, as the specification of that name says: queries and mutations. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ExecutionResult, GraphQLError } from 'graphql'
import { Problem } from '../errors.ts'
import { toClientError, toProblem, toRequestError } from './errors.ts'
import type { Surface } from './surface.ts'

interface GraphqlRequest {
  query: string
  variables: Record<string, unknown> | undefined
  operationName: string | null
}

export function createHttpHandler({ authenticator, prepare, toContext }: Surface) {
  async function execute(request: FastifyRequest, reply: FastifyReply): Promise<ExecutionResult> {
    const { query, variables, operationName } = readRequest(request)
    const prepared = prepare(query, operationName)
    if ('errors' in prepared) return prepared
    const { operation } = prepared.operation
    if (operation === 'subscription') throw new Problem('invalid_value', 'Subscribe over WebSocket, on the same path')
    if (operation === 'mutation' && request.method === 'GET') {
      void reply.code(405).header('allow', 'POST')
      throw new Problem('invalid_value', 'Send a mutation by POST')
    }
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    const context = toContext(authenticator.authenticate(request.headers.authorization), gone.signal)
    return reply.graphql(prepared.document, context, variables, operationName ?? undefined)
  }

  return async function handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { data, errors } = await execute(request, reply).catch((error: unknown) => toResult(error, request))
    const told = errors?.map((error) => toClientError(error, request.log))
    const accept = request.headers.accept ?? ''
    const isNew = accept.includes('application/graphql-response+json')
    // Clients of before the specification read `errors` only from a 200, and say so by asking for application/json
    const isOld = !isNew && accept.includes('application/json')
    const refused = data === undefined
    const code = told?.[0]?.extensions['code']
    if (refused && reply.statusCode === 200 && (!isOld || code !== 'invalid_value' || told === undefined)) reply.code(400)
    return reply
      .type(`application/${isNew ? 'graphql-response+json' : 'json'}; charset=utf-8`)
      .send(JSON.stringify({ data, errors: told }))
  }
}
