/** The shapes of the audit, named as in openapi.yaml, and examples of them. */

import { Type } from 'typebox'
import type { RequestExample } from './request-example.ts'
import { from, one, to } from './request-example.ts'
import { named, nullable, page, text } from './schemas.ts'

export const auditColumns = [
  'id',
  'at',
  'principal',
  'address',
  'action',
  'subject',
  'detail',
  'cursor'
] as const

export const auditSchemas = [
  named('AuditEntry', 'Something that somebody changed or commanded.', {
    id: text('Number of the entry; they have holes'),
    at: Type.String({ format: 'date-time', description: 'When, by the clock of the database' }),
    principal: text(
      'Who asked for it: `api-key`, `anonymous`, `key:<id>`, `oidc:<sub>`, `cli:<user>` or `signal`'
    ),
    address: nullable(text('Address of the client; null: not known')),
    action: text('The operation, as it is named here'),
    subject: text('What it was done to: an id, or a name'),
    detail: Type.Object(
      {},
      { description: 'What else there is to say, without secrets and payloads', additionalProperties: true }
    )
  }),
  page('AuditPage', 'AuditEntry', 'Entries, and the newest position when the first page was read.')
]

const entry = {
  id: '17',
  at: '2026-03-14T09:26:53.589Z',
  principal: 'api-key',
  address: '192.0.2.7',
  action: 'setRetentionClass',
  subject: 'alarms',
  detail: { filters: ['plant/+/alarm'], keepSeconds: 31_536_000, keepBytes: null }
}

export const auditExamples: Record<string, unknown> = { AuditEntry: entry }

const cells = [entry.id, entry.at, entry.principal, entry.address, entry.action, entry.subject]

export const auditExample = {
  ndjson: `${JSON.stringify({ ...entry, cursor: '17' })}\n`,
  csv:
    `${auditColumns.join(',')}\r\n` +
    `${cells.join(',')},"${JSON.stringify(entry.detail).replaceAll('"', '""')}",17\r\n`
}

export const auditRequests: Record<string, Record<string, RequestExample>> = {
  listAudit: one('The newest two commands of a time', { action: 'sendCommands', from, to, limit: 2 }),
  exportAudit: one('For a spreadsheet', { format: 'csv', from, to })
}
