/** Buckets of series, through the store. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { Problem } from '../../src/errors.ts'
import { readFunctions } from '../../src/history/functions.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Limits } from '../../src/limits.ts'
import type { Access } from '../../src/model.ts'
import { readNamePattern } from '../../src/predicate/name-pattern.ts'
import type { HistoryAsk } from '../../src/store/history.ts'
import { query } from '../support/database.ts'
import { chunkOf, messageOf, point } from '../support/projected.ts'
import { openTestStore } from '../support/store.ts'

const all: Access = { principal: 'test', mayRead: () => true, readsAll: true, mayPublish: () => true }
const minute = 60_000
const hour = 60 * minute

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

/** A store with series of [seconds, value], each datapoint a message of its own by the topic, rolled up to the end. */
async function storeOf(
  series: Record<string, ReadonlyArray<readonly [seconds: number, value: number]>>,
  options: { limits?: Partial<Limits>; rolled?: boolean } = {}
) {
  const opened = await openTestStore({ limits: options.limits ?? {} })
  const { store, url } = opened
  const { topicIds } = (await opened.receive({ topic: 'a' }))!
  const topic = { topic: 'a', topicId: topicIds.get('a')!.id }
  const { id, doneSeq } = await store.projections.current({ hash: 'h', text: '' })
  let seq = doneSeq
  const messages = Object.entries(series).flatMap(([name, points]) => {
    const [device, metric] = name.split('/') as [string, string]
    return points.map(([seconds, value]) =>
      messageOf(++seq, topic, { datapoints: [point(device, metric, value, { observedAt: seconds * 1_000 })] })
    )
  })
  await store.projections.write(id, chunkOf(doneSeq, messages), { live: false })
  // The levels keep what is so old only where they keep everything
  await query(url, 'update rollup_levels set keep_seconds = null')
  if (options.rolled !== false) while ((await store.rollups.advance(10)).more);
  return { ...opened, topic, last: seq }
}

const functionsOf = (...names: string[]) => readFunctions(names, defaultLimits, 'fn')

const isTooComplex =
  (says: RegExp) =>
  (error: unknown): boolean =>
    error instanceof Problem && error.code === 'query_too_complex' && says.test(error.message)

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

test('where datapoints are gone, rollups tell, also what was before', async () => {
  const hours = { boundaries: [2, 3, 4].map((one) => one * hour), now: 4 * hour }
  const functions = functionsOf('timeWeightedMean', 'rate', 'min', 'count')
  const { store, url, last } = await storeOf({
    'd/m': [
      [60, 5],
      [4_000, 7],
      [9_000, 9],
      [9_060, 3]
    ]
  })
  const ask = asked({ ...hours, functions, fill: 'previous' })
  const before = await store.history.read(all, ask)
  assert.deepEqual([before.source, before.keptFrom], ['hour', null])
  assert.deepEqual(before.series[0]!.columns, [
    [(7 * 1_800 + 9 * 60 + 3 * 1_740) / 3_600, 3],
    [(2 + 3) / 3_600, null],
    [3, 3],
    [2, 0]
  ])
  await query(url, 'delete from datapoints where seq <= $1', [last])
  const at = new Date(3.5 * hour)
  await query(url, 'update retention_classes set horizon = $1, horizon_at = $2 where id = 1', [last, at])
  assert.deepEqual(await store.history.read(all, ask), before)
  const raw = await store.history.read(all, { ...ask, source: 'raw' })
  assert.deepEqual([raw.source, raw.keptFrom], ['raw', 3.5 * hour])
  assert.deepEqual(raw.series[0]!.columns[3], [0, 0])
  // What a level does not keep is looked for in datapoints, and these go back no further
  await query(url, 'update rollup_levels set keep_seconds = 100')
  assert.equal((await store.history.read(all, ask)).keptFrom, 3.5 * hour)
  // Of a class that keeps more, nothing is missing
  await query(url, 'update retention_classes set horizon = 0, horizon_at = null where id = 1')
  assert.equal((await store.history.read(all, { ...ask, source: 'raw' })).keptFrom, null)
})

for (const freshFactsMax of [0, 1_000])
  test(`a late datapoint that is not rolled up yet counts in its place; found by ${freshFactsMax === 0 ? 'series' : 'seq'}`, async () => {
    const rolled = await storeOf(
      {
        'd/m': [
          [0, 10],
          [3_000, 20]
        ]
      },
      { limits: { freshFactsMax } }
    )
    const { store, url, last } = rolled
    const late = (seq: number, seconds: number, value: number) =>
      store.projections.write(
        1,
        chunkOf(seq - 1, [
          messageOf(seq, rolled.topic, {
            datapoints: [point('d', 'm', value, { observedAt: seconds * 1_000 })]
          })
        ]),
        { live: false }
      )
    await late(last + 1, 1_000, 40)
    const functions = functionsOf('timeWeightedMean', 'rate', 'count', 'last')
    const read = async () => {
      const ask = asked({ boundaries: [0, hour], functions, now: hour })
      const { series, source } = await store.history.read(all, ask)
      return [source, ...series[0]!.columns.map(([value]) => value)]
    }
    const exact = ['hour', (10 * 1_000 + 40 * 2_000 + 20 * 600) / 3_600, (30 + 20) / 3_600, 3, 20]
    assert.deepEqual(await read(), exact)
    // Where that cannot be told any more, the row is not given up for what is left
    await query(url, 'delete from datapoints where seq <= $1', [last])
    await query(url, 'update retention_classes set horizon = $1 where id = 1', [last])
    assert.equal((await read())[3], 3)
    await query(url, `insert into rollup_marks select id, 'epoch' from metrics`)
    assert.equal((await read())[3], 3)
  })

test('a marked hour is read from its datapoints', async () => {
  const { store, url } = await storeOf({ 'd/m': [[10, 5]] })
  await query(url, 'update datapoints set number = 6')
  const ask = asked({ boundaries: [0, hour], functions: functionsOf('sum') })
  const sum = async () => (await store.history.read(all, ask)).series[0]!.columns[0]
  assert.deepEqual(await sum(), [5])
  await query(url, `insert into rollup_marks select id, 'epoch' from metrics`)
  assert.deepEqual(await sum(), [6])
})

test('pages are of series in the order of their ids', async () => {
  const names = ['a/m', 'a/n', 'b/m', 'b/n', 'c/m']
  const { store, url } = await storeOf(Object.fromEntries(names.map((name) => [name, [[1, 1]]])))
  const inOrder = await query<{ name: string }>(
    url,
    `select d.name || '/' || m.name as name from metrics m join devices d on d.id = m.device_id order by m.id`
  )
  const found: string[] = []
  let after: number | null = null
  const pages: number[] = []
  do {
    const page = await store.history.read(all, asked({ after, limit: 2 }))
    pages.push(page.series.length)
    found.push(...page.series.map(({ device, metric }) => `${device}/${metric}`))
    after = page.next
  } while (after !== null)
  assert.deepEqual([found, pages], [inOrder.map(({ name }) => name), [2, 2, 1]])
  assert.deepEqual(found.toSorted(), names)
  const only = (await store.history.read(all, asked({ deviceIds: [] }))).series
  assert.deepEqual(only, [])
})

test('more cells than may be are refused, and so is a page of more series than fit', async () => {
  const { store } = await storeOf(
    { 'a/m': [[1, 1]], 'b/m': [[1, 1]], 'c/m': [[1, 1]] },
    { limits: { historyCellsMax: 6 } }
  )
  const functions = functionsOf('mean')
  const read = (more: Partial<HistoryAsk>) => store.history.read(all, asked({ functions, ...more }))
  // Three buckets each
  assert.equal((await read({ limit: 2 })).series.length, 2)
  await assert.rejects(read({ limit: 3 }), isTooComplex(/more than 6: ask for at most 2 series/))
  const devices = ['a', 'b'].map((name) => readNamePattern(name, defaultLimits, 'device'))
  assert.equal((await read({ limit: 100, devices })).series.length, 2)
  await assert.rejects(read({ functions: functionsOf('min', 'max', 'sum') }), isTooComplex(/fewer functions/))
})

test('what no double holds is null, and no error', async () => {
  const { store } = await storeOf({
    'd/m': [
      [1, 1.7e308],
      [2, -1.7e308],
      [3, 1.7e308],
      [61, 5e-324],
      [62, 1e-300]
    ]
  })
  const functions = functionsOf(
    'sum',
    'mean',
    'timeWeightedMean',
    'rate',
    'max',
    'min',
    'count',
    'p50',
    'p30'
  )
  for (const names of [functions, functions.slice(0, 7)])
    for (const source of [null, 'raw'] as const) {
      const { series } = await store.history.read(all, asked({ functions: names, source }))
      const columns = series[0]!.columns
      for (const column of columns)
        for (const value of column) assert.ok(value === null || Number.isFinite(value))
      assert.deepEqual([columns[0]![0], columns[1]![0]], [null, null])
      assert.deepEqual([columns[4]![0], columns[5]![1], columns[6]], [1.7e308, 5e-324, [3, 2, 0]])
    }
})

test('what may not be read is not in it, nor its name, nor that it is there', async () => {
  const { store, url, receive } = await openTestStore()
  const { base, topicIds } = (await receive(...['open', 'secret', 'open/too'].map((topic) => ({ topic }))))!
  const { id, doneSeq } = await store.projections.current({ hash: 'h', text: '' })
  const by = (seq: number, topic: string, metric: string, value: number, seconds: number) =>
    messageOf(
      seq,
      { topic, topicId: topicIds.get(topic)!.id },
      {
        datapoints: [point('d', metric, value, { observedAt: seconds * 1_000 })]
      }
    )
  const chunk = chunkOf(doneSeq, [
    by(base + 1, 'open', 'both', 1, 10),
    by(base + 2, 'secret', 'both', 100, 20),
    by(base + 3, 'secret', 'hidden', 100, 20),
    by(base + 4, 'secret', 'both', 50, -10)
  ])
  await store.projections.write(id, chunk, { live: false })
  const access: Access = { ...all, mayRead: (topic) => topic.startsWith('open') }
  delete access.readsAll
  const functions = functionsOf('count', 'max', 'first', 'timeWeightedMean')
  const expected = [
    [1, 0, 0],
    [1, null, null],
    [1, null, null],
    [1, 1, 1]
  ]
  await query(url, 'update rollup_levels set keep_seconds = null')
  while ((await store.rollups.advance(10)).more);
  for (const source of [null, 'raw'] as const) {
    const { series } = await store.history.read(access, asked({ functions, source }))
    assert.deepEqual(
      series.map(({ metric, topic, columns }) => ({ metric, topic, columns })),
      [{ metric: 'both', topic: null, columns: expected }]
    )
    const filtered = await store.history.read(all, asked({ functions, source, filters: ['open/#'] }))
    assert.deepEqual(
      filtered.series.map(({ topic, columns }) => [topic, columns]),
      [['secret', expected]]
    )
    assert.deepEqual((await store.history.read(all, asked({ filters: ['nothing/#'] }))).series, [])
  }
})

test('a statement that takes too long asks for too much', async () => {
  const { store, url } = await storeOf({ 'd/m': [[1, 1]] }, { limits: { statementMsMax: 300 } })
  // Holds the table, so that the statement waits until its time is over
  const client = new pg.Client(url)
  await client.connect()
  await client.query('begin; lock table metrics in access exclusive mode')
  try {
    await assert.rejects(
      store.history.read(all, asked({})),
      isTooComplex(/takes too long: ask for fewer series/)
    )
  } finally {
    await client.end()
  }
})
