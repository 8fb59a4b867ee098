/** Webhooks on the whole service: what is delivered, in which order, and what becomes of what is not taken. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Webhook as Verifier } from 'standardwebhooks'
import type { StreamEvent } from '../../src/views.ts'
import { postJson, request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import type { Receiver } from '../support/webhook-receiver.ts'
import { startReceiver } from '../support/webhook-receiver.ts'

const broker = await startBroker()
const app = await startBridge({
  mqttUrl: broker.url,
  config: { webhooksPrivate: true },
  limits: { webhookRetryMsMin: 50, webhookRetryMsMax: 400, webhookPollMs: 100, webhookAnswerMsMax: 3_000 }
})
const webhooks = `${app.url}/v1/webhooks`
const { client } = await connectClient(broker.url)

async function create(receiver: Pick<Receiver, 'url'>, more: object = {}) {
  const { status, body } = await postJson(webhooks, { url: receiver.url, types: ['message'], ...more })
  assert.equal(status, 201, JSON.stringify(body))
  return body as { id: string; secret: string }
}
const get = async (id: string) => (await request(`${webhooks}/${id}`)).body

async function publish(topic: string, count: number): Promise<void> {
  for (let at = 0; at < count; at++) await client.publishAsync(topic, String(at), { qos: 1 })
}
const payloads = (events: readonly StreamEvent[]): unknown[] =>
  events.map((event) => (event.type === 'message' ? event.message.payload : event.type))
const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at)
const all = (receiver: Receiver, count: number): Promise<unknown> =>
  eventually(() => receiver.events().length >= count, { what: `${count} events are delivered` })

test('what a filter matches is delivered, in order, signed, and once', async () => {
  const receiver = await startReceiver()
  const { id, secret } = await create(receiver, { filters: ['order/#'] })
  await publish('other/topic', 3)
  await publish('order/a', 150)
  await all(receiver, 150)
  assert.deepEqual(payloads(receiver.events()), upTo(150))
  for (const { headers, text, method, body } of receiver.requests) {
    assert.equal(method, 'POST')
    assert.equal(headers['content-type'], 'application/json')
    assert.equal(body.type, 'rialto.events')
    assert.equal(body.data.webhook, id)
    assert.equal(body.data.cursor, body.data.events.at(-1)!.cursor)
    new Verifier(secret).verify(text, headers as Record<string, string>)
    assert.throws(() => new Verifier(secret).verify(`${text} `, headers as Record<string, string>))
  }
  assert.equal(new Set(receiver.requests.map((one) => one.id)).size, receiver.requests.length)
  const view = await eventually(async () => {
    const now = await get(id)
    return now.cursor === receiver.requests.at(-1)!.body.data.cursor && now
  })
  assert.deepEqual([view.state, view.attempts, view.lastError, view.nextAttemptAt], ['active', 0, null, null])
  assert.ok(Date.parse(view.lastDeliveredAt) > 0)
})

test('what fails is sent again until it is taken, with the same id and the same events', async () => {
  const receiver = await startReceiver()
  let failures = 0
  receiver.answer(async (_request, response) => {
    failures++
    if (failures === 1) return 500
    if (failures === 2) return 302
    if (failures === 3) {
      response.destroy() // no answer at all
      return null
    }
    if (failures === 4) {
      response.socket!.end('this is not HTTP\r\n\r\n')
      return null
    }
    if (failures === 5) return null // too late
    return 200
  })
  const { id } = await create(receiver, { filters: ['again/#'] })
  await publish('again/a', 1)
  await all(receiver, 1)
  assert.equal(receiver.requests.length, 6)
  assert.equal(new Set(receiver.requests.map((one) => one.id)).size, 1)
  const sent = receiver.requests.map(({ body }) => JSON.stringify(body.data))
  assert.equal(new Set(sent).size, 1)
  assert.equal((await get(id)).lastError, 'no answer within 3 seconds', 'the last that failed')
  await publish('again/a', 2)
  await all(receiver, 3)
  assert.deepEqual(payloads(receiver.events()), [0, 0, 1])
})

test('a receiver that is away for a while misses nothing', async () => {
  const first = await startReceiver()
  const { id } = await create(first, { filters: ['away/#'] })
  await publish('away/a', 1)
  await all(first, 1)
  await eventually(async () => (await get(id)).lastDeliveredAt !== null)
  await first.close()
  await publish('away/b', 5)
  const { lastError } = await eventually(async () => {
    const view = await get(id)
    return view.attempts > 1 && view
  })
  assert.equal(lastError, 'the connection was refused (ECONNREFUSED)')
  const second = await startReceiver(first.port)
  await all(second, 5)
  assert.deepEqual(payloads(second.events()), upTo(5))
})

test('one that takes its time, or never answers, holds up no other', async () => {
  const slow = await startReceiver()
  slow.answer(() => null)
  const quick = await startReceiver()
  await create(slow, { filters: ['slow/#'] })
  await create(quick, { filters: ['slow/#'] })
  await publish('slow/a', 1)
  await eventually(() => slow.requests.length > 0)
  await publish('slow/b', 20)
  await all(quick, 21)
  assert.equal(slow.events().length, 0)
})

test('what became of commands, and no more of them than that, unless all is asked for', async () => {
  const receiver = await startReceiver()
  const every = await startReceiver()
  await create(receiver, { types: ['command'], filters: ['c/#'] })
  await create(every, { types: ['command'], filters: ['c/#'], finalOnly: false })
  const { body } = await postJson(
    `${app.url}/v1/commands`,
    { topic: 'c/1', payload: 1 },
    { prefer: 'wait=10' }
  )
  assert.equal(body.final, true, JSON.stringify(body))
  await all(receiver, 1)
  const [event] = receiver.events()
  assert.equal(event?.type, 'command')
  assert.deepEqual([event.command.id, event.command.to, event.command.final], [body.id, body.state, true])
  await eventually(() => every.events().some((one) => one.type === 'command' && one.command.final))
  assert.ok(every.events().length > 1)
  assert.equal(receiver.events().length, 1)
})

test('what must hold of an event', async () => {
  const receiver = await startReceiver()
  await create(receiver, { filters: ['where/#'], where: 'gt(payload,7)' })
  await publish('where/a', 10)
  await all(receiver, 2)
  assert.deepEqual(payloads(receiver.events()), [8, 9])
})

test('410 disables; made active, it goes on where it was', async () => {
  const receiver = await startReceiver()
  receiver.answer(() => 410)
  const { id } = await create(receiver, { filters: ['gone/#'] })
  await publish('gone/a', 3)
  const view = await eventually(async () => {
    const now = await get(id)
    return now.state === 'disabled' && now
  })
  assert.match(view.reason, /410/)
  receiver.answer(() => 204)
  const changed = await request(`${webhooks}/${id}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: '{"state":"active"}'
  })
  assert.deepEqual([changed.body.state, changed.body.reason], ['active', null])
  await all(receiver, 3)
  assert.deepEqual(payloads(receiver.events()), upTo(3))
})

test('paused, it is sent nothing; then all of it', async () => {
  const receiver = await startReceiver()
  const { id } = await create(receiver, { filters: ['paused/#'] })
  const patch = (body: object) =>
    request(`${webhooks}/${id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
  const other = await startReceiver()
  await create(other, { filters: ['paused/#'] })
  await patch({ state: 'paused' })
  await publish('paused/a', 4)
  await all(other, 4)
  assert.equal(receiver.requests.length, 0)
  await patch({ state: 'active' })
  await all(receiver, 4)
  assert.deepEqual(payloads(receiver.events()), upTo(4))
})

test('from the earliest that is kept, and from a cursor', async () => {
  await publish('kept/a', 5)
  const page = await eventually(async () => {
    const { body } = await request(`${app.url}/v1/messages?filter=kept/%23&limit=100`)
    return body.items.length === 5 && body
  })
  const whole = await startReceiver()
  await create(whole, { filters: ['kept/#'], after: 'earliest' })
  const rest = await startReceiver()
  await create(rest, { filters: ['kept/#'], after: page.cursor })
  await publish('kept/b', 2)
  await all(whole, 7)
  await all(rest, 2)
  assert.deepEqual(payloads(whole.events()), [0, 1, 2, 3, 4, 0, 1])
  assert.deepEqual(payloads(rest.events()), [0, 1])
})

test('another secret: for a while both sign', async () => {
  const receiver = await startReceiver()
  const { id, secret } = await create(receiver, { filters: ['rotated/#'] })
  const { body } = await postJson(`${webhooks}/${id}/rotate`, undefined)
  assert.notEqual(body.secret, secret)
  await publish('rotated/a', 1)
  await all(receiver, 1)
  const { text, headers } = receiver.requests[0]!
  for (const one of [secret, body.secret]) new Verifier(one).verify(text, headers as Record<string, string>)
})

test('a ping tells what became of it, and a deleted webhook is sent nothing', async () => {
  const receiver = await startReceiver()
  const { id, secret } = await create(receiver, { filters: ['pinged/#'] })
  const ping = () => postJson(`${webhooks}/${id}/ping`, undefined)
  const taken = (await ping()).body
  assert.deepEqual([taken.delivered, taken.status, taken.error], [true, 204, null])
  const [first] = receiver.requests
  assert.equal(first!.body.type, 'rialto.ping')
  new Verifier(secret).verify(first!.text, first!.headers as Record<string, string>)
  receiver.answer(() => 503)
  const refused = (await ping()).body
  assert.deepEqual([refused.delivered, refused.status, refused.error], [false, 503, 'status 503'])
  receiver.answer(() => 204)
  assert.equal((await request(`${webhooks}/${id}`, { method: 'DELETE' })).status, 204)
  assert.equal((await ping()).status, 404)
  const other = await startReceiver()
  await create(other, { filters: ['pinged/#'] })
  await publish('pinged/a', 1)
  await all(other, 1)
  assert.equal(receiver.requests.length, 2)
})

test('what retention took before it was delivered is told, and then comes what is kept', async () => {
  const options = {
    mqttUrl: (await startBroker()).url,
    config: { webhooksPrivate: true },
    limits: { partitionRowsMax: 6, webhookPollMs: 100 }
  }
  let other = await startBridge(options)
  const receiver = await startReceiver()
  const made = await postJson(`${other.url}/v1/webhooks`, {
    url: receiver.url,
    types: ['message'],
    filters: ['kept/#']
  })
  const set = (body: object) =>
    request(`${other.url}/v1/webhooks/${made.body.id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
  await set({ state: 'paused' })
  for (let at = 0; at < 40; at++) await postJson(`${other.url}/v1/commands`, { topic: 'kept/a', payload: at })
  const kept = async () =>
    (await request(`${other.url}/v1/messages?filter=kept/%23&order=asc&limit=100`)).body.items as Array<{
      payload: number
      seq: string
    }>
  await eventually(async () => (await kept()).length === 40)
  await other.store.partitions.setDefault({ keepSeconds: null, keepBytes: 1 })
  await other.store.partitions.makeAhead()
  await other.store.partitions.dropExpired()
  // What is in memory is not to help
  await other.close()
  other = await startBridge({ ...options, databaseUrl: other.databaseUrl })
  const left = await kept()
  assert.ok(left.length > 0 && left.length < 40, `${left.length} are left`)
  await set({ state: 'active' })
  await eventually(() => receiver.events().length > left.length, { what: 'what is left is delivered' })
  const [first, ...rest] = receiver.events()
  assert.equal(first?.type, 'skipped')
  assert.ok(Number(first.skipped.to) < Number(left[0]!.seq))
  assert.deepEqual(
    payloads(rest),
    left.map(({ payload }) => payload)
  )
})

test('a request has so many events, and so many bytes; a larger event goes alone', async () => {
  const large = await startBridge({
    mqttUrl: broker.url,
    config: { webhooksPrivate: true, clientId: 'large' },
    limits: { webhookPollMs: 100, webhookEventsMax: 4, webhookBodyBytesMax: 3_000 }
  })
  const receiver = await startReceiver()
  const made = await postJson(`${large.url}/v1/webhooks`, {
    url: receiver.url,
    types: ['message'],
    filters: ['large/#']
  })
  const patch = (body: object) =>
    request(`${large.url}/v1/webhooks/${made.body.id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
  await patch({ state: 'paused' })
  const sizes = [...Array.from({ length: 10 }, () => 1), 800, 800, 800, 9_000, 1, 1]
  for (const size of sizes) await client.publishAsync('large/a', 'x'.repeat(size), { qos: 1 })
  await eventually(
    async () =>
      (await request(`${large.url}/v1/messages?filter=large/%23&limit=100`)).body.items.length ===
      sizes.length
  )
  await patch({ state: 'active' })
  await all(receiver, sizes.length)
  const shapes = receiver.requests.map(({ text, body }) => [body.data.events.length, text.length] as const)
  for (const [count, bytes] of shapes) {
    assert.ok(count <= 4)
    assert.ok(count === 1 || bytes < 3_500, `${count} events in ${bytes} bytes`)
  }
  assert.ok(shapes.some(([count, bytes]) => count === 1 && bytes > 9_000))
  assert.ok(shapes.some(([count]) => count > 1))
  assert.deepEqual(
    receiver
      .events()
      .map((event) => (event.type === 'message' ? String(event.message.payloadText).length : 0)),
    sizes
  )
})
