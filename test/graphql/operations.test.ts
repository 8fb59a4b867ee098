import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestServer } from './server.ts'
import { codes, query, startServer, until } from './server.ts'

interface Page {
  edges: Array<{ cursor: string; node: { topic?: string; seq?: string; id?: string } }>
  pageInfo: {
    hasNextPage: boolean
    hasPreviousPage: boolean
    startCursor: string | null
    endCursor: string | null
  }
  cursor: string
}

const page = 'pageInfo { hasNextPage hasPreviousPage startCursor endCursor } cursor'

async function read(server: TestServer, list: string, node: string, given: object = {}): Promise<Page> {
  const types: Record<string, string> = {
    filter: '[String!]',
    first: 'Int',
    after: 'String',
    order: 'Order!',
    state: '[CommandState!]'
  }
  const names = Object.keys(given)
  const declared = names.length === 0 ? '' : `(${names.map((name) => `$${name}: ${types[name]}`).join(', ')})`
  const passed = names.length === 0 ? '' : `(${names.map((name) => `${name}: $${name}`).join(', ')})`
  const document = `query ${declared} { ${list} ${passed} { edges { cursor node { ${node} } } ${page} } }`
  const { data, errors } = await query<Record<string, Page>>(server.url, document, { ...given })
  if (errors) throw Object.assign(new Error(errors[0]!.message), { code: errors[0]!.extensions.code })
  return data[list]!
}

for (const [list, field, expected] of [
  ['topics', 'topic', ['a/0', 'a/1', 'a/2', 'a/3', 'a/4']],
  ['messages', 'seq', ['6', '5', '4', '3', '2']]
] as const) {
  test(`${list} are read page by page, and what comes meanwhile belongs to no page`, async (t) => {
    const server = await startServer(t)
    server.memory.receive('b', '')
    for (let index = 0; index < 5; index++) server.memory.receive(`a/${index}`, `${index}`)
    const given = { filter: ['a/#'], first: 2 }

    const first = await read(server, list, field, given)
    if (list === 'messages') server.memory.receive('a/5', '5')
    const second = await read(server, list, field, { ...given, after: first.pageInfo.endCursor })
    const third = await read(server, list, field, { ...given, after: second.edges[1]!.cursor })

    const pages = [first, second, third]
    assert.deepEqual(
      pages.flatMap(({ edges }) => edges.map(({ node }) => node[field])),
      expected
    )
    assert.deepEqual(
      pages.map(({ pageInfo }) => pageInfo.hasNextPage),
      [true, true, false]
    )
    assert.deepEqual(
      pages.map(({ pageInfo }) => pageInfo.hasPreviousPage),
      [false, true, true]
    )
    assert.equal(new Set(pages.map(({ cursor }) => cursor)).size, 1)
    assert.equal(third.pageInfo.startCursor, third.edges[0]!.cursor)
    assert.equal(third.pageInfo.endCursor, third.edges[0]!.cursor)
  })
}

test('an empty page that goes on says where', async (t) => {
  const server = await startServer(t)
  server.parts.store.journal.page = async () => ({ items: [], next: 7 })
  const { edges, pageInfo } = await read(server, 'messages', 'seq')
  assert.deepEqual([edges, pageInfo.hasNextPage, pageInfo.startCursor], [[], true, null])
  assert.ok(pageInfo.endCursor)
})

test('what a list cannot do is an error with a code', async (t) => {
  const server = await startServer(t)
  for (const topic of ['a', 'b']) server.memory.receive(topic, '')
  const { pageInfo, cursor } = await read(server, 'topics', 'topic', { first: 1 })
  const after = pageInfo.endCursor
  const refused: Array<[list: string, given: object, code: string]> = [
    ['topics', { filter: ['a', ''] }, 'invalid_filter'],
    ['topics', { filter: ['x'.repeat(1_025)] }, 'invalid_filter'],
    ['topics', { first: 0 }, 'invalid_value'],
    ['topics', { first: 1_001 }, 'page_too_large'],
    ['topics', { first: 1, after, order: 'desc' }, 'cursor_kind'],
    ['topics', { first: 1, after, filter: ['a'] }, 'cursor_kind'],
    ['messages', { first: 1, after }, 'cursor_kind'],
    ['topics', { after: cursor }, 'cursor_kind'],
    ['topics', { after: 'nonsense' }, 'cursor_invalid']
  ]
  for (const [list, given, code] of refused) {
    await assert.rejects(read(server, list, 'topic', given), { code }, JSON.stringify([list, given]))
  }
})

test('one topic is found by name and by id', async (t) => {
  const server = await startServer(t)
  server.memory.receive('a/b', '{"on":true}')
  const state =
    'topic topicId seq format payload payloadText retainedStatus retained { seq } tombstone { cause }'
  const document = `{ a: topic(name: "a/b") { ${state} } b: topicById(id: 1) { ${state} } c: topic(name: "x") { seq }
    d: topicById(id: "99999999999999999999") { seq } e: topicById(id: "x") { seq } }`
  const { data } = await query(server.url, document)
  const known = {
    topic: 'a/b',
    topicId: '1',
    seq: '1',
    format: 'json',
    payload: { on: true },
    payloadText: '{"on":true}',
    retainedStatus: 'known',
    retained: null,
    tombstone: null
  }
  assert.deepEqual(data, { a: known, b: known, c: null, d: null, e: null })
})

const send = `mutation ($input: SendCommandInput!) {
  sendCommand(input: $input) { cursor command { id topic state final qos retain payloadBase64 properties { userProperties } } }
}`
type Sent = {
  sendCommand: { cursor: string; command: { id: string; state: string; payloadBase64: string; qos: number } }
}

const payloads: Array<[given: object, text: string]> = [
  [{ payload: { a: [1, null] } }, '{"a":[1,null]}'],
  [{ payload: 'text' }, '"text"'],
  [{ payload: false }, 'false'],
  [{ payloadText: 'text' }, 'text'],
  [{ payloadText: 'null' }, 'null'],
  [{ payloadText: '', payload: null }, ''],
  [{ payloadBase64: 'AP8=' }, '\0\xff']
]
for (const [given, text] of payloads) {
  test(`a command with ${JSON.stringify(given)} publishes ${JSON.stringify(text)}, with the defaults`, async (t) => {
    const { url } = await startServer(t)
    const { data } = await query<Sent>(url, send, { input: { topic: 'a', ...given } })
    const { command } = data.sendCommand
    assert.equal(Buffer.from(command.payloadBase64, 'base64').toString('latin1'), text)
    assert.deepEqual(
      { ...command, id: '', payloadBase64: '' },
      {
        id: '',
        topic: 'a',
        state: 'pending',
        final: false,
        qos: 1,
        retain: false,
        payloadBase64: '',
        properties: null
      }
    )
  })
}

const properties = (given: object): object => ({ topic: 'a', payload: 1, properties: given })
const wrong: Array<[input: object, code: string]> = [
  [{ topic: 'a/#', payload: 1 }, 'invalid_topic'],
  [{ topic: 'a' }, 'invalid_value'],
  [{ topic: 'a', payload: 1, payloadText: '1' }, 'invalid_value'],
  [{ topic: 'a', payloadText: '\ud800' }, 'invalid_value'],
  [{ topic: 'a', payload: 1, qos: 3 }, 'invalid_value'],
  [{ topic: 'a', payload: 1, expiresInSeconds: 0 }, 'invalid_value'],
  [{ topic: 'a', payload: 1, waitSeconds: 61 }, 'invalid_value'],
  [{ topic: 'a', payload: 1, idempotencyKey: '' }, 'invalid_value'],
  [{ topic: 'a', payload: 1, idempotencyKey: 'ä' }, 'invalid_value'],
  [properties({ payloadFormatIndicator: 2 }), 'invalid_value'],
  [{ topic: 'a', payloadBase64: '/w==', properties: { payloadFormatIndicator: 1 } }, 'invalid_value'],
  [properties({ responseTopic: 'a/+' }), 'invalid_topic'],
  [properties({ contentType: 'a\0b' }), 'invalid_value'],
  [properties({ userProperties: [['name']] }), 'invalid_value'],
  [properties({ userProperties: [['a', 'b', 'c']] }), 'invalid_value'],
  [properties({ userProperties: Array.from({ length: 101 }, () => ['a', 'b']) }), 'invalid_value']
]
for (const [input, code] of wrong) {
  test(`the command ${JSON.stringify(input).slice(0, 90)} is refused as ${code}`, async (t) => {
    const { url, memory } = await startServer(t)
    assert.deepEqual(codes(await query(url, send, { input })), [code])
    assert.equal(memory.facts.length, 0)
  })
}

test('a payload nested too deeply for us is refused, and the service goes on', async (t) => {
  const { url } = await startServer(t)
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
  const body = JSON.stringify({ query: send, variables: { input: { topic: 'a', payload: 'DEEP' } } }).replace(
    '"DEEP"',
    deep
  )
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const { errors } = (await response.json()) as { errors: Array<{ extensions: { code: string } }> }
  assert.equal(errors[0]!.extensions.code, 'invalid_value')
})

test('the same key is the same command, and with another body an error', async (t) => {
  const { url, memory } = await startServer(t)
  const input = { topic: 'a', payload: { x: 1 }, idempotencyKey: 'k' }
  const [first, second] = [await query<Sent>(url, send, { input }), await query<Sent>(url, send, { input })]
  const third = await query(url, send, { input: { ...input, payload: { x: 2 } } })

  assert.equal(first.data.sendCommand.command.id, second.data.sendCommand.command.id)
  assert.equal(memory.facts.length, 1)
  assert.deepEqual(codes(third), ['idempotency_mismatch'])
})

test('of several commands each has its outcome, and a repetition has the same ones', async (t) => {
  const { url, memory } = await startServer(t)
  const document = `mutation ($inputs: [CommandInput!]!) { sendCommands(inputs: $inputs, idempotencyKey: "k") {
    results { command { id topic batchId } problem { code detail errors { pointer } } } } }`
  const inputs = [
    { topic: 'a', payload: 1 },
    { topic: 'b/+', payload: 1 },
    { topic: 'c' },
    { topic: 'd', payloadText: 'x' }
  ]

  const first = await query<{ sendCommands: { results: unknown[] } }>(url, document, { inputs })
  const second = await query(url, document, { inputs })

  const { results } = first.data.sendCommands as {
    results: Array<{ command: { topic: string } | null; problem: unknown }>
  }
  assert.deepEqual(
    results.map(({ command }) => command?.topic),
    ['a', undefined, undefined, 'd']
  )
  assert.deepEqual(results.map(({ problem }) => problem).slice(1, 3), [
    { code: 'invalid_topic', detail: 'a topic has no wildcards + and #', errors: [{ pointer: '/topic' }] },
    {
      code: 'invalid_value',
      detail: 'Give exactly one of payload, payloadText and payloadBase64',
      errors: [{ pointer: '/payload' }]
    }
  ])
  assert.deepEqual(second.data, first.data)
  assert.equal(memory.facts.length, 2)
  for (const count of [0, 1_001]) {
    const many = Array.from({ length: count }, () => ({ topic: 'a', payload: 1 }))
    assert.deepEqual(codes(await query(url, document, { inputs: many })), ['invalid_value'])
  }
})

test('who waits for a command gets its outcome, or after the time what it is by then', async (t) => {
  const { url, memory } = await startServer(t)
  const waiting = query<Sent>(url, send, { input: { topic: 'a', payload: 1, waitSeconds: 30 } })
  await until(() => memory.facts.length === 1)
  memory.moveCommand(memory.facts[0]!.commandId!, 'published')
  assert.equal((await waiting).data.sendCommand.command.state, 'published')

  const late = await query<Sent>(url, send, { input: { topic: 'a', payload: 1, waitSeconds: 1 } })
  assert.equal(late.data.sendCommand.command.state, 'pending')
})

test('who waits is answered when the service stops', async (t) => {
  const { app, url, memory } = await startServer(t)
  const waiting = query<Sent>(url, send, { input: { topic: 'a', payload: 1, waitSeconds: 60 } })
  await until(() => memory.facts.length === 1)
  void app.close()
  assert.equal((await waiting).data.sendCommand.command.state, 'pending')
})

test('a pending command can be cancelled, once', async (t) => {
  const { url } = await startServer(t)
  const { data } = await query<Sent>(url, send, { input: { topic: 'a', payload: 1 } })
  const cancel = 'mutation ($id: ID!) { cancelCommand(id: $id) { command { state final } cursor } }'
  const { id } = data.sendCommand.command
  const first = await query<{ cancelCommand: { command: unknown } }>(url, cancel, { id })
  assert.deepEqual(first.data.cancelCommand.command, { state: 'cancelled', final: true })
  assert.deepEqual(codes(await query(url, cancel, { id })), ['not_cancellable'])
  for (const unknown of ['x', '00000000-0000-4000-8000-000000000000']) {
    assert.deepEqual(codes(await query(url, cancel, { id: unknown })), ['not_found'])
  }
})

test('a retained message is set and cleared by retained commands', async (t) => {
  const { url } = await startServer(t)
  const set = `mutation ($text: String!) {
    setRetained(topic: "a", payloadText: $text, waitSeconds: 0) { command { retain payloadText } } }`
  const clear = `mutation { clearRetained(topic: "a", waitSeconds: 0) { command { retain payloadText } } }`
  assert.deepEqual((await query(url, set, { text: 'x' })).data, {
    setRetained: { command: { retain: true, payloadText: 'x' } }
  })
  assert.deepEqual((await query(url, clear)).data, {
    clearRetained: { command: { retain: true, payloadText: '' } }
  })
  assert.deepEqual(codes(await query(url, set, { text: '' })), ['invalid_value'])
})

test('status and commands are told in the words of the schema', async (t) => {
  const server = await startServer(t)
  await query(server.url, send, { input: { topic: 'a', payload: 1 } })
  const { data } = await query(
    server.url,
    '{ status { version leading mqtt { state version refusedFilters } } }'
  )
  assert.deepEqual(data, {
    status: {
      version: '1.2.3',
      leading: true,
      mqtt: { state: 'connected', version: '5', refusedFilters: [] }
    }
  })
  assert.equal((await read(server, 'commands', 'id', { state: ['pending'] })).edges.length, 1)
  assert.equal((await read(server, 'commands', 'id', { state: ['published', 'expired'] })).edges.length, 0)
})
