/** Reads the journal: the head, pages of facts in either order, and the facts that follow a cursor. */

import type { Limits } from '../limits.ts'
import type { Access, Fact, FactKind, Head, Seq } from '../model.ts'
import { factKinds } from '../model.ts'
import type { Pool } from './database.ts'
import { filterCondition } from './filter-sql.ts'
import type { FactRow } from './rows.ts'
import { factColumns, toFact } from './rows.ts'

export interface JournalPage {
  items: Fact[]
  /** The range is read up to here, whether or not it had matches; null when it is finished. */
  next: Seq | null
}

export interface JournalAsk {
  filters: readonly string[]
  kinds: readonly FactKind[]
  /** Where the page begins, exclusive, in the direction of `order`; null: at that end of the journal. */
  after: Seq | null
  /** Newest fact to look at: pages of one list have the same end while the journal grows. */
  until: Seq
  limit: number
  order: 'asc' | 'desc'
}

export interface Journal {
  head(): Promise<Head>
  page(access: Access, ask: JournalAsk): Promise<JournalPage>
  /** The newest interval in which messages may be missing. */
  lastGap(): Promise<Fact | null>
  /**
   * Facts after `after`, all kinds, at most `limit` and `bytesMax` of payload; contiguous, for the feed. With `from`, those of
   * a grid: the `limit` facts behind `from` are divided wherever their payloads come to another `bytesMax`, and of these parts
   * the first with facts behind `after` is given whole.
   */
  following(after: Seq, limit: number, bytesMax: number, from?: Seq): Promise<Fact[]>
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

  /** Reads matches among the rows (from, to], so that the work is bounded however rare they are. */
  async function window(ask: JournalAsk, from: Seq, to: Seq): Promise<BoundedRow[]> {
    const values: unknown[] = [from, to, ask.kinds.map((kind) => factKinds[kind]), ask.limit]
    // With the number itself, the planner knows the index of gaps
    const kinds = onlyGaps(ask)
      ? `j.kind = any ($3::int2[]) and j.kind = ${factKinds.gap}`
      : 'j.kind = any ($3::int2[])'
    const condition = ask.filters.length === 0 ? 'true' : filterCondition(ask.filters, values)
    const bytesMax = `$${values.push(limits.pageBytesMax)}`
    const { rows } = await pool.query<BoundedRow>(
      boundedSql(
        `select ${factColumns} from journal j left join topics t on t.id = j.topic_id
         where j.seq > $1 and j.seq <= $2 and ${kinds} and ${condition} and ${received}
         order by j.seq ${ask.order} limit $4`,
        ask.order,
        bytesMax
      ),
      values
    )
    return rows
  }

  async function following(after: Seq, limit: number, bytesMax: number, from?: Seq): Promise<Fact[]> {
    if (from !== undefined) return onGrid(after, limit, bytesMax, from)
    const { rows } = await pool.query<BoundedRow>({
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
    head,
    following,
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
      // Gaps have an index of their own; for all others the rows looked at are bounded
      const rowsMax = onlyGaps(ask) ? Infinity : limits.pageRowsScannedMax
      const start = asc ? Math.max(ask.after ?? 0, horizon) : Math.min(ask.after ?? Infinity, ask.until + 1)
      const [from, to] = asc
        ? [start, Math.min(start + rowsMax, ask.until)]
        : [Math.max(start - 1 - rowsMax, horizon), start - 1]
      if (from >= to) return { items: [], next: null }
      const rows = await window(ask, from, to)
      const items = rows.filter((row) => row.name === null || access.mayRead(row.name)).map(toFact)
      const last = rows.at(-1)
      if (last !== undefined && (rows.length === ask.limit || rows.length < last.found)) {
        return { items, next: last.seq }
      }
      const finished = asc ? to >= ask.until : from <= horizon
      return { items, next: finished ? null : asc ? to : from + 1 }
    }
  }
}

const onlyGaps = ({ kinds }: JournalAsk): boolean => kinds.every((kind) => kind === 'gap')

/**
 * Of the facts that are messages, those that came as one: a retained message found gone is cleared without. A topic that
 * is being forgotten has no name.
 */
const received = `((j.kind <> ${factKinds.cleared} or j.payload is not null) and t.name is distinct from '')`

interface BoundedRow extends FactRow {
  /** Rows there were before the bound on bytes. */
  found: number
}

/** As many rows of `sql` as fit in the bytes, and at least one. Lengths are known without reading the payloads. */
export const boundedSql = (sql: string, order: 'asc' | 'desc', bytesMax: string): string => `
  select * from (
    select rows.*, count(*) over () as found, coalesce(sum(octet_length(payload)) over (
      order by seq ${order} rows between unbounded preceding and 1 preceding), 0) as bytes_before,
      coalesce(octet_length(payload), 0) as bytes
    from (${sql}) as rows
  ) as counted
  where bytes_before = 0 or bytes_before + bytes <= ${bytesMax}
  order by seq ${order}`

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
