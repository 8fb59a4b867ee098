import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultLimits } from '../../src/limits.ts'
import { TopicCache } from '../../src/store/topics.ts'
import { query } from '../support/database.ts'
import { openTestStore } from '../support/store.ts'

const row = (id: number) => ({ id, retentionClass: 1 })
const long = (id: number): string => String(id).padStart(65_535, 'x')

test('the cache of topics is bounded by entries, and by bytes where topics are long; the newest half is there', () => {
  const { topicCacheEntriesMax: entriesMax, topicCacheBytesMax: bytesMax } = defaultLimits
  const cache = new TopicCache(defaultLimits)
  for (let id = 0; id < 4 * entriesMax; id++) {
    cache.remember(`site/17/device/${id}/temp`, row(id))
    assert.ok(cache.size <= entriesMax)
  }
  for (let id = 3.5 * entriesMax; id < 4 * entriesMax; id++) {
    assert.deepEqual(cache.get(`site/17/device/${id}/temp`), row(id))
  }
  assert.equal(cache.get('site/17/device/0/temp'), undefined)
  const half = Math.floor(bytesMax / 2 / (2 * 65_535 + 200))
  for (let id = 0; id < 2_000; id++) {
    cache.remember(long(id), row(id))
    assert.ok(cache.bytes <= bytesMax, `${cache.bytes} bytes`)
  }
  for (let id = 2_000 - half; id < 2_000; id++) assert.deepEqual(cache.get(long(id)), row(id))
})

test('what is used stays', () => {
  const cache = new TopicCache({ topicCacheEntriesMax: 4, topicCacheBytesMax: 1_000_000 })
  for (const name of ['a', 'b', 'c', 'a', 'd', 'a', 'e', 'a']) cache.remember(name, row(1))
  assert.ok(cache.get('a'))
  assert.equal(cache.get('b'), undefined)
})

test('ids stay dense when topics leave the cache and come back, and one larger than the cache is stored', async () => {
  const { url, receive } = await openTestStore({
    limits: { topicCacheEntriesMax: 2, topicCacheBytesMax: 5_000 }
  })
  const names = Array.from({ length: 10 }, (_, index) => `t/${index}`)
  for (let round = 0; round < 5; round++) for (const topic of names) await receive({ topic })
  await receive({ topic: long(1) }, { topic: 'last' })
  const rows = await query<{ id: string }>(url, 'select id from topics order by id')
  assert.deepEqual(
    rows.map(({ id }) => Number(id)),
    Array.from({ length: 12 }, (_, index) => index + 1)
  )
})
