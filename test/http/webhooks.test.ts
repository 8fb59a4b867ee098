/** Webhooks on REST and GraphQL, over a real store: what is answered, who sees what, and that secrets are shown once. */

import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { pino } from 'pino'
import type { Limits } from '../../src/limits.ts'
import type { Access } from '../../src/model.ts'
import type { Answer } from '../support/bridge.ts'
import { partsFor, postJson, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { createDatabase, query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startReceiver } from '../support/webhook-receiver.ts'
import { startApp } from '../../src/app.ts'
import { atEnd } from '../support/cleanup.ts'
import { call } from './contract.ts'
import { alwaysAs, startServer } from './server.ts'

const example = 'https://example.com/hook?token=hidden'
const send = (url: string, method: string, body?: unknown): Promise<Answer> =>
  call(url, {
    method,
    ...(body !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body)
    })
  })

const serverOf = async (limits: Partial<Limits> = {}, access?: Access) => {
  const server = await startServer({ limits, ...(access && { parts: { authenticator: alwaysAs(access) } }) })
  return { ...server, webhooks: `${server.url}/v1/webhooks` }
}

test('one is made, read, changed, gets another secret, and is deleted', async () => {
  const { webhooks, databaseUrl } = await serverOf()
  const made = await send(webhooks, 'POST', { url: example, filters: ['a/#'], where: 'eq(id,"x")' })
  assert.equal(made.status, 201)
  assert.equal(made.headers.get('cache-control'), 'no-store')
  const { secret, ...webhook } = made.body
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
  assert.equal(made.headers.get('location'), `/v1/webhooks/${webhook.id}`)
  const own = `${webhooks}/${webhook.id}`
  assert.deepEqual((await send(own, 'GET')).body, webhook)
  assert.deepEqual((await send(webhooks, 'GET')).body, { items: [webhook] })
  assert.deepEqual(
    [webhook.types, webhook.finalOnly, webhook.state, webhook.description, webhook.principal],
    [['command'], true, 'active', '', 'anonymous']
  )

  const changed = await send(own, 'PATCH', { types: ['gap'], where: null, description: 'd', state: 'paused' })
  assert.equal(changed.status, 200)
  const { updatedAt: _, ...rest } = changed.body
  const { updatedAt: __, ...before } = webhook
  assert.deepEqual(rest, { ...before, types: ['gap'], where: null, description: 'd', state: 'paused' })
  assert.deepEqual((await send(own, 'PATCH', {})).body.types, ['gap'], 'what is absent stays')
  assert.deepEqual((await send(own, 'PATCH', { types: null })).body.types, ['command'], 'null is the default')

  const rotated = await send(`${own}/rotate`, 'POST')
  assert.notEqual(rotated.body.secret, secret)
  assert.ok(Date.parse(rotated.body.previousSecretUntil) > Date.now())
  assert.ok(!JSON.stringify((await send(own, 'GET')).body).includes('whsec'))
  const [row] = await query(databaseUrl, 'select secret, previous_secret from webhooks')
  assert.deepEqual(row, { secret: rotated.body.secret, previous_secret: secret })

  assert.equal((await send(own, 'DELETE')).status, 204)
  for (const [path, method, body] of [
    ['', 'GET'],
    ['', 'PATCH', {}],
    ['', 'DELETE'],
    ['/rotate', 'POST'],
    ['/ping', 'POST']
  ] as const)
    assert.equal((await send(`${own}${path}`, method, body)).body.code, 'not_found', `${method} ${path}`)

  const audit = await query<{ action: string; subject: string; detail: object }>(
    databaseUrl,
    'select action, subject, detail from audit order by id'
  )
  assert.deepEqual(
    audit.map(({ action }) => action),
    [
      'createWebhook',
      ...Array.from({ length: 3 }, () => 'updateWebhook'),
      'rotateWebhookSecret',
      'deleteWebhook'
    ]
  )
  assert.ok(audit.every(({ subject }) => subject === webhook.id))
  assert.ok(!/whsec|hidden/.test(JSON.stringify(audit)), 'neither secrets of ours nor of the receiver')
})

test('bad input is a problem that says what to do', async () => {
  const { webhooks } = await serverOf()
  const { body } = await send(webhooks, 'POST', { url: example })
  const url = example
  for (const [ask, code, pointer] of [
    ['', 'invalid_value'],
    ['{', 'malformed_json'],
    [[], 'invalid_value'],
    [{}, 'invalid_value', '/url'],
    [{ url: 5 }, 'invalid_value', '/url'],
    [{ url: null }, 'invalid_value', '/url'],
    [{ url, secret: 'x' }, 'unknown_field', '/secret'],
    [{ url, types: ['state'] }, 'invalid_value'],
    [{ url, types: 'message' }, 'invalid_value', '/types'],
    [{ url, filters: ['a/#/b'] }, 'invalid_filter', '/filters/0'],
    [{ url, filters: ['a\0'] }, 'invalid_filter', '/filters/0'],
    [{ url, where: 'nonsense' }, 'invalid_value', '/where'],
    [{ url, where: 'eq(a,"\0")' }, 'invalid_value', '/where'],
    [{ url, where: '' }, 'invalid_value', '/where'],
    [{ url, description: '\0' }, 'invalid_value', '/description'],
    [{ url, finalOnly: 'yes' }, 'invalid_value', '/finalOnly'],
    [{ url, after: 'made up' }, 'cursor_invalid'],
    [{ url, after: '' }, 'cursor_invalid'],
    [{ url: 'http://example.com' }, 'invalid_value', '/url'],
    [{ url: 'https://[::1]' }, 'invalid_value', '/url'],
    [{ url: 'https://user:password@example.com' }, 'invalid_value', '/url']
  ] as const) {
    const made = await send(webhooks, 'POST', ask)
    const what = `${JSON.stringify(ask)}: ${JSON.stringify(made.body)}`
    assert.equal(made.body.code, code, what)
    if (pointer !== undefined) assert.equal(made.body.errors[0].pointer, pointer, what)
    if (typeof ask !== 'object' || !('url' in ask) || ask.url === null) continue
    assert.equal((await send(`${webhooks}/${body.id}`, 'PATCH', ask)).body.code, code, what)
  }
  assert.equal(
    (await send(`${webhooks}/${body.id}`, 'PATCH', { state: 'disabled' })).body.code,
    'invalid_value'
  )
  assert.equal((await send(`${webhooks}/nope`, 'GET')).body.code, 'not_found')
  assert.equal((await send(`${webhooks}?limit=1`, 'GET')).body.code, 'unknown_field')
  const odd = await send(webhooks, 'POST', { url, description: 'a\ud800b', filters: ['\u{1f600}/#'] })
  assert.equal(odd.status, 201, JSON.stringify(odd.body))
})

test('no more than there may be, however many are made at once', async () => {
  const { webhooks } = await serverOf({ webhooksMax: 5 })
  const made = await Promise.all(Array.from({ length: 12 }, () => send(webhooks, 'POST', { url: example })))
  assert.equal(made.filter(({ status }) => status === 201).length, 5)
  const refused = made.filter(({ status }) => status !== 201)
  assert.ok(refused.every(({ body }) => body.code === 'too_many_webhooks'))
  const { items } = (await send(webhooks, 'GET')).body
  assert.equal((await send(`${webhooks}/${items[0].id}`, 'DELETE')).status, 204)
  assert.equal((await send(webhooks, 'POST', { url: example })).status, 201)
})

test('everybody has their own; who may read all sees all', async () => {
  const as = (principal: string, readsAll = false): Access => ({
    principal,
    mayRead: () => true,
    mayPublish: () => false,
    ...(readsAll && { readsAll })
  })
  const { parts } = await serverOf()
  const { webhooks } = parts
  const [ann, bob, root] = [as('ann'), as('bob'), as('root', true)]
  const { id } = await webhooks.create(ann, { url: example })
  assert.deepEqual((await webhooks.list(bob)).length, 0)
  const gone = { code: 'not_found' }
  await assert.rejects(webhooks.get(bob, id), gone)
  await assert.rejects(webhooks.change(bob, id, { state: 'paused' }), gone)
  await assert.rejects(webhooks.rotate(bob, id), gone)
  await assert.rejects(webhooks.remove(bob, id), gone)
  await assert.rejects(webhooks.ping(bob, id, new AbortController().signal), gone)
  assert.equal((await webhooks.get(root, id)).principal, 'ann')
  assert.equal((await webhooks.change(root, id, { state: 'paused' })).principal, 'ann')
  assert.deepEqual(
    (await webhooks.list(ann)).map((one) => [one.id, one.state]),
    [[id, 'paused']]
  )
})

test('a ping to where nothing may be sent says so', async () => {
  const { webhooks, databaseUrl } = await serverOf()
  const { body } = await send(webhooks, 'POST', { url: example })
  // As it may have been made while private addresses were allowed
  for (const [url, error] of [
    ['http://127.0.0.1:9/', 'its address is not public'],
    ['https://localhost:9/', 'its address is not public'],
    ['http://example.com/', 'only https is allowed']
  ]) {
    await query(databaseUrl, 'update webhooks set url = $1', [url])
    const ping = await send(`${webhooks}/${body.id}/ping`, 'POST')
    assert.deepEqual([ping.status, ping.body.delivered, ping.body.error], [200, false, error])
  }
  const paused = await send(`${webhooks}/${body.id}`, 'PATCH', { state: 'paused' })
  assert.equal(paused.status, 200, 'it can still be paused')
})

test('GraphQL does the same', async () => {
  const { url: mqttUrl } = await startBroker()
  const { url, databaseUrl } = await startBridge({ mqttUrl })
  const rest = async (id: string) => (await call(`${url}/v1/webhooks/${id}`)).body
  const fields = `id url description types filters where finalOnly state reason cursor lag attempts nextAttemptAt lastError
    lastErrorAt lastDeliveredAt previousSecretUntil principal createdAt updatedAt`
  const ask = async (document: string, variables: object = {}) =>
    (await postJson(`${url}/graphql`, { query: document, variables })).body
  const make = `mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { secret webhook { ${fields} } } }`
  const made = (await ask(make, { input: { url: example, types: ['message', 'gap'], after: 'earliest' } }))
    .data.createWebhook
  const { id } = made.webhook
  assert.match(made.secret, /^whsec_/)
  const { lag: _, ...view } = made.webhook
  const { lag: __, ...seen } = await rest(id)
  assert.deepEqual({ ...view, cursor: '' }, { ...seen, cursor: '' })

  const read = `query ($id: ID!) { webhook(id: $id) { ${fields} } webhooks { id } }`
  assert.deepEqual((await ask(read, { id })).data.webhooks, [{ id }])
  assert.equal((await ask(read, { id: 'nope' })).data.webhook, null)

  const change = `mutation ($id: ID!, $input: UpdateWebhookInput!) { updateWebhook(id: $id, input: $input) { webhook { ${fields} } } }`
  const paused = await ask(change, { id, input: { state: 'paused', filters: ['a/#'] } })
  assert.deepEqual(
    [paused.data.updateWebhook.webhook.state, paused.data.updateWebhook.webhook.filters],
    ['paused', ['a/#']]
  )
  assert.equal((await rest(id)).state, 'paused')
  const code = async (input: object): Promise<string> =>
    (await ask(change, { id, input })).errors[0].extensions.code
  for (const input of [{ url: null }, { state: null }, { url: 'http://example.com' }, { types: [] }])
    assert.equal(await code(input), 'invalid_value')
  assert.equal(await code({ filters: ['#a'] }), 'invalid_filter')

  const rotate = `mutation ($id: ID!) { rotateWebhookSecret(id: $id) { secret webhook { previousSecretUntil } } }`
  const rotated = (await ask(rotate, { id })).data.rotateWebhookSecret
  const [row] = await query(databaseUrl, 'select secret from webhooks')
  assert.equal(row!['secret'], rotated.secret)

  const ping = `mutation ($id: ID!) { pingWebhook(id: $id) { delivered status error ms } }`
  await query(databaseUrl, "update webhooks set url = 'https://127.0.0.1/'")
  assert.equal((await ask(ping, { id })).data.pingWebhook.error, 'its address is not public')

  const remove = `mutation ($id: ID!) { deleteWebhook(id: $id) { id } }`
  assert.deepEqual((await ask(remove, { id })).data.deleteWebhook, { id })
  for (const again of [remove, rotate, ping])
    assert.equal((await ask(again, { id })).errors[0].extensions.code, 'not_found')
})

test('no secret is logged, whatever fails; who is not known any more is sent nothing', async () => {
  const lines: string[] = []
  const log = pino(
    { level: 'trace' },
    new Writable({ write: (chunk: Buffer, _, done) => (lines.push(chunk.toString()), done()) })
  )
  const receiver = await startReceiver()
  receiver.answer(() => 500)
  const { url: mqttUrl } = await startBroker()
  const databaseUrl = await createDatabase()
  const given = partsFor({
    mqttUrl,
    databaseUrl,
    config: { webhooksPrivate: true },
    limits: { webhookRetryMsMin: 20, webhookPollMs: 50 }
  })
  const first = await startApp({ ...given, log })
  const ends: Array<() => Promise<void>> = [first.close]
  atEnd(async () => void (await Promise.all(ends.map((end) => end()))))
  const { body } = await postJson(`${first.url}/v1/webhooks`, {
    url: `${receiver.url}?token=hidden`,
    types: ['message'],
    after: 'earliest'
  })
  await postJson(`${first.url}/v1/commands`, { topic: 'a', payload: 1 })
  await eventually(() => receiver.requests.length > 2, { what: 'it is tried again' })
  await postJson(`${first.url}/v1/webhooks/${body.id}/ping`, undefined)
  const key = body.secret.slice('whsec_'.length)
  assert.ok(
    lines.some((line) => line.includes(body.id)),
    'there is something to look at'
  )
  for (const hidden of [key, 'hidden', 'whsec_'])
    assert.ok(!lines.some((line) => line.includes(hidden)), `${hidden} was logged`)

  await ends.pop()!()
  const sent = receiver.requests.length
  const apiKey = 'a key of sixteen'.replaceAll(' ', '-')
  const second = await startApp({ ...given, config: { ...given.config, apiKey, anonymous: false }, log })
  ends.push(second.close)
  const authorization = `Bearer ${apiKey}`
  const view = await eventually(async () => {
    const answer = await call(`${second.url}/v1/webhooks/${body.id}`, { headers: { authorization } })
    return answer.body.state === 'disabled' && answer.body
  })
  assert.match(view.reason, /not known any more/)
  assert.equal(receiver.requests.length, sent)
})
