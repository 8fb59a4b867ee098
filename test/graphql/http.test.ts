import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditServer } from 'graphql-http'
import { codes, query, startServer } from './server.ts'

const post = (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body)
  })

test('GraphQL over HTTP: every audit of graphql-http is passed', async (t) => {
  const { url } = await startServer(t)

  const audits = await auditServer({ url })

  assert.ok(audits.length > 50)
  assert.deepEqual(
    audits.filter(({ status }) => status !== 'ok').map(({ id, name }) => `${id} ${name}`),
    []
  )
})

test('a key is asked for, before the body is read, with a problem and a challenge', async (t) => {
  const { url } = await startServer(t, { apiKey: 'secret' })
  const challenges: Array<[Record<string, string>, string]> = [
    [{}, 'Bearer'],
    [{ authorization: 'Bearer wrong' }, 'Bearer error="invalid_token"'],
    [{ authorization: 'Basic c2VjcmV0' }, 'Bearer']
  ]
  for (const [headers, challenge] of challenges) {
    const response = await post(url, '{ not JSON', headers)
    assert.equal(response.status, 401)
    assert.equal(response.headers.get('www-authenticate'), challenge)
    assert.match(response.headers.get('content-type')!, /^application\/problem\+json/)
    assert.equal(((await response.json()) as { code: string }).code, 'unauthenticated')
  }

  const answer = await query(url, '{ status { version } }', {}, { authorization: 'Bearer secret' })

  assert.deepEqual(answer, { status: 200, data: { status: { version: '1.2.3' } } })
})

const refused: Array<[what: string, body: unknown, status: number, code: string]> = [
  ['a batch', [{ query: '{ status { version } }' }], 400, 'invalid_value'],
  ['no query', { variables: {} }, 400, 'invalid_value'],
  ['a query that is an AST', { query: '{"kind":"Document","definitions":[]}' }, 400, 'invalid_value'],
  ['a syntax error', { query: '{ status' }, 400, 'invalid_value'],
  ['an unknown field', { query: '{ nope }' }, 400, 'invalid_value'],
  [
    'a wrong variable',
    { query: 'query ($a: Int) { topics(first: $a) { cursor } }', variables: { a: 'x' } },
    400,
    'invalid_value'
  ],
  ['a subscription', { query: 'subscription { events { cursor } }' }, 400, 'invalid_value'],
  [
    'a bomb',
    { query: `{ ${Array.from({ length: 30 }, (_, i) => `a${i}: status { version }`).join(' ')} }` },
    400,
    'query_too_complex'
  ]
]
for (const [what, body, status, code] of refused) {
  test(`${what} is refused with ${status} and ${code}`, async (t) => {
    const { url } = await startServer(t)
    const response = await post(url, body)
    const { errors, ...rest } = (await response.json()) as { errors: Array<{ extensions: { code: string } }> }
    assert.deepEqual([response.status, errors[0]!.extensions.code, rest], [status, code, {}])
  })
}

test('what is not JSON is a problem', async (t) => {
  const { url } = await startServer(t)
  const broken = await post(url, '{ not JSON')
  const text = await post(url, '{ status { version } }', { 'content-type': 'text/plain' })
  assert.deepEqual([broken.status, ((await broken.json()) as { code: string }).code], [400, 'malformed_json'])
  assert.deepEqual(
    [text.status, ((await text.json()) as { code: string }).code],
    [415, 'unsupported_media_type']
  )
})

test('GET takes form encoding and queries, and leaves mutations to POST', async (t) => {
  const { url } = await startServer(t)
  const form = new URLSearchParams({
    query: 'query Q($name: String!) { topic(name: $name) { seq } }',
    operationName: 'Q',
    variables: JSON.stringify({ name: 'a b+c' })
  })

  const asked = await fetch(`${url}?${form}`)
  const done = await fetch(
    `${url}?${new URLSearchParams({ query: 'mutation { clearRetained(topic: "a") { cursor } }' })}`
  )

  assert.deepEqual([asked.status, await asked.json()], [200, { data: { topic: null } }])
  assert.deepEqual([done.status, done.headers.get('allow')], [405, 'POST'])
})

test('one document with two operations executes the one that is named, again and again', async (t) => {
  const { url } = await startServer(t)
  const document = 'query A { status { version } } query B { status { leading } }'
  for (const [operationName, status] of [
    ['A', { version: '1.2.3' }],
    ['B', { leading: true }],
    ['A', { version: '1.2.3' }]
  ]) {
    const response = await post(url, { query: document, operationName })
    assert.deepEqual(await response.json(), { data: { status } })
  }
})

test('clients of before the specification get the errors of a document with 200', async (t) => {
  const { url } = await startServer(t)
  const old = await post(url, { query: '{ nope }' }, { accept: 'application/json' })
  const today = await post(
    url,
    { query: '{ nope }' },
    { accept: 'application/graphql-response+json, application/json' }
  )
  assert.deepEqual([old.status, old.headers.get('content-type')], [200, 'application/json; charset=utf-8'])
  assert.deepEqual(
    [today.status, today.headers.get('content-type')],
    [400, 'application/graphql-response+json; charset=utf-8']
  )
})

const failures: Array<[what: string, error: Error, code: string]> = [
  ['an unknown exception', new TypeError('secret of the service'), 'internal'],
  ['a server that restarts', Object.assign(new Error('secret'), { code: '57P01' }), 'database_unavailable'],
  [
    'a refused connection',
    Object.assign(new Error('secret'), { code: 'ECONNREFUSED', syscall: 'connect' }),
    'database_unavailable'
  ],
  ['a statement that is wrong', Object.assign(new Error('secret'), { code: '42601' }), 'internal']
]
for (const [what, error, code] of failures) {
  test(`${what} is told as ${code}, and nothing of it`, async (t) => {
    const { url, parts } = await startServer(t)
    parts.store.states.byName = async () => Promise.reject(error)
    const answer = await query(url, '{ topic(name: "a") { seq } status { version } }')
    assert.deepEqual(
      [answer.status, codes(answer), answer.data],
      [200, [code], { topic: null, status: { version: '1.2.3' } }]
    )
    assert.doesNotMatch(JSON.stringify(answer), /secret/)
  })
}

test('the transitions of all commands of an answer are read at once', async (t) => {
  const { url, memory } = await startServer(t)
  const inputs = Array.from({ length: 50 }, (_, index) => ({ topic: `a/${index}`, payload: index }))
  await query(url, 'mutation ($inputs: [CommandInput!]!) { sendCommands(inputs: $inputs) { cursor } }', {
    inputs
  })

  const document =
    '{ a: commands { nodes { events { to } } } b: commands(first: 10) { edges { node { events { to } } } } }'
  const { data } = await query<{ a: { nodes: unknown[] } }>(url, document)

  assert.deepEqual(
    data.a.nodes,
    Array.from({ length: 50 }, () => ({ events: [{ to: 'pending' }] }))
  )
  assert.equal(memory.eventReads, 1)
})

test('GraphiQL is served under a policy that names its script, or not at all', async (t) => {
  const without = await startServer(t)
  const missing = await fetch(new URL('/graphiql', without.url))
  assert.deepEqual([missing.status, ((await missing.json()) as { code: string }).code], [404, 'not_found'])

  const graphiqlHtml = '<!doctype html><script>one()</script><style></style>'
  const { url } = await startServer(t, { graphiqlHtml })
  const page = await fetch(new URL('/graphiql', url))
  const again = await fetch(new URL('/graphiql', url), {
    headers: { 'if-none-match': page.headers.get('etag')! }
  })
  assert.equal(await page.text(), graphiqlHtml)
  assert.match(page.headers.get('content-type')!, /^text\/html/)
  // printf %s 'one()' | openssl sha256 -binary | base64
  assert.ok(
    page.headers
      .get('content-security-policy')!
      .includes("script-src 'sha256-HR7iaask9daLMRRskMI++QeJtjWDOjyPA6lGzYGzKW4=';")
  )
  assert.equal(again.status, 304)
})
