import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Client } from 'graphql-ws'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { defaultLimits } from '../../src/limits.ts'
import type { TestServer } from './server.ts'
import { query, startServer, until } from './server.ts'

interface Event {
  cursor: string
  type?: string
  message?: { topic: string } | null
  state?: { topic: string; payload: unknown } | null
  command?: { to: string } | null
  skipped?: { from: string; to: string } | null
}

function connect(t: TestContext, { url }: TestServer): Client {
  const client = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 })
  t.after(() => client.dispose())
  return client
}

/** The values of a subscription's one field, one at a time. */
async function* follow<Value = Event>(
  client: Client,
  document: string,
  variables = {}
): AsyncGenerator<Value, void, undefined> {
  for await (const { data, errors } of client.iterate({ query: document, variables })) {
    if (errors) throw errors
    yield Object.values(data!)[0] as Value
  }
}

async function take<Value>(values: AsyncGenerator<Value, void, undefined>, count: number): Promise<Value[]> {
  const taken: Value[] = []
  while (taken.length < count) {
    const { value, done } = await values.next()
    if (done === true) throw new Error(`Ended after ${taken.length} of ${count}`)
    taken.push(value)
  }
  return taken
}

const codesOf = async (values: AsyncGenerator<unknown, void, undefined>): Promise<unknown> =>
  values.next().then(
    () => 'no error',
    (errors: Array<{ extensions: { code: string } }>) => errors[0]!.extensions.code
  )

const events = `subscription ($filter: [String!], $types: [EventType!]! = [message, gap], $after: String) {
  events(filter: $filter, types: $types, after: $after) { cursor type message { topic } command { to } }
}`

test('events go on from any cursor, without a gap and without a repetition', async (t) => {
  const server = await startServer(t)
  const client = connect(t, server)
  server.memory.receive('before', '')
  const live = follow(client, events, { filter: ['a/+'] })
  assert.deepEqual(
    (await take(live, 1)).map(({ type }) => type),
    ['progress']
  )
  for (const topic of ['a/1', 'b/1', 'a/2', 'a/3']) server.memory.receive(topic, '1')
  const seen = await take(live, 3)
  await live.return()

  const again = await take(follow(client, events, { filter: ['a/+'], after: seen[0]!.cursor }), 3)
  const all = await take(follow(client, events, { after: 'earliest' }), 6)

  assert.deepEqual(
    seen.map(({ message }) => message?.topic),
    ['a/1', 'a/2', 'a/3']
  )
  assert.deepEqual(again.slice(1), seen.slice(1))
  assert.deepEqual(
    all.map(({ message }) => message?.topic),
    [undefined, 'before', 'a/1', 'b/1', 'a/2', 'a/3']
  )
})

test('a query and a subscription from its cursor are one read', async (t) => {
  const server = await startServer(t)
  server.memory.receive('a', '1')
  const { data } = await query<{ topics: { cursor: string } }>(server.url, '{ topics { cursor } }')
  server.memory.receive('b', '2')

  const messages =
    'subscription ($after: String) { messages(after: $after) { cursor message { topic } skipped { from } } }'
  const [first] = await take(follow(connect(t, server), messages, { after: data.topics.cursor }), 1)

  assert.deepEqual([first!.message, first!.skipped], [{ topic: 'b' }, null])
})

test('topicStates sends the current state, says when it is complete, and then every change', async (t) => {
  const server = await startServer(t)
  for (const topic of ['a/1', 'a/2', 'b']) server.memory.receive(topic, '1')
  const document = `subscription ($after: String) {
    topicStates(filter: "a/#", after: $after) { cursor type state { topic payload } }
  }`
  const states = follow(connect(t, server), document)
  const snapshot = await take(states, 3)
  server.memory.receive('a/2', '2')
  const [change] = await take(states, 1)
  await states.return()

  const resumed = await take(follow(connect(t, server), document, { after: snapshot[0]!.cursor }), 2)

  const told = ({ type, state }: Event): unknown => [type, state?.topic, state?.payload]
  assert.deepEqual(snapshot.map(told), [
    ['state', 'a/1', 1],
    ['state', 'a/2', 1],
    ['progress', undefined, undefined]
  ])
  assert.deepEqual(told(change!), ['state', 'a/2', 2])
  // The rest of the snapshot has changed since, so it comes as a change
  assert.deepEqual(resumed.map(told), [
    ['progress', undefined, undefined],
    ['state', 'a/2', 2]
  ])
})

test('a command is followed until it is final, and then the subscription ends', async (t) => {
  const server = await startServer(t)
  const sent = 'mutation { sendCommand(input: { topic: "a", payload: true }) { command { id } } }'
  const { data } = await query<{ sendCommand: { command: { id: string } } }>(server.url, sent)
  const { id } = data.sendCommand.command
  const document = 'subscription ($id: ID!) { command(id: $id) { state final } }'
  const states = follow<{ state: string }>(connect(t, server), document, { id })
  assert.deepEqual(await take(states, 1), [{ state: 'pending', final: false }])
  server.memory.moveCommand(id, 'publishing')
  assert.deepEqual(await take(states, 1), [{ state: 'publishing', final: false }])
  server.memory.moveCommand(id, 'published')
  assert.deepEqual(await take(states, 1), [{ state: 'published', final: true }])
  assert.equal((await states.next()).done, true)

  const client = connect(t, server)
  assert.deepEqual(await take(follow(client, document, { id }), 1), [{ state: 'published', final: true }])
  assert.equal(
    await codesOf(follow(client, document, { id: '00000000-0000-4000-8000-000000000000' })),
    'not_found'
  )
  assert.equal(await codesOf(follow(client, document, { id: 'no UUID' })), 'not_found')
  await until(() => server.parts.stats.streams === 0)
})

test('a command that moves while it is looked at is told once for each change', async (t) => {
  const server = await startServer(t)
  const { commands } = server.parts.store
  const sent = 'mutation { sendCommand(input: { topic: "a", payload: true }) { command { id } } }'
  const { data } = await query<{ sendCommand: { command: { id: string } } }>(server.url, sent)
  const { id } = data.sendCommand.command
  const states = follow<{ state: string }>(
    connect(t, server),
    'subscription ($id: ID!) { command(id: $id) { state } }',
    { id }
  )
  await take(states, 1)
  const byId = commands.byId
  commands.byId = async (...given) => {
    commands.byId = byId
    server.memory.moveCommand(id, 'pending')
    return byId(...given)
  }
  server.memory.moveCommand(id, 'publishing')
  assert.deepEqual(await take(states, 1), [{ state: 'pending' }])
  server.memory.moveCommand(id, 'cancelled')
  assert.deepEqual(await take(states, 1), [{ state: 'cancelled' }])
})

test('what a subscription cannot do is an error with a code', async (t) => {
  const server = await startServer(t)
  const client = connect(t, server)
  const { cursors } = server.parts.store
  const page = cursors.encodePage('list', { until: 1, after: 1 })
  const refused: Array<[variables: object, code: string]> = [
    [{ filter: ['a/#/b'] }, 'invalid_filter'],
    [{ filter: Array.from({ length: 101 }, () => 'a') }, 'invalid_value'],
    [{ types: [] }, 'invalid_value'],
    [{ types: ['progress'] }, 'invalid_value'],
    [{ after: 'nonsense' }, 'cursor_invalid'],
    [{ after: page }, 'cursor_kind'],
    [{ after: cursors.encode(5) }, 'cursor_ahead']
  ]
  for (const [variables, code] of refused)
    assert.equal(await codesOf(follow(client, events, variables)), code)
  assert.equal(server.parts.stats.streams, 0)
})

test('streams are counted, limited, and freed however they end', async (t) => {
  const server = await startServer(t, { limits: { ...defaultLimits, streamsMax: 2 } })
  const { stats } = server.parts
  const one = connect(t, server)
  const first = follow(one, events)
  const second = follow(one, events)
  await take(first, 1)
  await take(second, 1)
  assert.equal(stats.streams, 2)
  assert.equal(await codesOf(follow(one, events)), 'too_many_requests')
  assert.equal(stats.streams, 2)

  await first.return()
  await until(() => stats.streams === 1)
  one.terminate()
  await until(() => stats.streams === 0)
})

test('a reader that stops reading stays where it is, and the journal is not read ahead for it', async (t) => {
  const server = await startServer(t)
  let pagesRead = 0
  const { events: source } = server.parts
  const reading = source.events
  source.events = async function* (...given) {
    for await (const page of reading(...given)) {
      pagesRead++
      yield page
    }
  }
  const payload = Buffer.alloc(100_000)
  const socket = new WebSocket(server.url.replace('http', 'ws'), 'graphql-transport-ws')
  t.after(() => socket.terminate())
  const say = (message: object): void => socket.send(JSON.stringify(message))
  socket.on('open', () => say({ type: 'connection_init' }))
  await new Promise((resolve) => socket.once('message', resolve))
  say({
    type: 'subscribe',
    id: '1',
    payload: { query: 'subscription { messages { message { payloadBase64 } } }' }
  })
  await until(() => server.parts.stats.streams === 1)

  socket.pause()
  for (let sent = 0; sent < 400; sent++) {
    server.memory.receive('a', payload)
    if (sent % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
  }

  const [connection] = server.app.websocketServer.clients
  await until(() => connection!.bufferedAmount > 0)
  const before = pagesRead
  for (let sent = 0; sent < 100; sent++) server.memory.receive('a', '')
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(pagesRead, before)
  assert.ok(connection!.bufferedAmount < 1_000_000, `${connection!.bufferedAmount} bytes wait to be sent`)
})

const asked = `subscription (
  $filter: [String!], $types: [EventType!]! = [message, gap], $after: String, $where: String,
  $mode: StreamMode! = all, $maxRate: Float, $snapshot: Boolean! = false
) {
  events(filter: $filter, types: $types, after: $after, where: $where, mode: $mode, maxRate: $maxRate, snapshot: $snapshot) {
    cursor type skippedCount message { topic payload } state { topic payload }
  }
}`

const inShort = (event: Event & { skippedCount?: number | null }): unknown => {
  const { topic, payload } = (event.state ?? event.message ?? {}) as { topic?: string; payload?: unknown }
  return [event.type, topic, payload, event.skippedCount]
}

test('events begin with a snapshot where one is asked for, and a predicate chooses of both', async (t) => {
  const server = await startServer(t)
  for (const [topic, payload] of Object.entries({ a: '1', b: '2', c: '3' }))
    server.memory.receive(topic, payload)
  const ask = { types: ['state', 'message'], snapshot: true, where: 'ge(payload,2)' }
  const stream = follow(connect(t, server), asked, ask)
  const snapshot = await take(stream, 3)
  server.memory.receive('b', '1')
  server.memory.receive('a', '5')
  const changes = await take(stream, 2)
  await stream.return()
  assert.deepEqual(snapshot.map(inShort), [
    ['state', 'b', 2, null],
    ['state', 'c', 3, null],
    ['progress', undefined, undefined, null]
  ])
  const expected = [
    ['message', 'a', 5, null],
    ['state', 'a', 5, null]
  ]
  assert.deepEqual(changes.map(inShort), expected)

  const client = connect(t, server)
  const within = await take(follow(client, asked, { ...ask, after: snapshot[0]!.cursor }), 4)
  assert.deepEqual(within.map(inShort), [
    ['state', 'c', 3, null],
    ['progress', undefined, undefined, null],
    ...expected
  ])
  const behind = await take(follow(client, asked, { ...ask, after: snapshot[2]!.cursor }), 3)
  assert.deepEqual(behind.map(inShort), [['progress', undefined, undefined, null], ...expected])
})

test('every subscription sends only what is newest, where that is asked for, with how many were left out', async (t) => {
  const server = await startServer(t)
  const client = connect(t, server)
  const cases: Array<[document: string, last: unknown]> = [
    [
      'events(after: "earliest", mode: latest) { skippedCount message { payload } }',
      { message: { payload: 99 } }
    ],
    [
      'messages(after: "earliest", mode: latest, maxRate: 100) { skippedCount message { payload } }',
      { message: { payload: 99 } }
    ],
    ['topicStates(mode: latest) { skippedCount state { payload } }', { state: { payload: 99 } }]
  ]
  for (let value = 0; value < 100; value++) server.memory.receive('a', String(value))
  for (const [field, last] of cases) {
    const values = follow<{ skippedCount: number }>(client, `subscription { ${field} }`)
    let count = 0
    for await (const { skippedCount, ...value } of values) {
      assert.equal(typeof skippedCount, 'number', field)
      if (!('message' in value && value.message === null)) count += 1 + skippedCount
      if (JSON.stringify(value) === JSON.stringify(last)) break
    }
    assert.equal(count, field.startsWith('topicStates') ? 1 : 100, field)
  }
})

test('a subscription refuses what can never come', async (t) => {
  const server = await startServer(t)
  const client = connect(t, server)
  const refused: Array<[variables: object, pointer: string]> = [
    [{ maxRate: 1 }, '/maxRate'],
    [{ mode: 'latest', maxRate: 0 }, '/maxRate'],
    [{ mode: 'latest', maxRate: 1_000 }, '/maxRate'],
    [{ snapshot: true }, '/snapshot'],
    [{ where: 'payload > 1' }, '/where']
  ]
  for (const [variables, pointer] of refused) {
    await assert.rejects(follow(client, asked, variables).next(), (errors: unknown) => {
      const [error] = errors as Array<{ extensions: { code: string; errors: Array<{ pointer: string }> } }>
      assert.deepEqual(
        [error!.extensions.code, error!.extensions.errors[0]!.pointer],
        ['invalid_value', pointer]
      )
      return true
    })
  }
  for (const field of ['messages', 'topicStates', 'datapoints', 'presence']) {
    const document = `subscription { ${field}(where: "x", maxRate: 1, mode: latest) { cursor } }`
    assert.equal(await codesOf(follow(client, document)), 'invalid_value')
    const rate = `subscription { ${field}(maxRate: 1) { cursor } }`
    assert.equal(await codesOf(follow(client, rate)), 'invalid_value')
  }
})
