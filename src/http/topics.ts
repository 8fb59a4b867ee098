/** GET topics: many, by filters and by what they say. One of them is topic.ts. */

import { Type } from 'typebox'
import type { TopicState } from '../model.ts'
import { eventKinds, toTopicStateView } from '../views.ts'
import { json, refusalsOfV1 } from './answers.ts'
import { checkFilters, createSearchPaging, filterQuery, pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import { picking, textsOf } from './picked.ts'
import { listAnswerHeaders, listRefusals, minCursorQuery, notModified, readHeaders } from './reads.ts'
import { ref, strict, word } from './schemas.ts'
import { asOfQuery, readInstant, readSearch, searchQuery } from './search-query.ts'
import { watchFacts } from './watch-facts.ts'

export async function topicRoutes(app: Routes, { store, limits, reads }: RouteParts): Promise<void> {
  const paging = createSearchPaging(store)

  app.get(
    '/topics',
    {
      schema: {
        operationId: 'listTopics',
        summary: 'Topics and their state',
        description:
          'In the order in which topics were first seen, unless `sort` says otherwise. `cursor` is the position at which the ' +
          'first page was read, or of `asOf`: a stream of `state` events from there misses nothing. With `where`, a page ' +
          'may have few items, or none, and a `next`: so far it was looked.',
        tags: ['Topics'],
        querystring: strict({
          ...filterQuery,
          state: Type.Optional(
            word(
              ['retained', 'tombstone'],
              'Only topics with a retained message, or only those whose retained message is gone'
            )
          ),
          ...searchQuery({
            where: 'and(gt(payload/temperature,21.5),exists(retained))',
            sort: '-receivedAt',
            fields: 'receivedAt,payload/temperature'
          }),
          ...asOfQuery,
          ...pageQuery(limits, 'asc'),
          ...minCursorQuery
        }),
        headers: readHeaders(limits),
        response: {
          200: json(
            'A page of topics',
            Type.Union([ref('TopicPage'), ref('PickedTopicPage')]),
            listAnswerHeaders
          ),
          304: notModified,
          ...refusalsOfV1('invalid_filter', 'query_too_complex', 'cursor_expired', ...listRefusals)
        }
      }
    },
    async (request, reply) => {
      const { access, query } = request
      const { state = null, limit = limits.pageItemsDefault, page, asOf } = query
      const filters = checkFilters(query.filter, limits)
      const { fields, ...search } = readSearch(query, limits)
      const { where, order } = search
      const list = ['topics', filters, state, where && where.text, query.sort, order, query.fields, asOf]
      return reads(request, reply, {
        behind: 'journal',
        watched: watchFacts(access, eventKinds.state, filters),
        fixedBy: [...(page === undefined ? [] : ['page']), ...(asOf === undefined ? [] : ['asOf'])],
        async look() {
          const instant = await readInstant(asOf, store.asOf)
          const { until, place } = await paging.open(list, page, instant?.seq)
          const ask = { ...search, filters, state, limit, after: place, asOf: instant }
          const { items, next } = await store.states.search(access, ask)
          const toView = picking(toTopicStateView, fields, 'topic')
          const read = { list, until, items, next, limit, toView }
          return paging.close(
            fields === null ? { ...read, versionOf } : { ...read, fields: textsOf(fields) },
            0
          )
        }
      })
    }
  )
}

const versionOf = ({ topicId, seq, latest }: TopicState): unknown => [topicId, seq, latest.seq]
