/**
 * Ways around grants (F39): a key that may read and command `plant/+` and `café/+` (composed), and what is tried with it
 * for everything else: on REST, GraphQL and streams. What is not granted is not there: not in an answer, a count or an error.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKeyId, createKeyText, digestOfKey } from '../../src/access/key-text.ts'
import { startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { everything } from '../support/store.ts'
import { openSse } from '../support/sse.ts'

const { url: mqttUrl } = await startBroker()
const { url, databaseUrl, store } = await startBridge({ mqttUrl, config: { anonymous: false } })
const { client } = await connectClient(mqttUrl)
const id = createKeyId()
const key = createKeyText(id)
const topicsOf = ['plant/+', 'caf\u00e9/+']
await store.keys.create(
  { principal: 'test', administers: true },
  { id, digest: digestOfKey(key) },
  {
    name: 'bypass # + $SYS',
    tenant: null,
    expiresAt: null,
    grants: topicsOf.flatMap((topic) => [
      { role: 'read', topic },
      { role: 'command', topic }
    ])
  }
)
const authorization = `Bearer ${key}`
const hidden = [
  'plant',
  'plant/1/deep',
  'plant//1',
  'plant/1/',
  'Plant/1',
  'plant%2F1',
  'secret/1',
  'secret/plant/1',
  '/plant/1',
  'cafe\u0301/1',
  `key:${id}`
]
const open = ['plant/1', 'plant/', 'caf\u00e9/1']
const marker = 'hidden-marker'
for (const topic of [...hidden, ...open])
  await client.publishAsync(topic, open.includes(topic) ? 'open' : marker, { qos: 1, retain: true })
await eventually(async () => (await store.states.byName(everything, hidden.at(-1)!)) !== null)
await eventually(async () => (await store.states.byName(everything, open.at(-1)!)) !== null)

const send = async (path: string, init: RequestInit = {}) => {
  const headers = { authorization, 'content-type': 'application/json', ...(init.headers as object) }
  const response = await fetch(`${url}${path}`, { ...init, headers })
  return { status: response.status, text: await response.text() }
}
const post = (path: string, body: unknown) => send(path, { method: 'POST', body: JSON.stringify(body) })

/** `asked`: what the client itself wrote may come back. */
function tellsNothing(what: string, text: string, asked = ''): void {
  assert.ok(!text.includes(marker), `${what}: ${text}`)
  for (const topic of hidden) {
    // As a whole topic, in JSON: other texts have parts of it
    if (topic !== asked)
      assert.ok(!text.includes(JSON.stringify(topic)), `${what} tells of ${topic}: ${text}`)
  }
}

const filters = [
  '#',
  '+',
  '+/1',
  '+/#',
  '/#',
  '+/+/+',
  'plant/#',
  'plant/+/#',
  'plant//1',
  'plant/1/deep',
  'secret/#',
  '$share/g/secret/#',
  '$share/g/#',
  '$SYS/#',
  '$queue/secret/1',
  'plant/../secret/1',
  'plant%2F1',
  'secret%2F1',
  'secret%252F1',
  'cafe\u0301/#',
  'cafe\u0301/1',
  '#/secret',
  'secret/1\u0000',
  `key:${id}`
]

test('no filter gives more than is granted, on lists, pages, exports and of several at once', async () => {
  for (const filter of filters) {
    const one = `filter=${encodeURIComponent(filter)}`
    for (const query of [one, `filter=plant%2F%2B&${one}`, `${one}&filter=plant%2F%2B`]) {
      for (const path of [
        'topics',
        'messages',
        'datapoints',
        'rejections',
        'export/messages',
        'export/datapoints'
      ]) {
        const { status, text } = await send(`/v1/${path}?${query}`)
        assert.ok(status < 500, `${path} ${query}: ${text}`)
        if (status === 200) tellsNothing(`${path} ${query}`, text)
      }
    }
    const document = `query ($f: [String!]) {
      a: topics(filter: $f) { ...T } b: topics(filter: $f, first: 1) { ...T } messages(filter: $f) { nodes { topic payloadText } }
    } fragment T on TopicStateConnection { nodes { topic latest { payloadText } } pageInfo { hasNextPage } }`
    const { status, text } = await post('/graphql', { query: document, variables: { f: [filter] } })
    assert.ok(status < 500)
    tellsNothing(`graphql ${filter}`, text)
  }
  const { text } = await send('/v1/topics')
  assert.deepEqual(
    (JSON.parse(text) as { items: Array<{ topic: string }> }).items.map(({ topic }) => topic).toSorted(),
    open.toSorted()
  )
})

test('what is not granted is as what is not there, by each of its names', async () => {
  const masked = ({ status, text }: { status: number; text: string }, name: string) => [
    status,
    text.replaceAll(name, 'X').replaceAll(encodeURIComponent(name), 'X')
  ]
  const forms = [
    (name: string) => `/v1/topic?name=${encodeURIComponent(name)}`,
    (name: string) => `/v1/topics/${encodeURIComponent(name)}`,
    (name: string) => `/v1/topic/payload?name=${encodeURIComponent(name)}`,
    (name: string) => `/v1/topic/messages?name=${encodeURIComponent(name)}`
  ]
  for (const form of forms) {
    for (const topic of hidden) {
      const absent = `${topic.replace('#', '')}absent`
      const [there, nowhere] = [await send(form(topic)), await send(form(absent))]
      if (!topic.includes('#') && !topic.includes('+') && topic !== 'plant')
        assert.deepEqual(masked(there, topic), masked(nowhere, absent), form(topic))
      tellsNothing(form(topic), there.text, topic)
    }
  }
  for (const state of hidden) {
    const found = await store.states.byName(everything, state)
    const byId = await send(`/v1/topics/by-id/${found!.topicId}`)
    assert.equal(byId.status, 404, byId.text)
    tellsNothing('by id', byId.text)
  }
  for (const encoded of [
    'plant%252F1%252Fdeep',
    'secret%2f1',
    'plant%2F..%2Fsecret%2F1',
    'plant/../../secret/1'
  ]) {
    const { status, text } = await send(`/v1/topics/${encoded}`)
    assert.ok([404, 400, 422].includes(status), `${encoded}: ${status}`)
    tellsNothing(encoded, text)
  }
})

test('no command goes anywhere else: wildcards, $SYS, other forms of a name, and several at once', async () => {
  const targets = [
    ...hidden.filter((topic) => !/[#+]/.test(topic)),
    'plant/#',
    'plant/+',
    '$SYS/x',
    '$share/g/plant/1',
    '',
    '#'
  ]
  for (const topic of targets) {
    const { status, text } = await post('/v1/commands', { topic, payload: 1 })
    assert.ok([403, 422].includes(status), `${topic}: ${status} ${text}`)
    tellsNothing(`command ${topic}`, text, topic)
    const many = await post('/v1/commands', {
      commands: [
        { topic: 'plant/1', payload: 1 },
        { topic, payload: 1 }
      ]
    })
    const { items } = JSON.parse(many.text) as { items: Array<{ problem: { code: string } | null }> }
    assert.match(items[1]!.problem!.code, /forbidden|invalid_topic|invalid_value/, many.text)
    const retained = await send(`/v1/topic/retained?name=${encodeURIComponent(topic)}`, {
      method: 'PUT',
      body: 'x'
    })
    assert.ok([403, 422].includes(retained.status), `retained ${topic}: ${retained.text}`)
    const { text: answer } = await post('/graphql', {
      query: `mutation ($t: String!) { a: clearRetained(topic: $t, waitSeconds: 0) { cursor } b: setRetained(topic: $t, payloadText: "x", waitSeconds: 0) { cursor } }`,
      variables: { t: topic }
    })
    assert.match(answer, /"errors"/, `graphql ${topic}`)
  }
  const stored = await query<{ topic: string }>(databaseUrl, 'select distinct topic from commands')
  assert.deepEqual(
    stored.map(({ topic }) => topic),
    ['plant/1']
  )
})

test('a stream has what is granted, whatever it asks for, and counts nothing else', async () => {
  const streams = await Promise.all(
    filters.slice(0, 12).map(async (filter) => {
      const answer = await fetch(`${url}/v1/stream?after=earliest&filter=${encodeURIComponent(filter)}`, {
        headers: { authorization },
        signal: AbortSignal.timeout(1_000)
      })
      return [filter, answer.status, answer.status === 200 ? answer : await answer.text()] as const
    })
  )
  for (const [filter, status, answer] of streams) {
    if (typeof answer === 'string') assert.equal(status, 422, `${filter}: ${answer}`)
    else await answer.body!.cancel()
  }
  const stream = await openSse(`${url}/v1/stream?after=earliest&filter=%23&types=message`, { authorization })
  await client.publishAsync('plant/1', 'the end', { qos: 1 })
  await stream.find('message', ({ message }) => message.payloadText === 'the end')
  for (const { data } of stream.events) tellsNothing('stream', JSON.stringify(data))
  stream.close()
})
