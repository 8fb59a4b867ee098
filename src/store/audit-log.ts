/** The audit: who changed or commanded what, when, and from where. Entries are added and read, and go when they are old. */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access, Millis } from '../model.ts'
import type { AuditEntry } from './audit.ts'
import { insertAudit } from './audit.ts'
import type { Pool } from './database.ts'
import type { Export } from './export.ts'

export interface AuditRecord {
  /** Its number: 1, 2, ..., with holes, in the order in which entries were written. */
  seq: number
  at: Millis
  principal: string
  /** Address of the client; null: not known. */
  address: string | null
  /** The name of the operation, as openapi.yaml has it. */
  action: string
  subject: string
  detail: object
}

export interface AuditAsk {
  /** Exactly these; null: any. */
  principal: string | null
  action: string | null
  subject: string | null
  /** from <= at < to. */
  from: Millis | null
  to: Millis | null
  /** Behind this entry, in the order that is asked for; null: from its beginning. */
  after: number | null
}

/** Each that reads throws Problem `forbidden` for whoever is no administrator. */
export interface AuditLog {
  page(
    access: Access,
    ask: AuditAsk & { limit: number; order: 'asc' | 'desc' }
  ): Promise<{ items: AuditRecord[]; next: number | null }>
  /** Oldest first, up to the newest that is there when it begins. */
  export(access: Access, ask: AuditAsk): Promise<Export<AuditRecord>>
  /** For a change that has no transaction of its own in the database. */
  write(entry: AuditEntry): Promise<void>
  /** Deletes what is older, some rows at a time; returns how many. */
  forget(keepSeconds: number): Promise<number>
}

export function createAuditLog(
  pool: Pool,
  limits: Pick<Limits, 'exportPageRowsMax' | 'forgetRowsPerStepMax'>
): AuditLog {
  /** Postgres takes no NUL, and nothing that is stored has one. */
  const is = (column: string, value: string, parameter: (value: unknown) => string): string =>
    value.includes('\0') ? 'false' : `${column} = ${parameter(value)}`

  async function read(ask: AuditAsk, until: number | null, limit: number, order: 'asc' | 'desc') {
    const values: unknown[] = []
    const parameter = (value: unknown): string => `$${values.push(value)}`
    const conditions = [
      ...(['principal', 'action', 'subject'] as const).flatMap((column) =>
        ask[column] === null ? [] : [is(column, ask[column], parameter)]
      ),
      ...(ask.from === null ? [] : [`at >= ${parameter(new Date(ask.from).toISOString())}::timestamptz`]),
      ...(ask.to === null ? [] : [`at < ${parameter(new Date(ask.to).toISOString())}::timestamptz`]),
      ...(ask.after === null ? [] : [`id ${order === 'asc' ? '>' : '<'} ${parameter(ask.after)}::int8`]),
      ...(until === null ? [] : [`id <= ${parameter(until)}::int8`])
    ]
    const { rows } = await pool.query<AuditRow>(
      `select id, at, principal, address, action, subject, detail from audit
       where ${conditions.join(' and ') || 'true'} order by id ${order} limit ${parameter(limit + 1)}`,
      values
    )
    const items = rows.slice(0, limit).map(toRecord)
    return { items, next: rows.length > limit ? items.at(-1)!.seq : null }
  }

  return {
    async page(access, { limit, order, ...ask }) {
      checkAdministers(access)
      return read(ask, null, limit, order)
    },
    async export(access, ask) {
      checkAdministers(access)
      const { rows } = await pool.query<{ newest: number | null }>('select max(id) as newest from audit')
      const until = Math.max(rows[0]!.newest ?? 0, ask.after ?? 0)
      return {
        until,
        async *pages() {
          for (let after = ask.after; ;) {
            checkAdministers(access)
            const { items, next } = await read({ ...ask, after }, until, limits.exportPageRowsMax, 'asc')
            yield items
            if (next === null) return
            after = next
          }
        }
      }
    },
    async write(entry) {
      const client = await pool.connect()
      try {
        await insertAudit(client, entry)
      } finally {
        client.release()
      }
    },
    async forget(keepSeconds) {
      let forgotten = 0
      for (;;) {
        // The entry of a topic that is being forgotten says what is left to do
        const { rowCount } = await pool.query(
          `delete from audit where id in (
             select id from audit where at < now() - make_interval(secs => $1)
               and not (action = 'forget' and detail ->> 'topicId' is not null)
             order by at, id limit $2)`,
          [keepSeconds, limits.forgetRowsPerStepMax]
        )
        forgotten += rowCount ?? 0
        if ((rowCount ?? 0) < limits.forgetRowsPerStepMax) return forgotten
      }
    }
  }
}

function checkAdministers(access: Access): void {
  if (access.administers !== true)
    throw new Problem('forbidden', 'The audit is for administrators: the role `admin` is needed')
}

interface AuditRow {
  id: number
  at: Date
  principal: string
  address: string | null
  action: string
  subject: string
  detail: object
}

const toRecord = ({ id, at, ...row }: AuditRow): AuditRecord => ({ seq: id, at: at.getTime(), ...row })

/** As REST and GraphQL tell it. */
export interface AuditView {
  id: string
  at: string
  principal: string
  address: string | null
  action: string
  subject: string
  detail: object
}

export const toAuditView = ({ seq, at, ...record }: AuditRecord): AuditView => ({
  id: String(seq),
  at: new Date(at).toISOString(),
  ...record
})
