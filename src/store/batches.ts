/** Batches of commands: reading them, ending them, and their outcomes. They are stored with their commands. */

import type { BatchOutcome, BatchRefusal, BatchState, CommandBatch, StateCounts } from '../command-batch.ts'
import type { Access, Millis, Seq } from '../model.ts'
import { mayReadCommand } from '../visibility.ts'
import type { Actor } from './audit.ts'
import type { CommandRow } from './command-rows.ts'
import { toReadCommand } from './command-rows.ts'
import type { Database } from './database.ts'

export interface BatchesAsk {
  /** None: whichever. */
  states: readonly BatchState[]
  /** `seq` of the last one, exclusive, in the direction of `order`. */
  after: Seq | null
  limit: number
  order: 'asc' | 'desc'
}

/** Whoever asked for a batch may read it, and who may read everything. */
export interface BatchStore {
  byId(access: Access, id: string): Promise<CommandBatch | null>
  page(access: Access, ask: BatchesAsk): Promise<{ items: CommandBatch[]; next: Seq | null }>
  /**
   * For each device: commands in the order of devices, and then refusals. `after`: number of the last one, from 0. Those of
   * topics and devices that may not be read are left out, but for one's own commands.
   */
  outcomes(
    access: Access,
    batch: CommandBatch,
    ask: { after: number | null; limit: number }
  ): Promise<{ items: BatchOutcome[]; next: number | null }>
  /** Those of which a command may still change, or that are not noted as finished; oldest first. */
  open(limit: number): Promise<CommandBatch[]>
  countOpen(): Promise<number>
  /** From running: nothing of it is published for the first time from then on. False: it was not running. */
  end(id: string, state: 'stopped' | 'cancelled', reason: string, by?: Actor): Promise<boolean>
  /** Those that are not being published, behind the position `after`, in order. */
  left(id: string, after: Seq, limit: number): Promise<LeftCommand[]>
  /** Notes what its commands came to; none of them changes any more. */
  finish(batch: CommandBatch): Promise<void>
  /** Deletes batches that finished before system's facts are kept, and so lets go of their commands; returns how many. */
  forgetFinished(): Promise<number>
}

export interface LeftCommand {
  id: string
  seq: Seq
  topic: string
  device: string | null
  /** Where there were any, the broker may have it. */
  attempts: number
}

interface BatchRow {
  id: string
  seq: Seq
  principal: string
  devices: string[]
  where: string | null
  name: string
  rate_per_second: number | null
  stop_at_failure_share: number | null
  stop_after: number | null
  accepted: number
  refusals: BatchRefusal[]
  created_at: Date
  state: BatchState
  reason: string | null
  finished_at: Date | null
  counts: StateCounts
  final: number
}

/**
 * What its commands say, until it is noted. Whether it is finished is told by them alone, so that it is never behind what
 * they are.
 */
const batchesSql = `
  select b.id, b.seq, b.principal, b.devices, b."where", b.name, b.rate_per_second, b.stop_at_failure_share, b.stop_after,
    b.accepted, b.refusals, b.created_at, b.reason,
    case when b.state = 'running' and (b.finished_at is not null or c.final = b.accepted) then 'finished' else b.state end
      as state,
    case when c.final = b.accepted then c.last else b.finished_at end as finished_at,
    coalesce(b.counts, c.counts, '{}') as counts,
    case when b.finished_at is null then coalesce(c.final, 0) else b.accepted end as final
  from batches b left join lateral (
    select json_object_agg(state, n) as counts, sum(finished)::int4 as final, max(last) as last from (
      select state, count(*) as n, count(finished_at) as finished, max(finished_at) as last
      from commands where batch_id = b.id group by state) s
  ) c on b.finished_at is null`

export function createBatchStore({ pool, prisma }: Pick<Database, 'pool' | 'prisma'>): BatchStore {
  return {
    async byId(access, id) {
      const { rows } = await pool.query<BatchRow>({
        name: 'batch_by_id',
        text: `${batchesSql} where b.id = $1 and ($2 or b.principal = $3)`,
        values: [id, access.readsAll === true, access.principal]
      })
      return rows[0] === undefined ? null : toBatch(rows[0])
    },

    async page(access, { states, after, limit, order }) {
      const { rows } = await pool.query<BatchRow>({
        name: `batches_${order}`,
        text: `select * from (${batchesSql} where ($1 or b.principal = $2)
                 and ($3::int8 is null or b.seq ${order === 'asc' ? '>' : '<'} $3)) b
               where $4::text[] = '{}' or state = any ($4) order by seq ${order} limit $5`,
        values: [access.readsAll === true, access.principal, after, states, limit]
      })
      return { items: rows.map(toBatch), next: rows.length < limit ? null : rows.at(-1)!.seq }
    },

    async outcomes(access, { id, seq, accepted, refusals }, { after, limit }) {
      const from = after === null ? 0 : after + 1
      const to = from + limit
      // One acceptance has one range of positions
      const rows = await prisma.command.findMany({
        where: { batchId: id, createdSeq: { gte: seq + from, lt: seq + Math.min(to, accepted) } },
        orderBy: { createdSeq: 'asc' }
      })
      const commands = (rows as CommandRow[])
        .flatMap((row) => toReadCommand(row, access) ?? [])
        .map((command): BatchOutcome => ({
          n: command.createdSeq - seq,
          device: command.device ?? command.topic,
          command
        }))
      const refused = refusals
        .map((refusal, n): BatchOutcome & { refusal: BatchRefusal } => ({
          n: accepted + n,
          device: refusal.device,
          refusal
        }))
        .slice(Math.max(0, from - accepted), Math.max(0, to - accepted))
        .filter(
          ({ device, refusal: { topic } }) => topic === null || mayReadCommand(access, { topic, device })
        )
      const items = [...commands, ...refused]
      return { items, next: to < accepted + refusals.length ? to - 1 : null }
    },

    async open(limit) {
      const { rows } = await pool.query<BatchRow>({
        name: 'batches_open',
        text: `${batchesSql} where b.finished_at is null order by b.seq limit $1`,
        values: [limit]
      })
      return rows.map(toBatch)
    },

    countOpen: () => prisma.batch.count({ where: { finishedAt: null } }),

    async end(id, state, reason, by) {
      const { rowCount } = await pool.query({
        name: 'batch_end',
        text: endSql,
        values: [id, state, reason, by?.principal ?? null, by?.address ?? null]
      })
      return rowCount === 1
    },

    async left(id, after, limit) {
      const { rows } = await pool.query<LeftCommand>({
        name: 'batch_left',
        text: `select id, created_seq as seq, topic, device, attempts from commands
               where batch_id = $1 and created_seq > $2 and state in ('scheduled', 'pending')
               order by created_seq limit $3`,
        values: [id, after, limit]
      })
      return rows
    },

    async finish({ id, finishedAt, counts }) {
      await pool.query({
        name: 'batch_finish',
        text: `update batches set finished_at = $2, counts = $3 where id = $1 and finished_at is null`,
        values: [id, new Date(finishedAt!).toISOString(), JSON.stringify(counts)]
      })
    },

    async forgetFinished() {
      const { rowCount } = await pool.query(
        `delete from batches where finished_at < now() - make_interval(secs => (
           select keep_seconds from retention_classes where name = 'system'))`
      )
      return rowCount ?? 0
    }
  }
}

const endSql = `
  with ended as (
    update batches set state = $2, reason = $3 where id = $1 and state = 'running' and finished_at is null returning id, name
  ),
  audited as (
    insert into audit (principal, address, action, subject, detail)
    select $4::text, $5::text, 'cancelBatch', id::text, json_build_object('name', name) from ended where $4::text is not null
  )
  select from ended`

const toMillis = (at: Date | null): Millis | null => at && at.getTime()

const toBatch = (row: BatchRow): CommandBatch => ({
  id: row.id,
  seq: row.seq,
  principal: row.principal,
  devices: row.devices,
  where: row.where,
  name: row.name,
  ratePerSecond: row.rate_per_second,
  stop:
    row.stop_at_failure_share === null
      ? null
      : { failureShare: row.stop_at_failure_share, after: row.stop_after! },
  accepted: row.accepted,
  refusals: row.refusals,
  createdAt: row.created_at.getTime(),
  state: row.state,
  reason: row.reason,
  finishedAt: toMillis(row.finished_at),
  counts: row.counts,
  final: row.final
})
