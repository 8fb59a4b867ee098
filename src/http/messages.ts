/** GET messages and gaps: the journal, a page at a time. */

import { Problem } from '../errors.ts'
import type { Access, Fact, FactKind } from '../model.ts'
import { eventKinds, toGapView, toMessageView } from '../views.ts'
import { json, refusalsOfV1 } from './answers.ts'
import type { Page } from './paging.ts'
import { checkFilters, createPaging, filterQuery, pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import { ref, strict } from './schemas.ts'

interface FactsQuery {
  filter?: string[]
  limit?: number
  page?: string
  order?: 'asc' | 'desc'
}

export async function messageRoutes(app: Routes, { store, limits }: RouteParts): Promise<void> {
  const paging = createPaging(store)
  const refused = refusalsOfV1(
    'cursor_invalid',
    'cursor_kind',
    'cursor_ahead',
    'cursor_expired',
    'page_too_large'
  )

  async function facts<View>(
    access: Access,
    kinds: readonly FactKind[],
    query: FactsQuery,
    toView: (fact: Fact) => View
  ): Promise<Page<View>> {
    const { limit = limits.pageItemsDefault, order = 'desc', page } = query
    const filters = checkFilters(query.filter, limits)
    const list = [kinds, filters, order]
    const place = await paging.open(list, page)
    if (order === 'asc' && place.after !== null && place.after < (await store.journal.head()).horizon) {
      throw new Problem('cursor_expired', 'Retention took what follows while it was being read: begin again')
    }
    const { items, next } = await store.journal.page(access, { ...place, filters, kinds, limit, order })
    return paging.close(list, place, items.map(toView), next)
  }

  app.get(
    '/messages',
    {
      schema: {
        operationId: 'listMessages',
        summary: 'Messages as they were received',
        description:
          'Newest first unless `order` says otherwise. What comes after the first page was read is not in later pages.',
        tags: ['Messages'],
        querystring: strict({ ...filterQuery, ...pageQuery(limits, 'desc') }),
        response: {
          200: json('A page of messages', ref('MessagePage')),
          ...refusalsOfV1(
            'invalid_filter',
            'cursor_invalid',
            'cursor_kind',
            'cursor_ahead',
            'cursor_expired',
            'page_too_large'
          )
        }
      }
    },
    async ({ access, query }) =>
      facts(access, eventKinds.message, query, (fact) => toMessageView(fact.message!))
  )

  app.get(
    '/gaps',
    {
      schema: {
        operationId: 'listGaps',
        summary: 'Intervals in which messages may be missing',
        description: 'Newest first unless `order` says otherwise.',
        tags: ['Messages'],
        querystring: strict(pageQuery(limits, 'desc')),
        response: { 200: json('A page of gaps', ref('GapPage')), ...refused }
      }
    },
    async ({ access, query }) => facts(access, ['gap'], query, toGapView)
  )
}
