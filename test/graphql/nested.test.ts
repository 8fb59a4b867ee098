/** Devices, their metrics and their datapoints in one request: how many statements that takes, and what bounds it. */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { DatapointView, MetricView } from '../../src/device-views.ts'
import { toDatapointView, toMetricView } from '../../src/device-views.ts'
import type { Limits } from '../../src/limits.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Access } from '../../src/model.ts'
import type { Projections } from '../../src/projection/projections.ts'
import type { DatapointPage } from '../../src/store/datapoints.ts'
import { chunkOf, currentAtHead, messageOf, point, seriesOf } from '../support/projected.ts'
import { everything, openTestStore } from '../support/store.ts'
import { codes, query, startServer } from './server.ts'
import { countStatements } from './statements.ts'

const names = (count: number, prefix: string): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`)

/** Devices d0, d1, ..., each with the metrics m0, m1, ... and a datapoint of each in every message. */
async function fill(counts: { devices: number; metrics: number; messages: number }, bytes = 0) {
  const opened = await openTestStore({ limits: { poolConnectionsMax: 4 } })
  const { store, receive } = opened
  const { id } = await currentAtHead(store, { hash: 'h', text: '' })
  const { topicIds, base } = (await receive(
    ...names(counts.messages, '').map((payload) => ({ topic: 'all', payload: Buffer.from(payload) }))
  ))!
  const messages = names(counts.messages, '').map((_, index) =>
    messageOf(
      base + 1 + index,
      { topic: 'all', topicId: topicIds.get('all')!.id },
      {
        datapoints: names(counts.devices, 'd').flatMap((device) =>
          names(counts.metrics, 'm').map((metric) =>
            point(device, metric, index, {
              observedAt: 1_000 + index,
              ...(bytes > 0 && { type: 'bytes', exact: Buffer.alloc(bytes) })
            })
          )
        )
      }
    )
  )
  await store.projections.write(id, chunkOf(base, messages), { live: true })
  return opened
}

/** The data of an answer without errors. */
// Tests look into answers freely
// eslint-disable-next-line typescript/no-explicit-any
async function ask(url: string, document: string, variables = {}): Promise<any> {
  const { data, errors } = await query(url, document, variables)
  assert.equal(errors, undefined)
  return data
}

type Opened = Awaited<ReturnType<typeof fill>>

const serve = (t: TestContext, { store }: Opened, limits: Partial<Limits> = {}) =>
  startServer(t, {
    store,
    projections: { list: () => store.projections.list() } as Projections,
    limits: { ...defaultLimits, ...limits }
  })

const tree = `{ devices(first: 1000) { nodes { device metrics { nodes { metric latest { value }
  datapoints(first: 2) { nodes { value observedAt } pageInfo { hasNextPage } } } pageInfo { hasNextPage } } } } }`

interface Tree {
  devices: {
    nodes: Array<{
      device: string
      metrics: {
        nodes: Array<{ metric: string; latest: object; datapoints: { nodes: object[]; pageInfo: object } }>
      }
    }>
  }
}

test('a hundred devices with their metrics and datapoints take as many statements as one device', async (t) => {
  const counts = []
  for (const devices of [1, 100]) {
    const opened = await fill({ devices, metrics: 3, messages: 3 })
    const { url } = await serve(t, opened)
    const sent = countStatements(t)
    const { data, errors } = await query<Tree>(url, tree)
    counts.push(sent())
    t.mock.restoreAll()
    assert.equal(errors, undefined)
    assert.equal(data.devices.nodes.length, devices)
    const datapoints = {
      nodes: [
        { value: 2, observedAt: '1970-01-01T00:00:01.002Z' },
        { value: 1, observedAt: '1970-01-01T00:00:01.001Z' }
      ],
      pageInfo: { hasNextPage: true }
    }
    for (const { device, metrics } of data.devices.nodes) {
      assert.deepEqual(metrics.nodes.map(({ metric }) => metric).toSorted(), names(3, 'm'), device)
      for (const { latest, datapoints: page } of metrics.nodes)
        assert.deepEqual([latest, page], [{ value: 2 }, datapoints])
    }
  }
  t.diagnostic(`${counts[1]!.length} statements: ${counts[1]!.join(', ')}`)
  const nested = counts[1]!.filter((name) => name.startsWith('nested'))
  assert.deepEqual(nested, ['nested_metrics', 'nested_datapoints_desc'])
  // The end of a list of a thousand is looked for once, however few there are
  assert.deepEqual(counts[0], counts[1])
  assert.ok(counts[1]!.length <= 10, `${counts[1]!.length}`)
})

test('metrics by name, and pages asked for in two ways, are one statement each', async (t) => {
  const opened = await fill({ devices: 50, metrics: 2, messages: 2 })
  const { url } = await serve(t, opened)
  const sent = countStatements(t)
  const { data } = await query<{ devices: { nodes: Array<Record<string, unknown>> } }>(
    url,
    `{ devices { nodes { m0: metric(name: "m0") { metric latest { value } } m1: metric(name: "m1") { metric }
      none: metric(name: "none") { metric }
      new: metrics(first: 1) { nodes { seq } } all: metrics { nodes { seq } } } } }`
  )
  assert.deepEqual(
    sent()
      .filter((name) => name.startsWith('nested'))
      .toSorted(),
    ['nested_metric', 'nested_metrics', 'nested_metrics']
  )
  assert.equal(data.devices.nodes.length, 50)
  for (const { m0, m1, none, new: first, all } of data.devices.nodes as never as Array<
    Record<string, { nodes: object[] }>
  >) {
    assert.deepEqual([m0, m1, none], [{ metric: 'm0', latest: { value: 1 } }, { metric: 'm1' }, null])
    assert.deepEqual([first!.nodes.length, all!.nodes.length], [1, 2])
  }
})

test('pages within pages go on where they ended, as those of one device do', async (t) => {
  const opened = await fill({ devices: 2, metrics: 3, messages: 5 })
  const { url } = await serve(t, opened)
  async function all(path: string, list: string, field: string): Promise<unknown[]> {
    const found: unknown[] = []
    let after: string | null = null
    do {
      const page: string = `page: ${list}(first: 2, after: $after) { nodes { ${field} } pageInfo { hasNextPage endCursor } }`
      const document = `query ($after: String) { device(id: "d1") { ${path.replace('#', page)} } }`
      const { device } = await ask(url, document, { after })
      const { nodes, pageInfo } = device.page ?? device.metric.page
      found.push(...nodes.map((node: Record<string, unknown>) => node[field]))
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null
    } while (after !== null)
    return found
  }
  assert.deepEqual(new Set(await all('#', 'metrics', 'metric')), new Set(names(3, 'm')))
  assert.deepEqual(await all('metric(name: "m2") { # }', 'datapoints', 'value'), [4, 3, 2, 1, 0])

  // A token is of one device
  const { device } = await ask(url, '{ device(id: "d0") { metrics(first: 1) { pageInfo { endCursor } } } }')
  const { endCursor } = device.metrics.pageInfo
  const others = await query(url, `{ devices { nodes { metrics(after: "${endCursor}") { cursor } } } }`)
  assert.deepEqual([...new Set(codes(others))], ['cursor_kind'])
})

test('pages of many are what the pages of each are', async () => {
  const { store } = await fill({ devices: 7, metrics: 4, messages: 6 })
  const devices = [...names(7, 'd'), 'never', 'd3']
  const views = (items: Parameters<typeof toMetricView>[0][]): MetricView[] => items.map(toMetricView)
  for (const ask of [
    { after: null, limit: 100 },
    { after: null, limit: 3 },
    { after: 5, limit: 4 }
  ]) {
    const together = await store.nested.metrics(everything, devices, ask)
    for (const [index, device] of devices.entries()) {
      const alone = await store.devices.metrics(everything, device, ask)
      // Whether a full page is the last is found out by asking for the next
      assert.deepEqual(views(together[index]!.items), views(alone.items))
      assert.equal(together[index]!.next, alone.next)
    }
  }
  const metrics = devices.flatMap((device) =>
    [...names(4, 'm'), 'never'].map((metric) => ({ device, metric }))
  )
  const points = (items: Parameters<typeof toDatapointView>[0][]): DatapointView[] =>
    items.map(toDatapointView)
  for (const order of ['asc', 'desc'] as const) {
    for (const ask of [
      { from: null, to: null, after: null, limit: 100, order },
      { from: 1_002, to: 1_004, after: null, limit: 100, order },
      { from: null, to: null, after: { observedAt: 1_003, seq: 4, n: 0 }, limit: 2, order }
    ]) {
      const together = await store.nested.datapoints(everything, metrics, { ...ask, until: null })
      for (const [index, name] of metrics.entries()) {
        const alone = await store.datapoints.page(everything, {
          ...seriesOf(name.device, name.metric),
          ...ask
        })
        assert.deepEqual(points(together[index]!.items), points(alone.items))
        assert.deepEqual(together[index]!.next, alone.next)
      }
    }
  }
})

test('datapoints up to a message are those that it and the ones before it said', async () => {
  const { store } = await fill({ devices: 2, metrics: 1, messages: 6 })
  const metrics = names(2, 'd').map((device) => ({ device, metric: 'm0' }))
  const range = { from: null, to: null, after: null, limit: 2, order: 'desc' } as const
  const [{ items }] = (await store.nested.datapoints(everything, metrics, {
    ...range,
    limit: 100,
    until: null
  })) as [DatapointPage]
  const seqs = items.map(({ seq }) => seq)
  assert.equal(seqs.length, 6)
  for (const [index, until] of seqs.entries()) {
    const pages = await store.nested.datapoints(everything, metrics, { ...range, until })
    for (const page of pages)
      assert.deepEqual(
        page.items.map(({ seq }) => seq),
        seqs.slice(index, index + 2)
      )
  }
})

test('what may not be read is not there', async () => {
  const { store } = await fill({ devices: 2, metrics: 2, messages: 1 })
  const nothing: Access = { ...everything, mayRead: () => false }
  const pairs = [{ device: 'd0', metric: 'm0' }]
  const range = { from: null, to: null, after: null, limit: 10, order: 'asc', until: null } as const
  assert.deepEqual(await store.nested.metrics(nothing, ['d0'], { after: null, limit: 10 }), [
    { items: [], next: null }
  ])
  assert.deepEqual(await store.nested.metric(nothing, pairs), [null])
  assert.deepEqual(await store.nested.datapoints(nothing, pairs, range), [{ items: [], next: null }])
})

test('pages and items within items have a limit, and what was not used is given back', async (t) => {
  const opened = await fill({ devices: 10, metrics: 2, messages: 2 })
  const codesOf = async (limits: Partial<Limits>, document: string) => {
    const { url } = await serve(t, opened, limits)
    return [...new Set(codes(await query(url, document)))]
  }
  const metrics = '{ devices { nodes { metrics(first: 10) { nodes { metric } } } } }'
  const deep =
    '{ devices { nodes { metrics(first: 10) { nodes { datapoints(first: 4) { nodes { value } } } } } } }'
  assert.deepEqual(await codesOf({ graphqlNestedPagesMax: 10 }, metrics), [])
  assert.deepEqual(await codesOf({ graphqlNestedPagesMax: 9 }, metrics), ['query_too_complex'])
  assert.deepEqual(await codesOf({ graphqlNestedItemsMax: 100 }, metrics), [])
  assert.deepEqual(await codesOf({ graphqlNestedItemsMax: 99 }, metrics), ['query_too_complex'])
  // 20 metrics are found of 100 that there might be, and 20 pages of 4 datapoints come on top
  assert.deepEqual(await codesOf({ graphqlNestedItemsMax: 100 }, deep), [])
  assert.deepEqual(await codesOf({ graphqlNestedItemsMax: 99 }, deep.replace('10', '2')), [
    'query_too_complex'
  ])
})

test('bytes of a level have a limit: pages get shorter, and where one cannot even begin, that is told', async () => {
  const { url } = await fill({ devices: 4, metrics: 1, messages: 4 }, 1_000)
  const devices = names(4, 'd')
  const metrics = devices.map((device) => ({ device, metric: 'm0' }))
  const range = { from: null, to: null, after: null, limit: 4, order: 'asc', until: null } as const
  const withBytes = async (pageBytesMax: number) =>
    (await openTestStore({ url, limits: { poolConnectionsMax: 3, pageBytesMax } })).store.nested

  const six = await withBytes(6_000)
  const pages = await six.datapoints(everything, metrics, range)
  assert.deepEqual(
    pages.map(({ items }) => items.length),
    [2, 2, 1, 1]
  )
  const [, , third] = pages
  const [rest] = await six.datapoints(everything, [metrics[2]!], { ...range, after: third!.next })
  assert.deepEqual(
    [...third!.items, ...rest!.items].map(({ observedAt }) => observedAt),
    [1_000, 1_001, 1_002, 1_003]
  )

  const three = await withBytes(3_999)
  const tooMany = { code: 'query_too_complex' }
  await assert.rejects(three.datapoints(everything, metrics, range), tooMany)
  await assert.rejects(three.metrics(everything, devices, { after: null, limit: 10 }), tooMany)
  await assert.rejects(three.metric(everything, metrics), tooMany)
  assert.equal((await three.metrics(everything, devices.slice(1), { after: null, limit: 10 })).length, 3)

  // One item is always read, or nobody could
  const [page] = await (await withBytes(10)).datapoints(everything, metrics.slice(1, 2), range)
  assert.equal(page!.items.length, 1)
  assert.notEqual(page!.next, null)
})
