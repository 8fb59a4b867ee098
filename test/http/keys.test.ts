/** API keys on REST and GraphQL, over the whole service: shown once, good at once, gone at once, and only for who administers. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer } from '../support/bridge.ts'
import { request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { call } from './contract.ts'

const root = 'the key of the environment'.replaceAll(' ', '-')
const broker = await startBroker()
const options = { mqttUrl: broker.url, config: { apiKey: root, anonymous: false }, limits: { keysMax: 50 } }
const { url, databaseUrl } = await startBridge(options)
const other = await startBridge({ ...options, databaseUrl })

const send = (path: string, method: string, body?: unknown, key = root): Promise<Answer> =>
  call(`${path.startsWith('http') ? '' : `${url}/v1`}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && { 'content-type': 'application/json' })
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) })
  })

async function ask(document: string, variables: object, key = root): Promise<Answer['body']> {
  const { body } = await request(`${url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query: document, variables })
  })
  return body
}

const grants = [
  { role: 'read', topic: 'plant/#' },
  { role: 'command', device: 'pump-1' }
]
const make = async (given: object = {}): Promise<Answer['body']> => {
  const made = await send('/keys', 'POST', { name: 'n', grants, ...given })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  return made.body
}
const lets = async (key: string, at = url): Promise<boolean> => {
  const { status } = await request(`${at}/v1/topics`, { headers: { authorization: `Bearer ${key}` } })
  assert.ok(status === 200 || status === 401)
  return status === 200
}

test('one is made, lets in everywhere at once, is changed, rotated and revoked', async () => {
  const made = await send('/keys', 'POST', { name: 'press', grants, tenant: null, expiresInSeconds: 3_600 })
  assert.equal(made.status, 201)
  assert.equal(made.headers.get('cache-control'), 'no-store')
  assert.ok(made.headers.get('rialto-cursor'))
  const { key: text, ...key } = made.body
  assert.equal(made.headers.get('location'), `/v1/keys/${key.id}`)
  assert.match(text, new RegExp(`^rialto_${key.id}_[0-9A-Za-z]{49}$`))
  const { id: _, createdAt, updatedAt, expiresAt, ...rest } = key
  assert.deepEqual(rest, {
    name: 'press',
    grants,
    tenant: null,
    state: 'active',
    createdBy: 'api-key',
    rotatedAt: null,
    previousUntil: null,
    revokedAt: null,
    lastUsedAt: null
  })
  assert.equal(createdAt, updatedAt)
  assert.ok(Math.abs(Date.parse(expiresAt) - Date.parse(createdAt) - 3_600_000) < 60_000)
  assert.deepEqual((await send(`/keys/${key.id}`, 'GET')).body, key)
  assert.deepEqual((await send('/keys', 'GET')).body.items[0], key)
  assert.deepEqual([await lets(text), await lets(text, other.url)], [true, true])

  const changed = await send(`/keys/${key.id}`, 'PATCH', { tenant: 'acme', expiresAt: null })
  assert.deepEqual(
    [changed.status, changed.body.tenant, changed.body.expiresAt, changed.body.name, changed.body.grants],
    [200, 'acme', null, 'press', grants]
  )
  const overlapping = await send(`/keys/${key.id}/rotate`, 'POST', { overlapSeconds: 600 })
  assert.equal(overlapping.status, 200)
  assert.equal(overlapping.headers.get('cache-control'), 'no-store')
  assert.ok(overlapping.body.previousUntil !== null)
  for (const at of [url, other.url])
    assert.deepEqual([await lets(text, at), await lets(overlapping.body.key, at)], [true, true])
  const rotated = await send(`/keys/${key.id}/rotate`, 'POST')
  assert.deepEqual([rotated.status, rotated.body.previousUntil], [200, null])
  assert.deepEqual(
    [await lets(text), await lets(overlapping.body.key), await lets(rotated.body.key)],
    [false, false, true]
  )

  assert.equal((await send(`/keys/${key.id}`, 'DELETE')).status, 204)
  assert.equal(await lets(rotated.body.key), false)
  await eventually(async () => !(await lets(rotated.body.key, other.url)))
  assert.equal((await send(`/keys/${key.id}`, 'DELETE')).status, 204)
  const over = (await send(`/keys/${key.id}`, 'GET')).body
  assert.equal(over.state, 'revoked')
  for (const [path, method, body] of [
    ['', 'PATCH', { name: 'x' }],
    ['/rotate', 'POST', {}]
  ] as const)
    assert.equal((await send(`/keys/${key.id}${path}`, method, body)).body.code, 'key_revoked')
})

test('nothing of a key but its digest is anywhere, and its changes stand in the audit', async () => {
  const { id, key: text } = await make()
  const { key: next } = (await send(`/keys/${id}/rotate`, 'POST', { overlapSeconds: 5 })).body
  const rows = await query(
    databaseUrl,
    'select k::text from api_keys k union all select a::text from audit a'
  )
  const secrets = [text, next].map((one: string) => one.slice(one.lastIndexOf('_') + 1))
  for (const secret of secrets) {
    assert.ok(!JSON.stringify(rows).includes(secret))
    assert.ok(!JSON.stringify((await send('/keys', 'GET')).body).includes(secret))
  }
  const entries = await query<{ action: string; principal: string; address: string | null }>(
    databaseUrl,
    'select action, principal, address from audit where subject = $1 order by id',
    [id]
  )
  assert.deepEqual(entries, [
    { action: 'createKey', principal: 'api-key', address: '127.0.0.1' },
    { action: 'rotateKey', principal: 'api-key', address: '127.0.0.1' }
  ])
})

test('who does not administer is refused alike, whatever is asked for', async () => {
  const { id, key } = await make({
    grants: [
      { role: 'read', topic: '#' },
      { role: 'command', topic: '#' }
    ]
  })
  for (const one of [id, 'abcdefghijkl', 'nope']) {
    for (const [path, method, body] of [
      ['/keys', 'GET'],
      ['/keys', 'POST', { name: 'n', grants: [] }],
      ['/keys', 'POST', '{'],
      ['/keys', 'POST', {}],
      [`/keys/${one}`, 'GET'],
      [`/keys/${one}`, 'PATCH', {}],
      [`/keys/${one}`, 'PATCH', { grants: [{ role: 'admin' }] }],
      [`/keys/${one}/rotate`, 'POST', {}],
      [`/keys/${one}`, 'DELETE']
    ] as const) {
      const answer = await send(path, method, body, key)
      assert.deepEqual([answer.status, answer.body.code], [403, 'forbidden'], `${method} ${path}`)
    }
    for (const document of [
      'query ($id: ID!) { keys { nodes { id } } key(id: $id) { id } }',
      'mutation ($id: ID!) { rotateKey(id: $id) { key } }',
      'mutation ($id: ID!) { revokeKey(id: $id) { cursor } }',
      'mutation ($id: ID!) { changeKey(id: $id, input: {}) { cursor } }',
      'mutation ($id: ID!) { createKey(input: { name: $id, grants: [] }) { key } }'
    ]) {
      const { data, errors } = await ask(
        document.replace('name: $id', 'name: ""').replace('($id: ID!) { createKey', '{ createKey'),
        document.includes('createKey') ? {} : { id: one },
        key
      )
      assert.ok(data === null || Object.values(data).every((value) => value === null))
      for (const error of errors) assert.equal(error.extensions.code, 'forbidden', document)
    }
  }
  assert.equal((await send(`/keys/${id}`, 'GET')).body.state, 'active')
  const { key: admin } = await make({ grants: [{ role: 'admin' }] })
  assert.equal((await send('/keys?limit=1', 'GET', undefined, admin)).status, 200)
})

test('bad input is a problem that says where and what to do', async () => {
  const { id } = await make()
  const name = 'n'
  for (const [body, code, pointer] of [
    ['{', 'malformed_json'],
    ['', 'invalid_value'],
    [[], 'invalid_value'],
    [{ name }, 'invalid_value', '/grants'],
    [{ grants }, 'invalid_value', '/name'],
    [{ name: '', grants }, 'invalid_value', '/name'],
    [{ name: ' ', grants }, 'invalid_value', '/name'],
    [{ name: 'a\0', grants }, 'invalid_value', '/name'],
    [{ name: 'a\u001b[31m', grants }, 'invalid_value', '/name'],
    [{ name: '\ud800', grants }, 'invalid_value', '/name'],
    [{ name: 'a'.repeat(201), grants }, 'invalid_value', '/name'],
    [{ name, grants, id: 'x' }, 'unknown_field', '/id'],
    [{ name, grants: ['admin'] }, 'invalid_value', '/grants/0'],
    [{ name, grants: [{ role: 'write', topic: 'a' }] }, 'invalid_value', '/grants/0/role'],
    [{ name, grants: [{ role: 'read' }] }, 'invalid_value', '/grants/0'],
    [{ name, grants: [{ role: 'read', topic: 'a', device: 'b' }] }, 'invalid_value', '/grants/0'],
    [{ name, grants: [{ role: 'admin', topic: '#' }] }, 'invalid_value', '/grants/0'],
    [{ name, grants: [grants[0], { role: 'read', topic: 'a/#/b' }] }, 'invalid_value', '/grants/1'],
    [{ name, grants: [{ role: 'read', topic: '' }] }, 'invalid_value', '/grants/0'],
    [{ name, grants: [{ role: 'read', topic: 'a\0' }] }, 'invalid_value', '/grants/0'],
    [{ name, grants: [{ role: 'read', device: '' }] }, 'invalid_value', '/grants/0'],
    [{ name, grants: [{ role: 'read', device: '\udc00' }] }, 'invalid_value', '/grants/0'],
    [{ name, grants: [{ role: 'read', device: 'a'.repeat(70_000) }] }, 'invalid_value', '/grants/0'],
    [{ name, grants: [{ role: 'read', topic: 'a', qos: 1 }] }, 'unknown_field', '/grants/0/qos'],
    [{ name, grants: Array.from({ length: 201 }, () => grants[0]) }, 'invalid_value', '/grants'],
    [
      {
        name,
        grants: Array.from({ length: 50 }, (_, at) => ({ role: 'read', topic: `${at}${'x'.repeat(1_000)}` }))
      },
      'invalid_value',
      '/grants'
    ],
    [{ name, grants: [{ role: 'admin' }], tenant: 'acme' }, 'invalid_value', '/grants/0'],
    [{ name, grants, tenant: 'acme/' }, 'invalid_value', '/tenant'],
    [{ name, grants, tenant: '+' }, 'invalid_value', '/tenant'],
    [{ name, grants, tenant: '' }, 'invalid_value', '/tenant'],
    [{ name, grants, tenant: 'a\0' }, 'invalid_value', '/tenant'],
    [{ name, grants, expiresAt: 'tomorrow' }, 'invalid_value', '/expiresAt'],
    [{ name, grants, expiresAt: '2020-01-01T00:00:00Z' }, 'invalid_value', '/expiresAt'],
    [{ name, grants, expiresAt: '9000-01-01T00:00:00Z' }, 'invalid_value', '/expiresAt'],
    [{ name, grants, expiresInSeconds: 0 }, 'invalid_value', '/expiresInSeconds'],
    [{ name, grants, expiresInSeconds: 1e12 }, 'invalid_value', '/expiresInSeconds'],
    [
      { name, grants, expiresInSeconds: 5, expiresAt: '2100-01-01T00:00:00Z' },
      'invalid_value',
      '/expiresInSeconds'
    ]
  ] as const) {
    const what = JSON.stringify(body).slice(0, 200)
    const made = await send('/keys', 'POST', body)
    assert.equal(made.body.code, code, `${what}: ${JSON.stringify(made.body)}`)
    if (pointer !== undefined) assert.equal(made.body.errors[0].pointer, pointer, what)
    const isWhole = typeof body === 'object' && 'name' in body && 'grants' in body
    if (isWhole) assert.equal((await send(`/keys/${id}`, 'PATCH', body)).body.code, code, what)
  }
  for (const body of [{ overlapSeconds: -1 }, { overlapSeconds: 2_592_001 }, { overlapSeconds: 1.5 }, [], 5])
    assert.equal((await send(`/keys/${id}/rotate`, 'POST', body)).body.code, 'invalid_value')
  for (const none of ['nope', 'abcdefghijkl', '%00', encodeURIComponent('é')])
    for (const [path, method, body] of [
      ['', 'GET'],
      ['', 'PATCH', {}],
      ['/rotate', 'POST', {}],
      ['', 'DELETE']
    ] as const) {
      const { status, body: problem } = await send(`/keys/${none}${path}`, method, body)
      assert.deepEqual([status, problem.code], [404, 'not_found'], `${method} ${none}${path}`)
    }
  // What is the same twice is once; and an admin cannot become one of a tenant
  const { grants: kept, id: twice } = await make({ grants: [grants[0], grants[1], grants[0]] })
  assert.deepEqual(kept, grants)
  await send(`/keys/${twice}`, 'PATCH', { grants: [{ role: 'admin' }] })
  assert.equal((await send(`/keys/${twice}`, 'PATCH', { tenant: 'a' })).body.errors[0].pointer, '/grants/0')
})

test('pages of them go through all, also by GraphQL', async () => {
  const made = [await make(), await make(), await make()].map(({ id }) => id).toReversed()
  const seen: string[] = []
  let page: string | null = null
  do {
    const { body } = await send(`/keys?limit=2${page === null ? '' : `&page=${page}`}`, 'GET')
    seen.push(...body.items.map(({ id }: { id: string }) => id))
    page = body.next
  } while (page !== null)
  assert.deepEqual(seen.slice(0, 3), made)
  assert.equal(new Set(seen).size, seen.length)
  const nodes: string[] = []
  let after: string | null = null
  for (;;) {
    const { data } = await ask(
      'query ($after: String) { keys(first: 2, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }',
      { after }
    )
    nodes.push(...data.keys.nodes.map(({ id }: { id: string }) => id))
    after = data.keys.pageInfo.endCursor
    if (data.keys.pageInfo.hasNextPage !== true) break
  }
  assert.deepEqual(nodes, seen)
})

test('GraphQL does and tells the same as REST', async () => {
  const fields =
    'apiKey { id name grants { role topic device } tenant state createdBy createdAt updatedAt expiresAt rotatedAt previousUntil revokedAt lastUsedAt }'
  const { data } = await ask(
    `mutation ($input: CreateKeyInput!) { createKey(input: $input) { key cursor ${fields} } }`,
    { input: { name: 'g', grants, tenant: 'acme', expiresAt: '2030-01-01T00:00:00.000Z' } }
  )
  const { key: text, apiKey, cursor } = data.createKey
  assert.ok(cursor)
  // Written in the background
  const { lastUsedAt: _, ...first } = apiKey
  const sameAs = ({ lastUsedAt: __, ...view }: typeof apiKey) => ({
    ...view,
    grants: view.grants.map((grant: object) => ({ topic: null, device: null, ...grant }))
  })
  const { id } = apiKey
  assert.deepEqual(first, sameAs((await send(`/keys/${id}`, 'GET')).body))
  assert.equal(await lets(text), true)
  const changed = await ask(
    `mutation ($id: ID!, $input: ChangeKeyInput!) { changeKey(id: $id, input: $input) { ${fields} } }`,
    { id, input: { name: 'h', tenant: null, expiresInSeconds: 60 } }
  )
  assert.deepEqual(sameAs(changed.data.changeKey.apiKey), sameAs((await send(`/keys/${id}`, 'GET')).body))
  assert.deepEqual([changed.data.changeKey.apiKey.name, changed.data.changeKey.apiKey.tenant], ['h', null])
  for (const input of ['{ name: null }', '{ grants: null }', '{ name: "" }', '{ expiresInSeconds: 0 }']) {
    const { errors } = await ask(`mutation ($id: ID!) { changeKey(id: $id, input: ${input}) { cursor } }`, {
      id
    })
    assert.equal(errors[0].extensions.code, 'invalid_value', input)
  }
  const rotated = await ask(
    `mutation ($id: ID!) { rotateKey(id: $id, overlapSeconds: 60) { key ${fields} } }`,
    { id }
  )
  assert.ok(rotated.data.rotateKey.apiKey.previousUntil !== null)
  assert.deepEqual([await lets(text), await lets(rotated.data.rotateKey.key)], [true, true])
  const revoked = await ask(`mutation ($id: ID!) { revokeKey(id: $id) { ${fields} } }`, { id })
  assert.equal(revoked.data.revokeKey.apiKey.state, 'revoked')
  assert.equal(await lets(rotated.data.rotateKey.key), false)
  const none = await ask('query { key(id: "nope") { id } }', {})
  assert.deepEqual(none.data, { key: null })
})

test('a key may revoke itself, and the last use of it is told', async () => {
  const { id, key } = await make({ grants: [{ role: 'admin' }] })
  assert.equal(await lets(key), true)
  await eventually(async () => (await send(`/keys/${id}`, 'GET')).body.lastUsedAt !== null)
  assert.equal((await send(`/keys/${id}`, 'DELETE', undefined, key)).status, 204)
  assert.equal((await send('/keys', 'GET', undefined, key)).status, 401)
})
