import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { NormalizedDatapoint } from '../../src/datapoints.ts'
import type { Problem } from '../../src/errors.ts'
import type { ProjectedMessage } from '../../src/store/projected.ts'
import { query } from '../support/database.ts'
import { chunkOf, currentAtHead, messageOf, point } from '../support/projected.ts'
import { everything, openTestStore } from '../support/store.ts'

const mapping = { hash: 'h', text: '' }

async function open(limits: Parameters<typeof openTestStore>[0] = {}) {
  const one = await openTestStore(limits)
  const { store } = one
  /** One message, in the journal and projected with what it says; resolves with its seq. */
  async function say(more: (seq: number) => Partial<ProjectedMessage>, topic = 't'): Promise<number> {
    const { base, topicIds } = (await one.receive({ topic }))!
    const row = await currentAtHead(store, mapping)
    const seq = base + 1
    const message = messageOf(
      seq,
      { topic, topicId: topicIds.get(topic)!.id },
      { receivedAt: Date.now(), ...more(seq) }
    )
    await query(one.url, 'update projections set done_seq = $2 where id = $1', [row.id, base])
    await store.projections.write(row.id, chunkOf(base, [message]), { live: true })
    return seq
  }
  const now = async () => ({ at: Date.now(), seq: (await store.journal.head()).seq })
  return { ...one, say, now }
}

test('a device as it was: presence by its facts, attributes unless they were said anew, when it was heard from', async () => {
  const { store, say, now } = await open()
  const before = await now()
  const first = await say((seq) => ({
    datapoints: [point('d', 'm', 1)],
    presence: [{ device: 'd', presence: 'online', source: 'birth', at: 5 }],
    attributes: [{ device: 'd', attributes: { model: 'a', firmware: seq } }]
  }))
  const then = await now()
  const device = await store.asOf.device(everything, 'd', then)
  assert.deepEqual(
    { ...(await store.devices.byName(everything, 'd')), attributesChangedSince: [] },
    device,
    'as now'
  )
  await say(() => ({
    datapoints: [point('d', 'm', 2, { observedAt: 2_000 })],
    presence: [{ device: 'd', presence: 'offline', source: 'death', at: 6 }],
    attributes: [{ device: 'd', attributes: { firmware: 2, site: 'x' } }]
  }))
  const last = await now()
  assert.deepEqual(await store.asOf.device(everything, 'd', then), {
    ...device,
    seq: device!.seq,
    attributes: { model: 'a' },
    attributesChangedSince: ['firmware', 'site']
  })
  const offline = (await store.asOf.device(everything, 'd', last))!
  assert.deepEqual([offline.presence, offline.presenceAt, offline.presenceSource], ['offline', 6, 'death'])
  // Between the message and the fact of presence that came of it
  const between = (await store.asOf.device(everything, 'd', { at: then.at, seq: first }))!
  assert.deepEqual([between.presence, between.presenceAt, between.presenceSource], ['unknown', null, null])
  // Of what only other instants know
  assert.equal(await store.asOf.device(everything, 'd', { at: before.at - 1_000, seq: before.seq }), null)
  assert.equal(await store.asOf.device(everything, 'e', then), null)
  assert.equal(await store.asOf.device({ ...everything, mayRead: () => false }, 'd', then), null)
  assert.deepEqual([...(await store.asOf.devices(everything, [device!.id], then)).keys()], [device!.id])
})

test('a search of devices as they were asks of what they were', async () => {
  const { store, say, now } = await open()
  await say(() => ({
    datapoints: [point('d', 'm', 1)],
    presence: [{ device: 'd', presence: 'online', source: 'birth', at: 5 }]
  }))
  const then = await now()
  await say(() => ({
    datapoints: [point('d', 'm', 2, { observedAt: 2_000 }), point('e', 'm', 3)],
    presence: [{ device: 'd', presence: 'offline', source: 'death', at: 6 }]
  }))
  const ask = { where: null, sort: null, order: 'asc' as const, after: null, limit: 10, metrics: ['m'] }
  const found = async (asOf: typeof then | null, presence: 'online' | 'offline') =>
    (await store.devices.search(everything, { ...ask, asOf, presence })).items.map(({ device, metrics }) => [
      device.name,
      metrics.get('m')!.number
    ])
  assert.deepEqual(await found(then, 'online'), [['d', 1]])
  assert.deepEqual(await found(then, 'offline'), [])
  assert.deepEqual(await found(null, 'offline'), [['d', 2]])
})

test('before the horizon nobody can tell of devices', async () => {
  const { store, say, now } = await open({ limits: { partitionRowsMax: 10 } })
  await say(() => ({ datapoints: [point('d', 'm', 1)] }))
  const then = await now()
  for (let count = 0; count < 25; count++) await say(() => ({ datapoints: [point('d', 'm', 1)] }))
  await store.partitions.setDefault({ keepSeconds: null, keepBytes: 1 })
  await store.partitions.dropExpired()
  const isExpired = (error: Problem): boolean => error.code === 'cursor_expired'
  await assert.rejects(store.asOf.device(everything, 'd', then), isExpired)
  // Nor is anybody told whether there is one that they may not read
  const narrow = { ...everything, mayRead: () => false }
  assert.equal(await store.asOf.device(narrow, 'd', then), null)
  assert.equal(await store.asOf.device(everything, 'never', then), null)
  await assert.rejects(store.asOf.devices(everything, [1], then), isExpired)
  await assert.rejects(store.asOf.metrics(everything, 'd', then, { after: null, limit: 1 }), isExpired)
  await assert.rejects(store.asOf.latest(everything, [1], ['m'], then), isExpired)
})

const datapoint = fc.record({
  metric: fc.constantFrom('a', 'b'),
  observedAt: fc.integer({ min: 0, max: 4 }),
  role: fc.constantFrom('state' as const, 'state' as const, 'event' as const, 'historical' as const)
})

test('metrics as of any message are the greatest of what was said up to it', async () => {
  const { store, say } = await open()
  let runs = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(datapoint, { maxLength: 3 }), { minLength: 1, maxLength: 6 }),
      async (messages) => {
        const device = `d${runs++}`
        const said: Array<NormalizedDatapoint & { seq: number; n: number }> = []
        const seqs: number[] = []
        for (const values of messages) {
          const points = values.map(({ metric, ...more }, n) => point(device, metric, n, more))
          const seq = await say(() => ({ devices: [device], datapoints: points }))
          said.push(...points.map((one, n) => ({ ...one, seq, n })))
          seqs.push(seq)
        }
        for (const seq of seqs) {
          const ask = { after: null, limit: 10 }
          const { items } = await store.asOf.metrics(everything, device, { at: 10, seq }, ask)
          const expected = ['a', 'b'].flatMap((metric) => {
            const place = (one: (typeof said)[number]) =>
              [Number(one.role !== 'historical'), one.observedAt, one.seq, one.n] as const
            const [greatest] = said
              .filter((one) => one.metric === metric && one.seq <= seq)
              .toSorted((one, other) => {
                const difference = place(one).map((value, index) => place(other)[index]! - value)
                return difference.find((value) => value !== 0) ?? 0
              })
            if (greatest === undefined) return []
            const { seq: at, n, role } = greatest
            return [[metric, at, role === 'state' ? [at, n] : null]]
          })
          assert.deepEqual(
            items
              .map(({ name, seq: at, latest }) => [name, latest?.seq ?? at, latest && [latest.seq, latest.n]])
              .toSorted(([one], [other]) => String(one).localeCompare(String(other))),
            expected
          )
          if (seq === seqs.at(-1)) {
            const current = await store.devices.metrics(everything, device, ask)
            assert.deepEqual(items, current.items)
          }
        }
      }
    ),
    { numRuns: process.env['FULL'] === '1' ? 200 : 15 }
  )
})

for (const [asOfMetricsMax, lastSeenAt] of [
  [1, 1_000],
  [2, 2_000]
] as const) {
  test(`of ${asOfMetricsMax} metrics that changed last it is told when a device was heard from last`, async () => {
    const { store, say, now } = await open({ limits: { asOfMetricsMax } })
    const heard = (metric: string, receivedAt: number) =>
      say(() => ({ receivedAt, datapoints: [point('d', metric, 1, { observedAt: receivedAt })] }))
    await heard('a', 1_000)
    await heard('b', 2_000)
    const then = await now()
    await heard('a', 3_000)
    assert.equal((await store.asOf.device(everything, 'd', then))!.lastSeenAt, lastSeenAt)
  })
}
