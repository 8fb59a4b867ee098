import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { ClientOptions } from 'ws'
import { WebSocket } from 'ws'
import { defaultLimits } from '../../src/limits.ts'
import { startServer, until } from './server.ts'

const protocol = 'graphql-transport-ws'
const init = { type: 'connection_init' }
const subscribe = (id: string, query: string): object => ({ type: 'subscribe', id, payload: { query } })

interface Peer {
  socket: WebSocket
  received: Array<{ type: string; id?: string; payload?: never }>
  send(message: object | string | Buffer): void
  /** Waits for a message of this type. */
  next(type: string): Promise<{ type: string; payload?: { [key: string]: unknown } & unknown[] }>
  closed(): Promise<[code: number, reason: string]>
}

/** A client that says exactly what a test wants said. */
async function connect(
  t: TestContext,
  url: string,
  { protocols = [protocol], ...options }: ClientOptions & { protocols?: string[] } = {}
): Promise<Peer> {
  const socket = new WebSocket(url.replace('http', 'ws'), protocols, options)
  t.after(() => socket.terminate())
  const closed = once(socket, 'close').then(([code, reason]) => [code, String(reason)] as [number, string])
  closed.catch(() => {})
  const received: Peer['received'] = []
  socket.on('message', (data) => received.push(JSON.parse(String(data))))
  await once(socket, 'open')
  return {
    socket,
    received,
    send: (message) =>
      socket.send(
        typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message)
      ),
    async next(type) {
      await until(() => received.some((message) => message.type === type))
      return received.splice(
        received.findIndex((message) => message.type === type),
        1
      )[0]!
    },
    closed: () => closed
  }
}

const closings: Array<[what: string, code: number, messages: Array<object | string | Buffer>]> = [
  ['what is not JSON', 4400, ['{nope']],
  ['an unknown message', 4400, [{ type: 'bogus' }]],
  ['a binary frame', 4400, [Buffer.from(JSON.stringify(init))]],
  ['a subscription before the init', 4401, [subscribe('1', 'subscription { events { cursor } }')]],
  ['silence', 4408, []],
  [
    'an id that is taken',
    4409,
    [
      init,
      subscribe('1', 'subscription { events { cursor } }'),
      subscribe('1', 'subscription { events { cursor } }')
    ]
  ],
  ['a second init', 4429, [init, init]],
  [
    'a message too large',
    1009,
    [{ ...init, payload: { a: 'x'.repeat(defaultLimits.socketMessageBytesMax) } }]
  ]
]
for (const [what, code, messages] of closings) {
  test(`graphql-transport-ws: ${what} closes with ${code}`, async (t) => {
    const { url } = await startServer(t, { limits: { ...defaultLimits, socketInitMsMax: 300 } })
    const { send, next, closed } = await connect(t, url)
    for (const message of messages) {
      send(message)
      // A subscription is too early only while the acknowledgement is under way
      if (message === init && code === 4409) await next('connection_ack')
    }
    assert.equal((await closed())[0], code)
  })
}

test('graphql-transport-ws: no subprotocol closes with 4406, another one is not agreed to', async (t) => {
  const { url } = await startServer(t)
  const without = await connect(t, url, { protocols: [] })
  assert.equal((await without.closed())[0], 4406)
  await assert.rejects(connect(t, url, { protocols: ['foo'] }), /no subprotocol/)
  const both = await connect(t, url, { protocols: ['foo', protocol] })
  assert.equal(both.socket.protocol, protocol)
})

test('graphql-transport-ws: ping, queries and errors', async (t) => {
  const { url } = await startServer(t)
  const { send, next } = await connect(t, url)
  send(init)
  await next('connection_ack')
  send({ type: 'ping', payload: { a: 1 } })
  assert.deepEqual((await next('pong')).payload, { a: 1 })

  send(subscribe('q', '{ status { version } }'))
  assert.deepEqual((await next('next')).payload, { data: { status: { version: '1.2.3' } } })
  await next('complete')

  for (const [query, code] of [
    ['{ nope }', 'invalid_value'],
    ['subscription { events { nope } }', 'invalid_value'],
    [`{ ${'a: status { version } '.repeat(30)} }`, 'query_too_complex']
  ] as const) {
    send(subscribe('e', query))
    const { payload } = await next('error')
    assert.equal((payload![0] as { extensions: { code: string } }).extensions.code, code)
  }

  send(subscribe('p', '{ topics(filter: ["a#"]) { cursor } }'))
  const { errors } = (await next('next')).payload as never as { errors: Array<{ extensions: object }> }
  const wrong = { pointer: '/filter/0', detail: '+ and # occupy a whole level' }
  assert.deepEqual(errors[0]!.extensions, { code: 'invalid_filter', errors: [wrong] })
})

test('the key comes with the handshake or with the init, else 4403', async (t) => {
  const { url } = await startServer(t, { apiKey: 'secret' })
  const right = { authorization: 'Bearer secret' }
  for (const [headers, payload] of [
    [right, undefined],
    [{}, right],
    [{}, { Authorization: right.authorization }]
  ] as const) {
    const { send, next } = await connect(t, url, { headers })
    send({ ...init, payload })
    await next('connection_ack')
  }
  for (const [headers, payload] of [
    [{}, undefined],
    [{}, { authorization: 'Bearer wrong' }],
    [right, { authorization: 'Bearer wrong' }],
    [{}, { authorization: ['Bearer secret'] }]
  ] as const) {
    const { send, closed } = await connect(t, url, { headers })
    send({ ...init, payload })
    assert.deepEqual(await closed(), [4403, 'Forbidden'])
  }
})

test('without a key, pages of a named origin are served, and of one that begins like it are not', async (t) => {
  const { url } = await startServer(t, { corsOrigins: ['https://dashboard.example'] })
  for (const [origin, served] of [
    ['https://dashboard.example', true],
    ['http://dashboard.example', false],
    ['https://dashboard.example.evil', false]
  ] as const) {
    const { send, next, closed } = await connect(t, url, { origin })
    send(init)
    if (served) await next('connection_ack')
    else assert.equal((await closed())[0], 4403, origin)
  }
})

test('without a key, pages of other origins are not served', async (t) => {
  const { url } = await startServer(t)
  for (const [origin, served] of [
    [undefined, true],
    [new URL(url).origin, true],
    ['http://localhost:5173', true],
    ['https://evil.example', false],
    ['http://localhost.evil.example', false],
    ['null', false]
  ] as const) {
    const { send, next, closed } = await connect(t, url, origin === undefined ? {} : { origin })
    send(init)
    if (served) await next('connection_ack')
    else assert.equal((await closed())[0], 4403, origin)
  }
  const keyed = await startServer(t, { apiKey: 'secret' })
  const { send, next } = await connect(t, keyed.url, { origin: 'https://dashboard.example' })
  send({ ...init, payload: { authorization: 'Bearer secret' } })
  await next('connection_ack')
})

test('a connection outlives the time a request may take, and ends with 1001 when the service stops', async (t) => {
  const { url, app } = await startServer(t, {
    limits: { ...defaultLimits, requestMsMax: 50, heartbeatMs: 60 }
  })
  const { send, next, closed } = await connect(t, url)
  send(init)
  await next('connection_ack')
  send(subscribe('1', 'subscription { events { type } }'))
  for (const _beat of [1, 2, 3]) await next('next')

  await app.close()

  assert.deepEqual(await closed(), [1001, 'The service is stopping'])
})

test('a client that does not answer the close does not keep the service from stopping', async (t) => {
  const { url, app } = await startServer(t)
  const { socket, send, next } = await connect(t, url)
  send(init)
  await next('connection_ack')
  socket.pause()
  const begin = performance.now()
  await app.close()
  assert.ok(performance.now() - begin < 5_000)
})

test('a client that does not answer pings is let go, and its streams end', async (t) => {
  const { url, parts } = await startServer(t, { limits: { ...defaultLimits, heartbeatMs: 50 } })
  const { socket, send, next } = await connect(t, url, { autoPong: false })
  send(init)
  await next('connection_ack')
  send(subscribe('1', 'subscription { events { type } }'))
  await next('next')
  assert.equal(parts.stats.streams, 1)

  socket.pause() // as if the machine were asleep: the connection stays, nothing is read

  await until(() => parts.stats.streams === 0)
})

test('an upgrade to another path is answered, and its connection ended', async (t) => {
  const { url } = await startServer(t)
  await assert.rejects(connect(t, new URL('/elsewhere', url).href), /404/)
  const { closed } = await connect(t, new URL('/graphiql', url).href)
  await closed()
})

test('connections have a limit', async (t) => {
  const { url } = await startServer(t, { limits: { ...defaultLimits, streamsMax: 2 } })
  await connect(t, url)
  await connect(t, url)
  const third = await connect(t, url)
  assert.deepEqual(await third.closed(), [1013, 'Too many connections'])
})

test('operations on one connection have a limit', async (t) => {
  const { url } = await startServer(t)
  const { send, next } = await connect(t, url)
  send(init)
  await next('connection_ack')
  for (let id = 0; id < 101; id++) send(subscribe(`s${id}`, 'subscription { messages { cursor } }'))
  const { payload } = await next('error')
  assert.equal((payload![0] as { extensions: { code: string } }).extensions.code, 'too_many_requests')
})
