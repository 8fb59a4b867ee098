/**
 * The service as processes that are killed while they deliver: no event is missing, none is out of order, and what is sent
 * again is the same request. FULL=1 kills more often.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { postJson, request } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { withLimits } from '../support/patched-build.ts'
import type { Service } from '../support/service.ts'
import { startService } from '../support/service.ts'
import type { Receiver } from '../support/webhook-receiver.ts'
import { startReceiver } from '../support/webhook-receiver.ts'

const kills = process.env['FULL'] === '1' ? 30 : 4
const broker = await startBroker()
const { client } = await connectClient(broker.url)
// Small requests, so that there are many, and a lease that ends soon
const entry = await withLimits({
  webhookEventsMax: 5,
  webhookPollMs: 100,
  webhookRetryMsMin: 100,
  leaseSeconds: 3,
  leaseRenewMs: 500
})

const start = (databaseUrl: string, clientId: string): Promise<Service> =>
  startService(
    {
      DATABASE_URL: databaseUrl,
      MQTT_URL: broker.url,
      RIALTO_CLIENT_ID: clientId,
      RIALTO_WEBHOOKS_PRIVATE: 'true'
    },
    { entry }
  )
const ready = ({ url }: Service): Promise<unknown> =>
  eventually(async () => (await fetch(`${url}/readyz`)).ok, { what: 'the service is ready' })

async function create({ url }: Service, receiver: Receiver, filter: string): Promise<void> {
  const { status, body } = await postJson(`${url}/v1/webhooks`, {
    url: receiver.url,
    types: ['message'],
    filters: [filter]
  })
  assert.equal(status, 201, JSON.stringify(body))
}

let published = 0
async function publish(topic: string, count: number): Promise<void> {
  for (let at = 0; at < count; at++) await client.publishAsync(topic, String(published++), { qos: 2 })
}

type Stored = { seq: string; payloadText: string }

/** What is in the journal, in order. The embedded broker may send a message again to a session that was killed. */
async function stored({ url }: Service, filter: string): Promise<Stored[]> {
  const items: Stored[] = []
  let page = ''
  for (;;) {
    const query = `filter=${encodeURIComponent(filter)}&order=asc&limit=1000${page}`
    const { body } = await request(`${url}/v1/messages?${query}`)
    items.push(...(body.items as Stored[]))
    if (body.next === null) return items
    page = `&page=${body.next}`
  }
}

/** What a receiver has that remembers the ids of what it took. */
const taken = (receiver: Receiver): string[] =>
  receiver.events().map((event) => (event.type === 'message' ? event.message.seq : event.type))

/**
 * All that was published since `from` is delivered: each fact of the journal once, in order, and what has the same id is
 * the same. What is awaited is each value, not their number, which a message that came twice makes up for.
 */
async function check(service: Service, receiver: Receiver, filter: string, from: number): Promise<void> {
  let seqs: string[] = []
  await eventually(
    async () => {
      const items = await stored(service, filter)
      seqs = items.map(({ seq }) => seq)
      const values = new Set(items.map(({ payloadText }) => Number(payloadText)))
      for (let value = from; value < published; value++) if (!values.has(value)) return false
      return taken(receiver).length >= seqs.length
    },
    { withinMs: 60_000, what: `the events of ${from} to ${published} are delivered` }
  )
  assert.deepEqual(taken(receiver).slice(0, seqs.length), seqs)
  const sent = new Map<string, string>()
  for (const { id, body } of receiver.requests) {
    const data = JSON.stringify(body.data)
    assert.equal(sent.get(id) ?? data, data, 'what has the same id is the same')
    sent.set(id, data)
  }
}

test('kill -9 while a request is under way, taken or not', async () => {
  const databaseUrl = await createDatabase()
  let service = await start(databaseUrl, 'killed')
  await ready(service)
  const receiver = await startReceiver()
  await create(service, receiver, 'killed/#')
  const from = published
  let repeated = 0
  for (let kill = 0; kill < kills; kill++) {
    const seen = receiver.requests.length
    const dying = service
    let dies = false
    receiver.answer(async (received) => {
      if (dies || receiver.requests.length < seen + 1 + ((kill >> 1) % 4)) return 200
      // Every other one is taken, and the answer lost: what comes again must be known by its id
      if (kill % 2 === 0) received.status = 200
      dies = true
      await dying.kill('SIGKILL')
      return null
    })
    await publish(`killed/${kill}`, 40)
    await eventually(() => dies && dying.child.signalCode !== null, { what: 'the service was killed' })
    const last = receiver.requests.at(-1)!.id
    receiver.answer(() => 200)
    service = await start(databaseUrl, 'killed')
    await check(service, receiver, 'killed/#', from)
    if (receiver.requests.filter(({ id }) => id === last).length > 1) repeated++
  }
  assert.ok(repeated > 0, 'what was not answered was sent again')
  await service.kill('SIGTERM')
})

test('another instance goes on where the one that led was killed, or stood still', async () => {
  const databaseUrl = await createDatabase()
  const isLeading = async ({ url }: Service): Promise<boolean> =>
    (await request(`${url}/v1/status`)).body.leading === true
  let leader = await start(databaseUrl, 'pair')
  await eventually(() => isLeading(leader))
  let other = await start(databaseUrl, 'pair')
  const receiver = await startReceiver()
  // Made on the one that does not lead
  await create(other, receiver, 'pair/#')
  const from = published
  await publish('pair/a', 20)
  await check(leader, receiver, 'pair/#', from)

  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    const seen = receiver.requests.length
    let stopped = false
    const before = leader
    receiver.answer(() => {
      if (receiver.requests.length < seen + 2) return 200
      if (stopped) return 200
      before.child.kill(signal)
      stopped = true
      return null
    })
    await publish(`pair/${signal}`, 40)
    await eventually(() => stopped)
    await eventually(() => isLeading(other), { withinMs: 60_000, what: 'the other leads' })
    await check(other, receiver, 'pair/#', from)
    if (signal === 'SIGKILL') {
      leader = other
      other = await start(databaseUrl, 'pair')
    }
  }
  // The one that stood still wakes with a request under way: it finds that it leads no more, and sends nothing
  leader.child.kill('SIGCONT')
  await eventually(async () => !(await isLeading(leader)), { what: 'it has noticed' })
  const ids = new Set(receiver.requests.map(({ id }) => id))
  await publish('pair/after', 20)
  await check(other, receiver, 'pair/#', from)
  const later = receiver.requests.filter(({ id }) => !ids.has(id))
  assert.equal(new Set(later.map(({ id }) => id)).size, later.length, 'each is sent by one of them')
  await Promise.all([leader, other].map((service) => service.kill('SIGTERM')))
})
