/** Reads current state: one topic, or a page of those that filters match. */

import type { Access, Seq, TopicState } from '../model.ts'
import type { Pool } from './database.ts'
import { filterCondition } from './filter-sql.ts'
import type { StateRow } from './rows.ts'
import { stateColumns, toTopicState } from './rows.ts'
import { hashTopic } from './topics.ts'

export interface StatePage {
  items: TopicState[]
  /** Topic id to go on from, or null at the end. */
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
}

export interface StatesAsk {
  filters: readonly string[]
  after: number | null
  limit: number
  order: 'asc' | 'desc'
  until?: Seq
}

export function createStates(pool: Pool): States {
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
    async page(access, { filters, after, limit, order, until }) {
      const values: unknown[] = []
      const parameter = (value: unknown): string => `$${values.push(value)}`
      const conditions = ['s.seq > 0', filterCondition(filters, values)]
      if (until !== undefined) conditions.push(`s.seq <= ${parameter(until)}`)
      if (after !== null) conditions.push(`t.id ${order === 'asc' ? '>' : '<'} ${parameter(after)}`)
      const { rows } = await pool.query<StateRow>(
        `select ${stateColumns} from topics t join topic_state s on s.topic_id = t.id
         where ${conditions.join(' and ')} order by t.id ${order} limit ${parameter(limit)}`,
        values
      )
      return {
        items: rows.filter((row) => access.mayRead(row.name)).map(toTopicState),
        next: rows.length < limit ? null : rows.at(-1)!.topic_id
      }
    }
  }
}
