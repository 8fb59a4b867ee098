/** Topics by predicate, in the order of what is at a path, and as they were: over GraphQL, on a real store. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Limits } from '../../src/limits.ts'
import { defaultLimits } from '../../src/limits.ts'
import { eventually } from '../support/eventually.ts'
import { openTestStore } from '../support/store.ts'
import { codes, query, startServer } from './server.ts'

const { store, receive, url: databaseUrl } = await openTestStore({ limits: { poolConnectionsMax: 4 } })

/** A time behind all that is committed, and before all that will be. */
async function now(): Promise<string> {
  const { at } = await store.journal.head()
  await eventually(() => Date.now() > at + 2)
  const time = Date.now()
  await eventually(() => Date.now() > time + 2)
  return new Date(time).toISOString()
}

const sensor = (index: number): string => `sensor/${String(index).padStart(2, '0')}`
const reading = (index: number, temperature: number) => ({
  topic: sensor(index),
  payload: Buffer.from(JSON.stringify({ temperature, mode: index % 2 === 0 ? 'auto' : 'off' })),
  retain: true
})
const indexes = Array.from({ length: 20 }, (_, index) => index)
const warm = (index: number): number => (index * 7) % 20

const before = await now()
// One by one, so that their ids are in this order
for (const index of indexes) await receive(reading(index, warm(index)))
const first = await now()
const { seq: firstSeq } = await store.journal.head()
await receive(
  ...indexes.slice(0, 5).map((index) => ({ topic: sensor(index), payload: Buffer.alloc(0), retain: true })),
  reading(10, 100),
  { topic: 'late/a', payload: Buffer.from('text'), retain: false }
)

// Tests look into answers freely
/* eslint-disable typescript/no-explicit-any */
async function start(t: TestContext, limits: Partial<Limits> = {}) {
  const { url } = await startServer(t, { store, limits: { ...defaultLimits, ...limits } })
  const answer = (document: string, variables = {}) => query<any>(url, document, variables)
  const ask = async (document: string, variables = {}): Promise<any> => {
    const { data, errors } = await answer(document, variables)
    assert.equal(errors, undefined, JSON.stringify(errors))
    return data
  }
  /** All topics, by pages of three, and again from behind each edge. */
  async function topics(given: string): Promise<string[]> {
    const found: any[] = []
    let after: string | null = null
    do {
      const page: any = (
        await ask(
          `query ($after: String) { topics(${given}, first: 3, after: $after) {
            edges { cursor node { topic } } pageInfo { hasNextPage endCursor } } }`,
          { after }
        )
      ).topics
      found.push(...page.edges)
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null
    } while (after !== null)
    const names = found.map(({ node }) => node.topic)
    for (const [index, { cursor }] of found.entries()) {
      const rest = await ask(`{ topics(${given}, after: "${cursor}") { nodes { topic } } }`)
      assert.deepEqual(
        rest.topics.nodes.map(({ topic }: { topic: string }) => topic),
        names.slice(index + 1)
      )
    }
    return names
  }
  return { url, answer, ask, topics }
}

const byWarmth = indexes.toSorted((a, b) => warm(a) - warm(b))

test('only topics of which a predicate holds, page by page and from any place', async (t) => {
  const { topics } = await start(t)
  assert.deepEqual(
    await topics('where: "and(ge(payload/temperature,15),eq(payload/mode,\\"auto\\"))"'),
    indexes.filter((i) => i >= 5 && i % 2 === 0 && (i === 10 || warm(i) >= 15)).map(sensor)
  )
  assert.deepEqual(
    await topics('filter: ["sensor/#"], where: "not(exists(payload/temperature))", order: desc'),
    [4, 3, 2, 1, 0].map(sensor)
  )
  assert.deepEqual(await topics('where: "prefix(topic,\\"late\\")"'), ['late/a'])
})

test('in the order of what is at a path, both ways', async (t) => {
  const { topics } = await start(t)
  const living = byWarmth.filter((i) => i >= 5 && i !== 10)
  assert.deepEqual(
    await topics('filter: ["sensor/+"], where: "exists(payload/temperature)", sort: "payload/temperature"'),
    [...living, 10].map(sensor)
  )
  assert.deepEqual(
    await topics('where: "exists(payload/temperature)", sort: "-payload/temperature"'),
    [10, ...living.toReversed()].map(sensor)
  )
})

test('only topics with a retained message, or whose retained message is gone', async (t) => {
  const { topics } = await start(t)
  assert.deepEqual(await topics('state: tombstone'), indexes.slice(0, 5).map(sensor))
  assert.deepEqual(await topics('state: retained, order: desc'), indexes.slice(5).toReversed().map(sensor))
  assert.deepEqual(
    await topics('state: tombstone, where: "gt(tombstone/previous/payload/temperature,7)"'),
    indexes
      .slice(0, 5)
      .filter((i) => warm(i) > 7)
      .map(sensor)
  )
})

test('topics as they were: lists, one by name and by id, and the cursor that goes on from then', async (t) => {
  const { ask, topics } = await start(t)
  assert.deepEqual(await topics(`asOf: "${before}"`), [])
  assert.deepEqual(await topics(`asOf: "${first}"`), indexes.map(sensor))
  assert.deepEqual(
    await topics(`asOf: "${first}", sort: "-payload/temperature", state: retained`),
    byWarmth.toReversed().map(sensor)
  )
  assert.deepEqual(
    await topics(`asOf: "${first}", where: "lt(payload/temperature,8)"`),
    indexes.filter((i) => warm(i) < 8).map(sensor)
  )
  const fields = 'topic payload retained { payload } tombstone { cause }'
  const { topicId } = (await ask(`{ topic(name: "${sensor(0)}") { topicId } }`)).topic
  const data = await ask(`{
    then: topic(name: "${sensor(0)}", asOf: "${first}") { ${fields} }
    byId: topicById(id: "${topicId}", asOf: "${first}") { ${fields} }
    now: topic(name: "${sensor(0)}") { ${fields} }
    never: topic(name: "${sensor(0)}", asOf: "${before}") { ${fields} }
    late: topic(name: "late/a", asOf: "${first}") { ${fields} }
    topics(asOf: "${first}") { cursor }
  }`)
  const was = { temperature: 0, mode: 'auto' }
  const then = { topic: sensor(0), payload: was, retained: { payload: was }, tombstone: null }
  assert.deepEqual(data.then, then)
  assert.deepEqual(data.byId, then)
  assert.deepEqual(data.now.tombstone, { cause: 'cleared' })
  assert.deepEqual([data.never, data.late], [null, null])
  assert.equal(store.cursors.decode(data.topics.cursor, await store.journal.head()), firstSeq)
})

test('a place in a list is of that list only', async (t) => {
  const { ask, answer } = await start(t)
  const given = 'where: "exists(payload/temperature)", sort: "payload/temperature"'
  const { topics } = await ask(`{ topics(${given}, first: 1) { pageInfo { endCursor } } }`)
  const after = `after: "${topics.pageInfo.endCursor}"`
  for (const other of [
    'where: "exists(payload/mode)", sort: "payload/temperature"',
    'where: "exists(payload/temperature)", sort: "-payload/temperature"',
    'where: "exists(payload/temperature)"',
    `${given}, state: retained`,
    `${given}, asOf: "${first}"`,
    `${given}, filter: ["#"]`
  ])
    assert.deepEqual(codes(await answer(`{ topics(${other}, ${after}) { cursor } }`)), ['cursor_kind'])
})

const faults: Array<[given: string, code: string, pointer: string | null]> = [
  ['where: "gt(payload/temperature,"', 'invalid_value', '/where'],
  ['where: ""', 'invalid_value', '/where'],
  ['where: "gt(receivedAt,\\"yesterday\\")"', 'invalid_value', '/where'],
  [`where: "${'not('.repeat(30)}exists(a)${')'.repeat(30)}"`, 'query_too_complex', '/where'],
  ['sort: ""', 'invalid_value', '/sort'],
  ['sort: "a b"', 'invalid_value', '/sort'],
  ['asOf: "2999-01-01T00:00:00.000Z"', 'invalid_value', '/asOf'],
  ['sort: "seq", order: asc', 'invalid_value', '/order'],
  ['asOf: "yesterday"', 'invalid_value', null],
  ['state: nothing', 'invalid_value', null]
]
for (const [given, code, pointer] of faults) {
  test(`topics(${given.slice(0, 40)}) is ${code}`, async (t) => {
    const { answer } = await start(t)
    const { errors } = await answer(`{ topics(${given}) { cursor } }`)
    const { extensions } = errors![0]!
    assert.equal(extensions.code, code)
    if (pointer !== null) assert.equal((extensions.errors as Array<{ pointer: string }>)[0]!.pointer, pointer)
  })
}

test('an order that is not given goes with sort, a variable without a value included', async (t) => {
  const { answer } = await start(t)
  const document = 'query ($order: Order) { topics(sort: "seq", order: $order) { cursor } }'
  // A nullable variable has no place where there is a default that must not be null, but for its absence
  assert.deepEqual(codes(await answer(document)), [])
  assert.deepEqual(codes(await answer(document, { order: 'desc' })), ['invalid_value'])
})

test('more topics than may be sorted are refused, and a page that looks at all it may is short', async (t) => {
  const small = await openTestStore({
    url: databaseUrl,
    limits: { poolConnectionsMax: 3, sortTopicsMax: 5, searchRowsMax: 5 }
  })
  const { url } = await startServer(t, { store: small.store })
  const sorted = await query(url, '{ topics(sort: "payload/temperature") { cursor } }')
  assert.deepEqual(codes(sorted), ['query_too_complex'])
  const [{ pointer }] = sorted.errors![0]!.extensions.errors as [{ pointer: string }]
  assert.equal(pointer, '/sort')
  const found: string[][] = []
  let after: string | null = null
  do {
    const document = `query ($after: String) {
      topics(where: "prefix(topic,\\"late\\")", after: $after) { nodes { topic } pageInfo { hasNextPage endCursor } } }`
    const { data }: any = await query(url, document, { after })
    found.push(data.topics.nodes.map(({ topic }: { topic: string }) => topic))
    after = data.topics.pageInfo.hasNextPage ? data.topics.pageInfo.endCursor : null
  } while (after !== null)
  assert.deepEqual([found.length, found[0], found.flat()], [5, [], ['late/a']])
})
