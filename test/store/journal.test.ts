import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everything, openTestStore } from '../support/store.ts'

test('pages have what matches, bounded in rows looked at and in bytes, and miss nothing', async () => {
  const { store, receive } = await openTestStore({
    limits: { pageRowsScannedMax: 20, pageBytesMax: 1_000, messageTopicsMax: 0 }
  })
  const expected: number[] = []
  for (let seq = 1; seq <= 200; seq++) {
    const rare = seq % 37 === 0
    if (rare) expected.push(seq)
    await receive({ topic: rare ? 'rare' : 'common', payload: Buffer.alloc(400) })
  }
  for (const order of ['asc', 'desc'] as const) {
    const seen: number[] = []
    let after: number | null = null
    let pages = 0
    do {
      const page = await store.journal.page(everything, {
        filters: ['rare'],
        kinds: ['message'],
        after,
        until: 200,
        limit: 100,
        order
      })
      seen.push(...page.items.map((fact) => fact.seq))
      after = page.next
      pages++
    } while (after !== null)
    assert.deepEqual(seen, order === 'asc' ? expected : expected.toReversed())
    assert.ok(pages >= 10, `${pages} pages`)
  }
  // Two payloads fit into the bytes of a page
  const page = await store.journal.page(everything, {
    filters: [],
    kinds: ['message'],
    after: null,
    until: 200,
    limit: 100,
    order: 'asc'
  })
  assert.deepEqual([page.items.length, page.next], [2, 2])
  assert.equal((await store.journal.following(0, 100, 1_000)).length, 2)
  assert.equal((await store.journal.following(0, 100, 1)).length, 1)
})

test('a reader sees only the topics it may', async () => {
  const { store, receive } = await openTestStore()
  await receive({ topic: 'open' }, { topic: 'secret' })
  const some = { ...everything, mayRead: (topic: string) => topic === 'open' }
  const page = await store.journal.page(some, {
    filters: [],
    kinds: ['message'],
    after: null,
    until: 9,
    limit: 9,
    order: 'asc'
  })
  assert.deepEqual(
    page.items.map((fact) => fact.topic),
    ['open']
  )
  assert.equal(await store.states.byName(some, 'secret'), null)
  assert.deepEqual(
    (await store.states.page(some, { filters: [], after: null, limit: 9, order: 'asc' })).items.map(
      (state) => state.topic
    ),
    ['open']
  )
})
