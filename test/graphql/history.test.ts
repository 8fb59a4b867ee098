/** History over GraphQL, on a real store: the same as over REST, read for many at once, and bounded. */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Limits } from '../../src/limits.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Projections } from '../../src/projection/projections.ts'
import { startProjected } from '../http/projected.ts'
import { call } from '../http/contract.ts'
import { query as sql } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { point } from '../support/projected.ts'
import { codes, query, startServer } from './server.ts'
import { countStatements } from './statements.ts'

const hour = 3_600_000
const start = Date.parse('2025-03-29T00:00:00Z')
const rest = await startProjected()
const { store } = rest
const deviceNames = Array.from({ length: 12 }, (_, index) => `d${index}`)
for (const [index, device] of deviceNames.entries())
  await rest.project(`plant/${index}/state`, {
    datapoints: ['a', 'b', 'c'].flatMap((metric, place) =>
      Array.from({ length: 30 }, (_, at) =>
        // Not on the minute, and with empty buckets
        point(device, metric, index + at * place, {
          observedAt: start + at * (1.7 + place) * hour,
          unit: 'V'
        })
      )
    ),
    attributes: [{ device, attributes: { even: index % 2 === 0 } }]
  })

// Tests look into answers freely
/* eslint-disable typescript/no-explicit-any */
async function serve(t: TestContext, limits: Partial<Limits> = {}, history = store.history) {
  const projections = { list: () => store.projections.list() } as Projections
  const parts = { store: { ...store, history }, projections, limits: { ...defaultLimits, ...limits } }
  const { url } = await startServer(t, parts)
  const answer = (document: string, variables = {}) => query<any>(url, document, variables)
  return {
    answer,
    async data(document: string, variables = {}): Promise<any> {
      const { data, errors } = await answer(document, variables)
      assert.equal(errors, undefined, JSON.stringify(errors))
      return data
    },
    codesOf: async (document: string) => [...new Set(codes(await answer(document)))]
  }
}

/** Arguments, and the same in a query string. */
type Given = Record<string, string | string[]>
const allFunctions = [
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
  'p99.9'
]
const range = { from: '2025-03-29T00:00:00.000Z', to: '2025-04-02T00:00:00.000Z' }
const asks: Array<[what: string, given: Given]> = [
  ['defaults', { ...range, bucket: 'P1D' }],
  ['every function', { ...range, bucket: 'PT6H', fn: allFunctions }],
  ['days of 23 hours', { ...range, bucket: 'P1D', tz: 'Europe/Berlin', fn: allFunctions }],
  [
    'what is empty, filled with what was before',
    { ...range, bucket: 'PT15M', fill: 'previous', fn: ['max', 'rate'] }
  ],
  ['what is empty, between', { ...range, bucket: 'PT1H', fill: 'linear', fn: ['mean', 'p50'] }],
  ['patterns', { ...range, bucket: 'P1D', device: ['d1*', 'd3'], metric: ['a', 'c'] }],
  ['topics', { ...range, bucket: 'P1D', filter: ['plant/1/#', 'plant/+/none'] }],
  ['a predicate', { ...range, bucket: 'P1D', where: 'and(eq(attributes/even,true),gt(metrics/a/value,3))' }],
  ['datapoints', { ...range, bucket: 'PT1H', source: 'raw', metric: ['b'] }],
  // One bucket for a long time to come, so that it does not matter when it is asked for
  ['up to now', { from: range.from, bucket: 'P100Y', fn: ['count', 'timeWeightedMean'] }],
  ['nothing', { ...range, bucket: 'P1D', device: ['never'] }]
]

const toArguments = (given: Given): string =>
  Object.entries(given)
    .map(([name, value]) => {
      if (name === 'fill') return `fill: ${String(value).toUpperCase()}`
      return `${name}: ${name === 'source' ? String(value) : JSON.stringify(value)}`
    })
    .join(', ')
const toQuery = (given: Given): string =>
  new URLSearchParams(
    Object.entries(given).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, one])
    )
  ).toString()

for (const [what, given] of asks) {
  test(`GraphQL and REST say the same: ${what}`, async (t) => {
    const { data } = await serve(t)
    const fn = given['fn'] ?? ['mean']
    const found: any[] = []
    let frame: any
    let after: string | null = null
    do {
      const { history }: any = await data(
        `query ($after: String) { history(${toArguments(given)}, first: 5, after: $after) {
          from to bucket tz fill starts source keptFrom
          nodes { device metric type unit topic columns { fn values }
            ${[fn]
              .flat()
              .map((name, index) => `v${index}: values(fn: "${name}")`)
              .join(' ')} }
          pageInfo { hasNextPage endCursor } } }`,
        { after }
      )
      const { nodes, pageInfo, ...rest } = history
      frame ??= rest
      // Up to now means the same now for all pages
      assert.deepEqual(rest, frame)
      found.push(...nodes)
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null
    } while (after !== null)

    const { body } = await call(`${rest.url}/v1/history?${toQuery(given)}&limit=1000`)
    const { items, next, cursor, limit, ...shown } = body
    assert.deepEqual([next, limit, typeof cursor], [null, 1000, 'string'])
    assert.deepEqual({ ...frame, fill: frame.fill.toLowerCase() }, shown)
    const isUpToNow = given['to'] === undefined
    assert.equal(found.length, items.length)
    for (const [index, { columns, device, metric, type, unit, topic, ...values }] of found.entries()) {
      const item = items[index]
      const { values: expected, ...named } = item
      assert.deepEqual({ device, metric, type, unit, topic }, named, what)
      assert.deepEqual(
        Object.values(values),
        columns.map((column: any) => column.values)
      )
      assert.deepEqual(
        columns.map((column: any) => column.fn),
        [fn].flat()
      )
      for (const column of columns)
        if (!isUpToNow || column.fn === 'count') assert.deepEqual(column.values, expected[column.fn])
    }
    assert.equal(found.length === 0, what === 'nothing')
  })
}

const days = `from: "${range.from}", to: "${range.to}", bucket: "P1D", tz: "Europe/Berlin", fn: ["mean", "rate"]`

test('of devices and of metrics it is the same, in as many statements for many as for one', async (t) => {
  const { data } = await serve(t)
  const columns = 'metric columns { fn values }'
  const document = `query ($first: Int) { devices(first: $first) { nodes { device
    all: history(${days}) { starts from to bucket tz fill source keptFrom series { device type unit topic ${columns} } }
    some: history(metric: ["a", "b*"], ${days}) { series { ${columns} } }
    metrics { nodes { metric history(${days}) { starts tz columns { fn values } mean: values(fn: "mean") } } }
    c: metric(name: "c") { history(${days}, fill: PREVIOUS) { starts columns { fn values } } } } } }`
  const counts = []
  let devices: any
  for (const first of [1, 12]) {
    const sent = countStatements(t)
    devices = (await data(document, { first })).devices
    const names = sent().map((name) => name.trim())
    // Statements of history have no name: their plans are made for what is asked
    const read = names.filter((name) => /\bselect\b/.test(name))
    assert.equal(read.length, 4, names.join())
    counts.push(names.length)
    t.mock.restoreAll()
  }
  assert.equal(counts[0], counts[1])

  const { history } = await data(
    `{ history(${days}) { starts nodes { device type unit topic ${columns} } } }`
  )
  const filled = (
    await data(
      `{ history(metric: ["c"], ${days}, fill: PREVIOUS) { nodes { device columns { fn values } } } }`
    )
  ).history
  assert.equal(devices.nodes.length, 12)
  for (const { device, all, some, metrics, c } of devices.nodes) {
    const series = history.nodes.filter((one: any) => one.device === device)
    assert.equal(series.length, 3)
    assert.deepEqual(all.series, series)
    assert.deepEqual(
      [all.starts, all.tz, all.bucket, all.fill],
      [history.starts, 'Europe/Berlin', 'P1D', 'NULL']
    )
    assert.deepEqual(some.series.map(({ metric }: any) => metric).toSorted(), ['a', 'b'])
    for (const { metric, history: one } of metrics.nodes) {
      const { columns } = series.find((other: any) => other.metric === metric)
      assert.deepEqual([one.columns, one.mean, one.starts], [columns, columns[0].values, history.starts])
    }
    assert.deepEqual(c.history.columns, filled.nodes.find((one: any) => one.device === device).columns)
  }
})

test('what a request reads and answers is bounded over all of its fields', async (t) => {
  const bucket = (first: number, more = ''): string => `history(${days}, first: ${first} ${more})`
  const nodes = '{ nodes { values(fn: "mean") } }'
  const codesWith = async (limits: Partial<Limits>, document: string) =>
    (await serve(t, limits)).codesOf(document)
  // Four days begin five buckets in Berlin: 12 devices with 3 metrics, by 2 functions, are 360 values
  const cells = 36 * 5 * 2
  assert.deepEqual(await codesWith({ historyCellsMax: cells }, `{ ${bucket(100)} ${nodes} }`), [])
  assert.deepEqual(await codesWith({ historyCellsMax: cells - 1 }, `{ ${bucket(100)} ${nodes} }`), [
    'query_too_complex'
  ])
  const twice = `{ a: ${bucket(18)} ${nodes} b: ${bucket(18)} ${nodes} }`
  assert.deepEqual(await codesWith({ historyCellsMax: cells }, twice), [])
  assert.deepEqual(await codesWith({ historyCellsMax: cells - 1 }, twice), ['query_too_complex'])
  for (const nested of [
    `{ devices { nodes { history(${days}) { starts } } } }`,
    `{ devices { nodes { metrics { nodes { history(${days}) { tz } } } } } }`
  ]) {
    assert.deepEqual(await codesWith({ historyCellsMax: cells }, nested), [], nested)
    assert.deepEqual(await codesWith({ historyCellsMax: cells - 1 }, nested), ['query_too_complex'], nested)
    assert.deepEqual(await codesWith({ historySeriesMax: 36 }, nested), [], nested)
    assert.deepEqual(await codesWith({ historySeriesMax: 35 }, nested), ['query_too_complex'], nested)
  }
  // However little is read, it can be asked for again and again
  const again = `{ ${bucket(1)} { starts nodes { a: values(fn: "mean") b: values(fn: "mean") columns { values } } } }`
  assert.deepEqual(await codesWith({ graphqlHistoryValuesMax: 25 }, again), [])
  assert.deepEqual(await codesWith({ graphqlHistoryValuesMax: 24 }, again), ['query_too_complex'])
  const starts = `{ devices { nodes { history(${days}) { starts } } } }`
  assert.deepEqual(await codesWith({ graphqlHistoryValuesMax: 60 }, starts), [])
  assert.deepEqual(await codesWith({ graphqlHistoryValuesMax: 59 }, starts), ['query_too_complex'])
  // Pages and items within others are counted as those of other fields are
  assert.deepEqual(await codesWith({ graphqlNestedPagesMax: 12 }, starts), [])
  assert.deepEqual(await codesWith({ graphqlNestedPagesMax: 11 }, starts), ['query_too_complex'])
})

test('one request reads one page at a time, of its own fields and of those within', async (t) => {
  let [reading, most] = [0, 0]
  const { data } = await serve(
    t,
    {},
    {
      ...store.history,
      async read(access, ask) {
        most = Math.max(most, ++reading)
        try {
          return await store.history.read(access, ask)
        } finally {
          reading--
        }
      }
    }
  )
  const of = (at: number): string => `history(metric: ["a", "${at}"], ${days}) { starts }`
  const aliases = Array.from({ length: 8 }, (_, at) => `a${at}: ${of(at)}`).join(' ')
  const answer = await data(`{ ${aliases} devices { nodes { ${aliases} } } }`)
  assert.equal(Object.keys(answer).length, 9)
  assert.deepEqual([reading, most], [0, 1])
})

test('up to now is the same now for all pages', async (t) => {
  const { data } = await serve(t)
  const from = new Date(Date.now() - 3_000).toISOString()
  const asked = `from: "${from}", bucket: "PT1S"`
  const read = async (more = ''): Promise<any> =>
    (await data(`{ history(${asked}, first: 1 ${more}) { starts pageInfo { endCursor } } }`)).history
  const { starts, pageInfo } = await read()
  // The list that is begun now has another end
  await eventually(async () => (await read()).starts.length > starts.length, { what: 'the next second' })
  assert.deepEqual((await read(`, after: "${pageInfo.endCursor}"`)).starts, starts)
})

test('a place is of one list, and of one projection', async (t) => {
  const { data, codesOf } = await serve(t)
  const { history } = await data(`{ history(${days}, first: 1) { pageInfo { endCursor } } }`)
  const after = `after: "${history.pageInfo.endCursor}"`
  assert.deepEqual(await codesOf(`{ history(${days}, first: 2, ${after}) { tz } }`), [])
  assert.deepEqual(await codesOf(`{ history(${days}, metric: ["a"], ${after}) { tz } }`), ['cursor_kind'])
  assert.deepEqual(await codesOf(`{ devices(${after}) { cursor } }`), ['cursor_kind'])
  await sql(rest.databaseUrl, `update projections set state = 'retired' where state = 'current'`)
  await store.projections.current({ hash: 'other', text: '' })
  assert.deepEqual(await codesOf(`{ history(${days}, first: 2, ${after}) { tz } }`), ['cursor_expired'])
  await sql(rest.databaseUrl, `delete from projections where state = 'current'`)
  await sql(rest.databaseUrl, `update projections set state = 'current'`)
})
