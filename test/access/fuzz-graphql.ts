/** GraphQL: each list and each nested read, by several names at once, against what an administrator is told by the same document. */

import assert from 'node:assert/strict'
import type { Asking, Item } from './fuzz-context.ts'
import { assertNoTopics } from './fuzz-context.ts'
import { allMetrics } from './fuzz-devices.ts'
import { maySee, seenCommand } from './fuzz-topics.ts'
import { postJson } from '../support/bridge.ts'

// What is compared is whatever the document asks for
/* eslint-disable typescript/no-explicit-any */
const message = 'seq topic receivedAt payloadBase64 format'
const datapoint = 'seq n device metric topic value unit observedAt'
const metric = `metric topic type unit seq latest { ${datapoint} }`
const device = `device topic presence metricCount lastSeenAt attributes`
const list = (name: string, given: string, fields: string): string =>
  `${name}(first: $first, after: $after${given}) { nodes { ${fields} } edges { cursor } pageInfo { hasNextPage endCursor } }`

/** Name of a list, and what stands in the document. */
const lists: Record<string, string> = {
  topics: list(
    'topics',
    '',
    `topic topicId seq messageSeq payloadBase64 retained { ${message} } tombstone { seq }`
  ),
  messages: list('messages', '', message),
  devices: list('devices', '', `${device} metric(name: "temperature") { ${metric} }`),
  datapoints: list('datapoints', '', datapoint),
  rejections: list('rejections', '', 'seq n topic reason detail'),
  gaps: list('gaps', '', 'seq cause'),
  commands: list(
    'commands',
    '',
    `id topic device principal state response { ${message} } lateResponse { ${message} } events { seq topic to }`
  ),
  history: list(
    'history',
    ', from: "2020-01-01T00:00:00.000Z", to: "2030-01-01T00:00:00.000Z", bucket: "P10Y", fn: ["count"]',
    'device metric topic type unit values(fn: "count")'
  )
}

async function ask(
  url: string,
  headers: Record<string, string>,
  query: string,
  variables: object
): Promise<any> {
  const { body } = await postJson(`${url}/graphql`, { query, variables }, headers)
  assert.equal(body.errors, undefined, `${query}: ${JSON.stringify(body.errors)}`)
  return body.data
}

/** Two lists at once, by other names, each to its end. */
async function walk(
  url: string,
  headers: Record<string, string>,
  name: string,
  first: number,
  look: (text: string) => void = () => {}
): Promise<Item[]> {
  const nodes: Item[] = []
  for (let after: string | null = null; ;) {
    const query = `query ($first: Int, $after: String) { one: ${lists[name]} ...other }
      fragment other on Query { two: ${lists[name]} }`
    const data = await ask(url, headers, query, { first, after })
    assert.deepEqual(data.two, data.one)
    look(JSON.stringify(data))
    nodes.push(...data.one.nodes)
    assert.equal(data.one.edges.length, data.one.nodes.length)
    if (data.one.pageInfo.hasNextPage !== true) return nodes
    assert.notEqual(data.one.pageInfo.endCursor, after)
    after = data.one.pageInfo.endCursor
  }
}

/** What is of a topic that may not be read is not there: in lists left out, else null. */
function seen(asking: Asking, value: any): any {
  if (Array.isArray(value)) return value.map((item) => seen(asking, item)).filter((item) => item !== null)
  if (typeof value !== 'object' || value === null) return value
  if (typeof value.topic === 'string' && !asking.may(value.topic)) return null
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, seen(asking, item)]))
}

async function expectedOf(asking: Asking, name: string): Promise<Item[]> {
  const { oracle, world } = asking
  const whole = await oracle.once(`graphql ${name}`, () => walk(world.url, {}, name, 1_000))
  if (name === 'commands')
    return whole.filter((one) => maySee(asking, one)).map((one) => seenCommand(asking, one))
  if (name === 'history') {
    const came = (await oracle.walk('datapoints')).filter(({ topic }) => asking.may(topic))
    return whole.flatMap((series) => {
      const mine = came.filter(
        ({ device: of, metric: by }) => of === series['device'] && by === series['metric']
      )
      if (mine.length === 0) return []
      const count = mine.filter(({ type }) => type === 'number').length
      const hidden = asking.may(series['topic']) ? {} : { topic: null, type: null, unit: null }
      return [{ ...series, ...hidden, values: [count] }]
    })
  }
  const metrics = await allMetrics(asking)
  return (seen(asking, whole) as Item[]).map((item) =>
    'metricCount' in item
      ? { ...item, metricCount: metrics.get(item['device'])!.filter(({ topic }) => asking.may(topic)).length }
      : item
  )
}

export async function graphqlReads(asking: Asking): Promise<void> {
  const { headers } = asking
  const name = asking.pick(Object.keys(lists))
  const first = asking.pick([7, 50, 1_000])
  const look = (text: string): void => {
    asking.note(/"nodes":\[[^\]]/.test(text))
    if (name !== 'commands') assertNoTopics(text, asking.may, `graphql ${name}`)
  }
  asking.same(
    await walk(asking.url, headers, name, first, look),
    await expectedOf(asking, name),
    `graphql ${name}, ${first} at once`
  )
  await oneOfEach(asking, headers)
}

/** By name, by id, and nested: what is there for somebody else is as what is not there. */
async function oneOfEach(asking: Asking, headers: Record<string, string>): Promise<void> {
  const { oracle, world } = asking
  const topics = await oracle.walk('topics')
  const topic = asking.pick(topics)
  const known = asking.pick(await partlySeen(asking))
  const variables = { topic: topic['topic'], id: topic['topicId'], device: known['device'] }
  const query = `query ($topic: String!, $id: ID!, $device: ID!) {
    topic(name: $topic) { topic seq payloadBase64 }
    byId: topicById(id: $id) { topic seq payloadBase64 }
    device(id: $device) {
      device topic presence
      metrics(first: 100) { nodes { ${metric} datapoints(first: 50) { nodes { ${datapoint} } } } }
      one: metric(name: "power") { ...whole }
      other: metric(name: "temperature") { ...whole }
    }
    absent: topic(name: "never/there") { topic }
  }
  fragment whole on Metric { ${metric} datapoints(first: 50, order: asc) { nodes { ${datapoint} } } }`
  const key = `graphql one ${JSON.stringify(variables)}`
  const whole = await oracle.once(key, () => ask(world.url, {}, query, variables))
  const answer = await ask(asking.url, headers, query, variables)
  asking.note(answer.topic !== null || answer.device !== null)
  asking.same(answer, seen(asking, whole), key)
  const then = `query ($device: ID!, $asOf: DateTime!) { device(id: $device, asOf: $asOf) { device topic
    metrics(first: 100) { nodes { metric topic seq latest { ${datapoint} } } }
    one: metric(name: "power") { metric topic seq } other: metric(name: "temperature") { metric topic seq } } }`
  const asOf = await oracle.once('graphql as of', async () => new Date(Date.now() - 1).toISOString())
  const past = { device: known['device'], asOf }
  const wholeThen = await oracle.once(`graphql then ${past.device}`, () => ask(world.url, {}, then, past))
  asking.same(await ask(asking.url, headers, then, past), seen(asking, wholeThen), `${past.device} then`)
}

/** Devices that may be read, and of them some metrics may not; where there are none, all devices. */
async function partlySeen(asking: Asking): Promise<Item[]> {
  const all = await asking.oracle.walk('devices')
  const metrics = await allMetrics(asking)
  const partly = all.filter(
    ({ device: name, topic }) =>
      asking.may(topic) && metrics.get(name)!.some((one) => !asking.may(one['topic']))
  )
  return partly.length > 0 && asking.chance(0.7) ? partly : all
}
