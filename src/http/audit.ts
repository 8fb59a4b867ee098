/** GET the audit: who changed or commanded what, a page at a time, or all of it as one file. */

import { Type } from 'typebox'
import type { Cells } from '../history/exchange.ts'
import { exchangeFormats } from '../history/exchange.ts'
import { Problem } from '../errors.ts'
import type { AuditAsk, AuditRecord, AuditView } from '../store/audit-log.ts'
import { toAuditView } from '../store/audit-log.ts'
import { json, refusalsOfV1 } from './answers.ts'
import { auditColumns, auditExample } from './audit-schemas.ts'
import { createExportOutput } from './export-output.ts'
import type { Written } from './export-rows.ts'
import { createPaging, pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import { listAnswerHeaders, listRefusals, notModified, readHeaders } from './reads.ts'
import { ref, strict, word } from './schemas.ts'
import { readTimeRange, timeRange } from './time-range.ts'

const selection = {
  principal: Type.Optional(
    Type.String({ description: 'Only what this one asked for', examples: ['anonymous'] })
  ),
  action: Type.Optional(
    Type.String({ description: 'Only this operation, as it is named here', examples: ['sendCommands'] })
  ),
  subject: Type.Optional(
    Type.String({ description: 'Only what was done to this: an id, or a name, as entries have it' })
  ),
  ...timeRange('`at`')
}

interface Selection {
  principal?: string
  action?: string
  subject?: string
  from?: string
  to?: string
}

function readSelection(given: Selection): Omit<AuditAsk, 'after'> {
  const { principal = null, action = null, subject = null, ...range } = given
  return { principal, action, subject, ...readTimeRange(range) }
}

const written: Written<AuditRecord, AuditView> = {
  columns: auditColumns,
  toView: toAuditView,
  mayRead: ({ administers }) => administers === true,
  toCells: (view, cursor): Cells => [
    view.id,
    view.at,
    view.principal,
    view.address,
    view.action,
    view.subject,
    JSON.stringify(view.detail),
    cursor
  ]
}

export async function auditRoutes(app: Routes, parts: RouteParts): Promise<void> {
  const { store, limits, reads } = parts
  const paging = createPaging(store)
  const send = createExportOutput(parts)

  app.get(
    '/audit',
    {
      config: { administers: true },
      schema: {
        operationId: 'listAudit',
        summary: 'Who changed or commanded what, when, and from where',
        description:
          'Newest first unless `order` says otherwise. For administrators. Neither secrets nor payloads are in it ' +
          '(docs/audit.md). `from` is in the range, `to` is not.',
        tags: ['Audit'],
        querystring: strict({ ...selection, ...pageQuery(limits, 'desc') }),
        headers: readHeaders(limits),
        response: {
          200: json('A page of the audit', ref('AuditPage'), listAnswerHeaders),
          304: notModified,
          ...refusalsOfV1('forbidden', ...listRefusals)
        }
      }
    },
    async (request, reply) => {
      const { access, query } = request
      const { limit = limits.pageItemsDefault, order = 'desc', page, ...selected } = query
      const ask = readSelection(selected)
      const list = ['audit', ask, order]
      return reads(request, reply, {
        behind: 'journal',
        async look() {
          const { until, after } = await paging.open(list, page)
          const { items, next } = await store.audit.page(access, { ...ask, after, limit, order })
          return paging.close({ list, until, items, next, limit, toView: toAuditView })
        }
      })
    }
  )

  app.get(
    '/export/audit',
    {
      exposeHeadRoute: false,
      config: { administers: true },
      schema: {
        operationId: 'exportAudit',
        summary: 'The audit, as one file',
        description:
          'Oldest first, up to the newest entry that is there when it begins. For administrators. The last row tells by its ' +
          `\`cursor\` that nothing is missing. Columns of csv: ${auditColumns.join(', ')}; \`detail\` is JSON.`,
        tags: ['Audit'],
        querystring: strict({
          ...selection,
          format: Type.Optional(word(['ndjson', 'csv'], 'ndjson: an object a line. Default ndjson')),
          header: Type.Optional(
            Type.Boolean({ description: 'Of csv: begin with a row of the names of columns. Default true' })
          ),
          after: Type.Optional(
            Type.String({
              description:
                'Only entries behind this one: the `cursor` of a row, or `Rialto-Cursor` of a whole file',
              examples: ['0']
            })
          )
        }),
        response: {
          200: {
            description: 'Entries. Cut off, the file has no end: go on from its last cursor',
            headers: {
              'Rialto-Cursor': Type.String({
                description: 'The newest entry that is looked at: for `after`, here and nowhere else'
              }),
              'Content-Disposition': Type.String({ description: 'A name for the file' })
            },
            content: {
              [exchangeFormats.ndjson.mediaType]: { schema: Type.String(), example: auditExample.ndjson },
              [exchangeFormats.csv.mediaType]: { schema: Type.String(), example: auditExample.csv }
            }
          },
          ...refusalsOfV1('forbidden', 'too_many_requests')
        }
      }
    },
    async (request, reply) => {
      const { access, query } = request
      const { format = 'ndjson', header = true, after, ...selected } = query
      const ask = { ...readSelection(selected), after: after === undefined ? null : readAfter(after) }
      await send(request, reply, {
        name: 'audit',
        format,
        header,
        written,
        cursors: { encode: String },
        open: () => store.audit.export(access, ask)
      })
    }
  )
}

function readAfter(text: string): number {
  const number = Number(text)
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(number)) return number
  const detail = 'is the number of an entry: the `cursor` of a row of this export'
  throw new Problem('invalid_value', `after ${detail}`, [{ pointer: 'after', detail }])
}
