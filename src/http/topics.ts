/** GET topics: many, by filters. One of them is topic.ts. */

import { eventKinds, toTopicStateView } from '../views.ts'
import { json, refusalsOfV1 } from './answers.ts'
import { checkFilters, createPaging, filterQuery, pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import { listAnswerHeaders, listRefusals, minCursorQuery, notModified, readHeaders } from './reads.ts'
import { ref, strict } from './schemas.ts'
import { watchFacts } from './watch-facts.ts'

export async function topicRoutes(app: Routes, { store, limits, reads }: RouteParts): Promise<void> {
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
        tags: ['Topics'],
        querystring: strict({ ...filterQuery, ...pageQuery(limits, 'asc'), ...minCursorQuery }),
        headers: readHeaders(limits),
        response: {
          200: json('A page of topics', ref('TopicPage'), listAnswerHeaders),
          304: notModified,
          ...refusalsOfV1('invalid_filter', ...listRefusals)
        }
      }
    },
    async (request, reply) => {
      const { access, query } = request
      const { limit = limits.pageItemsDefault, order = 'asc', page } = query
      const filters = checkFilters(query.filter, limits)
      const list = ['topics', filters, order]
      return reads(request, reply, {
        behind: 'journal',
        watched: watchFacts(access, eventKinds.state, filters),
        fixedBy: page === undefined ? [] : ['page'],
        async look() {
          const { until, after } = await paging.open(list, page)
          const { items, next } = await store.states.page(access, { filters, after, limit, order })
          const versionOf = ({ topicId, seq }: (typeof items)[number]): number[] => [topicId, seq]
          return paging.close({ list, until, items, next, limit, toView: toTopicStateView, versionOf })
        }
      })
    }
  )
}
