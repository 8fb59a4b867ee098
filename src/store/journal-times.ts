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
  /** From when on no fact up to `seq`, the horizon of a class, was committed: of the oldest one behind it, if there is one. */
  keptBehind(seq: Seq): Promise<Millis>
}

export const createJournalTimes = (pool: Pool): JournalTimes => ({
  async range({ from, to }) {
    return {
      from: from === null ? 0 : await findPlace(pool, from - 1),
      to: to === null ? Number.MAX_SAFE_INTEGER : await findPlace(pool, to - 1)
    }
  },
  async keptBehind(seq) {
    const { rows } = await pool.query<{ at: Date }>({ name: 'kept_behind', text: keptSql, values: [seq] })
    return rows[0]!.at.getTime()
  }
})

// Of each class by its partitions, for the reason told in topics-as-of.ts
const keptSql = `
  select greatest(coalesce((
    select min(j.at) from retention_classes c, lateral (
      select at from journal where retention_class = c.id and seq > $1 order by seq limit 1
    ) as j
  ), h.at), (select max(horizon_at) + interval '1 ms' from retention_classes where horizon = $1)) as at
  from journal_head h where h.shard = 0`
