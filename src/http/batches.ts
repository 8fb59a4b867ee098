/** Batches: one command to many devices, what became of it for each, and cancelling what is left. */

import { Type } from 'typebox'
import { toBatchOutcomeView, toBatchView } from '../command-batch-views.ts'
import type { CommandBatch } from '../command-batch.ts'
import { readBatchAsk } from '../commands/batch-ask.ts'
import { noSuchBatch } from '../commands/batches.ts'
import { contentTypeOf } from '../commands/encode-payload.ts'
import { eventKinds } from '../views.ts'
import { header, json, noQuery, refusalsOfV1 } from './answers.ts'
import { batchSchema, batchState } from './batch-schemas.ts'
import { readPayload } from './command-body.ts'
import { toListEtag } from './conditions.ts'
import { toCanonicalJson } from './json-body.ts'
import { createPaging, pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import {
  listAnswerHeaders,
  listRefusals,
  minCursorQuery,
  notModified,
  readAnswerHeaders,
  readHeaders,
  readRefusals
} from './reads.ts'
import { ref, strict } from './schemas.ts'
import { idempotencyHeader } from './submit.ts'
import { bodyIsReadByRoute, createCheck } from './validation.ts'
import { watchFacts } from './watch-facts.ts'

const tags = ['Commands']
const params = Type.Object({ id: Type.String({ format: 'uuid', description: '`id` of a Batch' }) })
const sendHeaders = {
  Location: Type.String({ format: 'uri-reference', description: 'Where the batch is' }),
  ...header.rialtoCursor
}

export async function batchRoutes(app: Routes, parts: RouteParts): Promise<void> {
  const { store, batches, limits, reads } = parts
  const paging = createPaging(store)
  const check = createCheck(batchSchema(limits))
  const byId = async (
    access: Parameters<typeof store.batches.byId>[0],
    id: string
  ): Promise<CommandBatch> => {
    const batch = await store.batches.byId(access, id)
    if (batch === null) throw noSuchBatch()
    return batch
  }

  app.post(
    '/batches',
    {
      validatorCompiler: bodyIsReadByRoute,
      schema: {
        operationId: 'sendBatch',
        summary: 'Sends a command to many devices',
        description:
          'The answer is that commands are accepted, and kept: one for each device that has the command and takes its ' +
          'parameters. Of the others, the outcomes tell why; where there is none at all, the batch is refused. ' +
          `At most ${limits.batchDevicesMax} devices. With an Idempotency-Key the request can be repeated, and is answered ` +
          'with the same bytes.',
        tags,
        querystring: noQuery,
        headers: Type.Object(idempotencyHeader(limits)),
        body: ref('BatchRequest'),
        response: {
          202: json('Accepted', ref('Batch'), sendHeaders),
          ...refusalsOfV1(
            'malformed_json',
            'forbidden',
            'not_found',
            'payload_too_large',
            'unsupported_media_type',
            'invalid_topic',
            'query_too_complex',
            'idempotency_mismatch',
            'too_many_requests'
          )
        }
      }
    },
    async (request, reply) => {
      const given: unknown = request.body ?? null
      const body = check(given)
      const payload = readPayload(body)
      const ask = readBatchAsk(body, { payload, contentType: contentTypeOf[body.encoding ?? 'json'] }, limits)
      const { answer, seq } = await batches.send(request.access, ask, {
        idempotencyKey: request.headers['idempotency-key'] ?? null,
        // The same key with a body for another path is another request
        body: `batch:${toCanonicalJson(given)}`,
        trace: request.trace,
        toAnswer: (batch) => JSON.stringify(toBatchView(batch))
      })
      const { id } = JSON.parse(answer) as { id: string }
      return reply
        .code(202)
        .headers({
          location: `/v1/batches/${id}`,
          'rialto-cursor': store.cursors.encode(seq || (await store.journal.head()).seq)
        })
        .type('application/json')
        .send(answer)
    }
  )

  app.get(
    '/batches',
    {
      schema: {
        operationId: 'listBatches',
        summary: 'Batches and how far they are',
        description:
          'Your own, or all where you may read everything. Newest first unless `order` says otherwise.',
        tags,
        querystring: strict({
          state: Type.Optional(Type.Array(batchState, { description: 'Only in these states' })),
          ...pageQuery(limits, 'desc'),
          ...minCursorQuery
        }),
        headers: readHeaders(limits),
        response: {
          200: json('A page of batches', ref('BatchPage'), listAnswerHeaders),
          304: notModified,
          ...refusalsOfV1(...listRefusals)
        }
      }
    },
    async (request, reply) => {
      const { access, query } = request
      const { state: states = [], limit = limits.pageItemsDefault, order = 'desc', page } = query
      const list = ['batches', states, order]
      return reads(request, reply, {
        behind: 'journal',
        watched: watchFacts(access, eventKinds.command, []),
        fixedBy: page === undefined ? [] : ['page'],
        async look() {
          const { until, after } = await paging.open(list, page)
          const { items, next } = await store.batches.page(access, { states, after, limit, order })
          return paging.close({ list, until, items, next, limit, toView: toBatchView })
        }
      })
    }
  )

  app.get(
    '/batches/:id',
    {
      schema: {
        operationId: 'getBatch',
        summary: 'A batch, and how far it is',
        description: 'As its commands are now. Only of POST /v1/batches.',
        tags,
        params,
        querystring: strict(minCursorQuery),
        headers: readHeaders(limits),
        response: {
          200: json('The batch', ref('Batch'), readAnswerHeaders),
          304: notModified,
          ...refusalsOfV1('not_found', ...readRefusals)
        }
      }
    },
    async (request, reply) => {
      const { access, params } = request
      return reads(request, reply, {
        behind: 'journal',
        watched: watchFacts(access, eventKinds.command, []),
        async look() {
          const view = toBatchView(await byId(access, params.id))
          return { etag: toListEtag([JSON.stringify(view)]), send: () => view }
        }
      })
    }
  )

  app.get(
    '/batches/:id/outcomes',
    {
      schema: {
        operationId: 'listBatchOutcomes',
        summary: 'What became of a batch, for each device',
        description:
          'Devices with a command in the order in which they become due, with the command as it is now; then ' +
          'those without, with the reason. Devices of topics that you may not read are left out.',
        tags,
        params,
        querystring: strict({
          limit: pageQuery(limits, 'asc').limit,
          page: pageQuery(limits, 'asc').page,
          ...minCursorQuery
        }),
        headers: readHeaders(limits),
        response: {
          200: json('A page of outcomes', ref('BatchOutcomePage'), listAnswerHeaders),
          304: notModified,
          ...refusalsOfV1('not_found', ...listRefusals)
        }
      }
    },
    async (request, reply) => {
      const { access, params, query } = request
      const { limit = limits.pageItemsDefault, page } = query
      const list = ['batchOutcomes', params.id]
      return reads(request, reply, {
        behind: 'journal',
        watched: watchFacts(access, eventKinds.command, []),
        async look() {
          const { until, after } = await paging.open(list, page)
          const { items, next } = await store.batches.outcomes(access, await byId(access, params.id), {
            after,
            limit
          })
          return paging.close({ list, until, items, next, limit, toView: toBatchOutcomeView })
        }
      })
    }
  )

  app.post(
    '/batches/:id/cancel',
    {
      schema: {
        operationId: 'cancelBatch',
        summary: 'Cancels what is not yet being published of a batch',
        description:
          'The answer comes when it is done: `counts.cancelled` tells how many. What is published already is waited for as ' +
          'before.',
        tags,
        params,
        querystring: noQuery,
        response: {
          200: json('Nothing more of it is published', ref('Batch'), header.rialtoCursor),
          ...refusalsOfV1('not_found', 'not_cancellable', 'forbidden')
        }
      }
    },
    async ({ access, params: { id } }, reply) => {
      const batch = await batches.cancel(access, id)
      const { seq } = await store.journal.head()
      return reply.header('rialto-cursor', store.cursors.encode(seq)).send(toBatchView(batch))
    }
  )
}
