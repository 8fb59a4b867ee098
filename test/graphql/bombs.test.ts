/** Documents made to exhaust a server: refused with a code before anything is resolved, over HTTP and WebSocket alike. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { defaultLimits } from '../../src/limits.ts'
import type { TestServer } from './server.ts'
import { startServer } from './server.ts'

const many = (count: number, toText: (index: number) => string): string =>
  Array.from({ length: count }, (_, i) => toText(i)).join(' ')
const doubling = (levels: number): string =>
  `${many(levels, (i) => `fragment F${i} on Status { ...F${i + 1} ...F${i + 1} }`)} fragment F${levels} on Status { version }`

/** What each does to a server without limits is in its name. All would resolve `status`, if they were executed. */
const bombs: Record<string, string> = {
  'fifty levels': `{ status { version } topics ${'{ edges '.repeat(50)} ${'}'.repeat(50)} }`,
  'two thousand levels': `{ status { version } ${'a {'.repeat(2_000)} b ${'}'.repeat(2_000)} }`,
  'six thousand levels': `{ status { version } ${'a{'.repeat(6_000)}b${'}'.repeat(6_000)} }`,
  'aliases at the root': `{ ${many(5_000, (i) => `a${i}: status { version }`)} }`,
  'aliases below the root': `{ status { ${many(defaultLimits.graphqlAliasesMax + 1, (i) => `a${i}: version`)} } }`,
  'aliases by fragments': `{ status { ${many(11, () => '...A')} } } fragment A on Status { ${many(10, (i) => `a${i}: version`)} }`,
  'the same field ten thousand times': `{ status { ${'version '.repeat(10_000)} } }`,
  'eight thousand directives': `{ status ${'@aa'.repeat(8_000)} { version } }`,
  'directives that are there': `{ status { version ${many(defaultLimits.graphqlDirectivesMax + 1, () => '@include(if: true)')} } }`,
  'directives of an operation': `query ${many(51, () => '@a')} { status { version } }`,
  'directives of a variable': `query ($a: Int ${many(51, () => '@a')}) { status { version } }`,
  'directives by fragments': `{ status { ${many(26, () => '...A')} } } fragment A on Status { version @skip(if: false) leading @skip(if: false) }`,
  'a million fields by fragments': `{ status { ...F0 } } ${doubling(20)}`,
  'more fields than a double counts': `{ status { ...F0 } } ${doubling(60)}`,
  'fields that overlap': `{ ${many(300, () => 'status { ... on Status { mqtt { ... on MqttStatus { state } } } }')} }`,
  'ten thousand fragments': `{ status { version } } ${many(10_000, (i) => `fragment F${i} on Status { version }`)}`,
  'a million characters': `{ status { version } } #${'x'.repeat(1_000_000)}`,
  'a list of lists': `{ status { version } explain(topic: ${'['.repeat(900)}${']'.repeat(900)}) { topic } ${'a '.repeat(1_000)} }`
}

/** A server that counts what it resolves. */
async function start(t: TestContext): Promise<TestServer & { resolved: () => number }> {
  let resolved = 0
  const server = await startServer(t)
  // The resolvers hold the function itself, so the server is made a second time with one that counts
  const counting = await startServer(t, {
    status: () => {
      resolved++
      return server.parts.status()
    }
  })
  return { ...counting, resolved: () => resolved }
}

const post = (url: string, body: string): Promise<Response> =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })

type Errors = Array<{ extensions: { code: string } }>

test('what resolves counts', async (t) => {
  const { url, resolved } = await start(t)
  await post(url, JSON.stringify({ query: '{ status { version } }' }))
  assert.equal(resolved(), 1)
})

for (const [what, query] of Object.entries(bombs)) {
  test(`${what}: 400 query_too_complex, and nothing is resolved`, async (t) => {
    const { url, resolved } = await start(t)
    const begin = performance.now()
    const response = await post(url, JSON.stringify({ query }))
    const { errors, ...rest } = (await response.json()) as { errors: Errors }
    t.diagnostic(`${what}: ${Math.round(performance.now() - begin)} ms`)
    assert.deepEqual(
      [response.status, errors.map(({ extensions }) => extensions.code), rest],
      [400, ['query_too_complex'], {}]
    )
    assert.equal(resolved(), 0)
  })
}

test('the same over WebSocket, one after the other on one connection', async (t) => {
  const { url, resolved } = await start(t)
  const socket = new WebSocket(url.replace('http', 'ws'), ['graphql-transport-ws'])
  t.after(() => socket.terminate())
  await once(socket, 'open')
  const next = async (): Promise<{ type: string; payload: Errors }> =>
    JSON.parse(String((await once(socket, 'message'))[0])) as never
  socket.send(JSON.stringify({ type: 'connection_init' }))
  assert.equal((await next()).type, 'connection_ack')
  for (const [what, query] of Object.entries(bombs)) {
    const message = JSON.stringify({ type: 'subscribe', id: what, payload: { query } })
    if (message.length > defaultLimits.socketMessageBytesMax) continue // closes with 1009: socket.test.ts
    socket.send(message)
    const { type, payload } = await next()
    assert.deepEqual(
      [type, payload.map(({ extensions }) => extensions.code)],
      ['error', ['query_too_complex']]
    )
  }
  assert.equal(resolved(), 0)
})

const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
const bodies: Array<[what: string, body: string, status: number]> = [
  [
    'a batch of a thousand',
    JSON.stringify(Array.from({ length: 1_000 }, () => ({ query: '{ status { version } }' }))),
    400
  ],
  [
    'variables nested twenty thousand deep, which nobody declared',
    `{"query":"{ status { version } }","variables":{"a":${deep}}}`,
    200
  ],
  ['a prototype that is given', '{"query":"{ status { version } }","__proto__":{"x":1}}', 400],
  [
    'a constructor that is given',
    '{"query":"{ status { version } }","constructor":{"prototype":{"x":1}}}',
    400
  ],
  ['more bytes than a body may have', `{"query":"${'x'.repeat(defaultLimits.bodyBytesMax)}"}`, 413]
]
for (const [what, body, status] of bodies) {
  test(`${what}: ${status}`, async (t) => {
    const { url } = await start(t)
    const begin = performance.now()
    const response = await post(url, body)
    await response.text()
    t.diagnostic(`${what}: ${Math.round(performance.now() - begin)} ms`)
    assert.equal(response.status, status)
  })
}

test('a JSON variable nested twenty thousand deep is refused, and the service goes on', async (t) => {
  const { url } = await start(t)
  const query = 'mutation ($a: JSON) { sendCommand(input: { topic: "a", payload: $a }) { cursor } }'
  const answer = await post(url, `{"query":${JSON.stringify(query)},"variables":{"a":${deep}}}`)
  assert.equal(((await answer.json()) as { errors: Errors }).errors[0]!.extensions.code, 'invalid_value')
  const after = await post(url, JSON.stringify({ query: '{ status { version } }' }))
  assert.equal(after.status, 200)
})
