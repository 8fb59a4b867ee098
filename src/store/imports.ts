/**
 * Imports: files of datapoints that clients bring, each under a name of its client. What is committed of one is counted in
 * lines, in the transaction that commits it, so that a file that is sent again goes on where it was.
 */

import { Problem } from '../errors.ts'
import type { ExchangeFormat } from '../history/exchange.ts'
import type { Limits } from '../limits.ts'
import type { Millis, Seq } from '../model.ts'
import type { AppendQueue } from './append.ts'
import type { ImportBatch, ImportRow, ImportRun } from './append-import.ts'
import { importStatement } from './append-import.ts'
import type { Pool } from './database.ts'
import type { Guard } from './guard.ts'
import type { TopicIds } from './topics.ts'

/** `interrupted`: not all of it came, and nobody reads on. */
export const importStates = ['running', 'interrupted', 'done'] as const
export type ImportState = (typeof importStates)[number]

export interface Import {
  id: string
  principal: string
  format: ExchangeFormat
  state: ImportState
  /** Lines, or records behind the header, that are committed, and the datapoints in them. */
  lines: number
  datapoints: number
  /** The newest fact of it; 0: none. */
  lastSeq: Seq
  startedAt: Millis
  updatedAt: Millis
}

/** An import that is the caller's until somebody goes on with it in his place. */
export interface OpenImport extends ImportRun {
  /** What is committed of it already. */
  lines: number
  /** Of these lines; null: none. */
  digest: Uint8Array | null
}

export interface Imports {
  /**
   * Begins one, or goes on with one. Throws Problem `import_running` while another request does, and `invalid_value` where
   * it is of another format.
   */
  begin(principal: string, id: string, format: ExchangeFormat, address?: string): Promise<OpenImport>
  /**
   * Commits some lines, all or nothing, once; returns where it is behind them. Throws Problem `import_running` where
   * somebody else has gone on with it, and `database_unavailable`.
   */
  append(open: OpenImport, batch: ImportBatch): Promise<OpenImport>
  /** It is read on, although nothing came of it lately. */
  renew(run: ImportRun): Promise<void>
  /** Nobody reads it any more; `done`: since all of it is committed. */
  end(run: ImportRun, done: boolean): Promise<Import>
  /** Null: the principal has none of that name. */
  byId(principal: string, id: string): Promise<Import | null>
  /** Of the principal, newest first. */
  list(principal: string, limit: number): Promise<Import[]>
}

export function createImports(parts: {
  pool: Pool
  queue: AppendQueue
  guard: Guard
  topicIds: TopicIds
  limits: Limits
}): Imports {
  const { pool, queue, guard, topicIds, limits } = parts
  const leaseMs = limits.importLeaseMs

  async function byId(principal: string, id: string): Promise<Import | null> {
    const { rows } = await pool.query<FoundRow>({
      name: 'import_by_id',
      text: `select ${columns} from imports where principal = $1 and id = $2`,
      values: [principal, id]
    })
    return rows[0] === undefined ? null : toImport(rows[0])
  }

  /** How many lines are committed, under this run; null: it is another's. */
  async function committedLines({ principal, id, run }: ImportRun): Promise<number | null> {
    const { rows } = await pool.query<{ lines: number }>(
      'select lines from imports where principal = $1 and id = $2 and run = $3',
      [principal, id, run]
    )
    return rows[0]?.lines ?? null
  }

  return {
    byId,
    async begin(principal, id, format, address) {
      const { rows } = await pool.query<{ run: number; lines: number; digest: Buffer | null }>({
        name: 'begin_import',
        text: beginSql,
        values: [principal, id, format, leaseMs, address ?? null]
      })
      const row = rows[0]
      if (row !== undefined) return { principal, id, ...row }
      const there = await byId(principal, id)
      if (there !== null && there.format !== format && there.state !== 'running')
        throw new Problem(
          'invalid_value',
          `The import ${id} is ${there.format}: send that, or choose another id`
        )
      throw running(id)
    },
    async append(open, batch) {
      const prepare = async () => {
        const names = [...new Set(batch.facts.map(({ topic }) => topic))]
        const forgets = await topicIds.forgets()
        const resolved = await topicIds.resolve(names)
        const topics = new Map(names.map((name, index) => [name, resolved[index]!]))
        return importStatement(open, batch, topics, forgets, leaseMs, guard.sql)
      }
      const rows = await queue.push<ImportRow>(guard, prepare, { patient: false })
      // Where the answer of COMMIT was lost, the row tells what it was
      const lines = rows === null ? await committedLines(open) : rows[0]!.lines
      if (lines === null || lines !== open.lines + batch.lines) throw running(open.id)
      return { ...open, lines, digest: batch.digest }
    },
    async renew({ principal, id, run }) {
      await pool.query({
        name: 'renew_import',
        text: `update imports set lease_until = clock_timestamp() + $4 * interval '1 ms'
               where principal = $1 and id = $2 and run = $3 and lease_until is not null`,
        values: [principal, id, run, leaseMs]
      })
    },
    async end({ principal, id, run }, done) {
      const { rows } = await pool.query<FoundRow>({
        name: 'end_import',
        text: `update imports set lease_until = null, state = case when $4 then 'done' else state end,
                 updated_at = clock_timestamp()
               where principal = $1 and id = $2 and run = $3 returning ${columns}`,
        values: [principal, id, run, done]
      })
      if (rows[0] === undefined) throw running(id)
      return toImport(rows[0])
    },
    async list(principal, limit) {
      const { rows } = await pool.query<FoundRow>({
        name: 'list_imports',
        text: `select ${columns} from imports where principal = $1 order by started_at desc, id desc limit $2`,
        values: [principal, limit]
      })
      return rows.map(toImport)
    }
  }
}

const running = (id: string): Problem =>
  new Problem(
    'import_running',
    `The import ${id} is being read for another request; wait until that has ended`
  )

interface FoundRow {
  principal: string
  id: string
  format: string
  state: string
  held: boolean
  lines: number
  datapoints: number
  last_seq: number
  started_at: Date
  updated_at: Date
}

const columns = `principal, id, format, state, coalesce(lease_until > clock_timestamp(), false) as held, lines, datapoints,
  last_seq, started_at, updated_at`

const toImport = (row: FoundRow): Import => ({
  id: row.id,
  principal: row.principal,
  format: row.format as ExchangeFormat,
  state: row.held ? 'running' : row.state === 'done' ? 'done' : 'interrupted',
  lines: row.lines,
  datapoints: row.datapoints,
  lastSeq: row.last_seq,
  startedAt: row.started_at.getTime(),
  updatedAt: row.updated_at.getTime()
})

const beginSql = `
  with begun as (
  insert into imports as i (principal, id, format, state, lease_until)
  values ($1, $2, $3, 'running', clock_timestamp() + $4 * interval '1 ms')
  on conflict (principal, id) do update set format = excluded.format, run = i.run + 1,
    lease_until = excluded.lease_until, updated_at = clock_timestamp()
  where (i.lease_until is null or i.lease_until <= clock_timestamp()) and (i.format = excluded.format or i.lines = 0)
  returning run, lines, digest
  ),
  audited as (
    insert into audit (principal, address, action, subject, detail)
    select $1, $5::text, 'importDatapoints', $2, json_build_object('format', $3::text, 'fromLine', lines) from begun
  )
  select run, lines, digest from begun`
