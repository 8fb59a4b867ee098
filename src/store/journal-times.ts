/** Ranges of time as ranges of the journal, by the time of commit; and since when it is kept. */

import type { Millis, Seq } from '../model.ts'
import type { Pool } from './database.ts'
import { findPlace } from './instants.ts'

export interface JournalTimes {
  /**
   * What was committed at from <= at < to, as `asOf` means times: facts behind `from`, up to `to`. An end in the future is
   * the head of now.
   */
  range(times: { from: Millis | null; to: Millis | null }): Promise<{ from: Seq; to: Seq }>
  /** If facts behind `from` were dropped: when the oldest one that is kept was committed. null: all are kept. */
  keptFrom(from: Seq): Promise<Millis | null>
}

export const createJournalTimes = (pool: Pool): JournalTimes => ({
  async range({ from, to }) {
    return {
      from: from === null ? 0 : await findPlace(pool, from - 1),
      to: to === null ? Number.MAX_SAFE_INTEGER : await findPlace(pool, to - 1)
    }
  },
  async keptFrom(from) {
    const { rows } = await pool.query<{ at: Date }>({ name: 'kept_from', text: keptFromSql, values: [from] })
    return rows[0]?.at.getTime() ?? null
  }
})

// Of each class by its partitions, for the reason told in topics-as-of.ts. Where nothing is left, since now
const keptFromSql = `
  select coalesce((
    select min(j.at) from retention_classes c, lateral (
      select at from journal where retention_class = c.id and seq > h.horizon order by seq limit 1
    ) as j
  ), h.at) as at
  from journal_head h where h.shard = 0 and h.horizon > $1`
