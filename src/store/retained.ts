/** Reads what we hold as retained, to compare it with the broker, and appends what the comparison finds. */

import type { Limits } from '../limits.ts'
import type { MessageProperties, Millis, Seq } from '../model.ts'
import type { AppendQueue } from './append.ts'
import type { RetainedChanges, RetainedRow } from './append-retained.ts'
import { retainedStatement } from './append-retained.ts'
import type { Pool } from './database.ts'
import { filterCondition } from './filter-sql.ts'
import type { Lease } from './sessions.ts'
import type { TopicIds } from './topics.ts'

export interface HeldRetained {
  topicId: number
  /** Seq of the retained message, or of the tombstone; 0: there is neither. */
  seen: Seq
  /** null: nothing is retained, as far as we know. */
  message: { payload: Buffer; properties: MessageProperties | null } | null
}

/** A topic that we hold a retained message of. */
export interface RetainedTopic {
  topicId: number
  topic: string
  seen: Seq
}

export interface RetainedStore {
  /** What we hold of these topics, those included that are new to us. */
  held(names: readonly string[]): Promise<Map<string, HeldRetained>>
  /**
   * Retained messages of these filters, held since before `since`, that have no mark of `askedAt`: the snapshot did not
   * find them. In the order of their topic ids, after one of them.
   */
  missing(ask: {
    filters: readonly string[]
    since: Seq
    askedAt: Millis
    after: number
  }): Promise<RetainedTopic[]>
  /** Retained messages whose expiry interval has passed. */
  due(now: Millis): Promise<RetainedTopic[]>
  /**
   * Appends under the lease, each change only if the state is still as it was seen. Resolves with the topic ids that
   * changed, or null where the COMMIT happened and its answer was lost. Throws FencedError.
   */
  append(changes: RetainedChanges, lease: Lease): Promise<number[] | null>
}

export function createRetainedStore(parts: {
  pool: Pool
  queue: AppendQueue
  topicIds: TopicIds
  limits: Limits
}): RetainedStore {
  const { pool, queue, topicIds, limits } = parts
  return {
    async held(names) {
      const ids = await topicIds.resolve(names)
      const { rows } = await pool.query<HeldRow>({
        name: 'held_retained',
        text: `select topic_id, ${seen} as seen, retained_payload, retained_properties
               from topic_state s where topic_id = any ($1::int8[])`,
        values: [ids.map(({ id }) => id)]
      })
      const byId = new Map(rows.map((row) => [row.topic_id, toHeld(row)]))
      if (ids.some(({ id }) => !byId.has(id))) {
        topicIds.clear() // one was forgotten
        return this.held(names)
      }
      return new Map(names.map((name, index) => [name, byId.get(ids[index]!.id)!]))
    },
    async missing({ filters, since, askedAt, after }) {
      const values: unknown[] = [after, since, new Date(askedAt).toISOString(), limits.sweepTopicsMax]
      const { rows } = await pool.query<TopicRow>(
        `select s.topic_id, t.name, s.retained_seq as seen from topic_state s join topics t on t.id = s.topic_id
         where s.topic_id > $1 and s.retained_seq <= $2 and s.confirmed_at is distinct from $3::timestamptz
           and ${filterCondition(filters, values)}
         order by s.topic_id limit $4`,
        values
      )
      return rows.map(toTopic)
    },
    async due(now) {
      const { rows } = await pool.query<TopicRow>({
        name: 'due_retained',
        text: `select s.topic_id, t.name, s.retained_seq as seen from topic_state s join topics t on t.id = s.topic_id
               where s.expires_at <= $1 and s.retained_seq is not null order by s.expires_at limit $2`,
        values: [new Date(now).toISOString(), limits.sweepTopicsMax]
      })
      return rows.map(toTopic)
    },
    async append(changes, lease) {
      const prepare = async () => retainedStatement(changes, lease.guard.sql)
      const { signal } = lease.ended
      const rows = await queue.push<RetainedRow>(lease.guard, prepare, { patient: true, signal })
      return rows && rows.flatMap((row) => (row.topic_id === null ? [] : [row.topic_id]))
    }
  }
}

const seen = `coalesce(s.retained_seq, (s.tombstone ->> 'seq')::bigint, 0)`

interface HeldRow {
  topic_id: number
  seen: Seq
  retained_payload: Buffer | null
  retained_properties: MessageProperties | null
}

interface TopicRow {
  topic_id: number
  name: string
  seen: Seq
}

const toHeld = (row: HeldRow): HeldRetained => ({
  topicId: row.topic_id,
  seen: row.seen,
  message:
    row.retained_payload === null
      ? null
      : { payload: row.retained_payload, properties: row.retained_properties }
})

const toTopic = (row: TopicRow): RetainedTopic => ({ topicId: row.topic_id, topic: row.name, seen: row.seen })
