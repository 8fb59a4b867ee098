/** What the search for answers to commands reads, and how far it is. What it finds moves commands: commands.ts. */

import type { Awaited } from '../command.ts'
import type { Datapoint } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { Message, Millis, Seq } from '../model.ts'
import { byteaArray, int8Array } from './binary.ts'
import type { Pool } from './database.ts'
import { hashName } from './projection-ids.ts'
import type { DatapointRow } from './projected-rows.ts'
import { datapointColumns, toDatapoint } from './projected-rows.ts'
import type { FactRow } from './rows.ts'
import { factColumns, toFact } from './rows.ts'

/** A command that was published, and what tells what became of it. */
export interface AwaitedCommand {
  id: string
  topic: string
  createdSeq: Seq
  /** Only what came behind it is an answer. */
  publishSeq: Seq
  awaited: Awaited
  /** null: it waits. */
  finishedAt: Millis | null
  /** The response that it has; what else comes is late. */
  responseSeq: Seq | null
}

/** A metric of a device, by their names. */
export interface SoughtMetric {
  device: string
  metric: string
}

export interface FoundDatapoints {
  items: Datapoint[]
  /** Up to here, all are in it. */
  to: Seq
}

export type AwaitedKind = Awaited['kind']

export interface AnswerStore {
  /** Those that wait and were published at least once, behind an acceptance, in the order of these. At most `limit`. */
  waiting(after: Seq, limit: number): Promise<AwaitedCommand[]>
  /** Those that a late response may still come to: final for at most `seconds`, without one yet. The newest `limit`. */
  late(seconds: number, limit: number): Promise<AwaitedCommand[]>
  /** Of these, those that await something and were published. */
  byIds(ids: readonly string[]): Promise<AwaitedCommand[]>
  /**
   * Datapoints of these metrics from messages behind `from` up to `to`, in order, as the current projection has them. It looks
   * at `answersDatapointsMax` at most, and may end before `to`. How far it is projected, the caller knows.
   */
  datapoints(sought: readonly SoughtMetric[], from: Seq, to: Seq): Promise<FoundDatapoints>
  /** Messages by their facts, as far as they are kept. */
  messages(seqs: readonly Seq[]): Promise<Map<Seq, Message>>
  /** Everything up to here has been searched, and what was found is done. */
  searched(): Promise<Seq>
  saveSearched(seq: Seq): Promise<void>
  /**
   * Those that are published, wait for one of these kinds, and whose time is over by the database's clock, those first that
   * have been for longest; and the head of the journal as it was after that: an answer in time is not behind it.
   */
  overdue(kinds: readonly AwaitedKind[], limit: number): Promise<{ ids: string[]; head: Seq }>
}

interface AwaitedRow {
  id: string
  topic: string
  created_seq: Seq
  publish_seq: Seq
  awaited: Awaited
  finished_at: Date | null
  response_seq: Seq | null
}

const awaitedColumns = `id, topic, created_seq, publish_seq, awaited, finished_at, (response->>'seq')::int8 as response_seq`

const toAwaited = (row: AwaitedRow): AwaitedCommand => ({
  id: row.id,
  topic: row.topic,
  createdSeq: row.created_seq,
  publishSeq: row.publish_seq,
  awaited: row.awaited,
  finishedAt: row.finished_at?.getTime() ?? null,
  responseSeq: row.response_seq
})

export function createAnswerStore(pool: Pool, limits: Pick<Limits, 'answersDatapointsMax'>): AnswerStore {
  const awaited = async (name: string, text: string, values: unknown[]): Promise<AwaitedCommand[]> =>
    (await pool.query<AwaitedRow>({ name, text, values })).rows.map(toAwaited)

  return {
    waiting: (after, limit) => awaited('commands_waiting', waitingSql, [after, limit]),
    late: (seconds, limit) => awaited('commands_late', lateSql, [seconds, limit]),
    byIds: (ids) => awaited('commands_awaited_by_id', byIdsSql, [ids]),

    async datapoints(sought, from, to) {
      if (sought.length === 0) return { items: [], to }
      const { rows } = await pool.query<SoughtRow>({
        name: 'datapoints_sought',
        text: soughtSql,
        values: [
          byteaArray(sought.map(({ device }) => hashName(device))),
          byteaArray(sought.map(({ metric }) => hashName(metric))),
          from,
          to,
          limits.answersDatapointsMax
        ]
      })
      const { looked, last } = rows[0]!
      // The last message that was looked at may have more; it alone never has so many
      const end = looked < limits.answersDatapointsMax ? to : last! - 1
      const items = rows.flatMap((row) =>
        row.seq === null || row.seq > end ? [] : [toDatapoint(row as DatapointRow)]
      )
      return { items, to: end }
    },

    async messages(seqs) {
      const { rows } = await pool.query<FactRow>({
        name: 'messages_by_seq',
        text: `select ${factColumns} from journal j join topics t on t.id = j.topic_id where j.seq = any ($1::int8[])`,
        values: [int8Array(seqs)]
      })
      return new Map(
        rows.flatMap((row) => {
          const { seq, message } = toFact(row)
          return message === null ? [] : [[seq, message] as const]
        })
      )
    },

    async searched() {
      const { rows } = await pool.query<{ seq: Seq }>({
        name: 'answers_searched',
        text: 'select seq from answers_read where shard = 0'
      })
      return rows[0]!.seq
    },
    async saveSearched(seq) {
      await pool.query({
        name: 'save_answers_searched',
        text: 'update answers_read set seq = $1 where shard = 0',
        values: [seq]
      })
    },

    async overdue(kinds, limit) {
      const { rows } = await pool.query<{ id: string | null; head: Seq }>({
        name: 'commands_overdue',
        text: overdueSql,
        values: [kinds, limit]
      })
      return { ids: rows.flatMap(({ id }) => (id === null ? [] : [id])), head: rows[0]!.head }
    }
  }
}

interface SoughtRow extends Omit<DatapointRow, 'seq'> {
  /** Datapoints that were looked at, and the last message of them. */
  looked: number
  last: Seq | null
  /** null: there is none. */
  seq: Seq | null
}

export const waitingSql = `
  select ${awaitedColumns} from commands
  where finished_at is null and created_seq > $1 and awaited is not null and publish_seq is not null
  order by created_seq limit $2`

const lateSql = `
  select ${awaitedColumns} from commands
  where awaited is not null and publish_seq is not null and late_response is null
    and finished_at > now() - make_interval(secs => $1)
  order by finished_at desc limit $2`

const byIdsSql = `
  select ${awaitedColumns} from commands
  where id = any ($1::uuid[]) and awaited is not null and publish_seq is not null`

/**
 * What came last is looked through by the key of datapoints, in the order of messages: each is looked at once, and how many
 * there are of a metric, or of others, is no matter.
 */
export const soughtSql = `
  with projection as materialized (select id from projections where state = 'current'),
  sought as materialized (
    select m.id from unnest($1::bytea[], $2::bytea[]) as asked (device, metric)
    join devices d on d.projection_id = (select id from projection) and d.name_hash = asked.device
    join metrics m on m.device_id = d.id and m.name_hash = asked.metric
  ),
  looked as materialized (
    select seq, n, metric_id, projection_id, retention_class from datapoints
    where projection_id = (select id from projection) and seq > $3 and seq <= $4 and exists (select from sought)
    order by seq, n limit $5
  ),
  found as materialized (select seq, n, projection_id, retention_class from looked where metric_id in (select id from sought))
  select counted.*, point.* from (select count(*) as looked, max(seq) as last from looked) as counted
  left join (
    select ${datapointColumns} from found
    join datapoints p using (seq, n, projection_id, retention_class)
    join metrics m on m.id = p.metric_id join devices d on d.id = m.device_id join topics t on t.id = p.topic_id
    where t.name <> '' and p.seq > $3 and p.seq <= $4
  ) as point on true
  order by point.seq, point.n`

export const overdueSql = `
  select c.id, h.seq as head from journal_head h left join (
    select id from commands
    where state = 'published' and finished_at is null and timeout_at < now() and awaited->>'kind' = any ($1::text[])
    order by timeout_at limit $2
  ) as c on true
  where h.shard = 0`
