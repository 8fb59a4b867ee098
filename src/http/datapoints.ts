/** GET datapoints: the history of a device, a page at a time. */

import { Type } from 'typebox'
import { toDatapointView } from '../device-views.ts'
import { json, refusalsOfV1 } from './answers.ts'
import { createKeyedPaging, pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import { ref, strict } from './schemas.ts'
import { listAnswerHeaders, listRefusals, minCursorQuery, notModified, readHeaders } from './reads.ts'
import { readTimeRange, timeRange } from './time-range.ts'

export async function datapointRoutes(app: Routes, { store, limits, reads }: RouteParts): Promise<void> {
  const paging = createKeyedPaging(store, ['observedAt', 'seq', 'n'])

  app.get(
    '/datapoints',
    {
      schema: {
        operationId: 'listDatapoints',
        summary: 'Datapoints of a device, or of one of its metrics',
        description:
          'Newest `observedAt` first unless `order` says otherwise. `from` is in the range, `to` is not. A device that ' +
          'nothing is known of has none. What is told late may stand before a page that was read already.',
        tags: ['Devices'],
        querystring: strict({
          device: Type.String({ minLength: 1, description: 'Name of the device', examples: ['press-3'] }),
          metric: Type.Optional(
            Type.String({ minLength: 1, description: 'Name of the metric', examples: ['temperature'] })
          ),
          ...timeRange('`observedAt`'),
          ...pageQuery(limits, 'desc'),
          ...minCursorQuery
        }),
        headers: readHeaders(limits),
        response: {
          200: json('A page of datapoints', ref('DatapointPage'), listAnswerHeaders),
          304: notModified,
          ...refusalsOfV1(...listRefusals)
        }
      }
    },
    async (request, reply) => {
      const { access, query } = request
      const { device, metric = null, limit = limits.pageItemsDefault, order = 'desc', page } = query
      const range = readTimeRange(query)
      const list = ['datapoints', device, metric, range, order]
      return reads(request, reply, {
        behind: 'projected',
        watched: () => ({ device }),
        fixedBy: page === undefined ? [] : ['page'],
        async look() {
          const { until, after } = await paging.open(list, page)
          const ask = { device, metric, ...range, order, after, limit }
          const { items, next } = await store.datapoints.page(access, ask)
          return paging.close({ list, until, items, next, limit, toView: toDatapointView })
        }
      })
    }
  )
}
