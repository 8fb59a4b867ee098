/** Devices and metrics over a real store. Every answer is held against openapi.yaml. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Access } from '../../src/model.ts'
import { request } from '../support/bridge.ts'
import { query } from '../support/database.ts'
import { point } from '../support/projected.ts'
import { call } from './contract.ts'
import { pages, startProjected } from './projected.ts'
import { alwaysAs } from './server.ts'

const server = await startProjected()
const { project } = server
const base = `${server.url}/v1`
const names = (items: Array<{ device: string }>): string[] => items.map(({ device }) => device)

test('a device: what is known of it, by its name and in the path', async () => {
  await project('plant/press-3', {
    datapoints: [
      point('press-3', 'temperature', 71.4, { unit: '°C' }),
      point('press-3', 'open', 1, { type: 'boolean' })
    ],
    presence: [{ device: 'press-3', presence: 'online', source: 'birth', at: 1_500 }],
    attributes: [{ device: 'press-3', attributes: { model: 'P3', firmware: { version: '1.2' } } }],
    offlineAfterSeconds: 300
  })
  const byPath = await call(`${base}/devices/press-3`)
  assert.equal(byPath.status, 200)
  const { seq, firstSeenAt, lastSeenAt, ...rest } = byPath.body
  assert.match(seq, /^\d+$/)
  assert.equal(firstSeenAt, lastSeenAt)
  assert.deepEqual(rest, {
    device: 'press-3',
    mapping: 'm',
    topic: 'plant/press-3',
    presence: 'online',
    presenceAt: '1970-01-01T00:00:01.500Z',
    presenceSource: 'birth',
    offlineAfterSeconds: 300,
    attributes: { model: 'P3', firmware: { version: '1.2' } },
    metricCount: 2
  })
  assert.deepEqual((await call(`${base}/device?name=press-3`)).body, byPath.body)
})

for (const name of [
  'with/slash/es',
  '100%',
  '%2F',
  'with space + plus',
  '..',
  '.',
  '🏭 häuser',
  'a?b=c&d#e',
  '"quoted" \\ back',
  '\u0001\u007f'
]) {
  test(`a device named ${JSON.stringify(name)} is found by its name, with its metrics and datapoints`, async () => {
    await project(`names/${Buffer.from(name).toString('hex')}`, { datapoints: [point(name, name, 1)] })
    const encoded = encodeURIComponent(name)
    const device = await call(`${base}/device?name=${encoded}`)
    assert.deepEqual([device.status, device.body.device], [200, name])
    const metrics = await call(`${base}/device/metrics?name=${encoded}`)
    assert.deepEqual([metrics.body.items.length, metrics.body.items[0].metric], [1, name])
    // There it is a pattern, in which these two mean something
    const pattern = encodeURIComponent(name.replaceAll(/[\\*]/g, '\\$&'))
    const datapoints = await call(`${base}/datapoints?device=${pattern}&metric=${pattern}`)
    assert.deepEqual([datapoints.body.items.length, datapoints.body.items[0].device], [1, name])
    // A URL takes these two away before the request is sent, also where they are encoded
    if (name === '.' || name === '..') return
    assert.deepEqual((await call(`${base}/devices/${encoded}`)).body, device.body)
    assert.deepEqual((await call(`${base}/devices/${encoded}/metrics`)).body.items, metrics.body.items)
  })
}

test('a device named like a path below it is that device', async () => {
  await project('nested', { datapoints: [point('press-3/metrics', 'x', 1)] })
  assert.equal((await call(`${base}/devices/press-3%2Fmetrics`)).body.device, 'press-3/metrics')
})

test('what nothing is known of is not found, whatever its name', async () => {
  for (const name of ['never', '\0', 'x'.repeat(4_000)]) {
    const encoded = encodeURIComponent(name)
    for (const path of [
      `device?name=${encoded}`,
      `device/metrics?name=${encoded}`,
      `devices/${encoded}`,
      `devices/${encoded}/metrics`
    ]) {
      const answer = await call(`${base}/${path}`)
      assert.deepEqual([answer.status, answer.body.code], [404, 'not_found'], path.slice(0, 50))
    }
  }
  const unnamed = await request(`${base}/devices/`)
  assert.deepEqual([unnamed.status, unnamed.body.code], [404, 'not_found'])
})

test('ETag is the version of a device: unchanged is 304, changed is 200', async () => {
  await project('etag', { datapoints: [point('etag', 'x', 1)] })
  for (const path of ['device?name=etag', 'devices/etag']) {
    const etag = (await call(`${base}/${path}`)).headers.get('etag')!
    const again = await call(`${base}/${path}`, { headers: { 'if-none-match': etag } })
    assert.deepEqual([again.status, again.headers.get('etag'), again.body], [304, etag, ''])
    const other = await call(`${base}/${path}`, { headers: { 'if-none-match': '"1.1"' } })
    assert.equal(other.status, 200)
  }
  const before = (await call(`${base}/devices/etag`)).headers.get('etag')!
  await project('etag', { datapoints: [point('etag', 'y', 1)] })
  const after = await call(`${base}/devices/etag`, { headers: { 'if-none-match': before } })
  assert.deepEqual([after.status, after.body.metricCount], [200, 2])
})

test('metrics: type, unit, topic and latest datapoint', async () => {
  await project('metrics/a', {
    datapoints: [
      point('metrics', 'temperature', 20, { observedAt: 5_000, unit: '°C', quality: 'good' }),
      point('metrics', 'alarm', null, { type: 'text', exact: Buffer.from('door'), role: 'event' })
    ]
  })
  await project('metrics/b', {
    // Older than what is there
    datapoints: [point('metrics', 'temperature', 19, { observedAt: 4_000 })]
  })
  const { items } = (await call(`${base}/devices/metrics/metrics`)).body
  const of = (name: string) => items.find(({ metric }: { metric: string }) => metric === name)
  const [temperature, alarm] = [of('temperature'), of('alarm')]
  assert.deepEqual(
    [
      temperature.metric,
      temperature.type,
      temperature.unit,
      temperature.latest.value,
      temperature.latest.observedAt
    ],
    ['temperature', 'number', '°C', 20, '1970-01-01T00:00:05.000Z']
  )
  assert.equal(temperature.latest.quality, 'good')
  assert.deepEqual([alarm.metric, alarm.type, alarm.latest], ['alarm', 'text', null])
})

test('pages of devices, of metrics: everything once, while more is added', async () => {
  for (let at = 0; at < 5; at++) await project('paged', { datapoints: [point(`paged-${at}`, 'x', at)] })
  for (const order of ['asc', 'desc']) {
    const found: string[] = []
    let count = 0
    for await (const { items } of pages(`${base}/devices?limit=2&order=${order}`)) {
      found.push(...names(items))
      await project('paged', {
        datapoints: [point(`paged-${order}-${count++}`, 'x', 1), point('paged-0', `m${count}`, 1)]
      })
    }
    const mine = found.filter((name) => /^paged-\d$/.test(name))
    const expected = ['paged-0', 'paged-1', 'paged-2', 'paged-3', 'paged-4']
    assert.deepEqual(mine, order === 'asc' ? expected : expected.toReversed())
    assert.equal(new Set(found).size, found.length, 'something came twice')
  }
  const metrics: string[] = []
  const cursors = new Set<string>()
  for await (const { items, cursor } of pages(`${base}/devices/paged-0/metrics?limit=3`)) {
    metrics.push(...items.map(({ metric }: { metric: string }) => metric))
    cursors.add(cursor)
    if (metrics.length < 10)
      await project('paged', { datapoints: [point('paged-0', `late${metrics.length}`, 1)] })
  }
  assert.equal(new Set(metrics).size, metrics.length, 'something came twice')
  assert.ok(metrics.includes('x') && metrics.includes('late3'))
  assert.equal(cursors.size, 1, 'one cursor from first to last')
})

test('devices by their presence', async () => {
  await project('presence', {
    devices: ['here', 'gone', 'silent'],
    presence: [
      { device: 'here', presence: 'online', source: 'availability', at: 1_000 },
      { device: 'gone', presence: 'offline', source: 'death', at: 1_000 }
    ]
  })
  const of = async (presence: string): Promise<string[]> => {
    const { items } = (await call(`${base}/devices?presence=${presence}&limit=1000`)).body
    return names(items).filter((name) => ['here', 'gone', 'silent'].includes(name))
  }
  assert.deepEqual(await of('online'), ['here'])
  assert.deepEqual(await of('offline'), ['gone'])
  assert.deepEqual(await of('unknown'), ['silent'])
})

test('a page token fits only its list, and not that of other mappings', async () => {
  const { next } = (await call(`${base}/devices?limit=1`)).body
  for (const other of [
    'devices?order=desc',
    'devices?presence=online',
    'devices/paged-0/metrics?limit=1',
    'topics?limit=1'
  ]) {
    const answer = await call(`${base}/${other}&page=${next}`)
    assert.deepEqual([answer.status, answer.body.code], [422, 'cursor_kind'], other)
  }
  // Every device of the next projection has a new id, so a list that went on would begin again
  const { databaseUrl } = server
  await query(databaseUrl, `update projections set state = 'retired' where state = 'current'`)
  await server.store.projections.current({ hash: 'other', text: '' })
  const answer = await call(`${base}/devices?limit=1&page=${next}`)
  assert.deepEqual([answer.status, answer.body.code], [410, 'cursor_expired'])
  assert.deepEqual((await call(`${base}/devices`)).body.items, [])
  await query(databaseUrl, `delete from projections where state = 'current'`)
  await query(databaseUrl, `update projections set state = 'current'`)
  assert.equal((await call(`${base}/devices?limit=1&page=${next}`)).status, 200)
})

test('what a key may not read does not exist for it', async () => {
  const access: Access = {
    principal: 'one',
    mayRead: (topic) => topic.startsWith('mine/'),
    mayPublish: () => false
  }
  const narrow = await startProjected({ parts: { authenticator: alwaysAs(access) } })
  await narrow.project('mine/a', { datapoints: [point('a', 'x', 1)] })
  await narrow.project('yours/b', { datapoints: [point('b', 'x', 1), point('a', 'secret', 1)] })
  await narrow.project('mine/a', { datapoints: [point('a', 'x', 2)] })
  const own = `${narrow.url}/v1`
  assert.deepEqual(names((await call(`${own}/devices`)).body.items), ['a'])
  const metrics = (await call(`${own}/devices/a/metrics`)).body.items
  assert.deepEqual(
    metrics.map(({ metric }: { metric: string }) => metric),
    ['x']
  )
  // Nor is it counted, asked for, or sorted by
  const [listed] = (await call(`${own}/devices?where=exists(metricCount)`)).body.items
  for (const device of [
    listed,
    (await call(`${own}/devices`)).body.items[0],
    (await call(`${own}/devices/a`)).body
  ])
    assert.equal(device.metricCount, 1)
  assert.deepEqual((await call(`${own}/devices?where=gt(metricCount,1)`)).body.items, [])
  for (const path of ['devices/b', 'devices/b/metrics']) {
    const hidden = await call(`${own}/${path}`)
    assert.deepEqual(hidden.body, (await call(`${own}/${path.replace('b', 'never')}`)).body)
  }
  for (const path of ['datapoints?device=b', 'datapoints?device=a&metric=secret']) {
    const hidden = await call(`${own}/${path}`)
    assert.deepEqual([hidden.status, hidden.body.items], [200, []])
  }
})
