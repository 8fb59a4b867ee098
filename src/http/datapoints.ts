/** GET datapoints: the history of devices and their metrics, a page at a time. */

import type { Watched } from '../feed/watch.ts'
import { toDatapointView } from '../device-views.ts'
import type { SeriesSearch } from '../store/find-series.ts'
import { json, refusalsOfV1 } from './answers.ts'
import { checkFilters, createKeyedPaging, filterQuery, pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import { ref, strict } from './schemas.ts'
import { listAnswerHeaders, listRefusals, minCursorQuery, notModified, readHeaders } from './reads.ts'
import { readDeviceWhere, readPatterns, seriesQuery } from './series-query.ts'
import { readTimeRange, timeRange } from './time-range.ts'

export async function datapointRoutes(app: Routes, { store, limits, reads }: RouteParts): Promise<void> {
  const paging = createKeyedPaging(store, ['observedAt', 'seq', 'n'])

  app.get(
    '/datapoints',
    {
      schema: {
        operationId: 'listDatapoints',
        summary: 'Datapoints of devices and their metrics, by time observed',
        description:
          'Newest `observedAt` first unless `order` says otherwise. `from` is in the range, `to` is not. A device that ' +
          'nothing is known of has none. `cursor` is how far messages were normalized at the first page, and later pages ' +
          'show the same: what was told since, also late, is not in the list, but behind `cursor` in a stream. What a redrive ' +
          'changes meanwhile may be. `where` is asked anew for each page. When changed mappings have built everything anew, ' +
          `the list goes on with the same names. At most ${limits.datapointSeriesMax} series; a page may be empty and go on.`,
        tags: ['Devices'],
        querystring: strict({
          ...seriesQuery,
          ...filterQuery,
          ...timeRange('`observedAt`'),
          ...pageQuery(limits, 'desc'),
          ...minCursorQuery
        }),
        headers: readHeaders(limits),
        response: {
          200: json('A page of datapoints', ref('DatapointPage'), listAnswerHeaders),
          304: notModified,
          ...refusalsOfV1('invalid_filter', 'query_too_complex', 'cursor_expired', ...listRefusals)
        }
      }
    },
    async (request, reply) => {
      const { access, query } = request
      const { limit = limits.pageItemsDefault, order = 'desc', page } = query
      const series: SeriesSearch = {
        devices: readPatterns(query.device, limits, 'device'),
        metrics: readPatterns(query.metric, limits, 'metric'),
        filters: checkFilters(query.filter, limits),
        where: readDeviceWhere(query.where, limits)
      }
      const range = readTimeRange(query)
      const list = ['datapoints', query.device, query.metric, query.filter, query.where, range, order]
      return reads(request, reply, {
        behind: 'projected',
        watched: () => watchSeries(series),
        fixedBy: page === undefined ? [] : ['page'],
        async look() {
          const at = page === undefined ? await store.datapoints.end() : undefined
          const { until, after } = await paging.open(list, page, at)
          const ask = { ...series, ...range, order, after, until, limit }
          const { items, next } = await store.datapoints.page(access, ask)
          return paging.close({ list, until, items, next, limit, toView: toDatapointView })
        }
      })
    }
  )
}

/** One device has a version of its own; anything else changes with the projection. */
export function watchSeries({ devices: [first, ...others] }: Pick<SeriesSearch, 'devices'>): Watched {
  const device = others.length === 0 ? first?.exact : null
  return device == null ? { projection: true } : { device }
}
