/** POST commands: one, or several with an outcome each. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { CommandOutcome, CommandRequest } from '../commands/commands.ts'
import type { ConditionAsk } from '../commands/condition.ts'
import { toCondition } from '../commands/condition.ts'
import { isFinal } from '../commands/lifecycle.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { toCommandView } from '../command-views.ts'
import { alsoJson, header, json, noQuery, refusalsOfV1 } from './answers.ts'
import { createCommandReader } from './command-body.ts'
import { conditionHeaders, conditionText, readConditions } from './conditions.ts'
import { toCanonicalJson } from './json-body.ts'
import type { RouteParts, Routes } from './parts.ts'
import { preferHeader, readPrefer } from './prefer.ts'
import { ref, strict } from './schemas.ts'
import type { Submission } from './submit.ts'
import { idempotencyHeader, submit } from './submit.ts'
import { bodyIsReadByRoute, createCheck } from './validation.ts'

const sendHeaders = { ...header.location, ...header.rialtoCursor, ...header.preferenceApplied }
const sendRefusals = refusalsOfV1(
  'malformed_json',
  'forbidden',
  'not_found',
  'payload_too_large',
  'unsupported_media_type',
  'invalid_topic',
  'invalid_filter',
  'query_too_complex',
  'idempotency_mismatch',
  'precondition_failed',
  'too_many_requests'
)
const sendAnswers = {
  ...sendRefusals,
  200: json('With Prefer: the outcome', ref('Command'), sendHeaders),
  202: json(
    'Accepted; of several, at least one',
    Type.Union([ref('Command'), ref('CommandOutcomes')]),
    sendHeaders
  ),
  422: alsoJson(sendRefusals[422]!, ref('CommandOutcomes'))
}

const sendSchema = (limits: Limits) => ({
  operationId: 'sendCommands',
  summary: 'Publishes a message, or several',
  description:
    'The answer is that they are accepted, and kept: they are published as soon as the broker can be reached. ' +
    'With an Idempotency-Key the request can be repeated, and is answered with the same bytes. ' +
    'Of several, each is accepted or refused by itself, and Prefer is not followed. ' +
    "With If-Match or If-None-Match a message is published only if its topic's state is as they say: of clients that " +
    'send the same ETag, one is accepted. They go with one command to a `topic`.',
  tags: ['Commands'],
  querystring: noQuery,
  headers: Type.Object({
    ...idempotencyHeader(limits),
    ...conditionHeaders,
    ...preferHeader
  }),
  body: Type.Unsafe({
    oneOf: [
      ref('CommandRequest'),
      strict({
        commands: Type.Array(ref('CommandRequest'), { minItems: 1, maxItems: limits.commandsPerRequestMax })
      })
    ]
  }),
  response: sendAnswers
})

export async function sendCommandRoutes(app: Routes, parts: RouteParts): Promise<void> {
  const readCommand = createCommandReader(parts.limits)

  app.post(
    '/commands',
    { validatorCompiler: bodyIsReadByRoute, schema: sendSchema(parts.limits) },
    async (request, reply) => {
      const given: unknown = request.body ?? null
      const ask: Ask = {
        idempotencyKey: request.headers['idempotency-key'] ?? null,
        body: toCanonicalJson(given) + conditionText(request.headers)
      }
      const conditions = readConditions(request.headers)
      if (typeof given === 'object' && given !== null && Object.hasOwn(given, 'commands')) {
        const batch = readBatch(given, parts.limits)
        if (!isUnconditional(conditions)) throw withOneTopic()
        return sendMany(parts, request, reply, ask, async () => {
          const requests: Array<CommandRequest | Problem> = []
          // One after the other: each may ask the database, and others do, too
          for (const one of batch)
            requests.push(await orProblem(async () => parts.toRequest(request.access, readCommand(one))))
          return requests
        })
      }
      const command = readCommand(given)
      if (command.kind === 'device' && !isUnconditional(conditions)) throw withOneTopic()
      return submit(parts, request, reply, {
        ...ask,
        async command() {
          if (command.kind === 'device') return parts.toRequest(request.access, command)
          const read = () => parts.store.states.byName(request.access, command.topic)
          return parts.toRequest(request.access, {
            ...command,
            condition: await toCondition(conditions, read)
          })
        },
        preference: readPrefer(request.headers.prefer, parts.limits.waitSecondsMax),
        waitSecondsDefault: 0,
        isDone: isFinal
      })
    }
  )
}

const isUnconditional = ({ match, none }: ConditionAsk): boolean => match === null && !none

const withOneTopic = (): Problem =>
  new Problem('invalid_value', 'If-Match and If-None-Match go with one command to a topic', [
    { pointer: '/topic', detail: 'must be given: the conditions are about its state' }
  ])

type Ask = Pick<Submission, 'idempotencyKey' | 'body'>

async function sendMany(
  { store, commands }: RouteParts,
  request: FastifyRequest,
  reply: FastifyReply,
  ask: Ask,
  requests: () => Promise<Array<CommandRequest | Problem>>
): Promise<FastifyReply> {
  let noneAccepted = false
  const { answer, seq } = await commands.accept(request.access, requests, {
    ...ask,
    trace: request.trace,
    toAnswer(outcomes) {
      noneAccepted = outcomes.every((outcome) => 'problem' in outcome)
      return JSON.stringify({ items: outcomes.map(toOutcomeView) })
    }
  })
  const position = seq || (await store.journal.head()).seq
  return reply
    .code(noneAccepted ? 422 : 202)
    .header('rialto-cursor', store.cursors.encode(position))
    .type('application/json')
    .send(answer)
}

const checkBatch = createCheck(strict({ commands: Type.Array(Type.Unknown(), { minItems: 1 }) }))

function readBatch(given: unknown, limits: Limits): unknown[] {
  const { commands } = checkBatch(given)
  if (commands.length <= limits.commandsPerRequestMax) return commands
  const detail = `has more than ${limits.commandsPerRequestMax} commands`
  throw new Problem('invalid_value', `/commands ${detail}`, [{ pointer: '/commands', detail }])
}

async function orProblem(read: () => Promise<CommandRequest>): Promise<CommandRequest | Problem> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
}

function toOutcomeView(outcome: CommandOutcome, index: number): object {
  if ('command' in outcome) return { command: toCommandView(outcome.command) }
  const { code, message, errors } = outcome.problem
  const inBody = errors.map(({ pointer, detail }) => ({ pointer: `/commands/${index}${pointer}`, detail }))
  return { problem: new Problem(code, message, inBody) }
}
