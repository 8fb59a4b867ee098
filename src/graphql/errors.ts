/** Errors as GraphQL clients see them: `extensions.code` is one of the catalogue, and nothing internal gets out. */

import type { FastifyBaseLogger } from 'fastify'
import { GraphQLError } from 'graphql'
import type { ProblemDetail } from '../errors.ts'
import { Problem } from '../errors.ts'
import { isDatabaseAway } from '../store/database.ts'

/**
 * A fault of the document or its variables is `invalid_value`; a Problem keeps its code; trouble of the database is
 * `database_unavailable`; everything else is ours, logged, and told to nobody.
 */
export function toClientError(error: GraphQLError, log: FastifyBaseLogger): GraphQLError {
  const cause = innermost(error)
  const problem = cause instanceof GraphQLError ? null : toProblem(cause, log)
  const { nodes, source, positions, path } = error
  return new GraphQLError(problem?.message ?? error.message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
    extensions: problem === null ? { code: 'invalid_value', ...error.extensions } : toExtensions(problem)
  })
}

export function toProblem(error: unknown, log: FastifyBaseLogger): Problem {
  if (error instanceof Problem) return error
  if (isDatabaseAway(error)) {
    log.warn({ err: error }, 'The database does not answer')
    return new Problem('database_unavailable', 'Try again in a moment')
  }
  log.error({ err: error }, 'A GraphQL request failed')
  return new Problem('internal', 'The service failed; its log tells why')
}

/** Executors wrap what a resolver throws, at times more than once. */
function innermost(error: GraphQLError): unknown {
  let cause: unknown = error
  while (cause instanceof GraphQLError && cause.originalError != null) cause = cause.originalError
  return cause
}

const toExtensions = ({ code, errors }: Problem): { code: string; errors?: ProblemDetail[] } => ({
  code,
  ...(errors.length > 0 && { errors: errors.map(toPointed) })
})

/** What REST calls by the name of a query parameter is a member of the arguments: a pointer to it begins with a slash. */
const toPointed = ({ pointer, detail }: ProblemDetail): ProblemDetail => ({
  pointer: pointer === '' || pointer.startsWith('/') ? pointer : `/${pointer}`,
  detail
})

/** A Problem as the only error of a request that was not executed. */
export const toRequestError = (problem: Problem): GraphQLError =>
  new GraphQLError(problem.message, { extensions: toExtensions(problem) })
