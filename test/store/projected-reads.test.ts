import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Limits } from '../../src/limits.ts'
import type { Access } from '../../src/model.ts'
import type { DatapointsAsk } from '../../src/store/datapoints.ts'
import type { RejectionsAsk } from '../../src/store/rejections.ts'
import { chunkOf, currentAtHead, messageOf, point, seriesOf } from '../support/projected.ts'
import { everything, openTestStore } from '../support/store.ts'

const mapping = { hash: 'h', text: '' }
const onlyPublic: Access = { ...everything, mayRead: (topic) => topic.startsWith('public') }

/** On `public/1` the devices d0 to d4, on `secret/1` s0 to s4; ten messages, each with two datapoints and a rejection. */
async function open(limits: Partial<Limits> = {}) {
  const { store, receive } = await openTestStore({ limits: { poolConnectionsMax: 3, ...limits } })
  const { id } = await currentAtHead(store, mapping)
  const names = Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? 'public/1' : 'secret/1'))
  const { topicIds } = (await receive(
    ...names.map((topic, index) => ({ topic, payload: Buffer.from(`payload ${index + 1}`) }))
  ))!
  const messages = names.map((topic, index) => {
    const device = `${topic[0] === 'p' ? 'd' : 's'}${Math.floor(index / 2)}`
    return messageOf(
      index + 1,
      { topic, topicId: topicIds.get(topic)!.id },
      {
        mapping: index < 5 ? 'm' : 'n',
        datapoints: [
          point(device, 'x', index, { observedAt: 100 - index, exact: Buffer.alloc(100) }),
          point('both', topic, index, { observedAt: 200 + index, exact: Buffer.alloc(100) })
        ],
        presence: [{ device, presence: index < 6 ? 'online' : 'offline', source: 'availability', at: 1 }],
        rejections: [{ reason: index < 2 ? 'not_a_number' : 'duplicate_keys', detail: `${index}` }]
      }
    )
  })
  await store.projections.write(id, chunkOf(0, messages), { live: true })
  return store
}

/** All items of pages, and how many pages there were. */
async function pages<Item, Next>(
  read: (after: Next | null) => Promise<{ items: Item[]; next: Next | null }>
): Promise<{ items: Item[]; count: number }> {
  const items: Item[] = []
  for (let after: Next | null = null, count = 1; ; count++) {
    const page: { items: Item[]; next: Next | null } = await read(after)
    items.push(...page.items)
    if (page.next === null) return { items, count }
    after = page.next
    assert.ok(count < 100)
  }
}

test('pages of devices: in either order, by presence, and only what may be read', async () => {
  const store = await open()
  const names = async (access: Access, order: 'asc' | 'desc', presence?: 'online' | 'offline') =>
    (
      await pages<{ name: string; id: number }, number>((after) =>
        store.devices.page(access, { after, limit: 2, order, ...(presence && { presence }) })
      )
    ).items
  const all = await names(everything, 'asc')
  assert.equal(all.length, 11)
  assert.deepEqual(await names(everything, 'desc'), all.toReversed())
  assert.deepEqual(
    all.map(({ id }) => id),
    all.map(({ id }) => id).toSorted((a, b) => a - b)
  )
  const sorted = async (...ask: Parameters<typeof names>) =>
    (await names(...ask)).map(({ name }) => name).toSorted()
  assert.deepEqual(await sorted(everything, 'asc', 'online'), ['d0', 'd1', 'd2', 's0', 's1', 's2'])
  assert.deepEqual(await sorted(onlyPublic, 'asc', 'offline'), ['d3', 'd4'])
  // Last heard from by the secret topic
  assert.deepEqual(await sorted(onlyPublic, 'desc'), ['d0', 'd1', 'd2', 'd3', 'd4'])
  assert.equal(await store.devices.byName(onlyPublic, 's0'), null)
  assert.equal(await store.devices.byName(everything, 'unknown'), null)
  const metrics = await store.devices.metrics(onlyPublic, 'both', { after: null, limit: 10 })
  assert.deepEqual(
    metrics.items.map(({ name }) => name),
    ['public/1']
  )
})

test('a page of devices looks at a bounded number of rows, and goes on behind them', async () => {
  const store = await open({ pageRowsScannedMax: 3 })
  const { items, count } = await pages((after: number | null) =>
    store.devices.page(everything, { after, limit: 10, order: 'asc', presence: 'offline' })
  )
  assert.deepEqual(items.map(({ name }) => name).toSorted(), ['d3', 'd4', 's3', 's4'])
  assert.equal(count, 4)
})

test('pages of datapoints: by time observed, in either order, of one metric or all, and only what may be read', async () => {
  const store = await open()
  const read = async (access: Access, ask: Partial<DatapointsAsk>) =>
    (
      await pages((after: DatapointsAsk['after']) =>
        store.datapoints.page(access, {
          ...seriesOf('both'),
          from: null,
          to: null,
          order: 'asc',
          limit: 3,
          ...ask,
          after
        })
      )
    ).items.map(({ observedAt }) => observedAt - 200)
  assert.deepEqual(await read(everything, {}), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  assert.deepEqual(await read(everything, { order: 'desc' }), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
  assert.deepEqual(await read(everything, { from: 202, to: 205 }), [2, 3, 4])
  assert.deepEqual(await read(everything, { from: 202, to: 205, order: 'desc' }), [4, 3, 2])
  assert.deepEqual(await read(everything, seriesOf('both', 'secret/1')), [1, 3, 5, 7, 9])
  assert.deepEqual(await read(onlyPublic, {}), [0, 2, 4, 6, 8])
  assert.deepEqual(await read(everything, seriesOf('unknown')), [])
  assert.deepEqual(await read(everything, seriesOf('both', 'unknown')), [])
})

test('a page of datapoints is bounded in rows that are looked at, and in bytes', async () => {
  const ask = { ...seriesOf('both'), from: null, to: null, order: 'asc' as const, limit: 100 }
  const few = await open({ pageRowsScannedMax: 4 })
  const scanned = await pages((after: DatapointsAsk['after']) =>
    few.datapoints.page(everything, { ...ask, after })
  )
  // Two metrics, so two of each are looked at; of one of them the second may be behind what is not known of the other
  assert.deepEqual([scanned.items.length, scanned.count], [10, 4])
  const small = await open({ pageBytesMax: 150 })
  const sized = await pages((after: DatapointsAsk['after']) =>
    small.datapoints.page(everything, { ...ask, after })
  )
  assert.deepEqual([sized.items.length, sized.count], [10, 10])
})

test('pages of rejections, with what was received; their counts; and only what may be read', async () => {
  const store = await open()
  const read = async (access: Access, ask: Partial<RejectionsAsk>) =>
    (
      await pages((after: RejectionsAsk['after']) =>
        store.rejections.page(access, {
          filters: [],
          reason: null,
          mapping: null,
          from: null,
          to: null,
          order: 'asc',
          limit: 3,
          ...ask,
          after
        })
      )
    ).items
  const all = await read(everything, {})
  assert.deepEqual(
    all.map(({ seq, payload }) => [seq, payload?.toString()]),
    Array.from({ length: 10 }, (_, index) => [index + 1, `payload ${index + 1}`])
  )
  assert.deepEqual(await read(everything, { order: 'desc' }), all.toReversed())
  const seqs = async (...ask: Parameters<typeof read>) => (await read(...ask)).map(({ seq }) => seq)
  assert.deepEqual(await seqs(onlyPublic, {}), [1, 3, 5, 7, 9])
  assert.deepEqual(await seqs(everything, { filters: ['public/#'] }), [1, 3, 5, 7, 9])
  assert.deepEqual(await seqs(everything, { reason: 'not_a_number' }), [1, 2])
  assert.deepEqual(await seqs(everything, { mapping: 'n', order: 'desc' }), [10, 9, 8, 7, 6])
  assert.deepEqual(await seqs(everything, { from: 1_003, to: 1_005 }), [3, 4])
  const counts = await store.rejections.counts(everything)
  assert.deepEqual(
    counts.toSorted((a, b) => `${a.mapping}${a.reason}`.localeCompare(`${b.mapping}${b.reason}`)),
    [
      { mapping: 'm', reason: 'duplicate_keys', count: 3 },
      { mapping: 'm', reason: 'not_a_number', count: 2 },
      { mapping: 'n', reason: 'duplicate_keys', count: 5 }
    ]
  )
  assert.equal(
    (await store.rejections.counts(onlyPublic)).reduce((sum, { count }) => sum + count, 0),
    5
  )
})

test('a page of rejections is bounded in rows that are looked at, and in bytes', async () => {
  const ask = {
    filters: [],
    reason: 'not_a_number' as const,
    mapping: null,
    from: null,
    to: null,
    order: 'desc' as const,
    limit: 5
  }
  const few = await open({ pageRowsScannedMax: 3 })
  const scanned = await pages((after: RejectionsAsk['after']) =>
    few.rejections.page(everything, { ...ask, after })
  )
  assert.deepEqual([scanned.items.map(({ seq }) => seq), scanned.count], [[2, 1], 4])
  const small = await open({ pageBytesMax: 20 })
  const sized = await pages((after: RejectionsAsk['after']) =>
    small.rejections.page(everything, { ...ask, reason: null, after })
  )
  assert.deepEqual(
    sized.items.map(({ seq }) => seq),
    [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
  )
  assert.ok(sized.count >= 5, `${sized.count}`)
})
