/** Devices by predicate and in the order of what is at a path, their metrics included: over GraphQL, on a real store. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Projections } from '../../src/projection/projections.ts'
import { chunkOf, currentAtHead, messageOf, point } from '../support/projected.ts'
import { openTestStore } from '../support/store.ts'
import { codes, query, startServer } from './server.ts'

const { store, receive } = await openTestStore({ limits: { poolConnectionsMax: 4 } })
const { id: projection } = await currentAtHead(store, { hash: 'h', text: '' })

const indexes = Array.from({ length: 10 }, (_, index) => index)
const name = (index: number): string => `d${index}`
const warm = (index: number): number => (index * 7) % 10
const { topicIds, base } = (await receive(...indexes.map(() => ({ topic: 'all' }))))!
const messages = indexes.map((index) =>
  messageOf(
    base + 1 + index,
    { topic: 'all', topicId: topicIds.get('all')!.id },
    {
      datapoints: [
        point(name(index), 'temperature', warm(index)),
        ...(index < 3 ? [point(name(index), 'humidity', index)] : [])
      ],
      attributes: [{ device: name(index), attributes: { site: index % 2 === 0 ? 'north' : 'south' } }],
      presence: [
        { device: name(index), presence: index < 5 ? 'online' : 'offline', source: 'availability', at: 1 }
      ]
    }
  )
)
// One by one, so that their ids are in this order
for (const message of messages)
  await store.projections.write(projection, chunkOf(message.seq - 1, [message]), { live: true })

// Tests look into answers freely
/* eslint-disable typescript/no-explicit-any */
async function start(t: TestContext) {
  const projections = { list: () => store.projections.list() } as Projections
  const { url } = await startServer(t, { store, projections })
  const answer = (document: string, variables = {}) => query<any>(url, document, variables)
  /** All devices, by pages of three, and again from behind each edge. */
  async function devices(given: string): Promise<string[]> {
    const found: any[] = []
    let after: string | null = null
    do {
      const document = `query ($after: String) { devices(${given}, first: 3, after: $after) {
        edges { cursor node { device } } pageInfo { hasNextPage endCursor } } }`
      const { data, errors }: any = await answer(document, { after })
      assert.equal(errors, undefined, JSON.stringify(errors))
      found.push(...data.devices.edges)
      after = data.devices.pageInfo.hasNextPage ? data.devices.pageInfo.endCursor : null
    } while (after !== null)
    const names = found.map(({ node }) => node.device)
    for (const [index, { cursor }] of found.entries()) {
      const { data } = await answer(`{ devices(${given}, after: "${cursor}") { nodes { device } } }`)
      const rest = data.devices.nodes.map(({ device }: { device: string }) => device)
      assert.deepEqual(rest, names.slice(index + 1))
    }
    return names
  }
  return { answer, devices }
}

const byWarmth = indexes.toSorted((a, b) => warm(a) - warm(b))

const asked: Array<[given: string, expected: number[]]> = [
  ['where: "gt(metrics/temperature/value,5)"', indexes.filter((i) => warm(i) > 5)],
  ['where: "gt(metrics/temperature/value,5)", order: desc', indexes.filter((i) => warm(i) > 5).toReversed()],
  [
    'where: "and(eq(attributes/site,\\"north\\"),not(exists(metrics/humidity)))"',
    indexes.filter((i) => i % 2 === 0 && i >= 3)
  ],
  ['sort: "metrics/temperature/value"', byWarmth],
  ['sort: "-metrics/temperature/value"', byWarmth.toReversed()],
  // Those without it come first
  ['sort: "metrics/humidity/value"', [...indexes.slice(3), 0, 1, 2]],
  [
    'presence: online, where: "le(metrics/temperature/value,7)", sort: "-metrics/temperature/value"',
    byWarmth.toReversed().filter((i) => i < 5 && warm(i) <= 7)
  ]
]
for (const [given, expected] of asked) {
  test(`devices(${given})`, async (t) => {
    const { devices } = await start(t)
    assert.deepEqual(await devices(given), expected.map(name))
  })
}

for (const [given, pointer] of [
  ['where: "exists(metrics)"', '/where'],
  ['sort: "-metrics"', '/sort']
] as const) {
  test(`devices(${given}): a metric has to be named`, async (t) => {
    const { answer } = await start(t)
    const { errors } = await answer(`{ devices(${given}) { cursor } }`)
    const detail = 'name a metric, such as metrics/temperature/value'
    assert.deepEqual(errors![0]!.extensions, { code: 'invalid_value', errors: [{ pointer, detail }] })
  })
}

test('a place in a list is of that list only', async (t) => {
  const { answer } = await start(t)
  const { data } = await answer('{ devices(sort: "seq", first: 1) { pageInfo { endCursor } } }')
  const after = `after: "${data.devices.pageInfo.endCursor}"`
  for (const other of ['sort: "-seq"', 'order: asc', 'sort: "seq", where: "exists(seq)"'])
    assert.deepEqual(codes(await answer(`{ devices(${other}, ${after}) { cursor } }`)), ['cursor_kind'])
})
