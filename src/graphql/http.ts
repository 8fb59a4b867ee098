/** GraphQL over HTTP, as the specification of that name has it: queries and mutations. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ExecutionResult, GraphQLError } from 'graphql'
import { checkNotOver, withEnd } from '../access/ended.ts'
import { Problem } from '../errors.ts'
import { invalid } from './arguments.ts'
import { isTooComplex } from './documents.ts'
import { toClientError, toProblem, toRequestError } from './errors.ts'
import type { DocumentAsk } from './sources.ts'
import type { Surface } from './surface.ts'

interface GraphqlRequest extends DocumentAsk {
  variables: Record<string, unknown> | undefined
  operationName: string | null
}

interface Answer extends ExecutionResult {
  status: number
}

export function createHttpHandler({ closing, findDocument, prepare, toContext }: Surface) {
  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<Answer> {
    const { variables, operationName, ...ask } = readRequest(request)
    const query = findDocument(ask)
    const prepared = prepare(query, operationName)
    if ('errors' in prepared) {
      return {
        status: isTooComplex(prepared.errors) ? 400 : faultyDocument(request),
        errors: prepared.errors
      }
    }
    const { operation } = prepared.operation
    if (operation === 'subscription') throw invalid('query', 'Subscribe over WebSocket, on the same path')
    if (operation === 'mutation' && request.method === 'GET') {
      void reply.header('allow', 'POST')
      return { status: 405, errors: [toRequestError(invalid('query', 'Send a mutation by POST'))] }
    }
    const gone = new AbortController()
    // The request's own signal fires as soon as its body has been read; and who has its answer has not gone
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) gone.abort()
    })
    const { access } = request
    // It was known before the body was read
    checkNotOver(access)
    const context = toContext({
      access,
      signal: withEnd(access, gone.signal, closing),
      trace: request.trace
    })
    try {
      const result = await reply.graphql(query, { ...context }, variables, operationName ?? undefined)
      // What a mutation did is told
      if (operation === 'query') checkNotOver(access)
      return { status: result.data === undefined ? faultyDocument(request) : 200, ...result }
    } catch (error) {
      // mercurius throws what is wrong with the variables
      const { errors } = error as { errors?: readonly GraphQLError[] }
      if (errors === undefined || error instanceof Problem) throw error
      return { status: faultyDocument(request), errors }
    }
  }

  return async function handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { status, data, errors } = await answer(request, reply).catch((error: unknown): Answer => {
      const problem = toProblem(error, request.log)
      return { status: statusOf(problem, request), errors: [toRequestError(problem)] }
    })
    const told = errors?.map((error) => toClientError(error, request.log))
    return reply
      .code(status)
      .type(`application/${accepts(request, newType) ? newType : oldType}; charset=utf-8`)
      .send(JSON.stringify({ errors: told, data }))
  }
}

const newType = 'graphql-response+json'
const oldType = 'json'

const accepts = ({ headers }: FastifyRequest, type: string): boolean =>
  (headers.accept ?? '').includes(`application/${type}`)

/** Clients of before the specification take errors only from a 200; they say so by asking for application/json. */
const faultyDocument = (request: FastifyRequest): number =>
  accepts(request, oldType) && !accepts(request, newType) ? 200 : 400

/** Not found is the document: Apollo's clients of before the specification then send its text, told so by a 200. */
const statusOf = ({ code, status }: Problem, request: FastifyRequest): number =>
  code === 'not_found' && faultyDocument(request) === 200 ? 200 : status === 422 ? 400 : status

function readRequest(request: FastifyRequest): GraphqlRequest {
  if (request.method !== 'GET') return readParameters(request.body)
  // Form encoding, in which + is a space: not what the query strings of REST are
  const form = new URLSearchParams(request.url.split('?', 2)[1] ?? '')
  const { variables, extensions, ...texts } = Object.fromEntries(form)
  return readParameters({ ...texts, variables: readJson(variables), extensions: readJson(extensions) })
}

function readJson(text: string | undefined): unknown {
  try {
    return text === undefined || text === '' ? undefined : JSON.parse(text)
  } catch {
    throw new Problem('malformed_json', '`variables` and `extensions` are JSON')
  }
}

function readParameters(body: unknown): GraphqlRequest {
  if (!isObject(body)) throw invalid('', 'Send one JSON object with `query`; batches are not taken')
  const { query, documentId, variables, operationName, extensions } = body
  if (operationName != null && typeof operationName !== 'string')
    throw invalid('operationName', 'A string or null')
  if (variables != null && !isObject(variables)) throw invalid('variables', 'An object or null')
  if (extensions != null && !isObject(extensions)) throw invalid('extensions', 'An object or null')
  return {
    query,
    documentId,
    extensions,
    variables: variables ?? undefined,
    operationName: operationName || null
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
