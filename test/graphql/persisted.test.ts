/** Persisted documents: GraphQL over HTTP, appendix A, and Apollo's automatic ones. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { startApp } from '../../src/app.ts'
import type { ListedDocuments } from '../../src/graphql/listed-documents.ts'
import { readListedDocuments } from '../../src/graphql/listed-documents.ts'
import { toSha256 } from '../../src/graphql/sources.ts'
import { defaultLimits } from '../../src/limits.ts'
import { partsFor } from '../support/bridge.ts'
import { startServer } from './server.ts'

const topic = 'query Topic($name: String!) { topic(name: $name) { payloadText } }'
const send = 'mutation { sendCommand(input: { topic: "a", payload: 1 }) { command { topic } } }'
const follow = 'subscription { messages(after: "earliest") { message { topic } } }'
const two = 'query A { status { version } } query B { status { leading } }'
const documents = {
  topic,
  send,
  follow,
  'x-team:two': two,
  [`sha256:${toSha256('{ status { version } }')}`]: '{ status { version } }'
}

async function fileOf(t: TestContext, content: unknown): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'rialto-test-'))
  t.after(() => rm(directory, { recursive: true }))
  const path = join(directory, 'documents.json')
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const read = async (t: TestContext, content: unknown, limits = {}) =>
  readListedDocuments(await fileOf(t, content), {
    limits: { ...defaultLimits, ...limits },
    introspection: true
  })

async function start(t: TestContext, given: Partial<ListedDocuments> = {}, limits = {}) {
  const server = await startServer(t, {
    listed: { texts: await read(t, documents), only: false, ...given },
    limits: { ...defaultLimits, ...limits }
  })
  server.memory.receive('a', 'hello')
  async function post(body: object, headers: Record<string, string> = {}) {
    const response = await fetch(server.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        ...headers
      },
      body: JSON.stringify(body)
    })
    const { data, errors } = (await response.json()) as never as {
      data?: unknown
      errors?: Array<{ message: string; extensions: { code: string } }>
    }
    return {
      status: response.status,
      data,
      code: errors?.[0]?.extensions.code,
      message: errors?.[0]?.message
    }
  }
  return { ...server, post }
}

const found = { status: 200, data: { topic: { payloadText: 'hello' } }, code: undefined, message: undefined }
const variables = { name: 'a' }

test('the hash is that of the appendix', () => {
  const spaced = 'query ($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}'
  assert.equal(toSha256(spaced), '7dba4bd717b41f10434822356a93c32b1fb4907b983e854300ad839f84cdcd6e')
  assert.equal(
    toSha256('query($id:ID!){user(id:$id){name}}'),
    '71f7dc5758652baac68e4a10c50be732b741c892ade2883a99358f52b555286b'
  )
})

test('by POST and GET, under its own id or that of its hash', async (t) => {
  const { url, post } = await start(t)
  const hashed = `sha256:${toSha256(topic)}`
  for (const documentId of ['topic', hashed]) {
    assert.deepEqual(await post({ documentId, variables }), found)
    assert.deepEqual(await post({ query: '', extensions: { documentId }, variables }), found)
    assert.deepEqual(await post({ query: null, documentId, variables, operationName: 'Topic' }), found)
    const response = await fetch(
      `${url}?${new URLSearchParams({ documentId, variables: JSON.stringify(variables) })}`
    )
    assert.deepEqual([response.status, await response.json()], [200, { data: found.data }])
  }
  assert.deepEqual((await post({ documentId: 'x-team:two', operationName: 'B' })).data, {
    status: { leading: true }
  })
  assert.equal((await post({ documentId: 'send' })).status, 200)
  const byGet = await fetch(`${url}?documentId=send`)
  assert.deepEqual([byGet.status, byGet.headers.get('allow')], [405, 'POST'])
})

test('over WebSocket: subscriptions and queries, where a text has to be a string', async (t) => {
  const { url } = await start(t, { only: true })
  const socket = new WebSocket(url.replace('http', 'ws'), ['graphql-transport-ws'])
  t.after(() => socket.terminate())
  await once(socket, 'open')
  const ask = async (message: object): Promise<{ type: string; payload: unknown }> => {
    socket.send(JSON.stringify(message))
    return JSON.parse(String((await once(socket, 'message'))[0])) as never
  }
  await ask({ type: 'connection_init' })
  const next = { type: 'next', payload: { data: { messages: { message: { topic: 'a' } } } } }
  for (const [id, payload] of [
    ['1', { query: '', documentId: 'follow' }],
    ['2', { query: '', extensions: { documentId: 'follow' } }],
    ['3', { query: follow }]
  ] as const)
    assert.deepEqual(await ask({ type: 'subscribe', id, payload }), { ...next, id })
  for (const [id, payload, code] of [
    ['4', { query: '', documentId: 'never' }, 'not_found'],
    ['5', { query: '' }, 'invalid_value'],
    ['6', { query: '{ status { leading } }' }, 'forbidden'],
    ['7', { query: follow, documentId: 'follow' }, 'invalid_value']
  ] as const) {
    const { type, payload: errors } = await ask({ type: 'subscribe', id, payload })
    assert.deepEqual(
      [type, (errors as Array<{ extensions: object }>)[0]!.extensions],
      [
        'error',
        code === 'invalid_value'
          ? { code, errors: (errors as Array<{ extensions: { errors: unknown } }>)[0]!.extensions.errors }
          : { code }
      ]
    )
  }
})

const refused: Array<[what: string, body: object, status: number, code: string]> = [
  ['an id that is not listed', { documentId: 'never' }, 404, 'not_found'],
  ['a member of every object as an id', { documentId: 'constructor' }, 404, 'not_found'],
  ['an id that is no string', { documentId: 5 }, 400, 'invalid_value'],
  ['an id beside a text', { documentId: 'topic', query: topic }, 400, 'invalid_value'],
  ['neither', { variables }, 400, 'invalid_value'],
  ['variables that do not fit', { documentId: 'topic' }, 400, 'invalid_value'],
  ['a name of no operation', { documentId: 'topic', operationName: 'Nope' }, 400, 'invalid_value'],
  ['a subscription over HTTP', { documentId: 'follow' }, 400, 'invalid_value']
]
for (const [what, body, status, code] of refused) {
  test(`${what}: ${status} ${code}`, async (t) => {
    const { post } = await start(t)
    const answer = await post(body)
    assert.deepEqual([answer.status, answer.code, answer.data], [status, code, undefined])
  })
}

test('only listed documents: other texts are forbidden, the very texts are not', async (t) => {
  const { post, memory } = await start(t, { only: true })
  const before = memory.facts.length
  const hash = toSha256('{ status { leading } }')
  for (const body of [
    { query: '{ status { leading } }' },
    { query: '{ __schema { queryType { name } } }' },
    { query: `${topic} `, variables },
    { query: send.replace('payload: 1', 'payload: 2') },
    { query: '{ status { leading } }', extensions: { persistedQuery: { version: 1, sha256Hash: hash } } },
    { query: '{ status { version } }#'.padEnd(defaultLimits.graphqlDocumentCharsMax + 1) }
  ]) {
    const { status, code } = await post(body)
    assert.deepEqual([status, code], [403, 'forbidden'])
  }
  assert.equal(memory.facts.length, before)
  const persisted = { extensions: { persistedQuery: { version: 1, sha256Hash: hash } } }
  assert.equal((await post(persisted)).code, 'not_found')
  assert.deepEqual(await post({ query: topic, variables }), found)
  assert.deepEqual(await post({ documentId: 'topic', variables }), found)
})

test('automatic: the hash is enough once the text has come with it, until newer ones took its place', async (t) => {
  const { post } = await start(t, {}, { graphqlDocumentsKeptMax: 2 })
  const persisted = (query: string, sha256Hash = toSha256(query)) => ({
    variables,
    extensions: { persistedQuery: { version: 1, sha256Hash } }
  })
  const query = `${topic} # mine`
  const unknown = { status: 404, data: undefined, code: 'not_found', message: 'PersistedQueryNotFound' }

  assert.deepEqual(await post(persisted(query)), unknown)
  // Apollo's clients of before the specification read errors from a 200 only
  assert.deepEqual(await post(persisted(query), { accept: 'application/json' }), { ...unknown, status: 200 })
  assert.deepEqual(await post({ ...persisted(query), query }), found)
  assert.deepEqual(await post(persisted(query)), found)
  assert.deepEqual(await post(persisted(topic)), found) // a listed one

  const wrong = await post({ ...persisted(query, toSha256('other')), query })
  assert.deepEqual([wrong.status, wrong.code], [400, 'invalid_value'])
  for (const persistedQuery of [5, 'x', {}, { version: 2, sha256Hash: 'x' }, { version: 1, sha256Hash: 1 }])
    assert.equal((await post({ extensions: { persistedQuery } })).code, 'invalid_value')

  await post({ ...persisted(`${query} 2`), query: `${query} 2` })
  assert.deepEqual(await post(persisted(query)), found)
  await post({ ...persisted(`${query} 3`), query: `${query} 3` })
  assert.deepEqual(await post(persisted(query)), unknown)
})

const hash = `sha256:${toSha256(topic)}`
const faulty: Array<[what: string, content: unknown, fault: RegExp, limits?: object]> = [
  ['no JSON', '{', /documents\.json is not JSON: /],
  ['a list', [topic], /documents\.json is not one JSON object of id and document/],
  [
    'an unknown field',
    { topic, bad: '{\n  nope }' },
    /documents\.json is not usable:\n {2}- "bad": Cannot query field "nope".*\(line 2, column 3\)$/
  ],
  ['a syntax error', { bad: '{ status' }, /"bad": Syntax Error.*\(line 1/],
  ['no operation', { bad: 'fragment A on Status { version }' }, /"bad": Fragment "A" is never used/],
  ['too much', { bad: `{ ${'a: status { version } '.repeat(30)} }` }, /"bad": A query has at most 20 fields/],
  ['a document that is no string', { bad: { body: topic } }, /"bad": a document is a string/],
  [
    'a hash of another text',
    { [hash]: `${topic} ` },
    /"sha256:[\da-f]{64}": the document has the id sha256:/
  ],
  ['a hash in upper case', { [`sha256:${'A'.repeat(64)}`]: topic }, /64 lower case hexadecimal digits/],
  ['a reserved prefix', { 'md5:1': topic }, /a prefix that begins with x-/],
  ['an id with a space', { 'a b': topic }, /"a b": an id has letters/],
  ['an empty id', { '': topic }, /"": an id has letters/],
  [
    'every fault, up to ten',
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`a ${i}`, topic])),
    /"a 0"[^]*"a 9"(?![^]*"a 10")/
  ],
  [
    'too many documents',
    { a: topic, b: topic },
    /lists more than 1 documents/,
    { graphqlListedDocumentsMax: 1 }
  ],
  ['too large a file', { a: topic }, /has more than 10 bytes/, { graphqlListedBytesMax: 10 }]
]
for (const [what, content, fault, limits] of faulty) {
  test(`a file with ${what} is refused`, (t) => assert.rejects(read(t, content, limits), { message: fault }))
}

test('as many documents as there may be', async (t) => {
  const texts = await read(t, { a: topic, b: two }, { graphqlListedDocumentsMax: 2 })
  assert.deepEqual([...texts.keys()], ['a', `sha256:${toSha256(topic)}`, 'b', `sha256:${toSha256(two)}`])
})

test('a file that cannot be used stops the start, before anything is connected', async (t) => {
  const nowhere = { mqttUrl: 'mqtt://127.0.0.1:1', databaseUrl: 'postgresql://127.0.0.1:1/none' }
  const startWith = (graphqlDocumentsFile: string) =>
    startApp(partsFor({ ...nowhere, config: { graphqlDocumentsFile } }))
  await assert.rejects(
    startWith(await fileOf(t, { bad: '{ nope }' })),
    /documents\.json.*"bad": Cannot query/s
  )
  await assert.rejects(startWith('/no/such/file.json'), /\/no\/such\/file\.json cannot be read \(ENOENT\)/)
})
