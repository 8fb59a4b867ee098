/** What classes of retention drop is told to those who may have wanted it, once, and takes nothing else from anybody. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createFeed } from '../../src/feed/feed.ts'
import { firstMissing, mayMiss, tellSkipped } from '../../src/feed/missing.ts'
import type { Skipped } from '../../src/feed/missing.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Fact, FactKind, Seq } from '../../src/model.ts'
import { createStats } from '../../src/stats.ts'
import { compileFilters, overlap } from '../../src/topic.ts'
import { query, silent } from '../support/database.ts'
import type { TestStore } from '../support/store.ts'
import { everything, openTestStore } from '../support/store.ts'

const level = fc.constantFrom('a', 'b', '', '+', '+')
const filter = fc
  .tuple(
    fc.constantFrom('a', 'b', '', '+', '$s'),
    fc.array(level, { maxLength: 2 }),
    fc.constantFrom('', '/#')
  )
  .map(([first, rest, end]) => [first, ...rest].join('/') + end)
  .filter((text) => text !== '')

const names = ['a', 'b', 'c', '', '$s']
/** Whatever filters of three levels can tell apart. */
const topics: string[] = [...names]
for (let from = 0, levels = 1; levels < 4; levels++) {
  const to = topics.length
  for (const topic of topics.slice(from, to)) for (const name of names) topics.push(`${topic}/${name}`)
  from = to
}

test('two filters overlap exactly where there is a topic that both match', () => {
  fc.assert(
    fc.property(fc.oneof(filter, fc.constant('#')), fc.oneof(filter, fc.constant('#')), (one, other) => {
      const [matches, matchesOther] = [compileFilters([one]), compileFilters([other])]
      const both = ['', ...topics].some((topic) => matches(topic) && matchesOther(topic))
      assert.equal(overlap(one, other), both, `${one} and ${other}`)
      assert.equal(overlap(other, one), both, `${other} and ${one}`)
    }),
    { numRuns: 3_000 }
  )
})

test('a class may be missed by whoever asks for its topics, or for what has none', () => {
  const ask = (filters: string[], ...kinds: FactKind[]) => ({ filters, kinds })
  const [any, system, some] = [{ filters: null }, { filters: [] }, { filters: ['a/#', 'b'] }]
  assert.ok(mayMiss(any, ask(['x'], 'message')))
  assert.ok(!mayMiss(any, ask(['x'], 'gap', 'presence')))
  assert.ok(mayMiss(some, ask([], 'message')))
  assert.ok(mayMiss(some, ask(['c', '+/x'], 'message', 'gap')))
  assert.ok(!mayMiss(some, ask(['c', '+/x/y', 'b/+'].slice(0, 1), 'message')))
  assert.ok(!mayMiss(some, ask(['b/+'], 'message')))
  assert.ok(mayMiss(system, ask(['x'], 'message', 'command')))
  assert.ok(!mayMiss(system, ask([], 'message', 'snapshot', 'cleared', 'expired', 'imported')))
})

test('each class is told once, up to its horizon, and again only when that has moved', () => {
  const fact = (seq: Seq) => ({ seq }) as Fact
  assert.equal(firstMissing([3, 4, 5].map(fact), 2, 5), null)
  assert.equal(firstMissing([3, 5].map(fact), 2, 5), 4)
  assert.equal(firstMissing([5].map(fact), 2, 5), 3)
  assert.equal(firstMissing([1, 2, 3].map(fact), 2, 4), 4)
  assert.equal(firstMissing([], 2, 2), null)
  const told = new Map<string, Seq>()
  const ask = { filters: ['a'], kinds: ['message'] as const }
  const classes = (one: Seq, other: Seq) => [
    { name: 'one', horizon: one, filters: null },
    { name: 'other', horizon: other, filters: ['a'] },
    { name: 'foreign', horizon: 1_000, filters: ['b'] }
  ]
  const word = (from: Seq, to: Seq, retentionClass: string): Skipped => ({ from, to, retentionClass })
  assert.deepEqual(tellSkipped(classes(20, 5), ask, 10, told), [word(10, 20, 'one')])
  assert.deepEqual(tellSkipped(classes(20, 12), ask, 11, told), [word(11, 12, 'other')])
  assert.deepEqual(tellSkipped(classes(20, 12), ask, 12, told), [])
  assert.deepEqual(tellSkipped(classes(30, 12), ask, 15, told), [word(21, 30, 'one')])
})

const pieces = ['a', 'b', 'c/d']
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      topics: fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 8 })
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('class' as const),
      name: fc.constantFrom('one', 'other'),
      filters: fc.uniqueArray(fc.constantFrom('a', 'b', '+', 'c/#', '#'), { minLength: 1, maxLength: 2 })
    })
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('drop' as const),
      classes: fc.uniqueArray(fc.constantFrom('one', 'other', 'default'), { minLength: 1 })
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('follow' as const),
      place: fc.double({ min: 0, max: 1, noNaN: true }),
      filters: fc.uniqueArray(fc.constantFrom('a', 'b', '+', 'c/#', '#', 'x'), { minLength: 1, maxLength: 2 })
    })
  },
  /** Every stream takes a page. */
  { weight: 3, arbitrary: fc.record({ do: fc.constant('read' as const) }) }
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

async function begin({ store, receive, url }: TestStore, prefix: string) {
  const head = async (): Promise<Seq> => (await store.journal.head()).seq
  const first = await head()
  const feed = createFeed({
    end: first,
    limits: { ...defaultLimits, feedPageFactsMax: 5, heartbeatMs: 50 },
    stats: createStats(),
    log: silent,
    following: store.journal.following,
    head,
    horizon: async () => (await store.journal.head()).horizon,
    nextKept: store.journal.nextKept,
    dropped: store.retention.dropped
  })
  const log: Array<{ seq: Seq; topic: string }> = []
  const stopping = new AbortController()
  const streams: Array<ReturnType<typeof open>> = []

  function open(after: Seq, filters: readonly string[]) {
    const asked = filters.map((one) => prefix + one)
    const pages = feed.read(everything, { after, filters: asked, kinds: ['message'] }, stopping.signal)
    return {
      after,
      filters,
      pages,
      at: after,
      got: [] as Seq[],
      skipped: [] as Array<Skipped & { behind: Seq }>
    }
  }

  async function take(stream: ReturnType<typeof open>): Promise<void> {
    const { value } = await stream.pages.next()
    if (value === undefined) return
    for (const word of value.skipped) stream.skipped.push({ ...word, behind: stream.got.at(-1) ?? 0 })
    stream.got.push(...value.facts.map(({ seq }) => seq))
    stream.at = value.cursor
  }

  async function finish(): Promise<void> {
    const end = await head()
    const rows = await query<{ seq: string; name: string }>(
      url,
      'select seq, name from journal j join retention_classes c on c.id = j.retention_class'
    )
    const kept = new Set(rows.map(({ seq }) => Number(seq)))
    for (const stream of streams) {
      while (stream.at < end) await take(stream)
      const matches = compileFilters(stream.filters)
      const wanted = log
        .filter(({ seq, topic }) => seq > stream.after && matches(topic))
        .map(({ seq }) => seq)
      const note = `${stream.filters.join(' ')} after ${stream.after}: ${JSON.stringify(stream.skipped)}`
      // In order, nothing twice, all that is kept; and what is missing lies where somebody said so before
      assert.deepEqual(
        stream.got,
        stream.got.toSorted((a, b) => a - b),
        note
      )
      assert.equal(new Set(stream.got).size, stream.got.length, note)
      const got = new Set(stream.got)
      for (const seq of wanted)
        assert.ok(
          got.has(seq) ||
            (!kept.has(seq) &&
              stream.skipped.some((word) => word.from <= seq && seq <= word.to && word.behind < seq)),
          `${seq} of ${note}`
        )
      for (const seq of got) assert.ok(wanted.includes(seq))
      for (const [index, word] of stream.skipped.entries()) {
        assert.ok(word.from > stream.after && word.from <= word.to, note)
        const others = stream.skipped.filter(
          ({ retentionClass }, at) => at < index && retentionClass === word.retentionClass
        )
        for (const { to } of others) assert.ok(word.from > to, note)
        const filtersOf = classFilters.get(word.retentionClass)
        if (filtersOf !== undefined)
          assert.ok(
            stream.filters.some((one) => [...filtersOf].some((filter) => overlap(one, filter))),
            `${note} of ${[...filtersOf].join(' ')}`
          )
      }
    }
    stopping.abort()
    feed.close()
  }

  /** All that a class had; the default class may have anything. */
  const classFilters = new Map<string, Set<string>>()

  const steps = {
    async publish({ topics: given }: Step & { do: 'publish' }) {
      const { base } = (await receive(...given.map((topic) => ({ topic: prefix + topic }))))!
      log.push(...given.map((topic, index) => ({ topic, seq: base + index + 1 })))
      feed.hint(await head())
      feed.forget() // what is in memory is not to help
    },
    async class({ name, filters }: Step & { do: 'class' }) {
      for (const filter of filters) classFilters.set(name, (classFilters.get(name) ?? new Set()).add(filter))
      await store.retention.setClass(name, {
        filters: filters.map((filter) => prefix + filter),
        keepSeconds: null,
        keepBytes: null
      })
      await store.retention.assignTopics()
    },
    async drop({ classes }: Step & { do: 'drop' }) {
      await store.partitions.makeAhead()
      await query(
        url,
        `update retention_classes set keep_bytes = case when name = any ($1) then 1 end where id > 0`,
        [classes]
      )
      await store.partitions.dropExpired()
    },
    async follow({ place, filters }: Step & { do: 'follow' }) {
      const { seq, horizon } = await store.journal.head()
      const from = Math.max(first, horizon)
      streams.push(open(Math.floor(from + place * (seq - from)), filters))
    },
    async read() {
      const end = await head()
      for (const stream of streams) if (stream.at < end) await take(stream)
    }
  }
  return { run: (one: Step) => (steps[one.do] as (given: Step) => Promise<void>)(one), finish }
}

test('a stream has everything that is kept, in order, and a word before each hole', async () => {
  const one = await openTestStore({ limits: { partitionRowsMax: 6 } })
  await one.store.partitions.setDefault({ keepSeconds: null, keepBytes: null })
  let runs = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 60, size: 'max' }), async (steps) => {
      const prefix = `r${runs++}/`
      const run = await begin(one, prefix)
      for (const each of steps) await run.run(each)
      await run.finish()
    }),
    { numRuns: process.env['FULL'] === '1' ? 500 : 20, endOnFailure: true }
  )
})
