/**
 * Searches what is stored for items that a predicate holds of, in the order of ids or of what is at a path. The predicate
 * is asked here, of the same items that readers get, so it means the same wherever it is used; this file bounds that work.
 */

import type { SearchPlace } from '../cursor.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Sort } from '../predicate/sort.ts'
import { compareKeys, sortKeyOf } from '../predicate/sort.ts'

export interface SearchAsk {
  /** null: by id, in the direction of `order`. */
  sort: Sort | null
  order: 'asc' | 'desc'
  after: SearchPlace | null
  limit: number
}

export interface SearchPage<Item> {
  items: Item[]
  /** To go on from; null at the end. Items may be few, or none, before that. */
  next: SearchPlace | null
}

/** What of a row is read: all, or what the predicate and the sort look at. */
export type Part = 'whole' | 'looked at'

export interface Read<Item> {
  /** In the order of the ids; without those that are not there, and those that are not asked for by what SQL can tell. */
  rows: Array<{ id: number; item: Item }>
  /** How many of the ids were read; the others did not fit. */
  taken: number
  bytes: number
}

/** Where items are from. */
export interface Source<Item> {
  /** What they are called, in plural. */
  what: string
  /** The next ids behind `after`. Fewer than `limit`, with a `next`: no more were looked for. */
  following(after: number | null, limit: number): Promise<{ ids: number[]; next: number | null }>
  /** All ids, in any order; null where there are more than `sortTopicsMax`, or more to look at than a page may. */
  all(): Promise<number[] | null>
  /** As many as fit in the bytes, and at least one. */
  read(ids: readonly number[], part: Part, bytesMax: number): Promise<Read<Item>>
  /** Whether it may be read, and the predicate holds. */
  isWanted(item: Item): boolean
  /** As it is answered, for the sort: what the sort does not look at may be left out. */
  toView(item: Item): unknown
}

/** Throws Problem `query_too_complex` where there is more to sort than may be. */
export const search = <Item>(
  source: Source<Item>,
  ask: SearchAsk,
  limits: Limits
): Promise<SearchPage<Item>> =>
  ask.sort === null ? inOrder(source, ask, limits) : sorted(source, ask, ask.sort, limits)

/** The steps grow, so that a page that finds its items at once reads no more than those. */
const stepGrowth = 4

async function inOrder<Item>(
  source: Source<Item>,
  ask: SearchAsk,
  limits: Limits
): Promise<SearchPage<Item>> {
  const { searchRowsMax, searchStepRowsMax, searchBytesMax } = limits
  const items: Item[] = []
  let after = ask.after?.id ?? null
  for (let [step, looked, bytes] = [ask.limit, 0, 0]; ; step *= stepGrowth) {
    const count = Math.min(step, searchStepRowsMax, searchRowsMax - looked)
    const { ids, next } = await source.following(after, count)
    const read = await source.read(ids, 'whole', searchBytesMax - bytes)
    const end = read.taken < ids.length ? ids[read.taken - 1]! : next
    for (const { id, item } of read.rows) {
      if (!source.isWanted(item)) continue
      items.push(item)
      if (items.length === ask.limit) return { items, next: { id, key: null } }
    }
    looked += read.taken
    bytes += read.bytes
    if (end === null) return { items, next: null }
    if (read.taken < count || looked >= searchRowsMax || bytes >= searchBytesMax)
      return { items, next: { id: end, key: null } }
    after = end
  }
}

/** Reads of all what is looked at, and then what the page has. What changes in between, and is no longer wanted, is left out. */
async function sorted<Item>(
  source: Source<Item>,
  ask: SearchAsk,
  sort: Sort,
  limits: Limits
): Promise<SearchPage<Item>> {
  const { searchStepRowsMax, searchBytesMax, sortTopicsMax } = limits
  const ids = await source.all()
  if (ids === null) throw tooMuch(`sort takes at most ${sortTopicsMax} ${source.what}`)
  const compare = inOrderOf(sort)
  const found: Place[] = []
  for (let [at, bytes] = [0, 0]; at < ids.length;) {
    const read = await source.read(ids.slice(at, at + searchStepRowsMax), 'looked at', searchBytesMax - bytes)
    at += read.taken
    bytes += read.bytes
    if (bytes > searchBytesMax) throw tooMuch(`sort reads at most ${searchBytesMax} bytes`)
    for (const { id, item } of read.rows) {
      if (!source.isWanted(item)) continue
      const place = { id, key: sortKeyOf(source.toView(item), sort) }
      if (ask.after === null || compare(place, ask.after as Place) > 0) found.push(place)
    }
  }
  const page = found.sort(compare).slice(0, ask.limit)
  const read = await source.read(
    page.map(({ id }) => id),
    'whole',
    limits.pageBytesMax
  )
  return {
    items: read.rows.map(({ item }) => item).filter(source.isWanted),
    next: read.taken < found.length ? page[read.taken - 1]! : null
  }
}

/** In a list that is sorted, each place has its key. */
type Place = SearchPlace & { key: NonNullable<SearchPlace['key']> }

/** Of equal keys the lower id is first, whatever the direction. */
const inOrderOf =
  ({ descending }: Sort) =>
  (a: Place, b: Place): number =>
    (descending ? compareKeys(b.key, a.key) : compareKeys(a.key, b.key)) || a.id - b.id

const tooMuch = (bound: string): Problem => {
  const detail = `${bound}: narrow the filter, or read without sort`
  return new Problem('query_too_complex', `sort: ${detail}`, [{ pointer: 'sort', detail }])
}
