/** Lists of history by GraphQL: the same as on REST, and queries of before are still queries. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultLimits } from '../../src/limits.ts'
import { startProjected } from '../http/projected.ts'
import { call } from '../http/contract.ts'
import { point } from '../support/projected.ts'
import { codes, query, startServer } from './server.ts'

const rest = await startProjected()
for (let at = 0; at < 9; at++)
  await rest.project(`site/${at % 3}`, {
    datapoints: [point(`d${at % 3}`, at % 2 === 0 ? 'temp' : 'humidity', at, { observedAt: 1_000 * at })]
  })
await rest.receive({ topic: 'huge', discardedBytes: 1_000 })
const { at: head } = await rest.store.journal.head()
const to = new Date(head + 1).toISOString()

const open = (t: Parameters<typeof startServer>[0]) =>
  startServer(t, { store: rest.store, limits: defaultLimits })

interface Listed {
  list: { nodes: Array<{ seq: string }>; keptFrom?: string | null; cursor: string }
}

test('the same arguments give the same items in the same order', async (t) => {
  const { url } = await open(t)
  const table: Array<[document: string, path: string]> = [
    ['datapoints', 'datapoints'],
    ['datapoints(device: "d1")', 'datapoints?device=d1'],
    ['datapoints(device: "d*", metric: "t*", order: asc)', 'datapoints?device=d*&metric=t*&order=asc'],
    ['datapoints(devices: ["d0", "d2"], metrics: ["h*"])', 'datapoints?device=d0&device=d2&metric=h*'],
    ['datapoints(device: "d0", devices: ["d2"])', 'datapoints?device=d0&device=d2'],
    ['datapoints(filter: "site/1")', 'datapoints?filter=site/1'],
    ['datapoints(where: "eq(device,\\"d2\\")")', 'datapoints?where=eq(device,"d2")'],
    [
      'datapoints(from: "1970-01-01T00:00:02.000Z", to: "1970-01-01T00:00:05.000Z")',
      'datapoints?from=1970-01-01T00:00:02Z&to=1970-01-01T00:00:05Z'
    ],
    ['messages(device: "d1")', 'messages?device=d1'],
    ['messages(device: ["d1", "d2"], filter: ["+/2"])', 'messages?device=d1&device=d2&filter=+/2'],
    [`messages(from: "1970-01-01T00:00:00.000Z", to: "${to}", order: asc)`, `messages?order=asc&to=${to}`],
    [`messages(from: "${to}")`, `messages?from=${to}`],
    [`gaps(from: "1970-01-01T00:00:00.000Z", to: "${to}")`, `gaps?to=${to}`],
    [`gaps(from: "${to}")`, `gaps?from=${to}`]
  ]
  for (const [field, path] of table) {
    const { data, errors } = await query<Listed>(url, `{ list: ${field} { nodes { seq } cursor } }`)
    assert.equal(errors, undefined, field)
    const { body } = await call(`${rest.url}/v1/${path}`)
    assert.deepEqual(
      data!.list.nodes.map(({ seq }) => seq),
      body.items.map(({ seq }: { seq: string }) => seq),
      field
    )
    assert.equal(data!.list.cursor, body.cursor, field)
  }
})

test('a query of before, with variables of its types, is still one', async (t) => {
  const { url } = await open(t)
  const document = `query ($device: String!, $metric: String, $first: Int) {
    datapoints(device: $device, metric: $metric, first: $first) { nodes { seq } pageInfo { endCursor } } }`
  const { data, errors } = await query<{ datapoints: { nodes: object[] } }>(url, document, {
    device: 'd1',
    metric: 'temp',
    first: 10
  })
  assert.equal(errors, undefined)
  assert.equal(data!.datapoints.nodes.length, 1)
})

test('pages show what was there at the first one', async (t) => {
  const { url } = await open(t)
  const page = (after: string | null) =>
    query<{
      datapoints: { nodes: Array<{ value: number }>; pageInfo: { endCursor: string; hasNextPage: boolean } }
    }>(
      url,
      `query ($after: String) { datapoints(device: "late*", first: 2, after: $after, order: asc) {
        nodes { value } pageInfo { endCursor hasNextPage } } }`,
      { after }
    )
  const tell = (value: number) =>
    rest.project('late', { datapoints: [point(`late${value % 2}`, 't', value, { observedAt: value })] })
  for (const value of [1, 2, 5, 6]) await tell(value)
  const first = (await page(null)).data!.datapoints
  for (const value of [0, 3, 4, 7]) await tell(value)
  const second = (await page(first.pageInfo.endCursor)).data!.datapoints
  const last = (await page(second.pageInfo.endCursor)).data!.datapoints
  assert.deepEqual(
    [first, second, last].map(({ nodes }) => nodes.map(({ value }) => value)),
    [[1, 2], [5, 6], []]
  )
  assert.equal(last.pageInfo.hasNextPage, false)
})

test('each wrong argument has its code', async (t) => {
  const { url } = await open(t)
  for (const [field, code] of [
    ['datapoints(device: "")', 'invalid_value'],
    ['datapoints(metrics: ["a\\\\"])', 'invalid_value'],
    ['datapoints(where: "nonsense")', 'invalid_value'],
    ['datapoints(filter: "a#")', 'invalid_filter'],
    ['messages(device: [""])', 'invalid_value'],
    ['messages(from: "2026-01-02T00:00:00.000Z", to: "2026-01-01T00:00:00.000Z")', 'invalid_value'],
    ['gaps(from: "yesterday")', 'invalid_value']
  ] as const)
    assert.deepEqual(codes(await query(url, `{ ${field} { nodes { seq } } }`)), [code], field)
})
