/** Commands by GraphQL, through the whole service and a real broker, with a device that answers. */

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { buildSchema, isEnumType, isInputObjectType } from 'graphql'
import { parse } from 'yaml'
import { postJson, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'

const broker = await startBroker()
const app = await startBridge({ mqttUrl: broker.url })
const device = await connectClient(broker.url)

interface Result {
  // Tests look into answers freely; schema.test.ts holds their shape
  // eslint-disable-next-line typescript/no-explicit-any
  data: any
  codes: string[]
}

async function ask(query: string, variables: Record<string, unknown> = {}): Promise<Result> {
  const { body } = await postJson(`${app.url}/graphql`, { query, variables })
  const errors = (body.errors ?? []) as Array<{ extensions: { code: string } }>
  return { data: body.data, codes: errors.map(({ extensions }) => extensions.code) }
}

const fields = `id state final topic delivery awaits timeoutSeconds notBefore reason retryOf batchId effectSeq payloadBase64
  properties { contentType } response { topic payloadText } events { event to }`

const send = (input: object): Promise<Result> =>
  ask(
    `mutation ($input: SendCommandInput!) { sendCommand(input: $input) { command { ${fields} } cursor } }`,
    {
      input
    }
  )

/** Its version, once it is known. */
async function publish(topic: string, payload: string, options = {}): Promise<string> {
  await device.client.publishAsync(topic, payload, { qos: 1, ...options })
  return eventually(async () => {
    const { data } = await ask('query ($name: String!) { topic(name: $name) { seq payloadText } }', {
      name: topic
    })
    return data.topic?.payloadText === payload && data.topic.seq
  })
}

test('REST and GraphQL take the same commands', async () => {
  const schema = buildSchema(await readFile(new URL('../../docs/schema.graphql', import.meta.url), 'utf8'))
  const openapi = parse(await readFile(new URL('../../openapi.yaml', import.meta.url), 'utf8'))
  const input = (name: string): string[] => {
    const type = schema.getType(name)
    assert.ok(isInputObjectType(type))
    return Object.keys(type.getFields())
  }
  const { CommandRequest } = openapi.components.schemas
  const rest = Object.keys(CommandRequest.properties)
  assert.deepEqual(new Set(input('CommandInput')), new Set([...rest, 'payloadText']))
  assert.deepEqual(
    new Set(input('SendCommandInput')),
    new Set([...rest, 'payloadText', 'ifMatch', 'ifNoneMatch', 'idempotencyKey', 'waitSeconds'])
  )
  for (const [name, property] of [
    ['ExpectInput', 'expect'],
    ['ResponseInput', 'response'],
    ['PropertiesInput', 'properties']
  ] as const)
    assert.deepEqual(
      new Set(input(name)),
      new Set(Object.keys(CommandRequest.properties[property].properties)),
      name
    )
  const encodings = schema.getType('PayloadEncoding')
  assert.ok(isEnumType(encodings))
  const listed = openapi.paths['/v1/commands'].get.parameters as Array<{ in: string; name: string }>
  const query = listed.filter((parameter) => parameter.in === 'query').map(({ name }) => name)
  const { commands } = schema.getQueryType()!.getFields()
  const known = commands!.args.map(({ name }) => name)
  const paging = ['page', 'limit', 'first', 'after', 'order']
  const own = (names: string[]) =>
    new Set(
      names.map((name) => name.toLowerCase().replaceAll('-', '')).filter((name) => !paging.includes(name))
    )
  assert.deepEqual(own(known), own(query))
})

test('a command awaits the response of a device, and shows it', async () => {
  await device.client.subscribeAsync('ask/it', { qos: 1 })
  device.client.on('message', (topic, _payload, { properties }) => {
    if (topic !== 'ask/it') return
    const { responseTopic, correlationData } = properties!
    device.client.publish(responseTopic!, '{"ok":true}', {
      qos: 1,
      properties: { correlationData: correlationData! }
    })
  })
  const input = {
    topic: 'ask/it',
    payload: { level: 1 },
    awaits: 'response',
    timeoutSeconds: 30,
    waitSeconds: 30
  }
  const { data } = await send({ ...input, response: { ok: 'eq(payload/ok,true)' } })
  const { command } = data.sendCommand
  assert.deepEqual([command.state, command.awaits, command.timeoutSeconds], ['succeeded', 'response', 30])
  assert.equal(command.response.payloadText, '{"ok":true}')
  assert.deepEqual(command.events.at(-1), { event: 'succeed', to: 'succeeded' })

  const failed = await send({ ...input, response: { ok: 'eq(payload/ok,false)' } })
  assert.equal(failed.data.sendCommand.command.state, 'failed')
})

test('a command awaits its effect', async () => {
  await device.client.subscribeAsync('do/it', { qos: 1 })
  device.client.on('message', (topic) => {
    if (topic === 'do/it') device.client.publish('done/it', '{"state":"on"}', { qos: 1 })
  })
  const { data } = await send({
    topic: 'do/it',
    payload: 1,
    expect: { filter: 'done/+', where: 'eq(payload/state,"on")' },
    waitSeconds: 30
  })
  const { command } = data.sendCommand
  assert.deepEqual([command.state, command.awaits], ['succeeded', 'effect'])
  assert.match(command.effectSeq, /^\d+$/)
})

test('it waits for its time, and can be cancelled until then', async () => {
  const notBefore = new Date(Date.now() + 3_600_000).toISOString()
  const { data } = await send({ topic: 'later', payload: 1, notBefore, delivery: 'atMostOnce' })
  const { id, ...command } = data.sendCommand.command
  assert.deepEqual(
    [command.state, command.final, command.notBefore, command.delivery],
    ['scheduled', false, notBefore, 'atMostOnce']
  )
  const retry = 'mutation ($id: ID!) { retryCommand(id: $id) { command { id } } }'
  assert.deepEqual((await ask(retry, { id })).codes, ['not_retryable'])
  const cancelled = await ask('mutation ($id: ID!) { cancelCommand(id: $id) { command { state } } }', { id })
  assert.equal(cancelled.data.cancelCommand.command.state, 'cancelled')
})

test('a JSON value is sent as CBOR, and says so', async () => {
  const { data } = await send({ topic: 'cbor', payload: { a: [1, 'x'] }, encoding: 'cbor' })
  const { command } = data.sendCommand
  assert.equal(Buffer.from(command.payloadBase64, 'base64').toString('hex'), 'a1616182016178')
  assert.equal(command.properties.contentType, 'application/cbor')
  const own = await send({ topic: 'cbor', payload: 1, encoding: 'cbor', properties: { contentType: 'x/y' } })
  assert.equal(own.data.sendCommand.command.properties.contentType, 'x/y')
})

for (const [what, input] of [
  ['an encoding of text', { topic: 'a', payloadText: 'x', encoding: 'cbor' }],
  ['a response of a device', { device: 'd', name: 'n', payload: {}, response: {} }],
  ['no seconds', { topic: 'a', payload: 1, timeoutSeconds: 0, awaits: 'response' }],
  ['an effect that nothing shows', { topic: 'a', payload: 1, awaits: 'effect' }],
  [
    'more than 30 days ahead',
    { topic: 'a', payload: 1, notBefore: new Date(Date.now() + 31 * 86_400_000).toISOString() }
  ],
  ['what is no seq', { topic: 'a', payload: 1, ifMatch: '"7"' }],
  ['a version that must not be', { topic: 'a', payload: 1, ifNoneMatch: '7' }],
  ['a condition of a device', { device: 'd', name: 'n', payload: {}, ifMatch: '7' }]
] as const) {
  test(`${what} is refused, with a code`, async () => {
    assert.deepEqual((await send(input)).codes, ['invalid_value'])
  })
}

test('a final command is sent once more, once for each key', async () => {
  const first = (await send({ topic: 'again', payload: 'x', waitSeconds: 30 })).data.sendCommand.command
  const retry = `mutation ($id: ID!, $key: String) {
    retryCommand(id: $id, idempotencyKey: $key, waitSeconds: 30) { command { id state retryOf payloadBase64 } } }`
  const again = (await ask(retry, { id: first.id, key: 'one' })).data.retryCommand.command
  assert.deepEqual(
    [again.state, again.retryOf, again.payloadBase64],
    ['published', first.id, first.payloadBase64]
  )
  assert.equal((await ask(retry, { id: first.id, key: 'one' })).data.retryCommand.command.id, again.id)
  assert.deepEqual((await ask(retry, { id: again.id, key: 'one' })).codes, ['idempotency_mismatch'])
  for (const id of ['x', '00000000-0000-4000-8000-000000000000'])
    assert.deepEqual((await ask(retry, { id })).codes, ['not_found'])

  const list = `query ($retryOf: ID, $from: DateTime, $to: DateTime, $awaits: [Awaits!], $topic: String, $device: String) {
    commands(retryOf: $retryOf, from: $from, to: $to, awaits: $awaits, topic: $topic, device: $device) { edges { node { id } } } }`
  const found = async (variables: object): Promise<string[]> =>
    (await ask(list, { ...variables })).data.commands.edges.map(
      ({ node }: { node: { id: string } }) => node.id
    )
  assert.deepEqual(await found({ retryOf: first.id }), [again.id])
  assert.deepEqual(await found({ topic: 'again' }), [again.id, first.id])
  assert.deepEqual(await found({ topic: 'again', awaits: ['effect'] }), [])
  assert.deepEqual(await found({ topic: 'again', device: 'none' }), [])
  const hourAgo = new Date(Date.now() - 3_600_000).toISOString()
  assert.equal((await found({ topic: 'again', from: hourAgo })).length, 2)
  assert.deepEqual(await found({ topic: 'again', to: hourAgo }), [])
  assert.deepEqual((await ask(list, { retryOf: 'x' })).codes, ['invalid_value'])
})

test('commands of one request are listed by it', async () => {
  const { data } = await ask(
    `mutation ($inputs: [CommandInput!]!) { sendCommands(inputs: $inputs) { results { command { id batchId } } } }`,
    {
      inputs: [
        { topic: 'many/1', payload: 1 },
        { topic: 'many/2', payload: 2 }
      ]
    }
  )
  const [one, two] = data.sendCommands.results.map((result: { command: { id: string } }) => result.command)
  const list = await ask(
    'query ($batch: ID!) { commands(batch: $batch, order: asc) { edges { node { id } } } }',
    {
      batch: one.batchId
    }
  )
  assert.deepEqual(
    list.data.commands.edges.map(({ node }: { node: { id: string } }) => node.id),
    [one.id, two.id]
  )
})

test('a command is published if the state is as the client knows it', async () => {
  const seq = await publish('if/command', 'a')
  assert.deepEqual((await send({ topic: 'if/command', payload: 1, ifMatch: `${Number(seq) + 1}` })).codes, [
    'precondition_failed'
  ])
  assert.deepEqual((await send({ topic: 'if/command', payload: 1, ifMatch: '*' })).codes, [
    'precondition_failed'
  ])
  const both = await Promise.all(
    [1, 2].map((payload) => send({ topic: 'if/command', payload, ifMatch: seq }))
  )
  assert.deepEqual(
    both.flatMap(({ codes }) => codes),
    ['precondition_failed']
  )
  const { data } = await send({ topic: 'if/new', payload: 1, ifNoneMatch: '*', idempotencyKey: 'new' })
  const repeated = await send({ topic: 'if/new', payload: 1, ifNoneMatch: '*', idempotencyKey: 'new' })
  assert.equal(repeated.data.sendCommand.command.id, data.sendCommand.command.id)
  const other = await send({ topic: 'if/new', payload: 1, ifMatch: '*', idempotencyKey: 'new' })
  assert.deepEqual(other.codes, ['idempotency_mismatch'])
})

test('a retained message is set and cleared if the state is as the client knows it', async () => {
  const set = `mutation ($text: String!, $ifMatch: String, $ifNoneMatch: String) {
    setRetained(topic: "if/kept", payloadText: $text, ifMatch: $ifMatch, ifNoneMatch: $ifNoneMatch, waitSeconds: 30) {
      command { state retain } } }`
  const clear = `mutation ($ifMatch: String) {
    clearRetained(topic: "if/kept", ifMatch: $ifMatch, waitSeconds: 30) { command { state payloadText } } }`
  assert.deepEqual((await ask(clear, { ifMatch: '*' })).codes, ['precondition_failed'])
  assert.deepEqual((await ask(set, { text: 'x', ifNoneMatch: '*' })).data.setRetained.command, {
    state: 'published',
    retain: true
  })
  const state = await eventually(async () => {
    const { data } = await ask('{ topic(name: "if/kept") { seq retained { payloadText } } }')
    return data.topic?.retained?.payloadText === 'x' && data.topic
  })
  assert.deepEqual((await ask(set, { text: 'y', ifNoneMatch: '*' })).codes, ['precondition_failed'])
  assert.deepEqual((await ask(set, { text: 'y', ifMatch: '1' })).codes, ['precondition_failed'])
  assert.equal((await ask(clear, { ifMatch: state.seq })).data.clearRetained.command.state, 'published')
})
