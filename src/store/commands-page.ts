/** Pages of commands: a bounded number of rows is looked at, and a bounded number of bytes is read. */

import type { Awaits, Command, CommandState } from '../command.ts'
import type { Limits } from '../limits.ts'
import type { Access, Millis, Seq } from '../model.ts'
import type { CommandRow } from './command-rows.ts'
import { toReadCommand } from './command-rows.ts'
import type { Database } from './database.ts'

/** Null, absent and none: any. */
export interface CommandsAsk {
  states: readonly CommandState[]
  /** Exactly these. */
  topic: string | null
  device?: string | null
  name?: string | null
  /** UUIDs. */
  batch?: string | null
  retryOf?: string | null
  awaits?: readonly Awaits[]
  /** Of their acceptance: from <= createdAt < to. */
  from?: Millis | null
  to?: Millis | null
  /** `createdSeq` that the page begins behind; null: at the beginning of the order, which is that of acceptance. */
  after: Seq | null
  /** Items at most, up to `pageItemsMax`. */
  limit: number
  order: 'asc' | 'desc'
}

/** `next` is null at the end; a page may have few items, or none, and a `next`. */
export type CommandsPage = { items: Command[]; next: Seq | null }

/** A page has at least one item that is meant, however large it is, where there is one among the rows it looks at. */
export const createCommandsPage =
  (
    { pool, prisma }: Pick<Database, 'pool' | 'prisma'>,
    limits: Pick<Limits, 'pageRowsScannedMax' | 'pageBytesMax'>
  ) =>
  async (access: Access, ask: CommandsAsk): Promise<CommandsPage> => {
    const values: unknown[] = [limits.pageRowsScannedMax, ask.limit, limits.pageBytesMax]
    const { rows } = await pool.query<PlaceRow>(pageSql(ask, values), values)
    const places = rows.filter(({ id }) => id !== null)
    const found = (await prisma.command.findMany({
      where: { id: { in: places.map(({ id }) => id!) } },
      orderBy: { createdSeq: ask.order }
    })) as CommandRow[]
    const items = found.flatMap((row) => toReadCommand(row, access) ?? [])
    return { items, next: rows[0]?.next ?? null }
  }

/** Of each item that the page has; where it has none, one row with where to go on. */
interface PlaceRow {
  id: string | null
  next: Seq | null
}

/**
 * Pushes its parameters to `values`, behind the three that are there. What an index finds is a condition on the rows that are
 * looked at; all else is asked of these.
 */
function pageSql(ask: CommandsAsk, values: unknown[]): string {
  const { order, states, awaits = [], from = null, to = null } = ask
  const parameter = (value: unknown): string => `$${values.push(value)}`
  const where = (conditions: Array<string | false>): string => {
    const given = conditions.filter((condition) => condition !== false)
    return given.length === 0 ? '' : `where ${given.join(' and ')}`
  }
  const equals = (column: string, value: string | null | undefined): string | false =>
    // Postgres takes no NUL, and no name has one
    value != null && (value.includes('\0') ? 'false' : `${column} = ${parameter(value)}`)
  const at = (time: Millis): string => `${parameter(new Date(time).toISOString())}::timestamptz`
  const indexed = where([
    ask.after !== null && `created_seq ${order === 'asc' ? '>' : '<'} ${parameter(ask.after)}::int8`,
    // The index is of hashes: a topic may be longer than it takes
    ask.topic != null && `hashtextextended(topic, 0) = hashtextextended(${parameter(ask.topic)}, 0)`,
    equals('topic', ask.topic),
    equals('device', ask.device),
    equals('batch_id', ask.batch),
    equals('retry_of', ask.retryOf)
  ])
  const asked = where([
    states.length > 0 && `state = any (${parameter(states)}::text[])`,
    awaits.length > 0 && `awaits = any (${parameter(awaits)}::text[])`,
    equals('name', ask.name),
    from !== null && `created_at >= ${at(from)}`,
    to !== null && `created_at < ${at(to)}`
  ])
  const by = `order by created_seq ${order}`
  return `
  with looked as materialized (
    select id, created_seq, state, awaits, name, created_at from commands ${indexed} ${by} limit $1
  ), meant as materialized (
    select id, created_seq from looked ${asked} ${by} limit $2
  ), sized as (
    select m.id, m.created_seq, row_number() over placed as n,
      sum(octet_length(payload) + coalesce(octet_length(parameters), 0) + coalesce(octet_length(response::text), 0)
        + coalesce(octet_length(late_response::text), 0)) over placed as total
    from meant m join commands c using (id) window placed as (order by m.created_seq ${order})
  ), fitting as (
    select id, created_seq from sized where n = 1 or total <= $3
  ), ends as (
    select case
      when (select count(*) from fitting) < (select count(*) from meant) or (select count(*) from meant) = $2
        then (select created_seq from fitting ${reversed(order)} limit 1)
      when (select count(*) from looked) = $1 then (select created_seq from looked ${reversed(order)} limit 1)
    end as next
  )
  select fitting.id, ends.next from ends left join fitting on true ${by}`
}

const reversed = (order: 'asc' | 'desc'): string => `order by created_seq ${order === 'asc' ? 'desc' : 'asc'}`
