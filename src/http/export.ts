/** GET export: all datapoints or messages that are kept, as one file. */

import { Type } from 'typebox'
import type { ExchangeFormat } from '../history/exchange.ts'
import { datapointColumns, exchangeFormats, messageColumns } from '../history/exchange.ts'
import { mayMiss } from '../feed/missing.ts'
import type { DroppedClass, FactKind, Seq } from '../model.ts'
import { eventKinds } from '../views.ts'
import { refusalsOfV1 } from './answers.ts'
import { exportExamples } from './export-examples.ts'
import { createExportOutput } from './export-output.ts'
import { writtenDatapoints, writtenMessages } from './export-rows.ts'
import { checkFilters, filterQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import { minCursorQuery, readRefusals } from './reads.ts'
import { strict, word } from './schemas.ts'
import { readDeviceWhere, readPatterns, seriesQuery } from './series-query.ts'
import { readTimeRange, timeRange } from './time-range.ts'

const exportQuery = {
  format: Type.Optional(
    word(Object.keys(exchangeFormats) as ExchangeFormat[], 'ndjson: an object a line. Default ndjson')
  ),
  header: Type.Optional(
    Type.Boolean({ description: 'Of csv: begin with a row of the names of columns. Default true' })
  ),
  after: Type.Optional(
    Type.String({
      description:
        'A cursor: only what is of messages behind it. That of a row goes on with an export that was cut off; ' +
        '`Rialto-Cursor` of one that is whole gives what has come since',
      examples: ['earliest']
    })
  ),
  ...minCursorQuery
}

const exported = (what: string, example: Record<ExchangeFormat, string>) => ({
  description: `${what}, in the order in which they were committed. Cut off, the file has no end: go on from its last cursor`,
  headers: {
    'Rialto-Cursor': Type.String({
      description: 'What was there up to here is in it. The last row has the same as its cursor'
    }),
    'Content-Disposition': Type.String({ description: 'A name for the file' })
  },
  content: Object.fromEntries(
    (Object.keys(exchangeFormats) as ExchangeFormat[]).map((format) => [
      exchangeFormats[format].mediaType,
      { schema: Type.String(), example: example[format] }
    ])
  )
})

/** That datapoints come from. */
const kindsOfDatapoints = ['message', 'snapshot', 'cleared', 'imported'] as const

const about =
  'One answer of any length, at the pace of its reader. The last row of each message has a `cursor`: keep the rows up to ' +
  'the last that has one, and go on with `after` and that, and nothing is missing and nothing is there twice. What comes ' +
  'while it is read is left to the next export. '

export async function exportRoutes(app: Routes, parts: RouteParts): Promise<void> {
  const { store, limits, minCursor } = parts
  const send = createExportOutput(parts)
  const refusals = ['invalid_filter', 'cursor_expired', ...readRefusals] as const

  /** Facts that are seen already. `part` counts as seen where one fact is one item. */
  async function startOf(after: string | undefined, isOneEach: boolean): Promise<Seq | null> {
    if (after === undefined || after === 'earliest') return null
    const { seq, part } = store.cursors.decodePosition(after, await store.journal.head())
    return isOneEach && part > 0 ? seq + 1 : seq
  }

  function wanted(filter: readonly string[] | undefined, kinds: readonly FactKind[]) {
    const filters = checkFilters(filter, limits)
    return { filters, mayMiss: (one: DroppedClass) => mayMiss(one, { filters, kinds }) }
  }

  app.get(
    '/export/datapoints',
    {
      exposeHeadRoute: false,
      schema: {
        operationId: 'exportDatapoints',
        summary: 'All datapoints that are kept, as one file',
        description:
          `${about}Datapoints of messages that a redrive read again before the cursor are not given again. Columns of csv: ` +
          `${datapointColumns.join(', ')}; \`value\` is exact, base64 for bytes, and \`type\` tells an empty text from null.`,
        tags: ['Devices'],
        querystring: strict({
          ...seriesQuery,
          ...filterQuery,
          ...timeRange('`observedAt`'),
          ...exportQuery
        }),
        response: {
          200: exported('Datapoints', exportExamples.datapoints),
          ...refusalsOfV1('query_too_complex', 'precondition_failed', ...refusals)
        }
      }
    },
    async (request, reply) => {
      const { access, query } = request
      const { format = 'ndjson', header = true, after, 'min-cursor': behind } = query
      const ask = {
        devices: readPatterns(query.device, limits, 'device'),
        metrics: readPatterns(query.metric, limits, 'metric'),
        where: readDeviceWhere(query.where, limits),
        ...wanted(query.filter, kindsOfDatapoints),
        ...readTimeRange(query)
      }
      await send(request, reply, {
        name: 'datapoints',
        format,
        header,
        written: writtenDatapoints,
        async open(signal) {
          if (behind !== undefined) await minCursor.projected(behind, signal)
          return store.exports.datapoints(access, { ...ask, after: await startOf(after, false) })
        }
      })
    }
  )

  app.get(
    '/export/messages',
    {
      exposeHeadRoute: false,
      schema: {
        operationId: 'exportMessages',
        summary: 'All messages that are kept, as one file',
        description:
          `${about}Columns of csv: ${messageColumns.join(', ')}; the payload is in \`payloadText\` where it is text, and ` +
          'else in `payloadBase64`; `properties` is JSON.',
        tags: ['Messages'],
        querystring: strict({
          ...filterQuery,
          ...timeRange('the time of the commit, as `asOf` has it,'),
          ...exportQuery
        }),
        response: { 200: exported('Messages', exportExamples.messages), ...refusalsOfV1(...refusals) }
      }
    },
    async (request, reply) => {
      const { access, query } = request
      const { format = 'ndjson', header = true, after, 'min-cursor': behind } = query
      const ask = {
        kinds: eventKinds.message,
        ...wanted(query.filter, eventKinds.message),
        ...readTimeRange(query)
      }
      await send(request, reply, {
        name: 'messages',
        format,
        header,
        written: writtenMessages,
        async open(signal) {
          if (behind !== undefined) await minCursor.journal(behind, signal)
          return store.exports.messages(access, { ...ask, after: await startOf(after, true) })
        }
      })
    }
  )
}
