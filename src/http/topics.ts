/** GET topics, one topic, its payload. */

import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { TopicState } from '../model.ts'
import { toTopicStateView } from '../views.ts'
import { addressSchema, createAddressings, unknownTopic } from './addressings.ts'
import { bytes, empty, header, json, refusalsOfV1 } from './answers.ts'
import { isNotModified, toEtag } from './conditions.ts'
import { checkFilters, createPaging, filterQuery, pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import { toPayloadHeaders } from './payload-headers.ts'
import { ref, strict } from './schemas.ts'

const tags = ['Topics']
const cached = empty('The client has this version: see If-None-Match')
const conditional = Type.Object({
  'if-none-match': Type.Optional(Type.String({ description: 'ETag of a version that the client has' }))
})

export async function topicRoutes(app: Routes, { store, limits }: RouteParts): Promise<void> {
  const paging = createPaging(store)

  app.get(
    '/topics',
    {
      schema: {
        operationId: 'listTopics',
        summary: 'Topics and their state',
        description:
          'In the order in which topics were first seen. `cursor` is the position at which the first page was read: ' +
          'a stream of `state` events from there misses nothing.',
        tags,
        querystring: strict({ ...filterQuery, ...pageQuery(limits, 'asc') }),
        response: {
          200: json('A page of topics', ref('TopicPage')),
          ...refusalsOfV1('invalid_filter', 'cursor_invalid', 'cursor_kind', 'cursor_ahead', 'page_too_large')
        }
      }
    },
    async ({ access, query }) => {
      const { limit = limits.pageItemsDefault, order = 'asc', page } = query
      const filters = checkFilters(query.filter, limits)
      const list = ['topics', filters, order]
      const place = await paging.open(list, page)
      const { items, next } = await store.states.page(access, { filters, after: place.after, limit, order })
      return paging.close(list, place, items.map(toTopicStateView), next)
    }
  )

  for (const addressing of createAddressings(store.states)) {
    const { path, suffix, by } = addressing
    const schema = { tags, ...addressSchema(addressing), headers: conditional }
    const refused = refusalsOfV1('not_found')

    /** The state to answer with; null when the answer is that the client has it. */
    const read = async (
      request: Parameters<typeof addressing.state>[0],
      reply: FastifyReply
    ): Promise<TopicState | null> => {
      const state = await addressing.state(request)
      if (state === null) throw unknownTopic()
      void reply.header('etag', toEtag(state))
      return isNotModified(request.headers['if-none-match'], state) ? null : state
    }

    app.get(
      path,
      {
        schema: {
          ...schema,
          operationId: `getTopic${suffix}`,
          summary: `A topic's state, ${by}`,
          description:
            'Its latest message, its retained message, or the tombstone of the one that was cleared.',
          response: { 200: json('The state', ref('TopicState'), header.etag), 304: cached, ...refused }
        }
      },
      async (request, reply) => {
        const state = await read(request, reply)
        return state === null ? reply.code(304).send() : toTopicStateView(state)
      }
    )

    app.get(
      `${path}/payload`,
      {
        schema: {
          ...schema,
          operationId: `getPayload${suffix}`,
          summary: `The bytes of a topic's latest message, topic ${by}`,
          description:
            'JSON and plain text carry their type; everything else is `application/octet-stream` to be saved, ' +
            'because whoever publishes is not to run code in a browser.',
          response: {
            200: bytes('The payload', 'application/octet-stream', header.etag),
            304: cached,
            ...refused
          }
        }
      },
      async (request, reply) => {
        const state = await read(request, reply)
        if (state === null) return reply.code(304).send()
        return reply.headers(toPayloadHeaders(state.latest)).send(state.latest.payload)
      }
    )
  }
}
