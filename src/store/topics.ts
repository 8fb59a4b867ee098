/** Topic names and their ids. A name keeps its id until it is forgotten, so they can be cached; the cache is bounded. */

import { createHash } from 'node:crypto'
import type { Limits } from '../limits.ts'
import { int2Array } from './binary.ts'
import type { Pool } from './database.ts'
import { NameCache } from './name-cache.ts'
import { compileClasses, readClasses } from './retention-classes.ts'

export interface TopicRow {
  id: number
  retentionClass: number
}

export const hashTopic = (name: string): Buffer => createHash('sha256').update(name).digest()

export interface TopicIds {
  /** Ids of `names`, registering those that are new. In the order of `names`. */
  resolve(names: readonly string[]): Promise<TopicRow[]>
  /**
   * How many times topics had been forgotten, or come to other classes, when what is remembered of them was asked for. Asked
   * before `resolve`, and compared by what is appended: a topic that was forgotten comes again under a new id.
   */
  forgets(): Promise<number>
  /** That happened since. */
  clear(): void
}

export class TopicCache extends NameCache<TopicRow> {
  constructor(limits: Pick<Limits, 'topicCacheEntriesMax' | 'topicCacheBytesMax'>) {
    super({ entriesMax: limits.topicCacheEntriesMax, bytesMax: limits.topicCacheBytesMax })
  }
}

export function createTopicIds(pool: Pool, limits: Limits): TopicIds {
  let cache = new TopicCache(limits)
  let known: Known | null = null

  const knowing = async (): Promise<Known> => (known ??= await readKnown(pool))

  async function register(names: readonly string[]): Promise<Map<string, TopicRow>> {
    const byHash = new Map(names.map((name) => [hashTopic(name).toString('hex'), name]))
    const found = new Map<string, TopicRow>()
    // Sorted, so that two instances that register the same names wait for one another instead of deadlocking
    let missing = [...byHash.keys()].toSorted()
    // Not remembered where they are other classes than we know: what is appended is refused, and everything asked for again
    for (let current = await knowing(); missing.length > 0; current = await readKnown(pool)) {
      const { forgets, classOf } = current
      const { rows } = await pool.query<{ id: number; retention_class: number; hash: string }>({
        name: 'register_topics',
        text: registerSql,
        values: [
          missing.map((hash) => byHash.get(hash)),
          missing,
          int2Array(missing.map((hash) => classOf(byHash.get(hash)!))),
          forgets
        ]
      })
      for (const row of rows)
        found.set(byHash.get(row.hash)!, { id: row.id, retentionClass: row.retention_class })
      // Another instance registered one after our snapshot was taken: the next round sees it
      missing = missing.filter((hash) => !found.has(byHash.get(hash)!))
    }
    return found
  }

  return {
    forgets: async () => (await knowing()).forgets,
    clear() {
      known = null
      cache = new TopicCache(limits)
    },
    async resolve(names) {
      // What is found now must not outlive a `clear` that comes meanwhile
      const mine = cache
      const unknown = new Set(names.filter((name) => mine.get(name) === undefined))
      const registered = unknown.size > 0 ? await register([...unknown]) : new Map<string, TopicRow>()
      const rows = names.map((name) => registered.get(name) ?? mine.get(name)!)
      for (const [index, name] of names.entries()) mine.remember(name, rows[index]!)
      return rows
    }
  }
}

interface Known {
  forgets: number
  classOf: (topic: string) => number
}

async function readKnown(pool: Pool): Promise<Known> {
  const { rows } = await pool.query<{ forgets: number }>('select forgets from journal_head where shard = 0')
  // Classes that are newer than the number are refused with it
  return { forgets: rows[0]!.forgets, classOf: compileClasses(await readClasses(pool)) }
}

// Only names that are new take an id, so that ids stay dense however often a name leaves the cache and comes back
const registerSql = `
  with given as (
    select name, decode(hash, 'hex') as hash, class from unnest($1::text[], $2::text[], $3::int2[]) as u (name, hash, class)
  ), added as (
    insert into topics (name, name_hash, retention_class) select name, hash, class from given
    where not exists (select from topics where name_hash = hash)
      and (select forgets from journal_head where shard = 0) = $4::int8
    order by hash
    on conflict (name_hash) do nothing
    returning id, name_hash, retention_class
  ), states as (
    insert into topic_state (topic_id) select id from added
  )
  select id, retention_class, encode(name_hash, 'hex') as hash from added
  union all
  select id, retention_class, encode(name_hash, 'hex') from topics where name_hash in (select hash from given)`
