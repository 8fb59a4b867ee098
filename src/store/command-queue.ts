/**
 * The commands that wait to be published: which may be next, fairly for every key, however many others wait. Every read is
 * bounded and by an index. What may be published of what is read here is for commands/order.ts to say.
 */

import type { Command, Delivery } from '../command.ts'
import type { Millis, QoS, Seq } from '../model.ts'
import type { CommandRow } from './command-rows.ts'
import { toCommand } from './command-rows.ts'
import type { Database } from './database.ts'

/** A command that waits to be published, without what makes it large. */
export interface WaitingCommand {
  id: string
  /** Its place: those of one key are published in this order. */
  queueSeq: Seq
  /** Hash of its order key, or of its topic: of one key what has the same. */
  key: string
  qos: QoS
  /** No other of its key is published until it is final. */
  oneInFlight: boolean
  /** Of its key, one that is to be alone is published and not final. */
  keyAwaits: boolean
  /** Of its payload. */
  bytes: number
}

/** A command that may be with the broker, though nobody knows. */
export interface LostCommand {
  id: string
  attempts: number
  delivery: Delivery
}

export interface CommandQueue {
  /**
   * What is to be done now, by the database's clock; and how long until a command comes due or expires, null: none will.
   * None that waits has a place before `from`: what was there is passed over unread, also where it cannot be vacuumed yet.
   */
  look(from: Seq): Promise<{ waiting: boolean; due: boolean; expired: boolean; nextMs: Millis | null }>
  /** Ids of scheduled commands whose time has come, in the order in which it came. */
  due(limit: number): Promise<string[]>
  /** Past their expiry and not being published. */
  expired(limit: number): Promise<LostCommand[]>
  /** Those that are recorded as being published. */
  publishing(limit: number): Promise<LostCommand[]>
  /** The oldest that wait, from a place on: of each key, the first ones. */
  oldest(from: Seq, limit: number): Promise<WaitingCommand[]>
  /**
   * The first `each` that wait of keys behind `after` (null: from the first on), without the keys `except` and those where
   * one that is to be alone is awaited. Looks at `keysMax` keys at most; `next` is where to go on, null: those were the last.
   */
  ofKeys(ask: {
    after: string | null
    except: readonly string[]
    keysMax: number
    each: number
  }): Promise<{ items: WaitingCommand[]; next: string | null }>
  /** With payloads, in the order of `ids`, without those that are gone. */
  byIds(ids: readonly string[]): Promise<Command[]>
  /** Age of the one that waits longest, since it was due; 0 where none waits. */
  oldestSeconds(): Promise<number>
}

/** As the index has it. */
const keyOf = (row: string): string => `hashtextextended(coalesce(${row}.order_key, ${row}.topic), 0)`

/** Commands past their expiry are not published, also where they are not yet moved. */
const waiting = `c.state = 'pending' and (c.expires_at is null or c.expires_at > now())`

const columns = `c.id, c.queue_seq as "queueSeq", (${keyOf('c')})::text as key, c.qos, c.one_in_flight as "oneInFlight",
  (${aloneSql(keyOf('c'))}) is not null as "keyAwaits", octet_length(c.payload) as bytes`

/** Null where there is none. With a limit, so that Postgres asks the index for this key, and does not read all of them. */
function aloneSql(key: string): string {
  return `select true from commands a
    where a.one_in_flight and a.state = 'published' and a.finished_at is null and ${keyOf('a')} = ${key} limit 1`
}

const oldestSql = `select ${columns} from commands c where ${waiting} and c.queue_seq >= $1 order by c.queue_seq limit $2`

// From key to key along the index, whatever lies in between: a distinct would read all that waits
const ofKeysSql = `
with recursive keys as (
  (select ${keyOf('c')} as key, 1 as n from commands c
   where c.state = 'pending' and ${keyOf('c')} > $1 order by 1 limit 1)
  union all
  select (select ${keyOf('c')} from commands c
    where c.state = 'pending' and ${keyOf('c')} > keys.key order by 1 limit 1), n + 1
  from keys where keys.key is not null and n < $2
),
free as (
  select key from keys where key is not null and key <> all ($3::int8[]) and (${aloneSql('keys.key')}) is null
)
select (select case when count(key) = $2 then max(key)::text end from keys) as next, w.*
from (select) as one left join lateral (
  select w.* from free cross join lateral (
    select ${columns} from commands c where ${waiting} and ${keyOf('c')} = free.key
    order by c.queue_seq limit $4
  ) w
) w on true`

const lookSql = `
select exists (select from commands where state = 'pending' and queue_seq >= $1) as waiting,
  coalesce(due <= now(), false) as due, coalesce(expiry <= now(), false) as expired,
  ceil(extract(epoch from least(due, expiry) - now()) * 1000)::int8 as "nextMs"
from (select
  (select min(not_before) from commands where state = 'scheduled') as due,
  (select min(expires_at) from commands where state in ('scheduled', 'pending')) as expiry) as times`

/** Below the hash of every key. */
const beforeAll = '-9223372036854775808'

export function createCommandQueue({ pool, prisma }: Database): CommandQueue {
  return {
    async look(from) {
      const { rows } = await pool.query<Awaited<ReturnType<CommandQueue['look']>>>({
        name: 'look_at_commands',
        text: lookSql,
        values: [from]
      })
      return rows[0]!
    },
    async due(limit) {
      const { rows } = await pool.query<{ id: string }>(
        `select id from commands where state = 'scheduled' and not_before <= now()
         order by not_before, created_seq limit $1`,
        [limit]
      )
      return rows.map(({ id }) => id)
    },
    async expired(limit) {
      const { rows } = await pool.query<LostCommand>(
        `select id, attempts, delivery from commands where state in ('scheduled', 'pending') and expires_at <= now()
         order by expires_at limit $1`,
        [limit]
      )
      return rows
    },
    async publishing(limit) {
      const { rows } = await pool.query<LostCommand>(
        `select id, attempts, delivery from commands where state = 'publishing' order by id limit $1`,
        [limit]
      )
      return rows
    },
    async oldest(from, limit) {
      // Not prepared: a plan that was made while few waited is the wrong one when many do
      const { rows } = await pool.query<WaitingCommand>(oldestSql, [from, limit])
      return rows
    },
    async ofKeys({ after, except, keysMax, each }) {
      const { rows } = await pool.query<WaitingCommand & { next: string | null }>(ofKeysSql, [
        after ?? beforeAll,
        keysMax,
        except,
        each
      ])
      const items: WaitingCommand[] = rows.filter(({ id }) => id !== null)
      return { items, next: rows[0]!.next }
    },
    async byIds(ids) {
      const rows = (await prisma.command.findMany({ where: { id: { in: [...ids] } } })) as CommandRow[]
      const found = new Map(rows.map((row) => [row.id, toCommand(row)]))
      return ids.flatMap((id) => found.get(id) ?? [])
    },
    async oldestSeconds() {
      const { rows } = await pool.query<{ seconds: number }>(
        `select extract(epoch from clock_timestamp() - greatest(created_at, not_before))::float8 as seconds
         from commands where state = 'pending' order by queue_seq limit 1`
      )
      return Math.max(0, rows[0]?.seconds ?? 0)
    }
  }
}
