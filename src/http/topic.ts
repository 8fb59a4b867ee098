/** GET one topic, and its payload, by any of its addresses; now, or as it was. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { TopicState } from '../model.ts'
import { toTopicStateView } from '../views.ts'
import type { Addressing } from './addressings.ts'
import { addressSchema, createAddressings, unknownTopic } from './addressings.ts'
import { json, payload, refusalsOfV1 } from './answers.ts'
import { toEtag, toListEtag, toWeakEtag } from './conditions.ts'
import type { RouteParts, Routes } from './parts.ts'
import { toPayloadHeaders } from './payload-headers.ts'
import { picking } from './picked.ts'
import type { Found } from './reads.ts'
import { minCursorQuery, notModified, readAnswerHeaders, readHeaders, readRefusals } from './reads.ts'
import { ref } from './schemas.ts'
import { asOfQuery, fieldsQuery, readFieldsQuery, readInstant } from './search-query.ts'

export async function oneTopicRoutes(app: Routes, { store, limits, reads }: RouteParts): Promise<void> {
  /** Answers with what is found in the state. */
  async function answer(
    { subject, state: now }: Addressing,
    request: FastifyRequest,
    reply: FastifyReply,
    find: (state: TopicState, etag: string) => Found
  ): Promise<unknown> {
    const { asOf } = request.query as { asOf?: string }
    let topicId = 0
    return reads(request, reply, {
      behind: 'journal',
      watched: () => ({ topicId }),
      fixedBy: asOf === undefined ? [] : ['asOf'],
      async look() {
        const instant = await readInstant(asOf, store.asOf)
        const state =
          instant === null
            ? await now(request)
            : await store.asOf.topic(request.access, subject(request), instant)
        if (state === null) throw unknownTopic()
        topicId = state.topicId
        // The state of an instant is no condition for writes
        return find(state, instant === null ? toEtag(state) : toWeakEtag(state))
      }
    })
  }

  for (const addressing of createAddressings(store.states)) {
    const { path, suffix, by } = addressing
    const schema = { tags: ['Topics'], headers: readHeaders(limits) }
    const refused = ['not_found', 'cursor_expired', ...readRefusals] as const

    app.get(
      path,
      {
        schema: {
          ...schema,
          operationId: `getTopic${suffix}`,
          summary: `A topic's state, ${by}`,
          description:
            'Its latest message, its retained message, or the tombstone of the one that was cleared.',
          ...addressSchema(addressing, {
            ...fieldsQuery('receivedAt,payload/temperature'),
            ...asOfQuery,
            ...minCursorQuery
          }),
          response: {
            200: json('The state', Type.Union([ref('TopicState'), ref('PickedTopic')]), readAnswerHeaders),
            304: notModified,
            ...refusalsOfV1('query_too_complex', ...refused)
          }
        }
      },
      async (request, reply) => {
        const { fields: given } = request.query as { fields?: string[] }
        const fields = readFieldsQuery(given, limits)
        return answer(addressing, request, reply, (state, etag) => {
          if (fields === null) return { etag, send: () => toTopicStateView(state) }
          // Another version only when what was asked for is another one
          const view = picking(toTopicStateView, fields, 'topic')(state)
          return { etag: toListEtag([JSON.stringify(view)]), send: () => view }
        })
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
          ...addressSchema(addressing, { ...asOfQuery, ...minCursorQuery }),
          response: {
            200: payload('The payload', readAnswerHeaders),
            304: notModified,
            ...refusalsOfV1(...refused)
          }
        }
      },
      async (request, reply) =>
        answer(addressing, request, reply, ({ latest }, etag) => ({
          etag,
          send: (to) => to.headers(toPayloadHeaders(latest)).send(latest.payload)
        }))
    )
  }
}
