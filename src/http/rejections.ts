/** GET rejections, and how many there are; redrives of them. */

import { Type } from 'typebox'
import { toRejectionView } from '../device-views.ts'
import { Problem } from '../errors.ts'
import { toRedriveView } from '../projection/views.ts'
import { header, json, noQuery, refusalsOfV1 } from './answers.ts'
import { toListEtag } from './conditions.ts'
import { mappingName, reasonWord } from './device-schemas.ts'
import { checkFilters, createKeyedPaging, filterQuery, pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import { ref, strict } from './schemas.ts'
import {
  listAnswerHeaders,
  listRefusals,
  minCursorQuery,
  notModified,
  readHeaders,
  readRefusals
} from './reads.ts'
import { readTimeRange, timeRange } from './time-range.ts'
import { bodyIsReadByRoute, createCheck } from './validation.ts'

const tags = ['Mappings']
const range = timeRange('`receivedAt`')
const selection = {
  reason: Type.Optional(reasonWord),
  mapping: Type.Optional(mappingName),
  ...range
}

export async function rejectionRoutes(app: Routes, { store, limits, reads }: RouteParts): Promise<void> {
  const paging = createKeyedPaging(store, ['seq', 'n'])

  app.get(
    '/rejections',
    {
      schema: {
        operationId: 'listRejections',
        summary: 'What could not be normalized, as it was received, and why',
        description:
          'Newest first unless `order` says otherwise. What a redrive accepted is no longer here. ' +
          '`from` is in the range, `to` is not.',
        tags,
        querystring: strict({
          ...filterQuery,
          ...selection,
          ...pageQuery(limits, 'desc'),
          ...minCursorQuery
        }),
        headers: readHeaders(limits),
        response: {
          200: json('A page of rejections', ref('RejectionPage'), listAnswerHeaders),
          304: notModified,
          ...refusalsOfV1('invalid_filter', ...listRefusals)
        }
      }
    },
    async (request, reply) => {
      const { access, query } = request
      const { reason = null, mapping = null, limit = limits.pageItemsDefault, order = 'desc', page } = query
      const ask = { filters: checkFilters(query.filter, limits), reason, mapping, ...readTimeRange(query) }
      const list = ['rejections', ask, order]
      return reads(request, reply, {
        behind: 'projected',
        watched: () => ({ projection: true }),
        fixedBy: page === undefined ? [] : ['page'],
        async look() {
          const { until, after } = await paging.open(list, page)
          const { items, next } = await store.rejections.page(access, { ...ask, after, limit, order })
          return paging.close({ list, until, items, next, limit, toView: toRejectionView })
        }
      })
    }
  )

  app.get(
    '/rejections/counts',
    {
      schema: {
        operationId: 'countRejections',
        summary: 'How many rejections there are, by mapping and reason',
        description: `The most first. Of the newest ${limits.rejectionsCountedMax}.`,
        tags,
        querystring: strict(minCursorQuery),
        headers: readHeaders(limits),
        response: {
          200: json('The counts', ref('RejectionCounts'), listAnswerHeaders),
          304: notModified,
          ...refusalsOfV1(...readRefusals)
        }
      }
    },
    async (request, reply) =>
      reads(request, reply, {
        behind: 'projected',
        async look() {
          const counts = { items: await store.rejections.counts(request.access) }
          return { etag: toListEtag([JSON.stringify(counts)]), send: () => counts }
        }
      })
  )
}

const redriveHeaders = {
  Location: Type.String({ format: 'uri-reference', description: 'Where the redrive is' }),
  ...header.rialtoCursor
}

export async function redriveRoutes(app: Routes, { store, projections, limits }: RouteParts): Promise<void> {
  const body = strict({
    filters: Type.Optional(
      Type.Array(Type.String(), {
        maxItems: limits.filtersMax,
        description: 'Only messages of topics that these match; none: of every topic',
        examples: [['plant/+/temperature']]
      })
    ),
    ...selection
  })
  const check = createCheck(body)

  app.post(
    '/rejections/redrive',
    {
      validatorCompiler: bodyIsReadByRoute,
      config: { administers: true },
      schema: {
        operationId: 'redrive',
        summary: 'Runs rejected messages through the mappings again',
        description:
          'With their original times and in their order, after a mapping was mended. Without a body: all of them. ' +
          'What is accepted now is told to streams. Follow `Location` for what becomes of it.',
        tags,
        querystring: noQuery,
        body,
        response: {
          202: json('Accepted', ref('Redrive'), redriveHeaders),
          ...refusalsOfV1(
            'forbidden',
            'malformed_json',
            'payload_too_large',
            'unsupported_media_type',
            'invalid_filter',
            'too_many_requests'
          )
        }
      }
    },
    async (request, reply) => {
      const { filters, reason = null, mapping = null, ...times } = check(request.body ?? {})
      const ask = {
        filters: checkFilters(filters, limits, '/filters'),
        reason,
        mapping,
        ...readTimeRange(times, '/')
      }
      const redrive = await projections.redrive(request.access, ask)
      return reply
        .code(202)
        .headers({
          location: `/v1/redrives/${redrive.id}`,
          'rialto-cursor': store.cursors.encode((await store.journal.head()).seq)
        })
        .send(toRedriveView(redrive))
    }
  )

  app.get(
    '/redrives',
    {
      config: { administers: true },
      schema: {
        operationId: 'listRedrives',
        summary: 'The newest redrives',
        description: 'Newest first.',
        tags,
        querystring: strict({ limit: pageQuery(limits, 'desc').limit }),
        response: {
          200: json('Redrives', ref('RedriveList')),
          ...refusalsOfV1('forbidden', 'page_too_large')
        }
      }
    },
    async ({ access, query: { limit = limits.pageItemsDefault } }) => ({
      items: (await projections.redrives(access, limit)).map(toRedriveView)
    })
  )

  app.get(
    '/redrives/:id',
    {
      config: { administers: true },
      schema: {
        operationId: 'getRedrive',
        summary: 'A redrive, and how far it is',
        description: 'As it is now.',
        tags,
        params: Type.Object({ id: Type.String({ format: 'uuid', description: '`id` of a Redrive' }) }),
        querystring: noQuery,
        response: { 200: json('The redrive', ref('Redrive')), ...refusalsOfV1('forbidden', 'not_found') }
      }
    },
    async ({ access, params: { id } }) => {
      const redrive = await projections.redriveById(access, id)
      if (redrive === null) throw new Problem('not_found', 'There is no such redrive')
      return toRedriveView(redrive)
    }
  )
}
