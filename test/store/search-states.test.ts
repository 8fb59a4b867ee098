/** Searches of states against everything that `page` reads, and their bounds. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Problem } from '../../src/errors.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Access, TopicState } from '../../src/model.ts'
import { readPredicate } from '../../src/predicate/predicate.ts'
import { readSort } from '../../src/predicate/sort.ts'
import type { StatesSearch } from '../../src/store/search-states.ts'
import type { Store } from '../../src/store/store.ts'
import { compileFilters } from '../../src/topic.ts'
import { toTopicStateView } from '../../src/views.ts'
import { value } from '../predicate/items.ts'
import { everything, openTestStore } from '../support/store.ts'
import type { TestStore } from '../support/store.ts'
import { answer, questions, readAll } from './searches.ts'

const ask: StatesSearch = {
  filters: [],
  state: null,
  where: null,
  sort: null,
  order: 'asc',
  after: null,
  limit: 100,
  asOf: null
}
const where = (text: string) => readPredicate(text, defaultLimits)
const sort = (text: string) => readSort(text, defaultLimits)
const runs = process.env['FULL'] === '1' ? 3_000 : 150
const onlyEven: Access = { ...everything, mayRead: (topic) => !topic.endsWith('/1') }

/** Topics of three levels with all kinds of payloads, some retained, some cleared, some never retained. */
async function fill({ receive }: Pick<TestStore, 'receive'>, messages = 150, seed = 5): Promise<void> {
  const payload = fc.oneof(
    { weight: 5, arbitrary: value.map((given) => Buffer.from(JSON.stringify(given))) },
    fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes)),
    fc.constantFrom('on', 'off', '21', '21.5', '1e400').map((text) => Buffer.from(text))
  )
  const message = fc.record({
    topic: fc.constantFrom(
      ...['a', 'b', '$c'].flatMap((first) =>
        Array.from({ length: 9 }, (_, n) => `${first}/${n % 3}/${n % 5}`)
      )
    ),
    payload,
    retain: fc.boolean(),
    properties: fc.option(fc.constantFrom({ contentType: 'text/plain' }, { messageExpiryInterval: 1_000 }))
  })
  const cleared = message.map((given) => ({ ...given, retain: true, payload: Buffer.alloc(0) }))
  const log = fc.sample(fc.oneof({ weight: 3, arbitrary: message }, cleared), { numRuns: messages, seed })
  for (const one of log) await receive({ ...one, receivedAt: Date.now() + 1_000 * one.payload.length })
}

async function readEverything(store: Store): Promise<TopicState[]> {
  const all: TopicState[] = []
  for (let after: number | null = null; ;) {
    const page = await store.states.page(everything, { filters: [], after, limit: 7, order: 'asc' })
    all.push(...page.items)
    if (page.next === null) return all
    after = page.next
  }
}

test('all pages of a search have what there is, in order, once, however few topics a page looks at', async () => {
  const tests = await openTestStore({
    limits: { pageRowsScannedMax: 12, pageTopicsByPrefixMax: 5, searchRowsMax: 9, searchStepRowsMax: 4 }
  })
  // Sorts look at all
  const sorting = await openTestStore({
    url: tests.url,
    limits: { searchStepRowsMax: 4, pageTopicsByPrefixMax: 5 }
  })
  await fill(tests)
  const all = await readEverything(tests.store)
  const seen = { found: 0, none: 0, short: 0 }
  await fc.assert(
    fc.asyncProperty(
      questions(all.map(toTopicStateView)),
      fc.subarray(['a/#', 'a/1/+', '+/1/#', '$c/#', 'a/1/1', 'b/2/2', 'x/1'], { maxLength: 3 }),
      fc.constantFrom(null, null, 'retained' as const, 'tombstone' as const),
      fc.constantFrom(everything, onlyEven),
      async (question, filters, state, access) => {
        const { store } = question.sort === null ? tests : sorting
        const { items, short } = await readAll(
          (after) => store.states.search(access, { ...ask, ...question, filters, state, after }),
          question.limit
        )
        const matches = compileFilters(filters)
        const there = all.filter(
          (one) => matches(one.topic) && access.mayRead(one.topic) && (state === null || one[state] !== null)
        )
        const expected = answer(there, toTopicStateView, question)
        assert.deepEqual(
          items.map(({ topic }) => topic),
          expected.map(({ topic }) => topic)
        )
        assert.deepEqual(items, expected)
        seen[items.length > 0 ? 'found' : 'none']++
        seen.short += short
      }
    ),
    { numRuns: runs }
  )
  assert.ok(Math.min(seen.found, seen.none, seen.short) > runs / 10, JSON.stringify(seen))
})

test('a search of states as they were has what there was then', async () => {
  const limits = { pageRowsScannedMax: 12, pageTopicsByPrefixMax: 5, searchRowsMax: 9, searchStepRowsMax: 4 }
  const tests = await openTestStore({ limits })
  // Few bytes are read at once, so that not all that is asked for is taken
  const sorting = await openTestStore({ url: tests.url, limits: { searchStepRowsMax: 4, pageBytesMax: 30 } })
  await fill(tests, 40)
  const head = await tests.store.journal.head()
  const asOf = { at: head.at, seq: head.seq }
  const then: TopicState[] = []
  for (const state of await readEverything(tests.store)) {
    // Whether what is retained is known is told by facts alone, and not by sessions, when it is told later
    const { retainedKnown } = (await tests.store.asOf.topic(everything, { id: state.topicId }, asOf))!
    then.push({ ...state, retainedKnown })
  }
  await fill(tests, 60, 6)
  const now = await readEverything(tests.store)
  assert.ok(now.length > then.length)
  const seen = { found: 0, changed: 0, short: 0 }
  await fc.assert(
    fc.asyncProperty(
      questions(then.map(toTopicStateView)),
      fc.subarray(['a/#', 'a/1/+', '+/1/#', 'a/1/1'], { maxLength: 2 }),
      fc.constantFrom(null, null, 'retained' as const, 'tombstone' as const),
      fc.constantFrom(everything, onlyEven),
      async (question, filters, state, access) => {
        const { store } = question.sort === null ? tests : sorting
        const { items, short } = await readAll(
          (after) => store.states.search(access, { ...ask, ...question, filters, state, after, asOf }),
          question.limit
        )
        const matches = compileFilters(filters)
        const wanted = (of: readonly TopicState[]): TopicState[] =>
          answer(
            of.filter(
              (one) =>
                matches(one.topic) && access.mayRead(one.topic) && (state === null || one[state] !== null)
            ),
            toTopicStateView,
            question
          )
        const names = (of: readonly TopicState[]): string[] => of.map(({ topic }) => topic)
        assert.deepEqual(names(items), names(wanted(then)))
        assert.deepEqual(items, wanted(then))
        if (items.length > 0) seen.found++
        if (names(items).join() !== names(wanted(now)).join()) seen.changed++
        seen.short += short
      }
    ),
    { numRuns: runs }
  )
  assert.ok(Math.min(seen.found, seen.changed, seen.short) > runs / 10, JSON.stringify(seen))
})

test('a page looks at so many topics, and so many bytes', async () => {
  const { store, receive } = await openTestStore({
    limits: { searchRowsMax: 10, searchStepRowsMax: 3, searchBytesMax: 1_000 }
  })
  for (let n = 0; n < 25; n++) await receive({ topic: `t/${n}`, payload: Buffer.from(String(n)) })
  const pages = async (more: Partial<StatesSearch>) => {
    const sizes: number[][] = []
    await readAll(async (after) => {
      const page = await store.states.search(everything, { ...ask, ...more, after })
      sizes.push(page.items.map(({ topic }) => Number(topic.slice(2))))
      return page
    }, 100)
    return sizes
  }
  assert.deepEqual(await pages({ where: where('ge(payload,19)') }), [[], [19], [20, 21, 22, 23, 24]])
  assert.deepEqual(await pages({ where: where('in(payload,3,4,11)'), limit: 2 }), [[3, 4], [11], [], []])
  // A page that finds what was asked for ends there
  assert.deepEqual(await pages({ filters: ['t/7'], limit: 1 }), [[7], []])
  const table = [
    ['large', 'asc', [400, 400, 400, 5_000, 10, 990, 1], [[0, 1], [2], [3], [4, 5], [6]]],
    ['large', 'desc', [], [[6, 5], [4], [3], [2, 1], [0]]],
    ['exact', 'asc', [500, 300, 200, 1], [[0, 1, 2], [3]]]
  ] as const
  for (const [name, order, sizes, expected] of table) {
    for (const [n, size] of sizes.entries())
      await receive({ topic: `${name}/${n}`, payload: Buffer.alloc(size, 'x') })
    const found: number[][] = []
    await readAll(async (after) => {
      const page = await store.states.search(everything, { ...ask, filters: [`${name}/#`], order, after })
      found.push(page.items.map(({ topic }) => Number(topic.slice(6))))
      return page
    }, 100)
    assert.deepEqual(found, expected)
  }
})

const refusal = async (run: Promise<unknown>): Promise<Problem> => {
  const error = await run.then(
    () => null,
    (thrown: unknown) => thrown
  )
  assert.ok(error instanceof Problem, String(error))
  return error
}

test('a sort takes so many topics, looks for them among so many, and reads so many bytes of them', async () => {
  const limits = { sortTopicsMax: 10, searchStepRowsMax: 3, searchBytesMax: 1_000 }
  const { store, receive, url } = await openTestStore({ limits })
  for (let n = 0; n < 11; n++)
    await receive({ topic: `${n < 10 ? 'few' : 'more'}/${n}`, payload: Buffer.from(`${n}`) })
  const topics = async (more: Partial<StatesSearch>) =>
    (await store.states.search(everything, { ...ask, ...more })).items.map(({ topic }) => topic)
  const tenSorted = Array.from({ length: 10 }, (_, n) => `few/${9 - n}`)
  assert.deepEqual(await topics({ filters: ['few/#'], sort: sort('-payload') }), tenSorted)
  assert.deepEqual(await topics({ filters: ['few/+'], sort: sort('-payload') }), tenSorted)
  for (const filters of [[], ['#'], ['+/+'], ['few/#', 'more/#']]) {
    const { code, errors } = await refusal(topics({ filters, sort: sort('payload') }))
    assert.equal(code, 'query_too_complex')
    assert.match(errors[0]!.detail, /at most 10 topics.*narrow the filter/)
  }
  const narrow = await openTestStore({ url, limits: { pageRowsScannedMax: 10 } })
  const search = (filters: string[]) =>
    narrow.store.states.search(everything, { ...ask, filters, sort: sort('payload') })
  assert.equal((await refusal(search(['+/3']))).code, 'query_too_complex')
  assert.equal((await search(['few/#', 'more/10'])).items.length, 11)

  for (const [n, size] of [400, 400, 199].entries())
    await receive({ topic: `large/${n}`, payload: Buffer.alloc(size, 'x') })
  const large = { filters: ['large/#', 'few/1'] }
  assert.equal((await topics({ ...large, sort: sort('payload') })).length, 4)
  await receive({ topic: 'large/2', payload: Buffer.alloc(200, 'x') })
  const { code, errors } = await refusal(topics({ ...large, sort: sort('payload') }))
  assert.equal(code, 'query_too_complex')
  assert.match(errors[0]!.detail, /at most 1000 bytes/)
  // Who does not look at payloads reads none
  assert.equal((await topics({ ...large, sort: sort('-receivedAt') })).length, 4)
})

test('a sorted page has so many bytes at most, and the next goes on behind it', async () => {
  const { store, receive } = await openTestStore({ limits: { pageBytesMax: 1_000 } })
  for (const [n, size] of [400, 5_000, 400, 990, 400, 10].entries())
    await receive({ topic: `t/${n}`, payload: Buffer.alloc(size, 'x') })
  const found: number[][] = []
  await readAll(async (after) => {
    const page = await store.states.search(everything, { ...ask, sort: sort('-topicId'), after })
    found.push(page.items.map(({ topic }) => Number(topic.slice(2))))
    return page
  }, 100)
  assert.deepEqual(found, [[5, 4], [3], [2], [1], [0]])
})
