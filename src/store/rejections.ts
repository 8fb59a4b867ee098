/** Reads rejections of the current projection, with what was received as far as the journal has it. */

import type { Rejection, RejectionReason } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { Access, MessageProperties, Millis, Seq } from '../model.ts'
import type { Pool } from './database.ts'
import { filterCondition } from './filter-sql.ts'
import { currentProjection } from './projected-rows.ts'

/** Where a rejection stands in pages. */
export interface RejectionPlace {
  seq: Seq
  n: number
}

export interface RejectionsAsk {
  filters: readonly string[]
  reason: RejectionReason | null
  mapping: string | null
  /** Time of receipt: from <= receivedAt < to. */
  from: Millis | null
  to: Millis | null
  /** Exclusive, in the direction of `order`. */
  after: RejectionPlace | null
  limit: number
  order: 'asc' | 'desc'
}

export interface RejectionPage {
  items: Rejection[]
  /** To go on from; null at the end. Items may be few, or none, before that. */
  next: RejectionPlace | null
}

export interface RejectionCount {
  mapping: string
  reason: RejectionReason
  count: number
}

export interface Rejections {
  page(access: Access, ask: RejectionsAsk): Promise<RejectionPage>
  /** Of the newest `rejectionsCountedMax`. */
  counts(access: Access): Promise<RejectionCount[]>
}

export function createRejections(pool: Pool, limits: Limits): Rejections {
  return {
    async page(access, ask) {
      const { order, limit } = ask
      const start = order === 'asc' ? { seq: -1, n: 0 } : { seq: Number.MAX_SAFE_INTEGER, n: 0 }
      const after = ask.after ?? start
      const values: unknown[] = [after.seq, after.n, limits.pageRowsScannedMax, limit, limits.pageBytesMax]
      const conditions = conditionsOf(ask, values)
      const { rows } = await pool.query<RejectionRow>(pageSql(order, conditions), values)
      const items = rows.filter((row) => access.mayRead(row.topic)).map(toRejection)
      const last = rows.at(-1)
      if (last !== undefined && (last.found === limit || rows.length < last.found))
        return { items, next: { seq: last.seq, n: last.n } }
      const end = await pool.query<RejectionPlace>(`${windowSql(order, 'seq, n')} offset $3 limit 1`, [
        after.seq,
        after.n,
        limits.pageRowsScannedMax - 1
      ])
      return { items, next: end.rows[0] ?? null }
    },

    async counts(access) {
      const { rows } = await pool.query<RejectionCount & { topic: string }>({
        name: 'rejection_counts',
        text: `select t.name as topic, r.mapping, r.reason, r.count from (
                 select topic_id, mapping, reason, count(*) as count from (
                   select topic_id, mapping, reason from rejections
                   where projection_id = ${currentProjection} order by seq desc limit $1
                 ) as newest group by topic_id, mapping, reason
               ) as r join topics t on t.id = r.topic_id where t.name <> ''`,
        values: [limits.rejectionsCountedMax]
      })
      const counts = new Map<string, RejectionCount>()
      for (const { topic, mapping, reason, count } of rows) {
        if (!access.mayRead(topic)) continue
        const key = `${mapping} ${reason}`
        const counted = counts.get(key)
        if (counted === undefined) counts.set(key, { mapping, reason, count })
        else counted.count += count
      }
      return [...counts.values()].toSorted((a, b) => b.count - a.count)
    }
  }
}

/** What a message of the journal must be like to be meant; pushes its parameters to `values`. */
export function conditionsOf(
  ask: Pick<RejectionsAsk, 'filters' | 'reason' | 'mapping' | 'from' | 'to'>,
  values: unknown[]
): string {
  const parameter = (value: unknown): string => `$${values.push(value)}`
  const time = (at: Millis): string => `${parameter(new Date(at).toISOString())}::timestamptz`
  const conditions = [`t.name <> ''`]
  if (ask.reason !== null) conditions.push(`r.reason = ${parameter(ask.reason)}`)
  if (ask.mapping !== null) conditions.push(`r.mapping = ${parameter(ask.mapping)}`)
  if (ask.from !== null) conditions.push(`r.received_at >= ${time(ask.from)}`)
  if (ask.to !== null) conditions.push(`r.received_at < ${time(ask.to)}`)
  if (ask.filters.length > 0) conditions.push(filterCondition(ask.filters, values))
  return conditions.join(' and ')
}

interface RejectionRow {
  seq: Seq
  n: number
  topic: string
  mapping: string
  reason: RejectionReason
  detail: string
  received_at: Date
  payload: Buffer | null
  properties: MessageProperties | null
  found: number
}

const toRejection = (row: RejectionRow): Rejection => ({
  seq: row.seq,
  n: row.n,
  topic: row.topic,
  mapping: row.mapping,
  reason: row.reason,
  detail: row.detail,
  receivedAt: row.received_at.getTime(),
  payload: row.payload,
  properties: row.properties
})

const windowSql = (order: 'asc' | 'desc', columns: string): string => `
  select ${columns} from rejections
  where projection_id = ${currentProjection} and (seq, n) ${order === 'asc' ? '>' : '<'} ($1::int8, $2::int4)
  order by seq ${order}, n ${order}`

/** As many as fit in the bytes, and at least one. What was carried over the horizon is still there, too. */
const pageSql = (order: 'asc' | 'desc', conditions: string): string => `
  with meant as materialized (
    select r.*, t.name as topic from (${windowSql(order, '*')} limit $3) as r join topics t on t.id = r.topic_id
    where ${conditions} order by seq ${order}, n ${order} limit $4
  ), whole as (
    select meant.*, count(*) over () as found, coalesce(j.payload, c.payload) as payload,
      coalesce(j.properties, c.properties) as properties,
      coalesce(octet_length(j.payload), octet_length(c.payload), 0) as bytes
    from meant left join journal j on j.topic_id = meant.topic_id and j.seq = meant.seq
    left join lateral (
      select * from carried_facts where topic_id = meant.topic_id and seq = meant.seq and role < 4 limit 1
    ) as c on true
  ), counted as (
    select *, sum(bytes) over (
      order by seq ${order}, n ${order} rows between unbounded preceding and 1 preceding) as before
    from whole
  )
  select seq, n, topic, mapping, reason, detail, received_at, payload, properties, found from counted
  where before is null or before + bytes <= $5 order by seq ${order}, n ${order}`
