/** GET commands, many or one; cancel one. Sending them is send-commands.ts. */

import { Type } from 'typebox'
import { notFound } from '../commands/cancel.ts'
import { Problem } from '../errors.ts'
import { awaitsKinds, commandStates } from '../command.ts'
import { topicFault } from '../topic.ts'
import { toCommandEventView, toCommandView } from '../command-views.ts'
import { eventKinds } from '../views.ts'
import { header, json, noQuery, refusalsOfV1 } from './answers.ts'
import { toEtag } from './conditions.ts'
import { createPaging, pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import {
  listAnswerHeaders,
  listRefusals,
  minCursorQuery,
  notModified,
  readAnswerHeaders,
  readHeaders,
  readRefusals
} from './reads.ts'
import { ref, strict, word } from './schemas.ts'
import { commandParams } from './submit.ts'
import { readTimeRange, timeRange } from './time-range.ts'
import { watchFacts } from './watch-facts.ts'

const tags = ['Commands']

export async function commandRoutes(
  app: Routes,
  { store, commands, limits, reads }: RouteParts
): Promise<void> {
  const paging = createPaging(store)

  app.get(
    '/commands',
    {
      schema: {
        operationId: 'listCommands',
        summary: 'Commands and what became of them',
        description:
          'By their acceptance, newest first unless `order` says otherwise. A page looks at a bounded number of commands, so one ' +
          'may have few items, or none, and a `next`.',
        tags,
        querystring: strict({
          state: Type.Optional(Type.Array(word(commandStates), { description: 'Only in these states' })),
          topic: Type.Optional(Type.String({ description: 'Only to this topic' })),
          device: Type.Optional(Type.String({ description: 'Only to the device of exactly this name' })),
          name: Type.Optional(Type.String({ description: 'Only of this command of devices' })),
          awaits: Type.Optional(
            Type.Array(word(awaitsKinds), { description: 'Only that wait for one of these' })
          ),
          batch: Type.Optional(Type.String({ format: 'uuid', description: 'Only of this batch' })),
          retryOf: Type.Optional(
            Type.String({ format: 'uuid', description: 'Only retries of this command' })
          ),
          ...timeRange('`createdAt`'),
          ...pageQuery(limits, 'desc'),
          ...minCursorQuery
        }),
        headers: readHeaders(limits),
        response: {
          200: json('A page of commands', ref('CommandPage'), listAnswerHeaders),
          304: notModified,
          ...refusalsOfV1('invalid_topic', ...listRefusals)
        }
      }
    },
    async (request, reply) => {
      const { access, query } = request
      const {
        state: states = [],
        topic = null,
        limit = limits.pageItemsDefault,
        order = 'desc',
        page
      } = query
      const { awaits = [], device = null, name = null, batch = null, retryOf = null } = query
      const range = readTimeRange(query)
      const fault = topic === null ? null : topicFault(topic, limits.topicLevelsMax)
      if (fault !== null) throw new Problem('invalid_topic', fault, [{ pointer: 'topic', detail: fault }])
      const asked = { states, topic, device, name, awaits, batch, retryOf, ...range, order }
      const list = ['commands', asked]
      return reads(request, reply, {
        behind: 'journal',
        watched: watchFacts(access, eventKinds.command, []),
        fixedBy: page === undefined ? [] : ['page'],
        async look() {
          const { until, after } = await paging.open(list, page)
          const { items, next } = await store.commands.page(access, { ...asked, after, limit })
          const versionOf = ({ id, seq }: (typeof items)[number]): unknown => [id, seq]
          return paging.close({ list, until, items, next, limit, toView: toCommandView, versionOf })
        }
      })
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
        params: commandParams,
        querystring: strict(minCursorQuery),
        headers: readHeaders(limits),
        response: {
          200: json('The command', ref('Command'), readAnswerHeaders),
          304: notModified,
          ...refusalsOfV1('not_found', ...readRefusals)
        }
      }
    },
    async (request, reply) => {
      const { access, params } = request
      return reads(request, reply, {
        behind: 'journal',
        watched: () => ({ facts: ({ commandId }) => commandId === params.id }),
        async look() {
          const command = await store.commands.byId(access, params.id)
          if (command === null) throw notFound()
          const events = (await store.commands.events([params.id])).get(params.id) ?? []
          return {
            etag: toEtag(command),
            send: () => ({ ...toCommandView(command), events: events.map(toCommandEventView) })
          }
        }
      })
    }
  )

  app.post(
    '/commands/:id/cancel',
    {
      schema: {
        operationId: 'cancelCommand',
        summary: 'Cancels a command that is scheduled, or waits to be published',
        description:
          'Once it is being published nobody can tell whether the broker has it, so it can no longer be cancelled. One that was ' +
          'lost on its way, and waits to be published again, becomes `unknown`: it may have arrived.',
        tags,
        params: commandParams,
        querystring: noQuery,
        response: {
          200: json('It is not published any more', ref('Command'), header.rialtoCursor),
          ...refusalsOfV1('not_found', 'not_cancellable')
        }
      }
    },
    async ({ access, params: { id } }, reply) => {
      const command = await commands.cancel(access, id)
      return reply.header('rialto-cursor', store.cursors.encode(command.seq)).send(toCommandView(command))
    }
  )
}
