/** POST commands, one or many; GET them, one or many; cancel one. */

import { Type } from 'typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CommandOutcome } from '../commands/commands.ts'
import { notFound } from '../commands/commands.ts'
import { isFinal } from '../commands/lifecycle.ts'
import { Problem } from '../errors.ts'
import { commandStates } from '../model.ts'
import { topicFault } from '../topic.ts'
import { toCommandEventView, toCommandView } from '../views.ts'
import { alsoJson, header, json, noQuery, refusalsOfV1 } from './answers.ts'
import { createCommandReader } from './command-body.ts'
import { toCanonicalJson } from './json-body.ts'
import { createPaging, pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import { preferHeader, readPrefer } from './prefer.ts'
import { ref, strict, word } from './schemas.ts'
import { submit } from './submit.ts'
import { bodyIsReadByRoute, createCheck } from './validation.ts'

const tags = ['Commands']
const params = Type.Object({ id: Type.String({ format: 'uuid', description: '`id` of a Command' }) })

export async function commandRoutes(app: Routes, parts: RouteParts): Promise<void> {
  await sendRoute(app, parts)
  await readRoutes(app, parts)

  app.post(
    '/commands/:id/cancel',
    {
      schema: {
        operationId: 'cancelCommand',
        summary: 'Cancels a command that is not yet being published',
        description: 'Once it is being published nobody can tell whether the broker has it, so it can no longer be cancelled.',
        tags,
        params,
        querystring: noQuery,
        response: {
          200: json('It is cancelled', ref('Command'), header.rialtoCursor),
          ...refusalsOfV1('not_found', 'not_cancellable')
        }
      }
    },
    async ({ access, params: { id } }, reply) => {
      const command = await parts.commands.cancel(access, id)
      return reply.header('rialto-cursor', parts.store.cursors.encode(command.seq)).send(toCommandView(command))
    }
  )
}

const sendHeaders = { ...header.location, ...header.rialtoCursor, ...header.preferenceApplied }
const sendRefusals = refusalsOfV1(
  'malformed_json',
  'forbidden',
  'payload_too_large',
  'unsupported_media_type',
  'invalid_topic',
  'idempotency_mismatch',
  'too_many_requests'
)
const sendAnswers = {
  ...sendRefusals,
  200: json('With Prefer: the outcome', ref('Command'), sendHeaders),
  202: json('Accepted; of several, at least one', Type.Union([ref('Command'), ref('CommandOutcomes')]), sendHeaders),
  422: alsoJson(sendRefusals[422]!, ref('CommandOutcomes'))
}

const readBatch = createCheck(strict({ commands: Type.Array(Type.Unknown(), { minItems: 1 }) }))

async function sendRoute(app: Routes, parts: RouteParts): Promise<void> {
  const { store, commands, limits, wakeDispatcher } = parts
  const readCommand = createCommandReader(limits)
  const keyPattern = `^[\\x20-\\x7e]{1,${limits.idempotencyKeyCharsMax}}$`

  async function sendOne(request: FastifyRequest, reply: FastifyReply, body: string): Promise<FastifyReply> {
    return submit(parts, request, reply, {
      command: readCommand(request.body),
      idempotencyKey: keyOf(request),
      body,
      preference: readPrefer(request.headers.prefer as string | undefined, limits.waitSecondsMax),
      waitSecondsDefault: 0,
      isDone: isFinal
    })
  }

  async function sendMany(request: FastifyRequest, reply: FastifyReply, body: string): Promise<FastifyReply> {
    const given = readBatch(request.body).commands
    if (given.length > limits.commandsPerRequestMax) {
      const detail = `has more than ${limits.commandsPerRequestMax} commands`
      throw new Problem('invalid_value', `/commands ${detail}`, [{ pointer: '/commands', detail }])
    }
    const requests = given.map((value) => orProblem(() => readCommand(value)))
    let noneAccepted = false
    const { answer, seq } = await commands.accept(request.access, requests, {
      idempotencyKey: keyOf(request),
      body,
      toAnswer(outcomes) {
        noneAccepted = outcomes.every((outcome) => 'problem' in outcome)
        return JSON.stringify({ items: outcomes.map(toOutcomeView) })
      }
    })
    wakeDispatcher()
    const position = seq || (await store.journal.head()).seq
    return reply
      .code(noneAccepted ? 422 : 202)
      .header('rialto-cursor', store.cursors.encode(position))
      .type('application/json')
      .send(answer)
  }

  app.post(
    '/commands',
    {
      validatorCompiler: bodyIsReadByRoute,
      schema: {
        operationId: 'sendCommands',
        summary: 'Publishes a message, or several',
        description:
          'The answer is that they are accepted, and kept: they are published as soon as the broker can be reached. ' +
          'With an Idempotency-Key the request can be repeated, and is answered with the same bytes. ' +
          'Of several, each is accepted or refused by itself, and Prefer is not followed.',
        tags,
        querystring: noQuery,
        headers: Type.Object({
          'idempotency-key': Type.Optional(
            Type.String({
              pattern: keyPattern,
              description: `1 to ${limits.idempotencyKeyCharsMax} printable characters, kept for ${limits.idempotencyKeyHours} hours`
            })
          ),
          ...preferHeader
        }),
        body: Type.Unsafe({
          oneOf: [
            ref('CommandRequest'),
            strict({ commands: Type.Array(ref('CommandRequest'), { minItems: 1, maxItems: limits.commandsPerRequestMax }) })
          ]
        }),
        response: sendAnswers
      }
    },
    async (request, reply) => {
      const body: unknown = request.body ?? null
      const canonical = toCanonicalJson(body)
      const isBatch = typeof body === 'object' && body !== null && Object.hasOwn(body, 'commands')
      return isBatch ? sendMany(request, reply, canonical) : sendOne(request, reply, canonical)
    }
  )
}

const keyOf = (request: FastifyRequest): string | null =>
  (request.headers['idempotency-key'] as string | undefined) ?? null

function orProblem<T>(read: () => T): T | Problem {
  try {
    return read()
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

async function readRoutes(app: Routes, { store, limits }: RouteParts): Promise<void> {
  const paging = createPaging(store)

  app.get(
    '/commands',
    {
      schema: {
        operationId: 'listCommands',
        summary: 'Commands and what became of them',
        description: 'Newest first unless `order` says otherwise.',
        tags,
        querystring: strict({
          state: Type.Optional(Type.Array(word(commandStates), { description: 'Only in these states' })),
          topic: Type.Optional(Type.String({ description: 'Only to this topic' })),
          ...pageQuery(limits, 'desc')
        }),
        response: {
          200: json('A page of commands', ref('CommandPage')),
          ...refusalsOfV1('invalid_topic', 'cursor_invalid', 'cursor_kind', 'page_too_large')
        }
      }
    },
    async ({ access, query }) => {
      const { state: states = [], topic = null, limit = limits.pageItemsDefault, order = 'desc', page } = query
      const fault = topic === null ? null : topicFault(topic, limits.topicLevelsMax)
      if (fault !== null) throw new Problem('invalid_topic', fault, [{ pointer: 'topic', detail: fault }])
      const list = ['commands', states, topic, order]
      const place = await paging.open(list, page)
      const { items, next } = await store.commands.page(access, { states, topic, after: place.after, limit, order })
      return paging.close(list, place, items.map(toCommandView), next)
    }
  )

  app.get(
    '/commands/:id',
    {
      schema: {
        operationId: 'getCommand',
        summary: 'A command, with its transitions',
        description: 'As it is now. To follow it, stream events of type `command`.',
        tags,
        params,
        querystring: noQuery,
        response: { 200: json('The command', ref('Command')), ...refusalsOfV1('not_found') }
      }
    },
    async ({ access, params: { id } }) => {
      const command = await store.commands.byId(access, id)
      if (command === null) throw notFound()
      const events = await store.commands.events([id])
      return { ...toCommandView(command), events: (events.get(id) ?? []).map(toCommandEventView) }
    }
  )
}
