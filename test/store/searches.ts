/** Random questions to lists of items, and their answers from everything there is. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { defaultLimits } from '../../src/limits.ts'
import type { Predicate } from '../../src/predicate/predicate.ts'
import { readPredicate } from '../../src/predicate/predicate.ts'
import type { Sort } from '../../src/predicate/sort.ts'
import { readSort } from '../../src/predicate/sort.ts'
import type { SearchAsk, SearchPage } from '../../src/store/search.ts'
import { places, write } from '../predicate/items.ts'

export interface Question {
  where: Predicate | null
  sort: Sort | null
  order: 'asc' | 'desc'
  limit: number
}

/** Of paths that are in one of the items, and values that are there or in the next item. */
export function questions(views: readonly object[]): fc.Arbitrary<Question> {
  const all = views.map((view) => places(view))
  const ways = [...new Set(all.flatMap((found) => [...found.keys()]))].filter((way) => way !== '[]')
  const way = fc.constantFrom(...ways).filter((found) => !/^\[("metrics"|"")\]$/.test(found))
  const path = way.map((found) => write(JSON.parse(found) as string[]))
  const comparison = fc
    .tuple(way, fc.constantFrom('eq', 'ne', 'gt', 'ge', 'lt', 'le', 'in', 'prefix', 'exists'), fc.nat())
    .map(([found, called, at]) => {
      const given = write(JSON.parse(found) as string[])
      const there = all.flatMap((one) => (one.has(found) ? [one.get(found)] : []))
      const literal = there[at % there.length]
      const text = typeof literal === 'string'
      if (called === 'prefix' && text) return `prefix(${given},${JSON.stringify(literal.slice(0, 3))})`
      if (text || typeof literal === 'number')
        return `${called === 'prefix' || called === 'exists' ? 'eq' : called}(${given},${JSON.stringify(literal)})`
      if (literal === null || typeof literal === 'boolean') return `ne(${given},${String(literal)})`
      return `exists(${given})`
    })
  const where = fc.oneof(
    comparison,
    comparison.map((one) => `not(${one})`),
    fc.tuple(comparison, comparison).map(([a, b]) => `and(${a},${b})`),
    fc.tuple(comparison, comparison).map(([a, b]) => `or(${a},not(${b}))`)
  )
  return fc.record({
    where: fc.option(where.map((text) => readPredicate(text, defaultLimits))),
    sort: fc.option(
      fc.tuple(fc.constantFrom('', '-'), path).map(([sign, text]) => readSort(sign + text, defaultLimits))
    ),
    order: fc.constantFrom('asc' as const, 'desc' as const),
    limit: fc.integer({ min: 1, max: 30 })
  })
}

/** What a search gives, of all items in the order of their ids. */
export function answer<Item>(
  items: readonly Item[],
  toView: (item: Item) => object,
  { where, sort, order }: Question
): Item[] {
  const wanted = items.filter((item) => where === null || where.test(toView(item)))
  if (sort === null) return order === 'asc' ? wanted : wanted.toReversed()
  const keyed = wanted.map((item, at) => ({ item, at, key: keyOf(toView(item), sort) }))
  const sign = sort.descending ? -1 : 1
  return keyed.toSorted((a, b) => sign * compare(a.key, b.key) || a.at - b.at).map(({ item }) => item)
}

/** Type, then size: written in another way than in the service. */
function keyOf(view: object, { path }: Sort): [number, number | string] {
  const found = places(view)
  const way = JSON.stringify(path)
  const value = found.get(way)
  const last = path.at(-1)!
  if (!found.has(way)) return [0, 0]
  if (value === null) return [1, 0]
  if (typeof value === 'boolean') return [2, Number(value)]
  if (typeof value === 'number') return [3, value]
  if (typeof value !== 'string') return [5, 0]
  const ours = !path.includes('payload') && !path.includes('value') && !path.includes('attributes')
  if (ours && /^(seq|messageSeq|topicId)$/.test(last)) return [3, Number(value)]
  if (ours && /At$|^at$/.test(last)) return [3, Date.parse(value)]
  return [4, Buffer.from(Array.from(value).slice(0, 100).join('')).toString('latin1')]
}

const compare = (a: [number, number | string], b: [number, number | string]): number =>
  a[0] !== b[0] ? a[0] - b[0] : a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0

/** All items of all pages; how many pages there were, and of these the ones that were shorter than asked for and went on. */
export async function readAll<Item>(
  read: (after: SearchAsk['after']) => Promise<SearchPage<Item>>,
  limit: number
): Promise<{ items: Item[]; pages: number; short: number }> {
  const items: Item[] = []
  let short = 0
  for (let after: SearchAsk['after'] = null, pages = 1; ; pages++) {
    const page: SearchPage<Item> = await read(after)
    assert.ok(page.items.length <= limit)
    items.push(...page.items)
    if (page.next === null) return { items, pages, short }
    if (page.items.length < limit) short++
    // As a page token gives it back
    after = JSON.parse(JSON.stringify(page.next)) as SearchAsk['after']
    assert.ok(pages < 10_000)
  }
}
