/** How long what is kept: classes of topics, and what datapoints come to. */

import type { FastifyReply } from 'fastify'
import { toRetentionClassView, toRetentionView } from '../history/retention-view.ts'
import { header, json, noQuery, refusalsOfV1 } from './answers.ts'
import type { RouteParts, Routes } from './parts.ts'
import { retentionClassName, retentionSchemaOf } from './retention-schemas.ts'
import { ref, strict } from './schemas.ts'
import { bodyIsReadByRoute, createCheck } from './validation.ts'

const tags = ['Retention']
const bodyRefusals = ['malformed_json', 'payload_too_large', 'unsupported_media_type', 'forbidden'] as const

export async function retentionRoutes(app: Routes, { store, limits }: RouteParts): Promise<void> {
  const { retention } = store
  const schemaOf = retentionSchemaOf(limits)
  const checkClass = createCheck(schemaOf.class)
  const checkRollups = createCheck(schemaOf.rollups)
  const classParameter = strict({ name: retentionClassName })

  const read = async () => toRetentionView(await retention.classes(), await retention.rollups())

  async function withCursor(reply: FastifyReply, answer: object): Promise<FastifyReply> {
    const { seq } = await store.journal.head()
    return reply.header('rialto-cursor', store.cursors.encode(seq)).send(answer)
  }

  app.get(
    '/retention',
    {
      config: { administers: true },
      schema: {
        operationId: 'getRetention',
        summary: 'How long what is kept',
        description:
          'Classes of topics, in the order in which they are asked: a topic is of the first with a filter that matches, else ' +
          'of `default`. And rollups, which outlive the datapoints that they are of.',
        tags,
        querystring: noQuery,
        response: { 200: json('What is kept', ref('Retention')), ...refusalsOfV1('forbidden') }
      }
    },
    read
  )

  app.put(
    '/retention/classes/:name',
    {
      validatorCompiler: bodyIsReadByRoute,
      config: { administers: true },
      schema: {
        operationId: 'setRetentionClass',
        summary: 'Makes a class of retention, or changes it',
        description:
          'All of it: what is absent has no limit. Topics come to the class within minutes; what was received before stays ' +
          'in the class that it came to. What is older than the class keeps is dropped, and cannot be had back. `default` takes no ' +
          'filters, and where RIALTO_RETENTION is set, it sets this anew at each start. It stands in the audit.',
        tags,
        params: classParameter,
        querystring: noQuery,
        body: schemaOf.class,
        response: {
          200: json('The class', ref('RetentionClass'), header.rialtoCursor),
          ...refusalsOfV1(...bodyRefusals, 'invalid_filter')
        }
      }
    },
    async (request, reply) => {
      const { name } = request.params
      const { filters = [], keepSeconds = null, keepBytes = null } = checkClass(request.body ?? {})
      const made = await retention.setClass(name, { filters, keepSeconds, keepBytes }, request.access)
      return withCursor(reply, toRetentionClassView(made))
    }
  )

  app.delete(
    '/retention/classes/:name',
    {
      config: { administers: true },
      schema: {
        operationId: 'removeRetentionClass',
        summary: 'Removes a class of retention',
        description:
          'Its topics come to other classes. What it has is kept as long as it says; then it is gone. It stands in the audit.',
        tags,
        params: classParameter,
        querystring: noQuery,
        response: {
          200: json('What is kept now', ref('Retention'), header.rialtoCursor),
          ...refusalsOfV1('not_found', 'forbidden')
        }
      }
    },
    async (request, reply) => {
      await retention.removeClass(request.params.name, request.access)
      return withCursor(reply, await read())
    }
  )

  app.put(
    '/retention/rollups',
    {
      validatorCompiler: bodyIsReadByRoute,
      config: { administers: true },
      schema: {
        operationId: 'setRollupRetention',
        summary: 'Changes how long rollups are kept',
        description:
          'Those that are absent stay as they are. What is older is dropped, and cannot be had back. It stands in the audit.',
        tags,
        querystring: noQuery,
        body: schemaOf.rollups,
        response: {
          200: json('How long they are kept', ref('RollupRetention'), header.rialtoCursor),
          ...refusalsOfV1(...bodyRefusals)
        }
      }
    },
    async (request, reply) =>
      withCursor(reply, await retention.setRollups(checkRollups(request.body ?? {}), request.access))
  )
}
