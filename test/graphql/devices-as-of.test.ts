/** Devices, their metrics and datapoints as they were: over GraphQL, on a real store. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { NormalizedPresence } from '../../src/datapoints.ts'
import type { Projections } from '../../src/projection/projections.ts'
import { eventually } from '../support/eventually.ts'
import { chunkOf, currentAtHead, messageOf, point } from '../support/projected.ts'
import { query as queryDatabase } from '../support/database.ts'
import { everything, openTestStore } from '../support/store.ts'
import { query, startServer } from './server.ts'
import { countStatements } from './statements.ts'

const { store, receive, url: databaseUrl } = await openTestStore({ limits: { poolConnectionsMax: 4 } })
const { id: projection } = await currentAtHead(store, { hash: 'h', text: '' })

const indexes = Array.from({ length: 6 }, (_, index) => index)
const name = (index: number): string => `d${index}`

/** One message of each device. */
async function hear(
  devices: readonly number[],
  temperature: (index: number) => number,
  site: string,
  presence: NormalizedPresence['presence'],
  more: readonly string[] = []
): Promise<void> {
  for (const index of devices) {
    const { topicIds, base } = (await receive({
      topic: 'all',
      payload: Buffer.from(`${temperature(index)}`)
    }))!
    const message = messageOf(
      base + 1,
      { topic: 'all', topicId: topicIds.get('all')!.id },
      {
        receivedAt: Date.now(),
        datapoints: ['temperature', ...more].map((metric) =>
          point(name(index), metric, temperature(index), { observedAt: 1_000 + base })
        ),
        attributes: [{ device: name(index), attributes: { site, ...(site === 'old' && { model: 'm' }) } }],
        presence: [{ device: name(index), presence, source: 'availability', at: 1 + base }]
      }
    )
    await store.projections.write(
      projection,
      { ...chunkOf(base, [message]), from: await done() },
      { live: true }
    )
  }
}

const done = async (): Promise<number> =>
  (await store.projections.list()).find(({ state }) => state === 'current')!.doneSeq

/** A time behind all that is committed, and before all that will be. */
async function now(): Promise<string> {
  const { at } = await store.journal.head()
  await eventually(() => Date.now() > at + 2)
  const time = Date.now()
  await eventually(() => Date.now() > time + 2)
  return new Date(time).toISOString()
}

const before = await now()
await hear(indexes, (index) => index * 10 - 5, 'old', 'online')
await hear(indexes, (index) => index * 10, 'old', 'online')
const then = await now()
const { seq } = await store.journal.head()
// What comes later: other values, another attribute, presence, a metric, and a device
await hear([0, 1, 2, 9], (index) => 100 + index, 'new', 'offline', ['late'])

// Tests look into answers freely
/* eslint-disable typescript/no-explicit-any */
async function start(t: TestContext): Promise<(document: string) => Promise<any>> {
  const projections = { list: () => store.projections.list() } as Projections
  const { url } = await startServer(t, { store, projections })
  return async (document) => {
    const { data, errors } = await query<any>(url, document)
    assert.equal(errors, undefined, JSON.stringify(errors))
    return data
  }
}

const fields = `device presence attributes attributesChangedSince
  metrics { nodes { metric latest { value } datapoints { nodes { value } } } cursor }
  temperature: metric(name: "temperature") { latest { value } datapoints(first: 1) { nodes { value } } }
  late: metric(name: "late") { metric }`

test('a device, its metrics and their datapoints are of the instant; what was said since is named', async (t) => {
  const ask = await start(t)
  const data = await ask(`{
    changed: device(id: "d1", asOf: "${then}") { ${fields} }
    quiet: device(id: "d5", asOf: "${then}") { ${fields} }
    today: device(id: "d1") { ${fields} }
    unknown: device(id: "d9", asOf: "${then}") { seq }
    never: device(id: "d1", asOf: "${before}") { seq }
  }`)
  const { cursor, ...metrics } = data.changed.metrics
  assert.deepEqual(
    { ...data.changed, metrics },
    {
      device: 'd1',
      presence: 'online',
      attributes: { model: 'm' },
      attributesChangedSince: ['site'],
      metrics: {
        nodes: [
          {
            metric: 'temperature',
            latest: { value: 10 },
            datapoints: { nodes: [{ value: 10 }, { value: 5 }] }
          }
        ]
      },
      temperature: { latest: { value: 10 }, datapoints: { nodes: [{ value: 10 }] } },
      late: null
    }
  )
  assert.equal(store.cursors.decode(cursor, await store.journal.head()), seq)
  const { quiet, today } = data
  assert.deepEqual([quiet.attributes, quiet.attributesChangedSince], [{ site: 'old', model: 'm' }, []])
  assert.deepEqual(quiet.temperature.latest, { value: 50 })
  assert.deepEqual(
    [today.presence, today.attributes, today.attributesChangedSince, today.late],
    ['offline', { site: 'new', model: 'm' }, [], { metric: 'late' }]
  )
  assert.deepEqual(
    [today.temperature.latest, today.temperature.datapoints.nodes],
    [{ value: 101 }, [{ value: 101 }]]
  )
  assert.deepEqual([data.unknown, data.never], [null, null])
})

test('lists of devices are of the instant, by what was known of them then', async (t) => {
  const ask = await start(t)
  const names = async (given: string) =>
    (await ask(`{ devices(asOf: "${then}", ${given}) { nodes { device } } }`)).devices.nodes.map(
      ({ device }: { device: string }) => device
    )
  assert.deepEqual(await names('order: desc'), indexes.map(name).toReversed())
  assert.deepEqual(await names('where: "ge(metrics/temperature/value,20)"'), [2, 3, 4, 5].map(name))
  assert.deepEqual(await names('sort: "-metrics/temperature/value", first: 2'), [5, 4].map(name))
  assert.deepEqual(await names('presence: online'), indexes.map(name))
  assert.deepEqual(await names('where: "exists(metrics/late)"'), [])
  const { devices } = await ask(
    `{ devices(asOf: "${then}") { cursor nodes { device metrics { nodes { latest { value } } } } } }`
  )
  assert.equal(store.cursors.decode(devices.cursor, await store.journal.head()), seq)
  assert.deepEqual(
    devices.nodes.map(({ metrics }: any) => metrics.nodes.map(({ latest }: any) => latest.value)),
    indexes.map((index) => [index * 10])
  )
})

test('metrics of many devices at an instant are one statement, and so are those asked for by name', async (t) => {
  const ask = await start(t)
  const document = (first: number) => `{ devices(asOf: "${then}", first: ${first}) { nodes {
    metrics { nodes { metric latest { value } datapoints { nodes { value } } } }
    temperature: metric(name: "temperature") { latest { value } } late: metric(name: "late") { metric } } } }`
  const counts = []
  for (const first of [1, indexes.length]) {
    const sent = countStatements(t)
    const { devices } = await ask(document(first))
    counts.push(sent().toSorted())
    t.mock.restoreAll()
    assert.equal(devices.nodes.length, first)
    for (const [index, { metrics, temperature, late }] of devices.nodes.entries()) {
      const latest = { value: index * 10 }
      const datapoints = { nodes: [latest, { value: index * 10 - 5 }] }
      assert.deepEqual(metrics.nodes, [{ metric: 'temperature', latest, datapoints }])
      assert.deepEqual([temperature, late], [{ latest }, null])
    }
  }
  const nested = counts[1]!.filter((name) => name.startsWith('nested'))
  assert.deepEqual(nested, ['nested_datapoints_desc', 'nested_metric_as_of', 'nested_metrics_as_of'])
  assert.deepEqual(counts[0], counts[1])
})

test('pages of an instant go on within it', async (t) => {
  const ask = await start(t)
  const first = await ask(`{ device(id: "d0", asOf: "${then}") { temperature: metric(name: "temperature") {
    datapoints(first: 1, order: asc) { nodes { value } pageInfo { endCursor hasNextPage } } } } }`)
  const page = first.device.temperature.datapoints
  assert.deepEqual(page.nodes, [{ value: -5 }])
  const rest = await ask(`{ device(id: "d0", asOf: "${then}") { temperature: metric(name: "temperature") {
    datapoints(order: asc, after: "${page.pageInfo.endCursor}") { nodes { value } pageInfo { hasNextPage } } } } }`)
  assert.deepEqual(rest.device.temperature.datapoints, {
    nodes: [{ value: 0 }],
    pageInfo: { hasNextPage: false }
  })
})

test('pages of many at an instant are what the pages of each are', async () => {
  const names = [...indexes.map(name), 'd9', 'never', 'd3']
  for (const time of [before, then, await now()]) {
    const instant = await store.asOf.instant(Date.parse(time))
    for (const ask of [
      { after: null, limit: 10 },
      { after: null, limit: 1 },
      { after: 7, limit: 2 }
    ]) {
      const together = await store.asOf.metricsOf(everything, names, instant, ask)
      for (const [index, device] of names.entries())
        assert.deepEqual(together[index], await store.asOf.metrics(everything, device, instant, ask))
    }
  }
})

test('bytes of metrics of an instant have a limit for all of them together', async () => {
  const small = await openTestStore({
    url: databaseUrl,
    limits: { poolConnectionsMax: 3, pageBytesMax: 3_999 }
  })
  const instant = await store.asOf.instant(Date.parse(then))
  const names = indexes.slice(0, 4).map(name)
  const pairs = names.map((device) => ({ device, metric: 'temperature' }))
  const ask = { after: null, limit: 10 }
  const tooMany = { code: 'query_too_complex' }
  const [page] = await small.store.asOf.metricsOf(everything, names, instant, ask)
  assert.equal(page!.items.length, 1)
  await queryDatabase(databaseUrl, 'update metrics set latest_exact = $1, latest_seq = 1', [
    Buffer.alloc(1_000)
  ])
  await assert.rejects(small.store.asOf.metricsOf(everything, names, instant, ask), tooMany)
  await assert.rejects(small.store.asOf.metricOf(everything, pairs, instant), tooMany)
  assert.equal((await small.store.asOf.metricOf(everything, pairs.slice(1), instant)).length, 3)
  const nothing = { ...everything, mayRead: () => false }
  assert.deepEqual(await store.asOf.metricOf(nothing, pairs, instant), [null, null, null, null])
})
