/** GET one topic, and its payload, by any of its addresses. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { TopicState } from '../model.ts'
import { toTopicStateView } from '../views.ts'
import type { Addressing } from './addressings.ts'
import { addressSchema, createAddressings, unknownTopic } from './addressings.ts'
import { json, payload, refusalsOfV1 } from './answers.ts'
import { toEtag } from './conditions.ts'
import type { RouteParts, Routes } from './parts.ts'
import { toPayloadHeaders } from './payload-headers.ts'
import { minCursorQuery, notModified, readAnswerHeaders, readHeaders, readRefusals } from './reads.ts'
import { ref } from './schemas.ts'

export async function oneTopicRoutes(app: Routes, { store, limits, reads }: RouteParts): Promise<void> {
  /** Answers with the state, or with a part of it. */
  async function answer(
    { state: read }: Addressing,
    request: FastifyRequest,
    reply: FastifyReply,
    send: (state: TopicState, reply: FastifyReply) => unknown
  ): Promise<unknown> {
    let topicId = 0
    return reads(request, reply, {
      behind: 'journal',
      watched: () => ({ topicId }),
      async look() {
        const state = await read(request)
        if (state === null) throw unknownTopic()
        topicId = state.topicId
        return { etag: toEtag(state), send: (to) => send(state, to) }
      }
    })
  }

  for (const addressing of createAddressings(store.states)) {
    const { path, suffix, by } = addressing
    const schema = {
      tags: ['Topics'],
      ...addressSchema(addressing, minCursorQuery),
      headers: readHeaders(limits)
    }
    const answers = { 304: notModified, ...refusalsOfV1('not_found', ...readRefusals) }

    app.get(
      path,
      {
        schema: {
          ...schema,
          operationId: `getTopic${suffix}`,
          summary: `A topic's state, ${by}`,
          description:
            'Its latest message, its retained message, or the tombstone of the one that was cleared.',
          response: { 200: json('The state', ref('TopicState'), readAnswerHeaders), ...answers }
        }
      },
      async (request, reply) => answer(addressing, request, reply, toTopicStateView)
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
            200: payload('The payload', readAnswerHeaders),
            ...answers
          }
        }
      },
      async (request, reply) =>
        answer(addressing, request, reply, ({ latest }, to) =>
          to.headers(toPayloadHeaders(latest)).send(latest.payload)
        )
    )
  }
}
