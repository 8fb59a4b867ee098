/** The three ways to name a topic in a URL. What is done with the topic is the same for each. */

import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { TProperties } from 'typebox'
import { Problem } from '../errors.ts'
import type { TopicState } from '../model.ts'
import type { Store } from '../store/store.ts'
import { strict } from './schemas.ts'

export interface Addressing {
  path: string
  /** Ends the ids of its operations. */
  suffix: string
  /** Ends the summaries of its operations. */
  by: string
  query: TProperties
  params: TProperties | null
  subject(request: FastifyRequest): { name: string } | { id: number }
  state(request: FastifyRequest): Promise<TopicState | null>
  /** The topic's name, whether or not anything is known of it. Throws Problem not_found for an unknown id. */
  name(request: FastifyRequest): Promise<string>
}

export const unknownTopic = (): Problem => new Problem('not_found', 'Nothing is known of this topic')

export function createAddressings(states: Store['states']): Addressing[] {
  const byName = (
    toName: (request: FastifyRequest) => string
  ): Pick<Addressing, 'subject' | 'state' | 'name'> => ({
    subject: (request) => ({ name: toName(request) }),
    state: (request) => states.byName(request.access, toName(request)),
    name: async (request) => toName(request)
  })
  const toId = (request: FastifyRequest): number => Number((request.params as { topicId: string }).topicId)
  const byId = (request: FastifyRequest): Promise<TopicState | null> =>
    states.byId(request.access, toId(request))

  return [
    {
      path: '/topic',
      suffix: 'ByName',
      by: 'by its name',
      query: {
        name: Type.String({
          minLength: 1,
          description: 'Topic name',
          examples: ['plant/press-3/temperature']
        })
      },
      params: null,
      ...byName((request) => (request.query as { name: string }).name)
    },
    {
      path: '/topics/:topic',
      suffix: '',
      by: 'by its name in the path',
      query: {},
      params: {
        topic: Type.String({
          description:
            'Topic name, percent-encoded (`/` is `%2F`). Long names, and `.` and `..`, go to `/v1/topic?name=`; those ' +
            'beyond what a request line holds, about 12,000 characters encoded, are found by their id',
          examples: ['plant%2Fpress-3%2Ftemperature']
        })
      },
      ...byName((request) => (request.params as { topic: string }).topic)
    },
    {
      path: '/topics/by-id/:topicId',
      suffix: 'ById',
      by: 'by its id',
      query: {},
      params: {
        topicId: Type.String({
          pattern: '^[1-9][0-9]{0,14}$',
          description: '`topicId` of a TopicState',
          examples: ['7']
        })
      },
      subject: (request) => ({ id: toId(request) }),
      state: byId,
      async name(request) {
        const state = await byId(request)
        if (state === null) throw unknownTopic()
        return state.topic
      }
    }
  ]
}

/** The schemas that an addressing gives to a route, with query parameters of the route's own. */
export const addressSchema = ({ query, params }: Addressing, more: TProperties = {}) => ({
  querystring: strict({ ...query, ...more }),
  ...(params !== null && { params: Type.Object(params) })
})
