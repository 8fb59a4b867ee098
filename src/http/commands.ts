/** GET commands, many or one; cancel one. Sending them is send-commands.ts. */

import { Type } from 'typebox'
import { notFound } from '../commands/commands.ts'
import { Problem } from '../errors.ts'
import { commandStates } from '../model.ts'
import { topicFault } from '../topic.ts'
import { toCommandEventView, toCommandView } from '../views.ts'
import { header, json, noQuery, refusalsOfV1 } from './answers.ts'
import { createPaging, pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import { ref, strict, word } from './schemas.ts'

const tags = ['Commands']
const params = Type.Object({ id: Type.String({ format: 'uuid', description: '`id` of a Command' }) })

export async function commandRoutes(app: Routes, { store, commands, limits }: RouteParts): Promise<void> {
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
          ...refusalsOfV1('invalid_topic', 'cursor_invalid', 'cursor_kind', 'cursor_ahead', 'page_too_large')
        }
      }
    },
    async ({ access, query }) => {
      const {
        state: states = [],
        topic = null,
        limit = limits.pageItemsDefault,
        order = 'desc',
        page
      } = query
      const fault = topic === null ? null : topicFault(topic, limits.topicLevelsMax)
      if (fault !== null) throw new Problem('invalid_topic', fault, [{ pointer: 'topic', detail: fault }])
      const list = ['commands', states, topic, order]
      const place = await paging.open(list, page)
      const { items, next } = await store.commands.page(access, {
        states,
        topic,
        after: place.after,
        limit,
        order
      })
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

  app.post(
    '/commands/:id/cancel',
    {
      schema: {
        operationId: 'cancelCommand',
        summary: 'Cancels a command that is not yet being published',
        description:
          'Once it is being published nobody can tell whether the broker has it, so it can no longer be cancelled.',
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
      const command = await commands.cancel(access, id)
      return reply.header('rialto-cursor', store.cursors.encode(command.seq)).send(toCommandView(command))
    }
  )
}
