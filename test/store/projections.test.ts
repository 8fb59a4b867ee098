import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OutrunError } from '../../src/store/projected.ts'
import { query } from '../support/database.ts'
import { chunkOf, messageOf, point, seriesOf } from '../support/projected.ts'
import { everything, openTestStore } from '../support/store.ts'

const mapping = { hash: 'h', text: '' }

test('a chunk is written once: devices, metrics, datapoints, presence, rejections and what decoders remember', async () => {
  const { store, receive, url } = await openTestStore()
  const { id, doneSeq } = await store.projections.current(mapping)
  assert.equal(doneSeq, 0)
  const { topicIds } = (await receive({ topic: 'a' }, { topic: 'a' }, { topic: 'b' }))!
  const topic = (name: string) => ({ topic: name, topicId: topicIds.get(name)!.id })
  const chunk = chunkOf(
    0,
    [
      messageOf(1, topic('a'), {
        datapoints: [point('dev', 'temp', 20.5, { observedAt: 5_000, unit: '°C' }), point('dev', 'hum', 1)],
        presence: [{ device: 'dev', presence: 'online', source: 'seen', at: 1_000 }],
        attributes: [{ device: 'dev', attributes: { model: 'x', fw: '\0\ud800' } }]
      }),
      messageOf(2, topic('a'), {
        datapoints: [point('dev', 'temp', 19, { observedAt: 4_000 })],
        presence: [
          { device: 'dev', presence: 'online', source: 'seen', at: 2_000 },
          { device: 'dev', presence: 'offline', source: 'availability', at: 2_001 }
        ]
      }),
      messageOf(3, topic('b'), { rejections: [{ reason: 'malformed_json', detail: 'at\0 1' }] })
    ],
    [{ key: 'k', seq: 3, state: Buffer.from('s') }]
  )
  const facts = (await store.projections.write(id, chunk, { live: true }))!
  assert.deepEqual(
    facts.map(({ seq, kind, detail }) => [seq, kind, detail]),
    [
      [
        4,
        'presence',
        { device: 'dev', from: 'unknown', to: 'online', source: 'seen', at: 1_000, topic: 'a' }
      ],
      [
        5,
        'presence',
        { device: 'dev', from: 'online', to: 'offline', source: 'availability', at: 2_001, topic: 'a' }
      ]
    ]
  )
  assert.deepEqual(
    (await store.journal.following(3, 10, 1e6)).map(({ detail }) => detail),
    facts.map(({ detail }) => detail)
  )
  // The same again changes nothing
  await assert.rejects(store.projections.write(id, chunk, { live: true }), OutrunError)

  const device = (await store.devices.byName(everything, 'dev'))!
  assert.deepEqual(
    { ...device, id: 0 },
    {
      id: 0,
      name: 'dev',
      seq: 5,
      mapping: 'm',
      topic: 'a',
      firstSeenAt: 1_001,
      lastSeenAt: 1_002,
      presence: 'offline',
      presenceAt: 2_001,
      presenceSource: 'availability',
      offlineAfterSeconds: null,
      attributes: { model: 'x', fw: '\0\ud800' },
      metrics: 2
    }
  )
  const { items: metrics } = await store.devices.metrics(everything, 'dev', { after: null, limit: 10 })
  assert.deepEqual(
    metrics.map((metric) => [
      metric.name,
      metric.unit,
      metric.seq,
      metric.latest?.number,
      metric.latest?.seq
    ]),
    // Registered at once, in the order of their hashes
    [
      ['hum', null, 1, 1, 1],
      ['temp', '°C', 1, 20.5, 1]
    ]
  )
  const ask = { ...seriesOf('dev'), from: null, to: null, after: null, limit: 10 }
  const page = await store.datapoints.page(everything, { ...ask, order: 'asc' })
  assert.deepEqual(
    page.items.map(({ metric, seq, n, number, topic: name }) => [metric, seq, n, number, name]),
    [
      ['hum', 1, 1, 1, 'a'],
      ['temp', 2, 0, 19, 'a'],
      ['temp', 1, 0, 20.5, 'a']
    ]
  )
  assert.deepEqual(
    [...(await store.datapoints.bySeqs([1, 2, 3]))].map(([seq, points]) => [seq, points.length]),
    [
      [1, 2],
      [2, 1],
      [3, 0]
    ]
  )
  const rejections = await store.rejections.page(everything, {
    filters: ['b'],
    reason: null,
    mapping: null,
    from: null,
    to: null,
    after: null,
    limit: 10,
    order: 'desc'
  })
  assert.deepEqual(
    rejections.items.map(({ seq, topic: name, reason, detail, payload }) => [
      seq,
      name,
      reason,
      detail,
      payload?.toString()
    ]),
    [[3, 'b', 'malformed_json', 'at\ufffd 1', '1']]
  )
  assert.deepEqual(await store.rejections.counts(everything), [
    { mapping: 'm', reason: 'malformed_json', count: 1 }
  ])
  assert.deepEqual([...(await store.projections.states(id, ['k', 'l']))], [['k', Buffer.from('s')]])
  const [row] = await query<{ done_seq: string }>(url, 'select done_seq from projections')
  assert.equal(row!.done_seq, '3')
})
