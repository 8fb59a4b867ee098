/** Reads current state: one topic, or a page of those that filters match. */

import type { Limits } from '../limits.ts'
import type { Access, Seq, TopicState } from '../model.ts'
import type { AsOf } from './as-of.ts'
import type { Pool } from './database.ts'
import type { StateRow } from './rows.ts'
import { stateColumns, toTopicState } from './rows.ts'
import type { SearchPage } from './search.ts'
import type { StatesSearch } from './search-states.ts'
import { searchStates } from './search-states.ts'
import { topicMatches } from './topic-matches.ts'
import { hashTopic } from './topics.ts'

export interface StatePage {
  items: TopicState[]
  /** Topic id to go on from, or null at the end; items may be few, or none, before that. */
  next: number | null
}

export interface States {
  byName(access: Access, name: string): Promise<TopicState | null>
  byNames(access: Access, names: readonly string[]): Promise<Map<string, TopicState>>
  byId(access: Access, topicId: number): Promise<TopicState | null>
  /**
   * In the order of their ids, or the reverse: new topics come last, and nothing moves while topics change.
   * With `until`, only states not changed since then: what changed comes with the stream that follows.
   */
  page(access: Access, ask: StatesAsk): Promise<StatePage>
  /**
   * Those that a predicate holds of, in the order of ids or of what is at a path; now, or at an instant. Throws Problem
   * `query_too_complex` where there is more to sort than may be, and `cursor_expired` for an instant before the horizon.
   */
  search(access: Access, ask: StatesSearch): Promise<SearchPage<TopicState>>
}

export interface StatesAsk {
  filters: readonly string[]
  after: number | null
  limit: number
  order: 'asc' | 'desc'
  until?: Seq
  /** Of payloads; more than the limit of a page changes nothing. */
  bytesMax?: number
}

export function createStates(pool: Pool, limits: Limits, asOf: Pick<AsOf, 'topics'>): States {
  const one = async (
    access: Access,
    name: string,
    where: string,
    value: unknown
  ): Promise<TopicState | null> => {
    const { rows } = await pool.query<StateRow>({
      name,
      text: `select ${stateColumns} from topics t join topic_state s on s.topic_id = t.id where ${where} and s.seq > 0`,
      values: [value]
    })
    const row = rows[0]
    return row === undefined || !access.mayRead(row.name) ? null : toTopicState(row)
  }

  return {
    byName: (access, name) => one(access, 'state_by_name', 't.name_hash = $1', hashTopic(name)),
    async byNames(access, names) {
      const { rows } = await pool.query<StateRow>({
        name: 'states_by_name',
        text: `select ${stateColumns} from topics t join topic_state s on s.topic_id = t.id
               where t.name_hash = any ($1::bytea[]) and s.seq > 0`,
        values: [names.map(hashTopic)]
      })
      const readable = rows.filter((row) => access.mayRead(row.name))
      return new Map(readable.map((row) => [row.name, toTopicState(row)]))
    },
    byId: (access, topicId) => one(access, 'state_by_id', 't.id = $1', topicId),
    async page(access, ask) {
      const matches = await topicMatches(pool, limits, ask)
      if (matches.ids.length === 0) return { items: [], next: matches.next }
      const { rows } = await pool.query<StateRow & { found: number }>({
        name: `states_by_id_${ask.order}`,
        text: pageSql(ask.order),
        values: [matches.ids, ask.until ?? null, Math.min(ask.bytesMax ?? Infinity, limits.pageBytesMax)]
      })
      const last = rows.at(-1)
      return {
        items: rows.filter((row) => access.mayRead(row.name)).map(toTopicState),
        next: last !== undefined && rows.length < last.found ? last.topic_id : matches.next
      }
    },
    search: (access, ask) => searchStates({ pool, asOf, limits }, access, ask)
  }
}

/** As many states as fit in the bytes, and at least one. Lengths are known without reading what is long. */
const pageSql = (order: 'asc' | 'desc'): string => `
  with sized as (
    select topic_id, coalesce(octet_length(payload), 0) + coalesce(octet_length(retained_payload), 0) +
      coalesce(pg_column_size(tombstone), 0) as bytes
    from topic_state where topic_id = any ($1::int8[]) and seq > 0 and ($2::int8 is null or seq <= $2)
  ), counted as (
    select topic_id, bytes, count(*) over () as found, sum(bytes) over (
      order by topic_id ${order} rows between unbounded preceding and 1 preceding) as before
    from sized
  )
  select ${stateColumns}, found from counted
  join topics t on t.id = topic_id join topic_state s on s.topic_id = t.id
  where before is null or before + bytes <= $3 order by t.id ${order}`
