/** Who waits for locks in a database, looked at all the time. */

import pg from 'pg'

export interface LockWaits {
  /** Waits that were seen, some of them several times. */
  seen: number
  longestMs: number
  /** What waited, and for what. */
  longest: string
}

const everyMs = 50

const waitsSql = `
  select (extract(epoch from clock_timestamp() - l.waitstart) * 1000)::int as ms, l.locktype, l.mode,
    coalesce(l.relation::regclass::text, '') as relation, left(regexp_replace(a.query, '\\s+', ' ', 'g'), 120) as query
  from pg_locks l join pg_stat_activity a on a.pid = l.pid
  where not l.granted and l.waitstart is not null and a.datname = current_database()`

/** On a connection of its own; `end` tells what it saw. */
export async function watchLocks(url: string): Promise<{ end(): Promise<LockWaits> }> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const waits: LockWaits = { seen: 0, longestMs: 0, longest: 'none' }
  let ending = false
  const watching = (async () => {
    while (!ending) {
      const { rows } = await client.query<{
        ms: number
        locktype: string
        mode: string
        relation: string
        query: string
      }>(waitsSql)
      for (const { ms, locktype, mode, relation, query } of rows) {
        waits.seen++
        if (ms <= waits.longestMs) continue
        waits.longestMs = ms
        waits.longest = `${query} for ${mode} of ${locktype} ${relation}`
      }
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
    await client.end()
  })()
  return {
    async end() {
      ending = true
      await watching
      return waits
    }
  }
}
