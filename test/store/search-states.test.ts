import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultLimits } from '../../src/limits.ts'
import { readPredicate } from '../../src/predicate/predicate.ts'
import { readSort } from '../../src/predicate/sort.ts'
import type { StatesSearch } from '../../src/store/search-states.ts'
import { everything, openTestStore } from '../support/store.ts'

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

test('topics whose latest value is so, with a retained message, or whose retained message was cleared', async () => {
  const { store, receive } = await openTestStore()
  const json = (topic: string, value: unknown, retain = false) => ({
    topic,
    payload: Buffer.from(JSON.stringify(value)),
    retain
  })
  await receive(json('a/1', { t: 20, mode: 'on' }))
  await receive(json('a/2', { t: 22 }, true))
  await receive(json('a/3', 5, true))
  await receive(json('b/1', { t: 23 }))
  await receive({ topic: 'a/3', payload: Buffer.alloc(0), retain: true })
  const topics = async (more: Partial<StatesSearch>) =>
    (await store.states.search(everything, { ...ask, ...more })).items.map(({ topic }) => topic)
  assert.deepEqual(await topics({}), ['a/1', 'a/2', 'a/3', 'b/1'])
  assert.deepEqual(await topics({ where: where('gt(payload/t,21)') }), ['a/2', 'b/1'])
  assert.deepEqual(await topics({ where: where('gt(payload/t,21)'), filters: ['a/#'] }), ['a/2'])
  assert.deepEqual(await topics({ state: 'retained' }), ['a/2'])
  assert.deepEqual(await topics({ state: 'tombstone' }), ['a/3'])
  assert.deepEqual(await topics({ where: where('eq(tombstone/previous/payload,5)') }), ['a/3'])
  assert.deepEqual(await topics({ where: where('exists(retained/payload/t)') }), ['a/2'])
  assert.deepEqual(await topics({ sort: sort('-payload/t') }), ['b/1', 'a/2', 'a/1', 'a/3'])
  assert.deepEqual(await topics({ sort: sort('-retained/payload/t') }), ['a/2', 'a/1', 'a/3', 'b/1'])
})
