/**
 * Ways around authentication (F38): every operation of openapi.yaml without a credential, with what is none, and by other
 * names of its path; GraphQL on both transports. Nothing but 401, and never what is stored.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { parse } from 'yaml'
import { postJson, request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { canaries } from '../support/canaries.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'

const apiKey = canaries.apiKey
const known = { authorization: `Bearer ${apiKey}` }
const stored = 'what-is-stored'
const { url: mqttUrl } = await startBroker()
const { client } = await connectClient(mqttUrl)
const { url } = await startBridge({
  mqttUrl,
  config: { apiKey },
  limits: { socketInitMsMax: 500 }
})
await client.publishAsync(`secret/${stored}`, stored, { qos: 1, retain: true })
await eventually(async () => {
  const { body } = await request(`${url}/v1/topics`, { headers: known })
  return JSON.stringify(body).includes(stored)
})

interface Operation {
  security?: unknown[]
}
const document = parse(readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, Operation>>
}
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    method: method.toUpperCase(),
    path: path.replaceAll(/\{\w+\}/g, '1'),
    isOpen: operation.security?.length === 0
  }))
)

/** As it stands: no client puts it right before it is sent. */
async function raw(lines: readonly string[]): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket.on('data', (data) => (text += data.toString()))
  socket.write([...lines, 'Host: x', 'Connection: close', '', ''].join('\r\n'))
  await once(socket, 'close')
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]), text }
}

test('no operation but health answers whoever sends no credential, or one that is none', async () => {
  assert.ok(operations.length > 60)
  assert.deepEqual(
    operations.filter(({ isOpen }) => isOpen).map(({ path }) => path),
    ['/livez', '/readyz']
  )
  for (const { method, path, isOpen } of operations) {
    for (const headers of [{}, { authorization: 'Bearer garbage' }]) {
      // What else is wrong with a request is told only to those who are known
      const body = method === 'GET' ? null : '{"a":'
      const answer = await request(`${url}${path}?nothing=1`, {
        method,
        headers: { ...headers, 'content-type': 'application/json' },
        body
      })
      const expected = isOpen ? [422, 'unknown_field'] : [401, 'unauthenticated']
      assert.deepEqual([answer.status, answer.body.code], expected, `${method} ${path}`)
    }
  }
})

test('neither do HEAD, OPTIONS and others, nor methods that stand in headers', async () => {
  const methods = ['HEAD', 'OPTIONS', 'TRACE', 'PATCH', 'PUT', 'DELETE', 'PROPFIND', 'QUERY']
  for (const { path, isOpen } of operations) {
    if (isOpen) continue
    for (const method of methods) {
      const { status, text } = await raw([`${method} ${path} HTTP/1.1`])
      assert.ok([400, 401, 404, 405].includes(status), `${method} ${path}: ${text}`)
      assert.ok(!text.includes(stored))
    }
  }
  for (const header of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', '_method']) {
    const { status } = await raw(['POST /v1/topics HTTP/1.1', `${header}: GET`, 'Content-Length: 0'])
    assert.ok(status === 401 || status === 404, `${header}: ${status}`)
  }
})

test('no other way to write a path passes by', async () => {
  const paths = [
    '//v1/topics',
    '/v1//topics',
    '/v1/topics/',
    '/v1/topics//',
    '/v1/./topics',
    '/v1/../v1/topics',
    '/livez/../v1/topics',
    '/livez/%2e%2e/v1/topics',
    '/livez%2f..%2fv1/topics',
    '/v1/%74opics',
    '/%76%31/topics',
    '/v1%2Ftopics',
    '/v1/topics%2F',
    '/v1/topics%252F',
    '/V1/topics',
    '/v1/Topics',
    '/v1/topics.',
    '/v1/topics.json',
    '/v1/topics;a=b',
    '/v1/topics%00',
    '/v1/topics%20',
    '/v1/topics#a',
    '/v1/topics?',
    '/v1/topics??',
    '/v1/topics?%',
    '/v1\\topics',
    'http://x/v1/topics',
    'http://x@y/v1/topics',
    '*',
    '/metrics/',
    '//metrics',
    '/%6detrics',
    '/graphql/',
    '//graphql?query={topics{nodes{topic}}}',
    '/%67raphql?query=%7Btopics%7Bnodes%7Btopic%7D%7D%7D'
  ]
  for (const path of paths) {
    const { status, text } = await raw([`GET ${path} HTTP/1.1`])
    assert.ok([400, 401, 404].includes(status), `${path}: ${text}`)
    assert.ok(!text.includes(stored), path)
    assert.ok(!text.includes('rialto_'), path)
  }
  // An absolute path of another name is the same one, and is answered to whoever is known
  const { status } = await raw(['GET /%76%31/topics HTTP/1.1', `Authorization: Bearer ${apiKey}`])
  assert.equal(status, 200)
})

test('the key counts as it is, in its header, once', async () => {
  const half = apiKey.slice(0, -1)
  const basic = Buffer.from(`x:${apiKey}`).toString('base64')
  const wrong: string[][] = [
    [],
    ['Authorization:'],
    ['Authorization: Bearer'],
    ['Authorization: Bearer '],
    [`Authorization: ${apiKey}`],
    [`Authorization: Basic ${basic}`],
    [`Authorization: Token ${apiKey}`],
    [`Authorization: Bearer${apiKey}`],
    [`Authorization: Bearer\t${apiKey}`],
    [`Authorization: Bearer "${apiKey}"`],
    [`Authorization: Bearer ${apiKey} ${apiKey}`],
    [`Authorization: Bearer ${apiKey},`],
    [`Authorization: Bearer ${half}`],
    [`Authorization: Bearer ${apiKey}x`],
    [`Authorization: Bearer ${apiKey.toLowerCase()}`],
    [`Authorization: Bearer ${encodeURIComponent(`${apiKey} `)}`],
    [`Authorization: Bearer undefined`],
    [`Authorization: Bearer null`],
    [`Authorization: Bearer \u00a0${apiKey}`],
    [`X-Api-Key: ${apiKey}`],
    [`Proxy-Authorization: Bearer ${apiKey}`],
    [`X-Authorization: Bearer ${apiKey}`],
    [`Cookie: authorization=Bearer ${apiKey}; key=${apiKey}`]
  ]
  for (const lines of wrong) {
    const { status, text } = await raw(['GET /v1/topics HTTP/1.1', ...lines])
    assert.equal(status, 401, `${lines.join()}: ${text}`)
    assert.ok(!text.includes(apiKey) && !text.includes(half), `${lines.join()}: it comes back`)
  }
  const given = `Authorization: Bearer ${apiKey}`
  const refused: Array<[string[], number]> = [
    [[given, 'Authorization: Bearer garbage'], 400],
    [['Authorization: Bearer garbage', given], 400],
    [[given, given], 400],
    [[`Authorization: Bearer ${'x'.repeat(20_000)}`], 400],
    [[`Authorization: Bearer x\n ${apiKey}`], 400],
    [[`Authorization : Bearer ${apiKey}`], 400],
    [[`Authorization: Bearer ${apiKey}\0`], 400]
  ]
  for (const [lines, expected] of refused) {
    const { status, text } = await raw(['GET /v1/topics HTTP/1.1', ...lines])
    assert.equal(status, expected, `${JSON.stringify(lines).slice(0, 200)}: ${text}`)
    assert.ok(!text.includes(stored) && !text.includes(apiKey))
  }
  for (const line of [given, `authorization: bearer ${apiKey}`, `AUTHORIZATION: BEARER  ${apiKey}  `]) {
    const { status } = await raw(['GET /v1/topics HTTP/1.1', line])
    assert.equal(status, 200, line)
  }
})

test('a key in the query is none, anywhere', async () => {
  const names = ['key', 'api_key', 'apikey', 'access_token', 'token', 'authorization', 'ticket']
  for (const name of names) {
    for (const path of ['/v1/topics', '/v1/stream', '/metrics', '/graphql']) {
      const query = path === '/graphql' ? '&query={topics{nodes{topic}}}' : ''
      const { status, text } = await raw([`GET ${path}?${name}=${apiKey}${query} HTTP/1.1`])
      assert.equal(status, 401, `${path} ${name}: ${text}`)
      assert.ok(!text.includes(apiKey), `${path} ${name}: it comes back`)
    }
  }
})

test('GraphQL answers nobody who is not known: neither data, nor its schema', async () => {
  const query = '{ topics { nodes { topic } } }'
  const bodies = [
    { query },
    { query: '{ __schema { types { name } } }' },
    { query: '{ __typename }' },
    { query: '{' },
    [{ query }],
    {}
  ]
  for (const body of bodies) {
    const answer = await postJson(`${url}/graphql`, body)
    assert.equal(answer.status, 401, JSON.stringify(body))
    assert.doesNotMatch(JSON.stringify(answer.body), /__schema|TopicState|what-is-stored/)
  }
  const { status } = await request(`${url}/graphql?query=${encodeURIComponent(query)}`)
  assert.equal(status, 401)
})

test('over WebSocket, nothing comes before a key, and without one the connection ends', async () => {
  const subscribe = {
    type: 'subscribe',
    id: '1',
    payload: { query: 'subscription { events(after: "earliest") { cursor } }' }
  }
  const init = (payload?: unknown) => ({ type: 'connection_init', ...(payload !== undefined && { payload }) })
  const attempts: Array<[what: string, messages: object[], codes: number[]]> = [
    ['no init', [subscribe], [4401]],
    ['init without a key', [init(), subscribe], [4401, 4403]],
    ['an empty key', [init({ authorization: '' }), subscribe], [4401, 4403]],
    ['garbage', [init({ authorization: 'Bearer garbage' }), subscribe], [4401, 4403]],
    ['the key without its scheme', [init({ authorization: apiKey }), subscribe], [4401, 4403]],
    ['the key under another name', [init({ token: `Bearer ${apiKey}` }), subscribe], [4401, 4403]],
    ['the key in a list', [init({ authorization: [`Bearer ${apiKey}`] }), subscribe], [4400, 4401, 4403]],
    ['nothing', [], [4408]]
  ]
  for (const [what, messages, codes] of attempts) {
    const address = `${url.replace('http', 'ws')}/graphql?authorization=${apiKey}`
    const socket = new WebSocket(address, 'graphql-transport-ws')
    const received: string[] = []
    socket.on('message', (data) => received.push(String(data)))
    await once(socket, 'open')
    const closed = once(socket, 'close') as Promise<[number, Buffer]>
    for (const message of messages) socket.send(JSON.stringify(message))
    const [code, reason] = await closed
    assert.ok(codes.includes(code), `${what}: ${code} ${reason.toString()}`)
    assert.deepEqual(
      received.filter((text) => !text.includes('"ping"')),
      [],
      what
    )
  }
})

test('what is open is open: health, and pages without data', async () => {
  for (const path of ['/livez', '/readyz', '/openapi.yaml', '/docs/', '/graphql']) {
    const response = await fetch(`${url}${path}`, { headers: { accept: 'text/html,application/json' } })
    const text = await response.text()
    if (path === '/graphql' && response.status === 401) continue // not built
    if (path !== '/openapi.yaml') assert.equal(response.status, 200, `${path}: ${text.slice(0, 200)}`)
    assert.ok(!text.includes(stored) && !text.includes(apiKey), path)
  }
})
