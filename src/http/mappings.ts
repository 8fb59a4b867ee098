/** Mappings: what they are, what they would do, why a topic is where it is, and to read them again. */

import { Type } from 'typebox'
import { Problem } from '../errors.ts'
import {
  toExplanationView,
  toMappingsView,
  toPreviewView,
  toProjectionView,
  toReloadedView
} from '../projection/views.ts'
import { filterFault } from '../topic.ts'
import { header, json, noQuery, refusalsOfV1 } from './answers.ts'
import type { RouteParts, Routes } from './parts.ts'
import { createPreviewReader } from './preview-body.ts'
import { ref, strict } from './schemas.ts'
import { bodyIsReadByRoute, createCheck } from './validation.ts'

const tags = ['Mappings']

export async function mappingRoutes(app: Routes, parts: RouteParts): Promise<void> {
  const { store, projections, limits } = parts
  const readPreview = createPreviewReader(limits)

  app.get(
    '/mappings',
    {
      config: { administers: true },
      schema: {
        operationId: 'getMappings',
        summary: 'The mappings in use',
        description: 'And the faults of rialto.yaml at the last reload, when it had any.',
        tags,
        querystring: noQuery,
        response: { 200: json('The mappings', ref('Mappings')), ...refusalsOfV1('forbidden') }
      }
    },
    async () => toMappingsView(await projections.mappings())
  )

  app.post(
    '/mappings/preview',
    {
      config: { onlyReads: true },
      validatorCompiler: bodyIsReadByRoute,
      schema: {
        operationId: 'previewMapping',
        summary: 'What a message would give',
        description:
          'Of the mappings in use, or of others. Nothing is stored. Faults of other mappings are `invalid_value`, with ' +
          'an error for each: its pointer is into that document.',
        tags,
        querystring: noQuery,
        body: ref('PreviewRequest'),
        response: {
          200: json('What it would give', ref('Preview')),
          ...refusalsOfV1(
            'malformed_json',
            'forbidden',
            'not_found',
            'payload_too_large',
            'unsupported_media_type',
            'invalid_topic'
          )
        }
      }
    },
    async ({ access, body }) => {
      const ask = readPreview(body ?? null)
      return toPreviewView(await projections.preview(access, ask))
    }
  )

  const reloadBody = strict({
    rebuild: Type.Optional(
      Type.Boolean({
        description:
          'Whether what is kept is built anew with changed mappings; absent: as `rebuild` in rialto.yaml says'
      })
    )
  })
  const checkReload = createCheck(reloadBody)

  app.post(
    '/mappings/reload',
    {
      validatorCompiler: bodyIsReadByRoute,
      config: { administers: true },
      schema: {
        operationId: 'reloadMappings',
        summary: 'Reads rialto.yaml again',
        description:
          'Live messages use it at once. Faults are `invalid_value` with an error for each, and the mappings before ' +
          'stay in use. Only the instance that leads can change what is normalized.',
        tags,
        querystring: noQuery,
        body: reloadBody,
        response: {
          200: json('It was read', ref('Reloaded'), header.rialtoCursor),
          ...refusalsOfV1(
            'forbidden',
            'malformed_json',
            'payload_too_large',
            'unsupported_media_type',
            'not_leading'
          )
        }
      }
    },
    async (request, reply) => {
      const { rebuild = null } = checkReload(request.body ?? {})
      const reloaded = await projections.reload({ rebuild, by: request.access })
      const { seq, horizon } = await store.journal.head()
      return reply.header('rialto-cursor', store.cursors.encode(seq)).send(toReloadedView(reloaded, horizon))
    }
  )

  app.get(
    '/projections',
    {
      schema: {
        operationId: 'listProjections',
        summary: 'Versions of devices, metrics and datapoints',
        description:
          'The current one, one that is being built and how far it is, and retired ones that are not yet deleted.',
        tags,
        querystring: noQuery,
        response: { 200: json('Projections', ref('ProjectionList')), ...refusalsOfV1() }
      }
    },
    async () => {
      const [list, { horizon }] = await Promise.all([projections.list(), store.journal.head()])
      return { items: list.map((projection) => toProjectionView(projection, horizon)) }
    }
  )

  app.get(
    '/explain',
    {
      schema: {
        operationId: 'explain',
        summary: 'Where the messages of a topic are, and why',
        description:
          'Which filter and mapping match, what became of the newest messages, what was rejected. The first verdict ' +
          'names the culprit.',
        tags,
        querystring: strict({
          topic: Type.String({
            minLength: 1,
            description: 'Topic name',
            examples: ['plant/press-3/temperature']
          })
        }),
        response: {
          200: json('The explanation', ref('Explanation')),
          ...refusalsOfV1('forbidden', 'invalid_topic')
        }
      }
    },
    async ({ access, query: { topic } }) => {
      // That a filter is no topic is a verdict; what is neither never came
      const detail = filterFault(topic, Infinity)?.replace('a filter', 'a topic') ?? null
      if (detail !== null) throw new Problem('invalid_topic', detail, [{ pointer: 'topic', detail }])
      return toExplanationView(await projections.explain(access, topic))
    }
  )
}
