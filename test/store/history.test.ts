/** Buckets of series, through the store. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFunctions } from '../../src/history/functions.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Access } from '../../src/model.ts'
import { readNamePattern } from '../../src/predicate/name-pattern.ts'
import type { HistoryAsk } from '../../src/store/history.ts'
import { chunkOf, messageOf, point } from '../support/projected.ts'
import { openTestStore } from '../support/store.ts'

const all: Access = { principal: 'test', mayRead: () => true, readsAll: true, mayPublish: () => true }
const minute = 60_000

const asked = (more: Partial<HistoryAsk>): HistoryAsk => ({
  devices: [],
  metrics: [],
  filters: [],
  deviceIds: null,
  boundaries: [0, minute, 2 * minute, 3 * minute],
  functions: readFunctions(['mean'], defaultLimits, 'fn'),
  fill: 'null',
  source: null,
  after: null,
  limit: 100,
  now: 3 * minute,
  ...more
})

test('every function of a small series', async () => {
  const { store, receive } = await openTestStore()
  const { base, topicIds } = (await receive({ topic: 'a' }, { topic: 'a' }))!
  const topic = { topic: 'a', topicId: topicIds.get('a')!.id }
  const { id, doneSeq } = await store.projections.current({ hash: 'h', text: '' })
  const datapoints = [
    [-30, 4],
    [10, 10],
    [20, 2],
    [140, 5]
  ].map(([seconds, value]) => point('d', 'm', value!, { observedAt: seconds! * 1_000, unit: 'V' }))
  const chunk = chunkOf(doneSeq, [messageOf(base + 1, topic, { datapoints })])
  await store.projections.write(id, chunk, { live: false })

  const names = [
    'count',
    'min',
    'max',
    'mean',
    'sum',
    'first',
    'last',
    'timeWeightedMean',
    'rate',
    'p50',
    'p100'
  ]
  const functions = readFunctions(names, defaultLimits, 'fn')
  const devices = [readNamePattern('d', defaultLimits, 'device')]
  const { series, ...page } = await store.history.read(all, asked({ devices, functions, now: 170_000 }))
  assert.deepEqual(page, { next: null, source: 'raw', keptFrom: null, from: 0, to: 3 * minute })
  const [{ columns, metricId, ...one }] = series as [(typeof series)[0]]
  assert.ok(metricId > 0)
  assert.deepEqual(one, { device: 'd', metric: 'm', type: 'number', unit: 'V', topic: 'a' })
  assert.deepEqual(Object.fromEntries(names.map((name, index) => [name, columns[index]])), {
    count: [2, 0, 1],
    min: [2, null, 5],
    max: [10, null, 5],
    mean: [6, null, 5],
    sum: [12, null, 5],
    first: [10, null, 5],
    last: [2, null, 5],
    timeWeightedMean: [(4 * 10 + 10 * 10 + 2 * 40) / 60, 2, (2 * 20 + 5 * 30) / 50],
    rate: [(6 + 2) / 60, null, 3 / 50],
    p50: [6, null, 5],
    p100: [10, null, 5]
  })
})
