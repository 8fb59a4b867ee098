/** The audit and keys: only administrators read it, what a key does stands there as the key's, and so do changes of keys. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { call } from '../http/contract.ts'
import type { Answer } from '../support/bridge.ts'
import { request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { canaries } from '../support/canaries.ts'

const { url: mqttUrl } = await startBroker()
const { url } = await startBridge({ mqttUrl, config: { apiKey: canaries.apiKey } })

interface Entry {
  principal: string
  address: string | null
  action: string
  subject: string
}

const as = (key: string, method = 'GET', body?: unknown): RequestInit => ({
  method,
  headers: {
    authorization: `Bearer ${key}`,
    ...(body !== undefined && { 'content-type': 'application/json' })
  },
  ...(body !== undefined && { body: JSON.stringify(body) })
})
async function make(grants: unknown[], tenant: string | null = null): Promise<{ id: string; key: string }> {
  const { status, body } = await call(
    `${url}/v1/keys`,
    as(canaries.apiKey, 'POST', { name: 'n', grants, tenant })
  )
  assert.equal(status, 201, JSON.stringify(body))
  return body
}
const ask = async (key: string, query: string, variables: object = {}): Promise<Answer['body']> =>
  (await request(`${url}/graphql`, as(key, 'POST', { query, variables }))).body
const entries = async (key: string, search: string): Promise<Entry[]> => {
  const { status, body } = await call(`${url}/v1/audit?order=asc&${search}`, as(key))
  assert.equal(status, 200, JSON.stringify(body))
  return body.items
}

const everything = [
  { role: 'read', topic: '#' },
  { role: 'command', topic: '#' }
]
const admin = await make([{ role: 'admin' }])

test('who does not administer reads none of it, there or not, and is refused alike', async () => {
  const reader = await make(everything)
  const tenant = await make(everything, 'acme')
  const nothing = await make([])
  await call(`${url}/v1/commands`, as(reader.key, 'POST', { topic: 'a', payload: 1 }))
  const searches = [
    '',
    `?principal=key:${reader.id}`,
    '?principal=nobody',
    '?action=sendCommands',
    '?from=2100-01-01T00:00:00Z',
    '?from=nonsense',
    '?page=nonsense',
    '?after=nonsense'
  ]
  const answers = new Set<string>()
  for (const { key } of [reader, tenant, nothing])
    for (const path of ['audit', 'export/audit'])
      for (const search of searches) {
        const { status, headers, body } = await request(`${url}/v1/${path}${search}`, as(key))
        assert.deepEqual(
          [status, body.code, headers.get('etag'), headers.get('rialto-cursor')],
          [403, 'forbidden', null, null]
        )
        answers.add(JSON.stringify(body))
      }
  assert.equal(answers.size, 1, [...answers].join('\n'))
  assert.equal((await request(`${url}/v1/audit`, as(reader.key, 'HEAD'))).status, 403)
  for (const { key } of [reader, tenant, nothing])
    for (const filter of ['', `(principal: "key:${reader.id}")`, '(after: "nonsense")']) {
      const { data, errors } = await ask(key, `{ audit${filter} { nodes { id } pageInfo { endCursor } } }`)
      assert.equal(errors[0].extensions.code, 'forbidden')
      assert.equal(errors.length, 1)
      assert.equal(data?.audit ?? null, null)
    }
})

test('what a key does is its own, with where it came from; whoever administers by a key reads it', async () => {
  const { id, key } = await make(everything)
  const sent = await call(`${url}/v1/commands`, as(key, 'POST', { topic: 'by/rest', payload: 1 }))
  assert.ok(sent.status < 300, JSON.stringify(sent.body))
  const { data, errors } = await ask(
    key,
    'mutation { sendCommand(input: { topic: "by/graphql", payloadText: "1" }) { command { id } } }'
  )
  assert.equal(errors, undefined, JSON.stringify(errors))
  await call(`${url}/v1/retention/classes/own`, as(key, 'PUT', { filters: ['x/#'], keepSeconds: 7_200 }))
  const expected = [sent.body.id, data.sendCommand.command.id].map((subject) => [
    `key:${id}`,
    '127.0.0.1',
    'sendCommands',
    subject
  ])
  const told = (list: Entry[]): unknown[] =>
    list.map(({ principal, address, action, subject }) => [principal, address, action, subject])
  assert.deepEqual(
    told(await entries(admin.key, `principal=key:${id}`)),
    expected,
    'the refused is not there'
  )
  const lines = await request(`${url}/v1/export/audit?principal=key:${id}`, as(admin.key))
  assert.deepEqual(
    told(
      String(lines.body)
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
    ),
    expected
  )
  const nodes = `{ nodes { principal address action subject } }`
  const { data: asked } = await ask(admin.key, `{ audit(principal: "key:${id}", order: asc) ${nodes} }`)
  assert.deepEqual(told(asked.audit.nodes), expected)
})

test('each change of a key stands there with who made it and from where, on REST and on GraphQL, and no text', async () => {
  const texts: string[] = []
  const { id, key } = await make(everything)
  texts.push(key)
  await call(`${url}/v1/keys/${id}`, as(admin.key, 'PATCH', { name: 'other' }))
  const rotated = await call(`${url}/v1/keys/${id}/rotate`, as(admin.key, 'POST', { overlapSeconds: 60 }))
  texts.push(rotated.body.key)
  const variables = { id }
  const change = 'mutation ($id: ID!) { changeKey(id: $id, input: { tenant: "acme" }) { apiKey { id } } }'
  for (const document of [
    change,
    'mutation ($id: ID!) { rotateKey(id: $id) { key } }',
    'mutation ($id: ID!) { revokeKey(id: $id) { apiKey { id } } }'
  ]) {
    const { data, errors } = await ask(admin.key, document, variables)
    assert.equal(errors, undefined, JSON.stringify(errors))
    if (data.rotateKey !== undefined) texts.push(data.rotateKey.key)
  }
  const found = await entries(canaries.apiKey, `subject=${id}`)
  assert.deepEqual(
    found.map(({ principal, address, action }) => [principal, address, action]),
    [
      ['api-key', '127.0.0.1', 'createKey'],
      [`key:${admin.id}`, '127.0.0.1', 'changeKey'],
      [`key:${admin.id}`, '127.0.0.1', 'rotateKey'],
      [`key:${admin.id}`, '127.0.0.1', 'changeKey'],
      [`key:${admin.id}`, '127.0.0.1', 'rotateKey'],
      [`key:${admin.id}`, '127.0.0.1', 'revokeKey']
    ]
  )
  assert.equal(texts.length, 3)
  for (const text of texts) assert.ok(!JSON.stringify(found).includes(text.slice(-49)))
})

test('who administers no more reads no more', async () => {
  const { id, key } = await make([{ role: 'admin' }])
  assert.ok((await entries(key, `subject=${id}`)).length === 1)
  await call(`${url}/v1/keys/${id}`, as(admin.key, 'PATCH', { grants: everything }))
  assert.equal((await request(`${url}/v1/audit`, as(key))).status, 403)
  await call(`${url}/v1/keys/${id}`, as(admin.key, 'DELETE'))
  assert.equal((await request(`${url}/v1/audit`, as(key))).status, 401)
})
