/** Resolvers of rejections. */

import type { RejectionReason } from '../datapoints.ts'
import { toRejectionView } from '../device-views.ts'
import type { PageArguments, RangeArguments } from './arguments.ts'
import { listName, readFilters, readFirst, readRange } from './arguments.ts'
import { behind } from './behind.ts'
import { readKeyedConnection } from './connections.ts'
import type { Resolvers } from './executable.ts'
import type { GraphqlParts } from './parts.ts'

interface RejectionsArguments extends PageArguments, RangeArguments {
  filter?: string[] | null
  reason?: RejectionReason | null
  mapping?: string | null
}

export function createRejectionQueries({ store, minCursor, limits }: GraphqlParts): Resolvers {
  const { rejections, cursors } = store
  return {
    Query: behind(minCursor.projected, {
      rejections: {
        resolve(_source, page: RejectionsArguments, { access, head }) {
          const filters = readFilters(page.filter, limits)
          const limit = readFirst(page.first, limits)
          const range = readRange(page)
          const { order, reason = null, mapping = null } = page
          return readKeyedConnection(
            { cursors, head },
            { list: listName('rejections', order, [filters, reason, mapping, range]), page },
            {
              numbers: 2,
              async read(place) {
                const after = place && { seq: place[0]!, n: place[1]! }
                const ask = { filters, reason, mapping, ...range, after, limit, order }
                const { items, next } = await rejections.page(access, ask)
                return { items, next: next && [next.seq, next.n] }
              },
              place: ({ seq, n }) => [seq, n],
              view: toRejectionView
            }
          )
        }
      },
      rejectionCounts: { resolve: (_source, _arguments, { access }) => rejections.counts(access) }
    })
  }
}
