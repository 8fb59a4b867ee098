/** History over REST, on a real store. Every answer is held against openapi.yaml. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { point } from '../support/projected.ts'
import { countStatements } from '../graphql/statements.ts'
import { call } from './contract.ts'
import { pages, startProjected } from './projected.ts'

const server = await startProjected()
const { project, store } = server
const base = `${server.url}/v1`
const hour = 3_600_000
const start = Date.parse('2025-03-29T00:00:00Z')
const from = '2025-03-29T00:00:00Z'
const to = '2025-03-29T06:00:00Z'
const hours = `from=${from}&to=${to}&bucket=PT1H`

/** Values by the hour from `start` on; null: none. */
const series = (device: string, metric: string, ...values: Array<number | null>) =>
  values.flatMap((value, at) =>
    value === null ? [] : [point(device, metric, value, { observedAt: start + at * hour + 1 })]
  )

interface Item {
  device: string
  metric: string
  topic: string | null
  values: Record<string, Array<number | null>>
}
const namesOf = (items: Item[]): string[] => items.map(({ device, metric }) => `${device} ${metric}`)
const history = async (query: string) => (await call(`${base}/history?${query}`)).body

await project('choose/a/state', {
  datapoints: [...series('choose-a', 'x', 1), ...series('choose-a', 'y', 10)]
})
await project('choose/b/state', {
  datapoints: [...series('choose-b', 'x', 2), ...series('choose*b', 'x*', 3)],
  attributes: [{ device: 'choose-b', attributes: { site: 'north' } }]
})
await project('choose/b/late', {
  datapoints: [point('choose-b', 'x', 7, { observedAt: start + 30 * 60_000 })]
})

test('a column for each function, with a value for each bucket', async () => {
  await project('press/1', {
    datapoints: [
      ...series('press-1', 'temperature', 1, 2, null),
      point('press-1', 'temperature', 3, { observedAt: start + 5 })
    ]
  })
  await project('press/1', {
    datapoints: [
      point('press-1', 'temperature', 4, { observedAt: start + 3 * hour, unit: '°C' }),
      point('press-1', 'open', 1, { type: 'boolean', observedAt: start + hour })
    ]
  })
  await project('press/1', {
    datapoints: [
      point('press-1', 'name', null, { type: 'text', exact: Buffer.from('press'), observedAt: start + hour })
    ]
  })
  const { items, cursor, next, limit, ...frame } = await history(
    `device=press-1&${hours}&fn=count,mean&fn=last&fill=previous`
  )
  assert.deepEqual(items, [
    {
      device: 'press-1',
      metric: 'temperature',
      type: 'number',
      unit: '°C',
      topic: 'press/1',
      values: {
        count: [2, 1, 0, 1, 0, 0],
        mean: [2, 2, 2, 4, 4, 4],
        last: [3, 2, 2, 4, 4, 4]
      }
    },
    {
      device: 'press-1',
      metric: 'open',
      type: 'boolean',
      unit: null,
      topic: 'press/1',
      values: { count: [0, 1, 0, 0, 0, 0], mean: [null, 1, 1, 1, 1, 1], last: [null, 1, 1, 1, 1, 1] }
    },
    {
      device: 'press-1',
      metric: 'name',
      type: 'text',
      unit: null,
      topic: 'press/1',
      values: { count: [0, 0, 0, 0, 0, 0], mean: Array(6).fill(null), last: Array(6).fill(null) }
    }
  ])
  assert.deepEqual([next, limit, typeof cursor], [null, 100, 'string'])
  assert.deepEqual(frame, {
    from: '2025-03-29T00:00:00.000Z',
    to: '2025-03-29T06:00:00.000Z',
    bucket: 'PT1H',
    tz: 'UTC',
    fill: 'previous',
    starts: [0, 1, 2, 3, 4, 5].map((at) => new Date(start + at * hour).toISOString()),
    source: frame.source,
    keptFrom: null
  })
})

test('mean by UTC where nothing is said, and buckets are whole', async () => {
  const body = await history(
    'device=press-1&metric=temperature&from=2025-03-29T01:30:00Z&to=2025-03-29T03:00:00.001Z&bucket=PT1H'
  )
  assert.deepEqual(body.items[0].values, { mean: [2, null, 4] })
  assert.deepEqual(
    [body.from, body.to, body.tz, body.fill],
    ['2025-03-29T01:00:00.000Z', '2025-03-29T04:00:00.000Z', 'UTC', 'null']
  )
})

test('datapoints alone are read where that is asked for', async () => {
  const body = await history(`device=press-1&metric=temperature&${hours}&source=raw`)
  assert.deepEqual([body.source, body.items[0].values.mean], ['raw', [2, 2, null, 4, null, null]])
})

const chosen: Array<[query: string, expected: string[]]> = [
  ['device=choose-a', ['choose-a x', 'choose-a y']],
  ['device=choose-a&device=choose-b&metric=x', ['choose-a x', 'choose-b x']],
  ['device=choose*', ['choose-a x', 'choose-a y', 'choose-b x', 'choose*b x*']],
  ['device=choose-*&metric=y&metric=never', ['choose-a y']],
  ['device=choose%5C*b', ['choose*b x*']],
  ['device=choose*&metric=*%5C*', ['choose*b x*']],
  ['filter=choose/a/%23', ['choose-a x', 'choose-a y']],
  ['filter=choose/+/late', ['choose-b x']],
  ['filter=choose/a/state&filter=choose/b/late&metric=x', ['choose-a x', 'choose-b x']],
  ['filter=choose/none', []],
  ['where=eq(attributes/site,"north")', ['choose-b x']],
  ['where=eq(metrics/x/value,1)', ['choose-a x', 'choose-a y']],
  ['where=eq(attributes/site,"north")&device=choose-a', []],
  ['device=choose-never', []]
]
for (const [asked, expected] of chosen) {
  test(`series of ${asked}`, async () => {
    const body = await history(`${asked.replaceAll('"', '%22')}&${hours}`)
    assert.deepEqual(namesOf(body.items), expected)
  })
}

test('pages have each series once, whatever comes in between', async () => {
  for (let at = 0; at < 7; at++) await project(`paged/${at}`, { datapoints: series(`paged-${at}`, 'x', at) })
  const found: Item[] = []
  const asked = `device=paged-*&${hours}`
  for await (const { items, next, cursor, limit, ...frame } of pages(`${base}/history?${asked}&limit=3`)) {
    found.push(...items)
    assert.equal(limit, 3)
    const { items: all, next: end, cursor: now, limit: most, ...whole } = await history(asked)
    assert.deepEqual([frame, end, most, typeof now, typeof cursor], [whole, null, 100, 'string', 'string'])
    if (found.length === 3) await project('paged/new', { datapoints: series('paged-new', 'x', 1) })
    if (next === null) assert.deepEqual(found, all)
  }
  assert.deepEqual(
    namesOf(found),
    [0, 1, 2, 3, 4, 5, 6, 'new'].map((at) => `paged-${at} x`)
  )
})

test('a page of many series is one statement, beside those that tell where the journal and the projection are', async (t) => {
  const sent = countStatements(t)
  assert.ok((await history(`${hours}&fn=mean,rate,timeWeightedMean`)).items.length > 10)
  // That of history has no name: its plan is made for what is asked
  const names = sent().map((name) => (/\bselect\b/.test(name) ? 'history' : name))
  assert.deepEqual(names.toSorted(), ['current_projection', 'head', 'history'])
})

test('up to now is the same now for all pages', async () => {
  const began = Date.now()
  const asked = `device=paged-*&from=${new Date(began - 3_000).toISOString()}&bucket=PT1S&limit=2`
  const first = await history(asked)
  assert.ok(Date.parse(first.to) > began && first.starts.length >= 3)
  // The list that is begun now has another end
  await eventually(async () => (await history(asked)).to !== first.to, { what: 'the next second' })
  const second = await history(`${asked}&page=${first.next}`)
  assert.deepEqual(second.starts, first.starts)
  assert.equal(second.items.length, 2)
})

test('a page is of one list, and of one projection', async () => {
  const asked = `device=paged-*&${hours}&limit=1`
  const { next } = await history(asked)
  for (const other of [
    `${asked}&fn=max`,
    `${asked}&tz=Europe/Berlin`,
    `device=paged-*&from=${from}&bucket=PT1H`
  ]) {
    const answer = await call(`${base}/history?${other}&page=${next}`)
    assert.deepEqual([answer.status, answer.body.code], [422, 'cursor_kind'], other)
  }
  const { databaseUrl } = server
  await query(databaseUrl, `update projections set state = 'retired' where state = 'current'`)
  await store.projections.current({ hash: 'other', text: '' })
  const answer = await call(`${base}/history?${asked}&page=${next}`)
  assert.deepEqual([answer.status, answer.body.code], [410, 'cursor_expired'])
  assert.deepEqual((await history(asked)).items, [])
  await query(databaseUrl, `delete from projections where state = 'current'`)
  await query(databaseUrl, `update projections set state = 'current'`)
  assert.equal((await call(`${base}/history?${asked}&page=${next}`)).status, 200)
})

test('a version is that of what is shown, and who waits is told of another', async () => {
  await project('waits/1', { datapoints: series('waits', 'x', 1) })
  const url = `${base}/history?device=waits&${hours}&fn=last`
  const first = await call(url)
  const etag = first.headers.get('etag')!
  const again = await call(url, { headers: { 'if-none-match': etag } })
  assert.equal(again.status, 304)
  assert.notEqual((await call(`${base}/history?device=waits&${hours}&fn=first`)).headers.get('etag'), etag)
  const waiting = call(url, { headers: { 'if-none-match': etag, prefer: 'wait=20' } })
  await project('waits/1', { datapoints: [point('waits', 'x', 2, { observedAt: start + 2 * hour })] })
  const changed = await waiting
  assert.deepEqual(
    [changed.status, changed.headers.get('preference-applied'), changed.body.items[0].values.last],
    [200, 'wait=20', [1, null, 2, null, null, null]]
  )
})

test('a later page does not change, so it is not waited for', async () => {
  const asked = `device=paged-*&${hours}&limit=1`
  const { next } = await history(asked)
  const answer = await call(`${base}/history?${asked}&page=${next}`, {
    headers: { 'if-none-match': '"x"', prefer: 'wait=1' }
  })
  assert.deepEqual([answer.status, answer.body.code], [422, 'invalid_value'])
})

test('min-cursor waits for what is normalized', async () => {
  const { cursor } = (await call(`${base}/topics`)).body
  server.projected.doneSeq = 0
  const late = await call(`${base}/history?${hours}&min-cursor=${cursor}`, { headers: { prefer: 'wait=1' } })
  assert.deepEqual([late.status, late.body.code], [503, 'cursor_not_reached'])
  server.projected.advance(Infinity)
  assert.equal((await call(`${base}/history?${hours}&min-cursor=${cursor}`)).status, 200)
})
