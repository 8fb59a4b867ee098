/**
 * Looks for facts in a range of the journal, in either order. What is frequent is found by looking through the next facts;
 * what is rare, by the index of its topics. Either way the facts looked at are bounded, and a page may end before its range.
 */

import type { Limits } from '../limits.ts'
import type { FactKind, Seq } from '../model.ts'
import { factKinds } from '../model.ts'
import type { NamePattern } from '../predicate/name-pattern.ts'
import { int8Array } from './binary.ts'
import { boundedSql } from './bounded-sql.ts'
import type { Pool } from './database.ts'
import { topicsOfDevices } from './device-topics.ts'
import { filterCondition } from './filter-sql.ts'
import type { Placed } from './merge.ts'
import { mergeNext } from './merge.ts'
import type { FactRow } from './rows.ts'
import { factColumns } from './rows.ts'
import { allMatches } from './topic-matches.ts'

export interface FactsSearch {
  filters: readonly string[]
  /** Of topics that these devices are known by; absent or none: whichever. */
  devices?: readonly NamePattern[]
  kinds: readonly FactKind[]
  limit: number
  order: 'asc' | 'desc'
}

/** from < seq <= to. */
export interface SeqRange {
  from: Seq
  to: Seq
}

export interface FoundFacts {
  rows: FactRow[]
  /** The range is read up to here, in the direction of the order; null when it is finished. */
  next: Seq | null
}

interface Parts {
  pool: Pool
  limits: Limits
}

/** Of this many facts for each one of the page, those of rare topics are not looked for by their index. */
const frequentFactor = 10

/** Throws Problem query_too_complex where the devices have more than `sortTopicsMax` topics. */
export async function searchFacts(parts: Parts, ask: FactsSearch, range: SeqRange): Promise<FoundFacts> {
  const { pool, limits } = parts
  const { filters, devices = [] } = ask
  // Gaps have an index of their own; for all others the rows looked at are bounded
  if (onlyGaps(ask)) return scan(parts, ask, null, range, Infinity, limits.pageBytesMax)
  const rowsMax = limits.pageRowsScannedMax
  const topics = devices.length === 0 ? null : await topicsOfDevices(pool, limits, devices, filters)
  if (topics?.length === 0) return { rows: [], next: null }
  if (topics === null && filters.length === 0)
    return scan(parts, ask, null, range, rowsMax, limits.pageBytesMax)
  const few = Math.min(rowsMax, ask.limit * frequentFactor)
  const begun = await scan(parts, ask, topics, range, few, limits.pageBytesMax)
  const bytes = limits.pageBytesMax - begun.rows.reduce((sum, row) => sum + (row.payload?.length ?? 0), 0)
  if (begun.isFull || begun.next === null || bytes <= 0) return begun
  const rest = ask.order === 'asc' ? { ...range, from: begun.next } : { ...range, to: begun.next - 1 }
  const asked = { ...ask, limit: ask.limit - begun.rows.length }
  const ids = topics ?? (await matchesOf(parts, filters))
  const more =
    ids === null || ids.length > limits.messageTopicsMax
      ? await scan(parts, asked, topics, rest, rowsMax - few, bytes)
      : await merge(parts, asked, ids, rest, bytes)
  return { rows: [...begun.rows, ...more.rows], next: more.next }
}

const matchesOf = ({ pool, limits }: Parts, filters: readonly string[]): Promise<number[] | null> =>
  allMatches(pool, { ...limits, sortTopicsMax: limits.messageTopicsMax }, filters)

const onlyGaps = ({ kinds }: FactsSearch): boolean => kinds.every((kind) => kind === 'gap')

interface BoundedRow extends FactRow {
  /** Rows there were before the bound on bytes. */
  found: number
}

/** Of the next `rowsMax` facts those that match. `topics`: the only ones; null: by the filters. */
async function scan(
  { pool }: Parts,
  ask: FactsSearch,
  topics: readonly number[] | null,
  range: SeqRange,
  rowsMax: number,
  bytesMax: number
): Promise<FoundFacts & { isFull: boolean }> {
  const asc = ask.order === 'asc'
  if (rowsMax <= 0) return { rows: [], next: asc ? range.from : range.to + 1, isFull: false }
  const from = asc ? range.from : Math.max(range.to - rowsMax, range.from)
  const to = asc ? Math.min(range.from + rowsMax, range.to) : range.to
  const values: unknown[] = [from, to, ask.kinds.map((kind) => factKinds[kind]), ask.limit]
  // With the number itself, the planner knows the index of gaps
  const kinds = onlyGaps(ask)
    ? `j.kind = any ($3::int2[]) and j.kind = ${factKinds.gap}`
    : 'j.kind = any ($3::int2[])'
  // The sum keeps the planner from looking at all that there is of each topic
  const condition =
    topics === null
      ? filterCondition(ask.filters, values)
      : `j.topic_id + 0 = any ($${values.push(int8Array(topics))}::int8[])`
  const { rows } = await pool.query<BoundedRow>(
    boundedSql(
      `select ${factColumns} from journal j left join topics t on t.id = j.topic_id
       where j.seq > $1 and j.seq <= $2 and ${kinds} and ${condition} and ${received}
       order by j.seq ${ask.order} limit $4`,
      ask.order,
      `$${values.push(bytesMax)}`
    ),
    values
  )
  const last = rows.at(-1)
  if (last !== undefined && (rows.length === ask.limit || rows.length < last.found))
    return { rows, next: last.seq, isFull: true }
  const finished = asc ? to >= range.to : from <= range.from
  return { rows, next: finished ? null : asc ? to : from + 1, isFull: false }
}

/**
 * Of the facts that are messages, those that came as one: a retained message found gone is cleared without. A topic that
 * is being forgotten has no name.
 */
const received = `((j.kind <> ${factKinds.cleared} or j.payload is not null) and t.name is distinct from '')`

interface FoundFact extends Placed {
  kind: number
  came: boolean
}

/** The next facts of these topics, by the index of each. */
async function merge(
  { pool, limits }: Parts,
  ask: FactsSearch,
  topics: readonly number[],
  range: SeqRange,
  bytesMax: number
): Promise<FoundFacts> {
  const asc = ask.order === 'asc'
  const [begin, end] = asc ? [range.from, range.to + 1] : [range.to + 1, range.from]
  const kinds = new Set<number>(ask.kinds.map((kind) => factKinds[kind]))
  const sources = new Map(topics.map((topic, source) => [topic, source]))
  const { rows: found, next } = await mergeNext<FoundFact>({
    sources: topics.length,
    order: ask.order,
    limit: ask.limit,
    rowsMax: limits.pageRowsScannedMax,
    async read(from, count, before) {
      const { rows } = await pool.query<{ topic_id: number; seq: Seq; kind: number; came: boolean }>({
        name: `facts_of_topics_${ask.order}`,
        text: placesSql(ask.order),
        values: [
          int8Array(from.map(({ source }) => topics[source]!)),
          int8Array(from.map(({ after }) => after?.[0] ?? begin)),
          before?.[0] ?? end,
          count
        ]
      })
      return rows.map(({ topic_id, seq, kind, came }) => ({
        source: sources.get(topic_id)!,
        place: [seq],
        kind,
        came
      }))
    },
    wanted: (rows) => rows.filter(({ kind, came }) => kinds.has(kind) && (kind !== factKinds.cleared || came))
  })
  const seqs = found.map(({ place }) => place[0]!)
  const { rows } = await pool.query<BoundedRow>(
    boundedSql(
      `select ${factColumns} from journal j left join topics t on t.id = j.topic_id
       where j.seq = any ($1::int8[]) and ${received}`,
      ask.order,
      '$2'
    ),
    [seqs, bytesMax]
  )
  const last = rows.at(-1)
  if (last !== undefined && rows.length < last.found) return { rows, next: last.seq }
  return { rows, next: next && next[0]! }
}

const placesSql = (order: 'asc' | 'desc'): string => {
  const [behind, before] = order === 'asc' ? ['>', '<'] : ['<', '>']
  return `
    select j.* from unnest($1::int8[], $2::int8[]) as asked (topic, after), lateral (
      select topic_id, seq, kind, payload is not null as came from journal
      where topic_id = asked.topic and seq ${behind} asked.after and seq ${before} $3
      order by seq ${order} limit $4
    ) as j`
}
