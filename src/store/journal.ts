/** Reads the journal: the head, pages of facts in either order, and the facts that follow a cursor. */

import type { Limits } from '../limits.ts'
import type { Access, Fact, Head, Seq } from '../model.ts'
import { factKinds } from '../model.ts'
import { mayReadFact } from '../visibility.ts'
import { boundedSql } from './bounded-sql.ts'
import type { Pool } from './database.ts'
import type { FactsSearch } from './journal-search.ts'
import { searchFacts } from './journal-search.ts'
import type { JournalTimes } from './journal-times.ts'
import { createJournalTimes } from './journal-times.ts'
import type { FactRow } from './rows.ts'
import { factColumns, toFact } from './rows.ts'

export interface JournalPage {
  items: Fact[]
  /** The range is read up to here, whether or not it had matches; null when it is finished. */
  next: Seq | null
}

export interface JournalAsk extends FactsSearch {
  /** Only facts behind this; absent: all that are kept. */
  from?: Seq
  /** Where the page begins, exclusive, in the direction of `order`; null: at that end of the journal. */
  after: Seq | null
  /** Newest fact to look at: pages of one list have the same end while the journal grows. */
  until: Seq
}

export interface Journal extends JournalTimes {
  head(): Promise<Head>
  /** Throws Problem query_too_complex where devices have too many topics. */
  page(access: Access, ask: JournalAsk): Promise<JournalPage>
  /** The newest interval in which messages may be missing. */
  lastGap(): Promise<Fact | null>
  /**
   * Facts after `after`, all kinds, at most `limit` and `bytesMax` of payload: all that are kept, none only where none is. With `from`, those of
   * a grid: the `limit` facts behind `from` are divided wherever their payloads come to another `bytesMax`, and of these parts
   * the first with facts behind `after` is given whole.
   */
  following(after: Seq, limit: number, bytesMax: number, from?: Seq): Promise<Fact[]>
  /** The first fact behind a position that is kept; null: there is none yet. */
  nextKept(after: Seq): Promise<Seq | null>
}

export function createJournal(pool: Pool, limits: Limits): Journal {
  async function head(): Promise<Head> {
    const { rows } = await pool.query<{ seq: number; at: Date; horizon: number }>({
      name: 'head',
      text: 'select seq, at, horizon from journal_head where shard = 0'
    })
    const row = rows[0]!
    return { seq: row.seq, at: row.at.getTime(), horizon: row.horizon }
  }

  async function following(after: Seq, limit: number, bytesMax: number, from?: Seq): Promise<Fact[]> {
    if (from !== undefined) return onGrid(after, limit, bytesMax, from)
    const facts = await inWindow(after, limit, bytesMax)
    if (facts.length > 0) return facts
    // A class that keeps less may leave nothing of so many
    const next = await nextKept(after)
    return next === null ? [] : inWindow(next - 1, limit, bytesMax)
  }

  async function nextKept(after: Seq): Promise<Seq | null> {
    const { rows } = await pool.query<{ seq: Seq | null }>({
      name: 'next_kept',
      text: nextKeptSql,
      values: [after]
    })
    return rows[0]!.seq
  }

  async function inWindow(after: Seq, limit: number, bytesMax: number): Promise<Fact[]> {
    const { rows } = await pool.query<FactRow>({
      name: 'following',
      text: boundedSql(
        `select ${factColumns} from journal j left join topics t on t.id = j.topic_id
         where j.seq > $1 and j.seq <= $1 + $2`,
        'asc',
        '$3'
      ),
      values: [after, limit, bytesMax]
    })
    return rows.map(toFact)
  }

  async function onGrid(after: Seq, limit: number, bytesMax: number, from: Seq): Promise<Fact[]> {
    const { rows } = await pool.query<FactRow>({
      name: 'following_on_grid',
      text: gridSql,
      values: [after, limit, bytesMax, from]
    })
    return rows.map(toFact)
  }

  return {
    ...createJournalTimes(pool),
    head,
    following,
    nextKept,
    async lastGap() {
      const { rows } = await pool.query<FactRow>({
        name: 'last_gap',
        text: `select ${factColumns} from journal j left join topics t on t.id = j.topic_id
               where j.kind = ${factKinds.gap} order by j.seq desc limit 1`
      })
      return rows[0] === undefined ? null : toFact(rows[0])
    },
    async page(access, ask) {
      const { horizon } = await head()
      const asc = ask.order === 'asc'
      const lowest = Math.max(horizon, ask.from ?? 0)
      const range = asc
        ? { from: Math.max(ask.after ?? 0, lowest), to: ask.until }
        : { from: lowest, to: Math.min(ask.after ?? Infinity, ask.until + 1) - 1 }
      if (range.from >= range.to) return { items: [], next: null }
      const { rows, next } = await searchFacts({ pool, limits }, ask, range)
      return { items: rows.map(toFact).filter((fact) => mayReadFact(access, fact)), next }
    }
  }
}

const nextKeptSql = `
  select min(j.seq) as seq from retention_classes c cross join lateral (
    select seq from journal where retention_class = c.id and seq > $1 order by seq limit 1
  ) as j`

/** Lengths are known without reading the payloads of the other parts. */
const gridSql = `
  select * from (
    select *, min(part) filter (where seq > $1) over () as wanted from (
      select rows.*, coalesce(sum(octet_length(payload)) over (
        order by seq rows between unbounded preceding and 1 preceding), 0) / $3::int8 as part
      from (
        select ${factColumns} from journal j left join topics t on t.id = j.topic_id
        where j.seq > $4 and j.seq <= $4::int8 + $2::int8
      ) as rows
    ) as parts
  ) as found
  where part = wanted order by seq`
