/** Datapoints over a real store. Every answer is held against openapi.yaml. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { point } from '../support/projected.ts'
import { call } from './contract.ts'
import { pages, startProjected } from './projected.ts'

const server = await startProjected()
const { project } = server
const base = `${server.url}/v1`
const minute = 60_000
const start = Date.parse('2026-03-14T09:00:00Z')
const values = (items: Array<{ value: unknown }>): unknown[] => items.map(({ value }) => value)

test('values of every type, each exact in one of its forms', async () => {
  const exact = (type: 'text' | 'json' | 'bytes', bytes: string | number[]) =>
    point('types', type, null, { type, exact: Buffer.from(bytes as string) })
  const seq = await project('types/all', {
    datapoints: [
      point('types', 'null', null, { type: 'null' }),
      point('types', 'number', 0.1),
      point('types', 'integer', 2 ** 53, { type: 'integer', exact: Buffer.from('9007199254740993') }),
      point('types', 'boolean', 0, { type: 'boolean' }),
      exact('text', 'häuser \0 🏠'),
      exact('json', '{"a":9007199254740993}'),
      exact('bytes', [0, 255])
    ]
  })
  const { items } = (await call(`${base}/datapoints?device=types&order=asc`)).body
  assert.deepEqual(
    items.map(({ type, value, valueText, valueBase64 }: Record<string, unknown>) => [
      type,
      value,
      valueText,
      valueBase64
    ]),
    [
      ['null', null, null, null],
      ['number', 0.1, '0.1', null],
      ['integer', 2 ** 53, '9007199254740993', null],
      ['boolean', false, 'false', null],
      ['text', 'häuser \0 🏠', 'häuser \0 🏠', null],
      ['json', { a: 2 ** 53 }, '{"a":9007199254740993}', null],
      ['bytes', null, null, 'AP8=']
    ]
  )
  assert.deepEqual(
    items.map((item: Record<string, unknown>) => [
      item['seq'],
      item['n'],
      item['topic'],
      item['device'],
      item['metric']
    ]),
    items.map(({ type }: { type: string }, n: number) => [String(seq), n, 'types/all', 'types', type])
  )
})

test('a datapoint tells both of its times, whose the first is, its unit, quality and role', async () => {
  await project('whole', {
    receivedAt: start,
    datapoints: [
      point('whole', 't', 1, {
        observedAt: start - 1,
        clock: 'ahead',
        role: 'historical',
        unit: '°C',
        quality: 'bad'
      })
    ]
  })
  const [{ seq: _, ...rest }] = (await call(`${base}/datapoints?device=whole`)).body.items
  assert.deepEqual(rest, {
    n: 0,
    device: 'whole',
    metric: 't',
    topic: 'whole',
    type: 'number',
    value: 1,
    valueText: '1',
    valueBase64: null,
    unit: '°C',
    quality: 'bad',
    observedAt: '2026-03-14T08:59:59.999Z',
    receivedAt: '2026-03-14T09:00:00.000Z',
    clock: 'ahead',
    role: 'historical'
  })
})

test('a range has its beginning, and not its end; newest first unless asked otherwise', async () => {
  // Told in another order than they were observed
  for (const at of [3, 0, 4, 1, 2])
    await project('range', { datapoints: [point('range', 't', at, { observedAt: start + at * minute })] })
  const of = async (more: string): Promise<unknown[]> =>
    values((await call(`${base}/datapoints?device=range&metric=t${more}`)).body.items)
  assert.deepEqual(await of(''), [4, 3, 2, 1, 0])
  assert.deepEqual(await of('&order=asc'), [0, 1, 2, 3, 4])
  assert.deepEqual(await of('&order=asc&from=2026-03-14T09:01:00Z&to=2026-03-14T09:03:00Z'), [1, 2])
  assert.deepEqual(
    await of('&order=asc&from=2026-03-14T10:01:00%2B01:00&to=2026-03-14T10:03:00+01:00'),
    [1, 2]
  )
  assert.deepEqual(await of('&order=asc&from=2026-03-14T09:01:00.0001Z'), [2, 3, 4])
  assert.deepEqual(await of('&order=asc&to=2026-03-14T09:01:00.0001Z'), [0, 1])
  assert.deepEqual(await of('&from=2026-03-14T09:01:00Z&to=2026-03-14T09:01:00Z'), [])
  assert.deepEqual(await of('&from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z'), [4, 3, 2, 1, 0])
})

test('all metrics of a device, or one; of a device or metric that is not there, none', async () => {
  await project('two', { datapoints: [point('two', 'a', 1), point('two', 'b', 2), point('other', 'a', 3)] })
  assert.deepEqual(values((await call(`${base}/datapoints?device=two&order=asc`)).body.items), [1, 2])
  assert.deepEqual(values((await call(`${base}/datapoints?device=two&metric=b`)).body.items), [2])
  for (const ask of ['device=two&metric=c', 'device=never', 'device=%00']) {
    const { body, status } = await call(`${base}/datapoints?${ask}`)
    assert.deepEqual([status, body.items, body.next], [200, [], null])
  }
})

for (const order of ['asc', 'desc'] as const) {
  test(`pages in order ${order}: what was there at the first, once, while more is told, late and new`, async () => {
    const device = `paged-${order}`
    const tell = (metric: string, value: number, observedAt: number): Promise<number> =>
      project('paged', { datapoints: [point(device, metric, value, { observedAt })] })
    // Several at one instant, of several metrics, also before 1970
    for (let at = 0; at < 12; at++)
      await tell(`m${at % 3}`, at, at < 4 ? start : at < 8 ? start + at * minute : -at)
    // And of one message, all at one instant
    const observedAt = start + 8 * minute
    const datapoints = [12, 13, 14, 15].map((value) => point(device, 'm0', value, { observedAt }))
    await project('paged', { datapoints })
    const found: number[] = []
    const cursors = new Set<string>()
    let late = 100
    for await (const { items, cursor } of pages(
      `${base}/datapoints?device=${device}&limit=2&order=${order}`
    )) {
      assert.ok(items.length <= 2)
      found.push(...(values(items) as number[]))
      cursors.add(cursor)
      if (late >= 200) continue
      // Before everything and behind everything, so that one of them is in the direction of reading
      await tell('m0', late, -1_000_000 + late)
      await tell('m1', late + 1, start + 1_000 * minute + late)
      late += 40
    }
    assert.ok(late >= 200, 'nothing was told meanwhile')
    const ascending = [11, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15]
    assert.deepEqual(found, order === 'asc' ? ascending : ascending.toReversed())
    assert.equal(cursors.size, 1)
  })
}

test('a page token fits only the list that it came from', async () => {
  await project('token', { datapoints: [point('token', 'a', 1), point('token', 'a', 2, { observedAt: 2 })] })
  const { next } = (await call(`${base}/datapoints?device=token&limit=1`)).body
  for (const other of [
    'datapoints?device=token&metric=a&limit=1',
    'datapoints?device=other&limit=1',
    'datapoints?device=token&limit=1&order=asc',
    'datapoints?device=token&limit=1&from=2020-01-01T00:00:00Z',
    'rejections?limit=1',
    'messages?limit=1'
  ]) {
    assert.equal((await call(`${base}/${other}&page=${next}`)).body.code, 'cursor_kind', other)
  }
})

test('the cursor is a position from which a stream goes on', async () => {
  const seq = await project('cursor', { datapoints: [point('cursor', 'a', 1)] })
  const { body } = await call(`${base}/datapoints?device=cursor`)
  const head = await server.store.journal.head()
  assert.ok(server.store.cursors.decode(body.cursor, head) >= seq)
})
