import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileFilters } from '../../src/topic.ts'
import { query } from '../support/database.ts'
import { everything, openTestStore } from '../support/store.ts'

const characters = [
  '',
  'a',
  'A',
  'b',
  '$',
  '%',
  '_',
  '.',
  '*',
  '\\',
  '(',
  '[x]',
  '^',
  '|',
  '{2}',
  '?',
  'é',
  '😀',
  ' ',
  "'",
  '"',
  '\n',
  'ab'
]
const level = fc.array(fc.constantFrom(...characters), { maxLength: 2 }).map((parts) => parts.join(''))
const topic = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/'))
  .filter((name) => name !== '')
const filter = fc
  .tuple(
    fc.array(fc.oneof({ weight: 3, arbitrary: level }, fc.constant('+')), { maxLength: 3 }),
    fc.boolean()
  )
  .map(([levels, open]) => (open || levels.length === 0 ? [...levels, '#'] : levels).join('/'))
  .filter((text) => text !== '')

test('a page by filters has what the filters match, no more and no less', async () => {
  const { store, receive } = await openTestStore()
  const topics = [
    ...new Set(fc.sample(topic, { numRuns: 400, seed: 7 })),
    'x'.repeat(300),
    `${'x'.repeat(300)}/y`
  ]
  await receive(...topics.map((name) => ({ topic: name })))
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          filter,
          fc.constantFrom(...topics).filter((name) => !/[+#]/.test(name)),
          fc.constant(`${'x'.repeat(300)}/#`)
        ),
        { minLength: 1, maxLength: 3 }
      ),
      async (filters) => {
        const { items } = await store.states.page(everything, {
          filters,
          after: null,
          limit: 1_000,
          order: 'asc'
        })
        const matches = compileFilters(filters)
        assert.deepEqual(items.map((item) => item.topic).toSorted(), topics.filter(matches).toSorted())
      }
    ),
    { numRuns: 500 }
  )
})

test('however few topics a page looks at, all pages together have what the filters match, in order, once', async () => {
  const limits = { pageRowsScannedMax: 7, pageTopicsByPrefixMax: 5 }
  const { store, receive, url } = await openTestStore({ limits })
  const topics = [...new Set(fc.sample(topic, { numRuns: 120, seed: 11 }))]
  await receive(...topics.map((name) => ({ topic: name })))
  const all = await query<{ name: string }>(url, 'select name from topics order by id')
  let empty = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          filter,
          fc.constantFrom(...topics).filter((name) => !/[+#]/.test(name))
        ),
        { maxLength: 3 }
      ),
      fc.constantFrom('asc' as const, 'desc' as const),
      fc.integer({ min: 1, max: 9 }),
      async (filters, order, limit) => {
        const seen: string[] = []
        let after: number | null = null
        do {
          const page = await store.states.page(everything, { filters, after, limit, order })
          assert.ok(page.items.length <= limit)
          if (page.items.length === 0 && page.next !== null) empty++
          seen.push(...page.items.map((item) => item.topic))
          after = page.next
        } while (after !== null)
        const matching = all.map(({ name }) => name).filter(compileFilters(filters))
        assert.deepEqual(seen, order === 'asc' ? matching : matching.toReversed())
      }
    ),
    { numRuns: 500 }
  )
  assert.ok(empty > 100, `${empty} empty pages that go on`)
})

test('pages of topics go on where the last one ended, in both orders', async () => {
  const { store, receive } = await openTestStore()
  const names = Array.from({ length: 25 }, (_, index) => `t/${index}`)
  await receive(...names.map((name) => ({ topic: name })))
  const { items } = await store.states.page(everything, {
    filters: ['t/#'],
    after: null,
    limit: 100,
    order: 'asc'
  })
  const all = items.map((item) => item.topic)
  assert.deepEqual(all.toSorted(), names.toSorted())
  for (const order of ['asc', 'desc'] as const) {
    const seen: string[] = []
    let after: number | null = null
    do {
      const page = await store.states.page(everything, { filters: ['t/#'], after, limit: 7, order })
      seen.push(...page.items.map((item) => item.topic))
      after = page.next
    } while (after !== null)
    assert.deepEqual(seen, order === 'asc' ? all : all.toReversed())
  }
})

test('a page of topics has so many bytes at most, and the next goes on behind it', async () => {
  const { store, receive } = await openTestStore({ limits: { pageBytesMax: 1_000 } })
  const sizes = [400, 400, 400, 5_000, 10, 990, 1]
  for (const [index, size] of sizes.entries())
    await receive({ topic: `t/${index}`, payload: Buffer.alloc(size) })
  for (const [order, expected] of [
    ['asc', [['t/0', 't/1'], ['t/2'], ['t/3'], ['t/4', 't/5'], ['t/6']]],
    ['desc', [['t/6', 't/5'], ['t/4'], ['t/3'], ['t/2', 't/1'], ['t/0']]]
  ] as const) {
    const pages: string[][] = []
    let after: number | null = null
    do {
      const page = await store.states.page(everything, { filters: ['t/#'], after, limit: 100, order })
      pages.push(page.items.map((item) => item.topic))
      after = page.next
    } while (after !== null)
    assert.deepEqual(pages, expected)
  }
})
