/** Topic names and their ids. A name keeps its id until it is forgotten, so they can be cached; the cache is bounded. */

import { createHash } from 'node:crypto'
import type { Limits } from '../limits.ts'
import type { Pool } from './database.ts'
import { NameCache } from './name-cache.ts'

export interface TopicRow {
  id: number
  retentionClass: number
}

export const hashTopic = (name: string): Buffer => createHash('sha256').update(name).digest()

export interface TopicIds {
  /** Ids of `names`, registering those that are new. In the order of `names`. */
  resolve(names: readonly string[]): Promise<TopicRow[]>
  /**
   * How many topics had been forgotten when the ids that are remembered were asked for. Asked before `resolve`, and
   * compared by what is appended: a topic that was forgotten comes again under a new id.
   */
  forgets(): Promise<number>
  /** Topics were forgotten since. */
  clear(): void
}

export class TopicCache extends NameCache<TopicRow> {
  constructor(limits: Pick<Limits, 'topicCacheEntriesMax' | 'topicCacheBytesMax'>) {
    super({ entriesMax: limits.topicCacheEntriesMax, bytesMax: limits.topicCacheBytesMax })
  }
}

export function createTopicIds(pool: Pool, limits: Limits): TopicIds {
  let cache = new TopicCache(limits)
  let forgets: number | null = null

  async function register(names: readonly string[]): Promise<Map<string, TopicRow>> {
    const byHash = new Map(names.map((name) => [hashTopic(name).toString('hex'), name]))
    const found = new Map<string, TopicRow>()
    // Sorted, so that two instances that register the same names wait for one another instead of deadlocking
    let missing = [...byHash.keys()].toSorted()
    while (missing.length > 0) {
      const { rows } = await pool.query<{ id: number; retention_class: number; hash: string }>({
        name: 'register_topics',
        text: registerSql,
        values: [missing.map((hash) => byHash.get(hash)), missing]
      })
      for (const row of rows)
        found.set(byHash.get(row.hash)!, { id: row.id, retentionClass: row.retention_class })
      // Another instance registered one after our snapshot was taken: the next round sees it
      missing = missing.filter((hash) => !found.has(byHash.get(hash)!))
    }
    return found
  }

  return {
    async forgets() {
      if (forgets !== null) return forgets
      const { rows } = await pool.query<{ forgets: number }>(
        'select forgets from journal_head where shard = 0'
      )
      return (forgets = rows[0]!.forgets)
    },
    clear() {
      forgets = null
      cache = new TopicCache(limits)
    },
    async resolve(names) {
      const unknown = new Set(names.filter((name) => cache.get(name) === undefined))
      const registered = unknown.size > 0 ? await register([...unknown]) : new Map<string, TopicRow>()
      const rows = names.map((name) => registered.get(name) ?? cache.get(name)!)
      for (const [index, name] of names.entries()) cache.remember(name, rows[index]!)
      return rows
    }
  }
}

// Only names that are new take an id, so that ids stay dense however often a name leaves the cache and comes back
const registerSql = `
  with given as (
    select name, decode(hash, 'hex') as hash from unnest($1::text[], $2::text[]) as u (name, hash)
  ), added as (
    insert into topics (name, name_hash) select name, hash from given
    where not exists (select from topics where name_hash = hash) order by hash
    on conflict (name_hash) do nothing
    returning id, name_hash, retention_class
  ), states as (
    insert into topic_state (topic_id) select id from added
  )
  select id, retention_class, encode(name_hash, 'hex') as hash from added
  union all
  select id, retention_class, encode(name_hash, 'hex') from topics where name_hash in (select hash from given)`
