import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { App } from '../../src/app.ts'
import { postJson, request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'

const stateOf = async (app: App, id: string): Promise<string> =>
  (await request(`${app.url}/v1/commands/${id}`)).body.state

test('one key is one command: 50 at once get the same answer, and the device one message', async () => {
  const broker = await startBroker()
  const app = await startBridge({ mqttUrl: broker.url })
  const device = await connectClient(broker.url)
  await device.client.subscribeAsync('once', { qos: 1 })
  const post = () =>
    postJson(`${app.url}/v1/commands`, { topic: 'once', payload: 1 }, { 'idempotency-key': 'k' })
  const answers = await Promise.all(Array.from({ length: 50 }, post))
  answers.push(await post())
  for (const answer of answers) {
    assert.equal(answer.status, 202)
    assert.deepEqual(answer.body, answers[0]!.body)
    assert.equal(answer.headers.get('location'), `/v1/commands/${answers[0]!.body.id}`)
  }
  await eventually(async () => (await stateOf(app, answers[0]!.body.id)) === 'published')
  assert.equal(device.packets.length, 1)
  assert.equal((await query(app.databaseUrl, 'select from commands')).length, 1)

  const other = await postJson(
    `${app.url}/v1/commands`,
    { topic: 'once', payload: 2 },
    { 'idempotency-key': 'k' }
  )
  assert.deepEqual([other.status, other.body.code], [422, 'idempotency_mismatch'])
})

test('the journal has a fact for each transition, and the stream shows them in order', async () => {
  const broker = await startBroker()
  const app = await startBridge({ mqttUrl: broker.url })
  const { body } = await postJson(`${app.url}/v1/commands`, { topic: 't', payload: 1 }, { prefer: 'wait=10' })
  const stored = await request(`${app.url}/v1/commands/${body.id}`)
  assert.deepEqual(
    stored.body.events.map((event: { from: string; to: string; attempt: number }) => [
      event.from,
      event.to,
      event.attempt
    ]),
    [
      [null, 'pending', 0],
      ['pending', 'publishing', 1],
      ['publishing', 'published', 1]
    ]
  )
  const seqs = stored.body.events.map((event: { seq: string }) => Number(event.seq))
  assert.deepEqual(
    seqs,
    seqs.toSorted((a: number, b: number) => a - b)
  )
})

test('while the broker is away commands wait, can be cancelled or expire, and the rest is published when it is back', async () => {
  const broker = await startBroker()
  const app = await startBridge({
    mqttUrl: broker.url,
    limits: { reconnectDelayMsMax: 300, commandPollMs: 100 }
  })
  await broker.stop()
  await eventually(async () => (await request(`${app.url}/v1/status`)).body.mqtt.publisherConnected === false)
  const post = async (payload: unknown, more: object = {}): Promise<string> => {
    const { status, body } = await postJson(`${app.url}/v1/commands`, { topic: 'away', payload, ...more })
    assert.deepEqual([status, body.state], [202, 'pending'])
    return body.id
  }
  const [waiting, cancelled, expiring] = [
    await post('w'),
    await post('c'),
    await post('e', { expiresInSeconds: 1 })
  ]
  const cancel = await request(`${app.url}/v1/commands/${cancelled}/cancel`, { method: 'POST' })
  assert.deepEqual([cancel.status, cancel.body.state], [200, 'cancelled'])
  const again = await request(`${app.url}/v1/commands/${cancelled}/cancel`, { method: 'POST' })
  assert.deepEqual([again.status, again.body.code], [409, 'not_cancellable'])
  await eventually(async () => (await stateOf(app, expiring)) === 'expired')

  const back = await startBroker(broker)
  const device = await connectClient(back.url)
  await device.client.subscribeAsync('away', { qos: 1 })
  await eventually(async () => (await stateOf(app, waiting)) === 'published')
  assert.equal(await stateOf(app, cancelled), 'cancelled')
  assert.equal(await stateOf(app, expiring), 'expired')
})

test('several at once: each has an outcome of its own', async () => {
  const broker = await startBroker()
  const app = await startBridge({ mqttUrl: broker.url })
  const commands = [
    { topic: 'a', payload: 1 },
    { topic: 'bad/+', payload: 1 },
    { topic: 'b', payloadBase64: 'AAE=' }
  ]
  const { status, body } = await postJson(`${app.url}/v1/commands`, { commands })
  assert.equal(status, 202)
  assert.deepEqual(
    body.items.map(
      (item: { command?: { topic: string }; problem?: { code: string } }) =>
        item.command?.topic ?? item.problem?.code
    ),
    ['a', 'invalid_topic', 'b']
  )
  const list = await request(`${app.url}/v1/commands?order=asc`)
  assert.deepEqual(
    list.body.items.map((command: { topic: string }) => command.topic),
    ['a', 'b']
  )
  await eventually(
    async () => (await request(`${app.url}/v1/commands?state=published`)).body.items.length === 2
  )
})

test('a command left as publishing by a crash is published again, under the same id', async () => {
  const broker = await startBroker()
  const first = await startBridge({ mqttUrl: broker.url })
  const { body } = await postJson(
    `${first.url}/v1/commands`,
    { topic: 'crash', payload: 1 },
    { prefer: 'wait=10' }
  )
  await first.close()
  await query(
    first.databaseUrl,
    `update commands set state = 'publishing', finished_at = null where id = $1`,
    [body.id]
  )
  const device = await connectClient(broker.url)
  await device.client.subscribeAsync('crash', { qos: 1 })
  const second = await startBridge({ mqttUrl: broker.url, databaseUrl: first.databaseUrl })
  await eventually(async () => (await stateOf(second, body.id)) === 'published')
  const packet = await eventually(() => device.packets[0])
  assert.equal({ ...packet.properties?.userProperties }['rialto-command-id'], body.id)
})

test('the limit of open commands is a clear answer', async () => {
  const broker = await startBroker()
  const app = await startBridge({
    mqttUrl: broker.url,
    limits: { commandsOpenMax: 2, reconnectDelayMsMin: 60_000, reconnectDelayMsMax: 60_000 }
  })
  await broker.stop()
  await eventually(async () => (await request(`${app.url}/v1/status`)).body.mqtt.publisherConnected === false)
  for (let index = 0; index < 2; index++)
    assert.equal((await postJson(`${app.url}/v1/commands`, { topic: 't', payload: 1 })).status, 202)
  const refused = await postJson(`${app.url}/v1/commands`, { topic: 't', payload: 1 })
  assert.deepEqual([refused.status, refused.body.code], [429, 'too_many_requests'])
})
