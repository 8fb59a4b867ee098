/** GET history: numbers of many series by buckets of time. docs/history.md is its page. */

import { Type } from 'typebox'
import { readBuckets } from '../history/ask.ts'
import { fills } from '../history/functions.ts'
import { toHistoryFrame, toSeriesView } from '../history/views.ts'
import type { Limits } from '../limits.ts'
import { json, refusalsOfV1 } from './answers.ts'
import { watchSeries } from './datapoints.ts'
import { mappingsChanged } from './devices.ts'
import { checkFilters, createKeyedPaging, filterQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import { listAnswerHeaders, listRefusals, minCursorQuery, notModified, readHeaders } from './reads.ts'
import { ref, strict, word } from './schemas.ts'
import { readDeviceWhere, readPatterns, seriesQuery } from './series-query.ts'
import { readTimeRange, timeRange } from './time-range.ts'

const historyQuery = (limits: Limits) => ({
  ...seriesQuery,
  ...filterQuery,
  from: Type.String({
    description: 'The first bucket is the one that this is in: RFC 3339, with an offset',
    examples: ['2026-03-14T09:00:00Z']
  }),
  to: timeRange('').to,
  bucket: Type.String({
    description:
      'Length of a bucket: an ISO 8601 duration of one unit. Hours, minutes and seconds divide a day',
    examples: ['PT15M']
  }),
  tz: Type.Optional(
    Type.String({
      description: 'Time zone in whose days and hours buckets begin. Default UTC',
      examples: ['Europe/Berlin']
    })
  ),
  fn: Type.Optional(
    Type.Array(Type.String(), {
      description:
        '`count`, `min`, `max`, `mean`, `sum`, `first`, `last`, `timeWeightedMean`, `rate`, or a percentile such as `p99.9`: ' +
        'with commas between them. May be repeated. Default mean',
      examples: [['mean,max']]
    })
  ),
  fill: Type.Optional(
    word(
      fills,
      'What stands in buckets without numbers: null, the value before, or what is between. Default null'
    )
  ),
  source: Type.Optional(word(['raw'], 'Read datapoints, even where something faster says the same')),
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: limits.historySeriesMax,
      description: `Series at most, default ${limits.historySeriesDefault}`
    })
  ),
  page: Type.Optional(Type.String({ description: '`next` of the page before, with the same arguments' })),
  ...minCursorQuery
})

export async function historyRoutes(app: Routes, { store, limits, reads }: RouteParts): Promise<void> {
  const paging = createKeyedPaging(store, ['metricId', 'projection', 'now'])

  app.get(
    '/history',
    {
      schema: {
        operationId: 'readHistory',
        summary: 'Numbers of many series by buckets of time',
        description:
          'Series are metrics of devices, in the order in which they were first seen; `values` has a column of numbers for each ' +
          'function. Buckets are whole ones: the last is the one before `to`, which is now where it is absent, and the same ' +
          'for all pages. When changed mappings have built everything anew, a list that was begun before is `cursor_expired`.',
        tags: ['Devices'],
        querystring: strict(historyQuery(limits)),
        headers: readHeaders(limits),
        response: {
          200: json('A page of series', ref('HistoryPage'), listAnswerHeaders),
          304: notModified,
          ...refusalsOfV1('invalid_filter', 'query_too_complex', 'cursor_expired', ...listRefusals)
        }
      }
    },
    async (request, reply) => {
      const { access, query } = request
      const { limit = limits.historySeriesDefault, page, fill = 'null', bucket, tz = 'UTC' } = query
      const { from, to } = readTimeRange(query)
      const fn = (query.fn ?? ['mean']).flatMap((names) => names.split(','))
      const filters = checkFilters(query.filter, limits)
      const devices = readPatterns(query.device, limits, 'device')
      const metrics = readPatterns(query.metric, limits, 'metric')
      const where = readDeviceWhere(query.where, limits)
      const source = query.source ?? null
      const given = { from: from!, to, bucket, tz, fn }
      const series = { device: query.device, metric: query.metric, filters, where: query.where }
      const list = ['history', series, given, fill, source]
      return reads(request, reply, {
        behind: 'projected',
        watched: () => watchSeries({ devices }),
        fixedBy: page === undefined ? [] : ['page'],
        async look() {
          const { until, after } = await paging.open(list, page)
          // All pages end where the first one does
          const now = after?.now ?? Date.now()
          const buckets = readBuckets(given, now, limits)
          // What is read in between is of either: so the first page takes the elder, and the others look again
          const projection = after?.projection ?? (await store.currentProjection())
          const deviceIds = where === null ? null : await store.history.deviceIds(access, where)
          const ask = {
            ...buckets,
            devices,
            metrics,
            filters,
            deviceIds,
            fill,
            source,
            limit,
            now
          }
          const found = await store.history.read(access, { ...ask, after: after?.metricId ?? null })
          const isOneRead = after === null && where === null
          if (!isOneRead && projection !== (await store.currentProjection())) throw mappingsChanged()
          return paging.close({
            list,
            until,
            items: found.series,
            next: found.next === null ? null : { metricId: found.next, projection, now },
            limit,
            toView: (one) => toSeriesView(one, buckets.functions),
            more: toHistoryFrame(buckets, fill, found)
          })
        }
      })
    }
  )
}
