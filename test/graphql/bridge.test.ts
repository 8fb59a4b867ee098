/** GraphQL on the whole service: what it tells is what Postgres holds, what the broker did, and what REST tells. */

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { postJson, request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { subscribe } from '../support/chain.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'

const { url: mqttUrl } = await startBroker()
const { url, store, databaseUrl } = await startBridge({ mqttUrl })
const { client } = await connectClient(mqttUrl)

const graphql = async (query: string, variables: Record<string, unknown> = {}) =>
  (await postJson(`${url}/graphql`, { query, variables })).body

/** The data of an answer without errors. */
async function ask(query: string, variables: Record<string, unknown> = {}) {
  const { data, errors } = await graphql(query, variables)
  assert.equal(errors, undefined)
  return data
}

const stored = (topic: string): Promise<boolean> =>
  eventually(async () => (await request(`${url}/v1/topic?name=${encodeURIComponent(topic)}`)).status === 200)

const messageFields = `seq topic receivedAt qos retain dup format payload payloadText payloadBase64 payloadFault
  properties { contentType payloadFormatIndicator messageExpiryInterval responseTopic correlationData userProperties }`
/** As REST writes the enums. */
const inRestWords = (text: string): unknown =>
  JSON.parse(text, (name, value) =>
    ['format', 'retainedStatus', 'state', 'awaits', 'to', 'from'].includes(name) && typeof value === 'string'
      ? value.toLowerCase()
      : value
  )

test('a message, a state and a command are the same objects as on REST', async () => {
  const properties = {
    contentType: 'application/json',
    responseTopic: 'same/answers',
    userProperties: { a: ['1', '2'] }
  }
  await client.publishAsync('same/a', '{"on":true}', { qos: 1, retain: true, properties })
  await stored('same/a')
  await ask(
    'mutation { sendCommand(input: { topic: "same/b", payload: 1, waitSeconds: 10 }) { command { id } } }'
  )
  const { topic, messages, commands } = await ask(`{
    topic(name: "same/a") { topicId messageSeq retainedStatus expiresAt confirmedAt tombstone { seq } retained { ${messageFields} } ${messageFields} }
    messages(filter: ["same/a"]) { nodes { ${messageFields} } }
    commands(topic: "same/b") { nodes { id topic device name qos retain delivery state final awaits attempts createdAt notBefore expiresAt publishedAt
      timeoutSeconds timeoutAt finishedAt brokerReasonCode response { seq } lateResponse { seq } effectSeq traceparent reason retryOf batchId principal format payload payloadText payloadBase64 payloadFault properties { contentType }
      events { id seq at topic from to event final attempt brokerReasonCode reason responseSeq effectSeq traceparent } } }
  }`)

  const state = await request(`${url}/v1/topic?name=same/a`)
  const page = await request(`${url}/v1/messages?filter=same/a`)
  const command = await request(`${url}/v1/commands/${commands.nodes[0].id}`)

  assert.deepEqual(inRestWords(JSON.stringify(topic)), state.body)
  assert.deepEqual(inRestWords(JSON.stringify(messages.nodes)), page.body.items)
  assert.deepEqual(inRestWords(JSON.stringify(commands.nodes[0])), command.body)
})

test('a cursor of one surface goes on where the other was', async () => {
  await client.publishAsync('cursor/a', '1', { qos: 1 })
  await stored('cursor/a')
  const { topics } = await ask('{ topics(filter: ["cursor/#"]) { cursor nodes { topic } } }')
  const rest = await request(`${url}/v1/topics?filter=cursor/%23`)
  await client.publishAsync('cursor/b', '2', { qos: 1 })

  for (const after of [topics.cursor, rest.body.cursor]) {
    const events = subscribe(
      url,
      'subscription ($after: String) { messages(filter: ["cursor/#"], after: $after) { message { topic } } }',
      { after }
    )
    await eventually(() => events.length > 0)
    assert.deepEqual(events[0].messages.message, { topic: 'cursor/b' })
  }
})

test('pages of a list that grows have each message once', async () => {
  for (let index = 0; index < 30; index++) await client.publishAsync('pages/a', `${index}`, { qos: 1 })
  await eventually(async () => (await request(`${url}/v1/topic?name=pages/a`)).body.payload === 29)
  const document = `query ($after: String, $order: Order!) { messages(filter: ["pages/+"], first: 7, after: $after, order: $order) {
    nodes { payload } pageInfo { hasNextPage endCursor } } }`
  for (const order of ['asc', 'desc']) {
    const seen: number[] = []
    let after: string | null = null
    do {
      const { messages } = await ask(document, { after, order })
      seen.push(...messages.nodes.map(({ payload }: { payload: number }) => payload))
      after = messages.pageInfo.hasNextPage ? messages.pageInfo.endCursor : null
      await client.publishAsync('pages/later', 'x', { qos: 1 })
    } while (after !== null)
    const numbers = seen.filter((payload) => typeof payload === 'number')
    assert.deepEqual(
      order === 'asc' ? numbers : numbers.toReversed(),
      Array.from({ length: 30 }, (_, index) => index)
    )
  }
})

test('a command reaches a subscriber with its properties, and its states are told as they come', async () => {
  const device = await connectClient(mqttUrl)
  await device.client.subscribeAsync('command/set', { qos: 1 })
  const events = subscribe(
    url,
    'subscription { events(filter: ["command/#"], types: [command]) { type command { to } } }'
  )
  await eventually(() => events.length > 0)
  const input = {
    topic: 'command/set',
    payloadBase64: 'AP8=',
    expiresInSeconds: 60,
    waitSeconds: 10,
    properties: {
      responseTopic: 'command/answer',
      correlationData: 'AAE=',
      userProperties: [
        ['b', '2'],
        ['a', '1'],
        ['a', '2']
      ]
    }
  }

  const { sendCommand } = await ask(
    'mutation ($input: SendCommandInput!) { sendCommand(input: $input) { command { id state final attempts } cursor } }',
    { input }
  )

  assert.deepEqual(
    { ...sendCommand.command, id: '' },
    { id: '', state: 'published', final: true, attempts: 1 }
  )
  const packet = await eventually(() => device.packets[0])
  assert.deepEqual([packet.topic, packet.payload.toString('hex'), packet.qos], ['command/set', '00ff', 1])
  const { 'rialto-command-id': id, ...userProperties } = packet.properties!.userProperties!
  assert.equal(id, sendCommand.command.id)
  assert.deepEqual(userProperties, { b: '2', a: ['1', '2'] })
  assert.equal(packet.properties?.responseTopic, 'command/answer')
  assert.equal(packet.properties?.correlationData?.toString('hex'), '0001')
  await eventually(() => events.length >= 4)
  assert.deepEqual(
    events.slice(1).map(({ events: { command } }) => command.to),
    ['pending', 'publishing', 'published']
  )
})

test('one key is one command on a surface, and a mismatch across surfaces, also when all come at once', async () => {
  const send =
    'mutation { sendCommand(input: { topic: "key/a", payload: 1, idempotencyKey: "both" }) { command { id } } }'
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(send)))
  assert.equal(new Set(answers.map(({ sendCommand }) => sendCommand.command.id)).size, 1)

  const rest = await postJson(
    `${url}/v1/commands`,
    { topic: 'key/a', payload: 1 },
    { 'idempotency-key': 'both' }
  )
  assert.deepEqual([rest.status, rest.body.code], [422, 'idempotency_mismatch'])
})

test('setRetained and clearRetained come back as state, and ifMatch holds against what changed meanwhile', async () => {
  const set =
    'mutation ($text: String!, $ifMatch: String) { setRetained(topic: "retained/a", payloadText: $text, ifMatch: $ifMatch) { command { state } } }'
  const read =
    '{ topic(name: "retained/a") { seq payloadText retained { payloadText } tombstone { cause previous { payloadText } } } }'
  await ask(set, { text: 'one' })
  const { seq } = await eventually(async () => (await ask(read)).topic)
  await ask(set, { text: 'two', ifMatch: seq })
  await eventually(async () => (await ask(read)).topic.retained.payloadText === 'two')

  const stale = await graphql(set, { text: 'three', ifMatch: seq })
  assert.equal(stale.errors[0].extensions.code, 'precondition_failed')

  await ask('mutation { clearRetained(topic: "retained/a", ifMatch: "*") { command { state } } }')
  const { retained, tombstone } = await eventually(async () => {
    const { topic } = await ask(read)
    return topic.tombstone === null ? null : topic
  })
  assert.deepEqual([retained, tombstone], [null, { cause: 'cleared', previous: { payloadText: 'two' } }])
})

test('gaps, status and unknown things', async () => {
  const { gaps, status, command } =
    await ask(`{ gaps { nodes { seq cause from to } } status { leading mqtt { state version } }
    command(id: "00000000-0000-4000-8000-000000000000") { id } }`)
  assert.deepEqual(gaps.nodes, [])
  assert.deepEqual(status, { leading: true, mqtt: { state: 'connected', version: '5' } })
  assert.equal(command, null)
})

test('a subscription reads the backlog from the table and goes on live, each message once', async () => {
  const { seq } = await store.journal.head()
  for (let index = 0; index < 1_500; index++) client.publish('backlog/a', `${index}`, { qos: 1 })
  const events = subscribe(
    url,
    'subscription ($after: String) { messages(filter: ["backlog/a"], after: $after) { message { payload } } }',
    {
      after: store.cursors.encode(seq)
    }
  )
  await eventually(() => events.length >= 1_500)
  await client.publishAsync('backlog/a', '1500', { qos: 1 })
  await eventually(() => events.length > 1_500)
  assert.deepEqual(
    events.map(({ messages }) => messages.message.payload),
    Array.from({ length: 1_501 }, (_, index) => index)
  )
})

test('what was written on one instance is read on another, by any field and with the cursor of any mutation', async () => {
  const other = await startBridge({ mqttUrl, databaseUrl })
  const elsewhere = async (query: string, variables: Record<string, unknown>) => {
    const { data, errors } = (await postJson(`${other.url}/graphql`, { query, variables })).body
    assert.equal(errors, undefined)
    return data
  }
  for (let index = 0; index < 20; index++) {
    const { sendCommand } = await ask(
      'mutation ($payload: JSON) { sendCommand(input: { topic: "written/a", payload: $payload }) { command { id } cursor } }',
      { payload: index }
    )
    const { command, commands, topics, devices } = await elsewhere(
      `query ($id: ID!, $cursor: Cursor) {
        command(id: $id, minCursor: $cursor) { payload }
        commands(topic: "written/a", first: 1, minCursor: $cursor) { nodes { payload } }
        topics(minCursor: $cursor) { cursor }
        devices(minCursor: $cursor) { cursor } }`,
      { id: sendCommand.command.id, cursor: sendCommand.cursor }
    )
    assert.deepEqual([command, commands.nodes], [{ payload: index }, [{ payload: index }]])
    const written = store.cursors.decode(sendCommand.cursor, await store.journal.head())
    for (const { cursor } of [topics, devices])
      assert.ok(store.cursors.decode(cursor, await store.journal.head()) >= written)
  }
  await other.close()
})

test('where, sort, state and asOf answer and refuse as on REST', async () => {
  for (const [index, value] of [3, 1, 2].entries())
    await client.publishAsync(`same/search/${index}`, `{"v":${value}}`, { qos: 1, retain: value !== 1 })
  await stored('same/search/2')
  const { at } = await store.journal.head()
  await eventually(() => Date.now() > at + 5)
  const then = new Date(at + 2).toISOString()
  await client.publishAsync('same/search/0', '', { qos: 1, retain: true })
  await client.publishAsync('same/search/2', '{"v":9}', { qos: 1 })
  await eventually(async () => (await request(`${url}/v1/topic?name=same/search/2`)).body.payload.v === 9)

  const questions: Array<Record<string, string>> = [
    { where: 'gt(payload/v,1)' },
    { where: 'gt(payload/v,1)', asOf: then },
    { sort: '-payload/v' },
    { sort: 'payload/v', asOf: then },
    { state: 'tombstone' },
    { state: 'retained', asOf: then },
    { where: 'gt(payload/v' },
    { where: 'exists(a', sort: 'b c' },
    { sort: 'a b' },
    { sort: 'seq', order: 'asc' },
    { where: `${'not('.repeat(30)}exists(a)${')'.repeat(30)}` },
    { asOf: '2999-01-01T00:00:00.000Z' }
  ]
  const outcomes = []
  for (const question of questions) {
    const given = { ...question, filter: 'same/search/+' }
    const parameters = Object.entries(given).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    const rest = await request(`${url}/v1/topics?${parameters.join('&')}`)
    const { data, errors } = await graphql(
      `query ($where: String, $sort: String, $state: TopicStateKind, $asOf: DateTime, $filter: [String!]${question['order'] ? ', $order: Order!' : ''}) {
        topics(where: $where, sort: $sort, state: $state, asOf: $asOf, filter: $filter${question['order'] ? ', order: $order' : ''}) {
          nodes { topic seq payload tombstone { seq } retained { seq } } } }`,
      given
    )
    const wrong = errors?.[0].extensions
    const pointers = (all?: Array<{ pointer: string }>) =>
      all?.map(({ pointer }) => pointer.replace(/^\//, ''))
    assert.deepEqual([wrong?.code, pointers(wrong?.errors)], [rest.body.code, pointers(rest.body.errors)])
    const short = ({ topic, seq, payload, tombstone, retained }: Record<string, { seq: string } | null>) => ({
      topic,
      seq,
      payload,
      tombstone: tombstone && { seq: tombstone?.seq },
      retained: retained && { seq: retained?.seq }
    })
    assert.deepEqual(data?.topics.nodes, rest.body.items?.map(short))
    outcomes.push(rest.body.items?.length ?? rest.body.code)
  }
  const refused = 'invalid_value'
  assert.deepEqual(outcomes, [
    1,
    2,
    3,
    3,
    1,
    2,
    refused,
    refused,
    refused,
    refused,
    'query_too_complex',
    refused
  ])
})

test('documents by name, and nothing else', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'rialto-test-'))
  const path = join(directory, 'documents.json')
  const follow = 'subscription { topicStates(filter: ["named/a"]) { state { payload } } }'
  await writeFile(path, JSON.stringify({ status: '{ status { leading } }', follow }))
  const config = { graphqlDocumentsFile: path, graphqlOnlyDocuments: true }
  const only = await startBridge({ mqttUrl, config })
  await rm(directory, { recursive: true })
  const post = async (body: object) => (await postJson(`${only.url}/graphql`, body)).body

  assert.deepEqual(await post({ documentId: 'status' }), { data: { status: { leading: true } } })
  assert.equal((await post({ query: '{ status { version } }' })).errors[0].extensions.code, 'forbidden')
  await client.publishAsync('named/a', '1', { qos: 1 })
  const events = subscribe(only.url, follow)
  await eventually(() => events.some(({ topicStates: { state } }) => state?.payload === 1))
  await only.close()
})
