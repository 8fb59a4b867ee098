/** `where`, `sort`, `state` and `fields` of GET topics and devices, over a real store. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Access } from '../../src/model.ts'
import { eventually } from '../support/eventually.ts'
import { point } from '../support/projected.ts'
import { call } from './contract.ts'
import { pages, startProjected } from './projected.ts'
import { alwaysAs } from './server.ts'

const server = await startProjected()
const { receive, project } = server
const base = `${server.url}/v1`

interface Item {
  topic: string
  device: string
  payload: { temperature?: unknown; mode?: string }
}

const publish = async (topic: string, payload: unknown, retain = false): Promise<void> => {
  await receive({
    topic,
    payload: Buffer.from(payload === null ? '' : JSON.stringify(payload)),
    retain
  })
}

const url = (path: string, query: Record<string, string>): string =>
  `${base}/${path}?${Object.entries(query)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&')}`
const topics = async (query: Record<string, string>): Promise<string[]> => {
  const { status, body } = await call(url('topics', query))
  assert.equal(status, 200, JSON.stringify(body))
  return body.items.map(({ topic }: Item) => topic)
}
const all = async (path: string, query: Record<string, string>): Promise<Item[]> => {
  const items: Item[] = []
  for await (const page of pages(url(path, query))) items.push(...page.items)
  return items
}

const values = [21, 3.5, 21, -7, 'warm', null, undefined, 100]
for (const [at, temperature] of values.entries())
  await publish(`s/${at}`, { temperature, mode: at % 2 ? 'auto' : 'off' })

test('where: what holds of the decoded payload, and nothing else', async () => {
  const filter = 's/+'
  assert.deepEqual(await topics({ filter, where: 'gt(payload/temperature,20)' }), ['s/0', 's/2', 's/7'])
  assert.deepEqual(await topics({ filter, where: 'eq(payload/temperature,"warm")' }), ['s/4'])
  assert.deepEqual(await topics({ filter, where: 'not(exists(payload/temperature))' }), ['s/6'])
  assert.deepEqual(
    await topics({ filter, where: 'and(in(payload/mode,"auto"), ge(payload/temperature, 100))' }),
    ['s/7']
  )
  assert.deepEqual(await topics({ filter, where: 'prefix(topic,"s/1")', order: 'desc' }), ['s/1'])
})

test('a literal + stands for itself, as in filters', async () => {
  await publish('plus', 'a+b')
  const { body } = await call(`${base}/topics?filter=plus&where=eq(payload,"a+b")`)
  assert.equal(body.items.length, 1)
})

test('pages of what is searched are what one page is', async () => {
  for (const query of [
    { where: 'gt(payload/temperature,0)' },
    { sort: 'payload/temperature' },
    { sort: '-payload/temperature' },
    { sort: 'payload/temperature', where: 'exists(payload/mode)' }
  ]) {
    const whole = await topics({ filter: 's/+', ...query })
    for (const limit of ['1', '2', '3']) {
      const paged = await all('topics', { filter: 's/+', ...query, limit })
      assert.deepEqual(
        paged.map(({ topic }) => topic),
        whole
      )
    }
  }
})

test('sort: nothing, null, numbers, texts; of equals the elder first', async () => {
  const up = await topics({ filter: 's/+', sort: 'payload/temperature' })
  assert.deepEqual(
    up.map((topic) => Number(topic.slice(2))),
    [6, 5, 3, 1, 0, 2, 7, 4]
  )
  const down = await topics({ filter: 's/+', sort: '-payload/temperature' })
  assert.deepEqual(
    down.map((topic) => Number(topic.slice(2))),
    [4, 7, 0, 2, 1, 3, 5, 6]
  )
})

test('state: those with a retained message, and those whose retained message is gone', async () => {
  await publish('r/kept', 1, true)
  await publish('r/gone', 1, true)
  await publish('r/gone', null, true)
  await publish('r/never', 1)
  assert.deepEqual(await topics({ filter: 'r/+', state: 'retained' }), ['r/kept'])
  assert.deepEqual(await topics({ filter: 'r/+', state: 'tombstone' }), ['r/gone'])
  assert.deepEqual(await topics({ filter: 'r/+', where: 'eq(tombstone/cause,"cleared")' }), ['r/gone'])
})

test('fields: only these members, and the name', async () => {
  const { body } = await call(
    `${url('topics', { filter: 's/0', fields: 'payload/temperature,seq' })}&fields=retained`
  )
  const [item] = body.items
  assert.deepEqual(Object.keys(item).sort(), ['payload', 'retained', 'seq', 'topic'])
  assert.deepEqual([item.payload, item.retained], [{ temperature: 21 }, null])
  assert.deepEqual(body.fields, ['payload/temperature', 'seq', 'retained'])
  const one = await call(`${base}/topics/s%2F0?fields=payload/mode`)
  assert.deepEqual(one.body, { topic: 's/0', payload: { mode: 'off' } })
})

test('with fields there is another version only when what was asked for is another one', async () => {
  await publish('f/a', { temperature: 1, noise: 1 })
  for (const path of [
    'topics?filter=f/a&fields=payload/temperature',
    'topics/f%2Fa?fields=payload/temperature'
  ]) {
    const etag = (await call(`${base}/${path}`)).headers.get('etag')!
    const headers = { 'if-none-match': etag, prefer: 'wait=30' }
    const answer = call(`${base}/${path}`, { headers })
    await publish('f/a', { temperature: 1, noise: Math.random() })
    assert.equal((await call(`${base}/${path}`, { headers: { 'if-none-match': etag } })).status, 304)
    await publish('f/a', { temperature: 2, noise: 1 })
    const { status, body } = await answer
    assert.deepEqual([status, JSON.stringify(body).includes('"temperature":2')], [200, true])
    await publish('f/a', { temperature: 1, noise: 1 })
  }
})

test('waiting for what a predicate holds of', async () => {
  const path = url('topics', { filter: 'p/+', where: 'gt(payload/temperature,50)' })
  await publish('p/a', { temperature: 1 })
  const etag = (await call(path)).headers.get('etag')!
  const answer = call(path, { headers: { 'if-none-match': etag, prefer: 'wait=30' } })
  await publish('p/a', { temperature: 2 })
  await publish('p/b', { temperature: 60 })
  const { body } = await answer
  assert.deepEqual(
    body.items.map(({ topic }: Item) => topic),
    ['p/b']
  )
})

test('a token fits only the search that it came from', async () => {
  const query = { filter: 's/+', limit: '1', sort: 'payload/temperature' }
  const { next } = (await call(url('topics', query))).body
  for (const other of [
    { sort: '-payload/temperature' },
    { where: 'exists(payload)' },
    { state: 'retained' },
    { fields: 'seq' },
    { filter: 's/1' }
  ]) {
    const { body } = await call(url('topics', { ...query, ...other, page: next }))
    assert.equal(body.code, 'cursor_kind', JSON.stringify(other))
  }
})

for (const [query, code, pointer] of [
  [{ where: 'gt(payload' }, 'invalid_value', 'where'],
  [{ where: 'eq(seq,"x")' }, 'invalid_value', 'where'],
  [{ where: `eq(payload,"${'x'.repeat(3_000)}")` }, 'query_too_complex', 'where'],
  [{ sort: 'a,b' }, 'invalid_value', 'sort'],
  [{ sort: 'seq', order: 'desc' }, 'invalid_value', 'order'],
  [{ fields: 'a,,b' }, 'invalid_value', 'fields'],
  [{ fields: Array.from({ length: 51 }, (_, at) => `f${at}`).join() }, 'query_too_complex', 'fields'],
  [{ state: 'latest' }, 'invalid_value', 'state']
] satisfies Array<[Record<string, string>, string, string]>) {
  test(`${JSON.stringify(query).slice(0, 60)} is told to be wrong`, async () => {
    for (const path of pointer === 'state' ? ['topics'] : ['topics', 'devices']) {
      const { body } = await call(url(path, query))
      assert.deepEqual([body.code, body.errors[0].pointer], [code, pointer], path)
    }
  })
}

test('sorting more than may be sorted is told, with what to do', async () => {
  const small = await startProjected({ limits: { sortTopicsMax: 2 } })
  await small.receive({ topic: 'a' }, { topic: 'b' }, { topic: 'c' })
  const { status, body } = await call(`${small.url}/v1/topics?sort=receivedAt`)
  assert.deepEqual([status, body.code], [400, 'query_too_complex'])
  assert.match(body.detail, /narrow the filter/)
  assert.equal((await call(`${small.url}/v1/topics?sort=receivedAt&filter=a&filter=b`)).body.items.length, 2)
})

test('a predicate says nothing of what may not be read', async () => {
  const access: Access = {
    principal: 'one',
    mayRead: (topic) => topic.startsWith('mine/'),
    mayPublish: () => false
  }
  const narrow = await startProjected({ parts: { authenticator: alwaysAs(access) } })
  await narrow.receive({ topic: 'mine/a' }, { topic: 'yours/a' })
  for (const query of ['where=exists(topic)', 'sort=topic', 'fields=seq', 'state=retained']) {
    const { body } = await call(`${narrow.url}/v1/topics?${query}`)
    assert.ok(body.items.every(({ topic }: Item) => topic === 'mine/a'))
    assert.equal(body.next, null)
  }
})

const devices = async (query: Record<string, string>): Promise<string[]> => {
  const { status, body } = await call(url('devices', query))
  assert.equal(status, 200, JSON.stringify(body))
  return body.items.map(({ device }: Item) => device)
}

test('devices: by their metrics, with those that are named', async () => {
  await project('d/1', { datapoints: [point('d1', 'temperature', 5), point('d1', 'humidity', 50)] })
  await project('d/2', { datapoints: [point('d2', 'temperature', 30)] })
  await project('d/3', { datapoints: [point('d3', 'humidity', 40)] })
  assert.deepEqual(await devices({ where: 'gt(metrics/temperature/value,10)' }), ['d2'])
  assert.deepEqual(await devices({ sort: '-metrics/temperature/value' }), ['d2', 'd1', 'd3'])
  const paged = await all('devices', { sort: 'metrics/humidity/value', limit: '1' })
  assert.deepEqual(
    paged.map(({ device }) => device),
    ['d2', 'd3', 'd1']
  )
  const { body } = await call(url('devices', { fields: 'presence,metrics/temperature/value', limit: '2' }))
  assert.deepEqual(body.items, [
    { device: 'd1', presence: 'unknown', metrics: { temperature: { value: 5 } } },
    { device: 'd2', presence: 'unknown', metrics: { temperature: { value: 30 } } }
  ])
  const whole = (await call(url('devices', { where: 'exists(metrics/humidity)', limit: '1' }))).body.items[0]
  assert.deepEqual(Object.keys(whole.metrics), ['humidity'])
  assert.equal(whole.metrics.humidity.valueText, '50')
  assert.equal((await call(url('devices', { limit: '1' }))).body.items[0].metrics, undefined)
})

test('devices: which metrics is to be said', async () => {
  for (const query of [{ where: 'exists(metrics)' }, { sort: 'metrics' }, { fields: 'metrics' }]) {
    const { status, body } = await call(url('devices', query))
    assert.deepEqual([status, body.code], [422, 'invalid_value'])
    assert.match(body.detail, /name a metric/)
  }
})

test('waiting for devices that a predicate holds of', async () => {
  const path = url('devices', { where: 'gt(metrics/level/value,50)' })
  const etag = (await call(path)).headers.get('etag')!
  const answer = call(path, { headers: { 'if-none-match': etag, prefer: 'wait=30' } })
  await project('l/1', { datapoints: [point('l1', 'level', 40)] })
  await project('l/1', { datapoints: [point('l1', 'level', 60, { observedAt: 2_000 })] })
  const { body } = await answer
  await eventually(() => body.items[0].metrics.level.value === 60)
})
