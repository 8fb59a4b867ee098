/** What vendors ask of the session that receives. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { request, startBridge } from '../support/bridge.ts'
import { eventually } from '../support/eventually.ts'
import type { Rules } from '../support/strict-broker.ts'
import { startStrictBroker } from '../support/strict-broker.ts'

const clientId = 'rialto-1'
const soon = { reconnectDelayMsMin: 50, reconnectDelayMsMax: 500, snapshotQuietMs: 150, commandPollMs: 100 }

test('AWS IoT Core: a policy that lets only the receiving client id connect leaves receiving alone', async () => {
  const broker = await startStrictBroker({ connect: (packet) => (packet.clientId === clientId ? 0 : 0x87) })
  const app = await startBridge({ mqttUrl: broker.url, config: { clientId }, limits: soon })
  await eventually(() => broker.connections.some((one) => one.clientId === `${clientId}-s`))
  const before = broker.open(clientId)
  await broker.deliver(clientId, 'plant/x', 'received')
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  assert.equal(broker.open(clientId), before)
  assert.equal((await request(`${app.url}/v1/gaps`)).body.items.length, 0)
})

test('VerneMQ: no client id is longer than 23 characters, the one that was chosen for us included', async () => {
  const broker = await startStrictBroker({ clientIdBytesMax: 23 })
  await startBridge({ mqttUrl: broker.url, limits: soon })
  await eventually(() => broker.connections.length >= 3)
  assert.deepEqual(broker.broken, [])
})

test('AWS IoT Core: a connection that is closed without a word, for coming too early, is tried again at MQTT 5', async () => {
  const last = new Map<string, number>()
  const broker = await startStrictBroker({
    connect({ clientId: id }) {
      const early = Date.now() - (last.get(id) ?? 0) < 1_000
      last.set(id, Date.now())
      return early ? null : 0
    }
  })
  await startBridge({
    mqttUrl: broker.url,
    config: { clientId },
    limits: { ...soon, reconnectDelayMsMax: 3_000 }
  })
  const first = broker.open(clientId)!
  first.socket.destroy()
  await eventually(() => broker.open(clientId) !== undefined && broker.open(clientId)!.received.length > 1)
  const versions = broker.connections.map((connection) => connection.connect?.protocolVersion)
  assert.deepEqual([...new Set(versions)], [5])
})

test('EMQX: retained messages that come with pauses longer than our patience are not taken for all', async () => {
  const broker = await startStrictBroker({ retainedBatch: { messages: 10, pauseMs: 400 } })
  for (let index = 0; index < 30; index++) {
    const topic = `plant/${index}`
    broker.retained.set(topic, { cmd: 'publish', topic, payload: 'r', qos: 1, retain: true, dup: false })
  }
  const app = await startBridge({
    mqttUrl: broker.url,
    config: { clientId, filters: ['plant/#'] },
    limits: soon
  })
  await eventually(
    async () => (await request(`${app.url}/v1/topics?filter=plant/%23`)).body.items.length === 30
  )
})

test('EMQX: a retained message that lives is never taken for cleared, however slowly it comes', async () => {
  const rules: Rules = {}
  const broker = await startStrictBroker(rules)
  for (let index = 0; index < 30; index++) {
    const topic = `plant/${index}`
    broker.retained.set(topic, { cmd: 'publish', topic, payload: 'r', qos: 1, retain: true, dup: false })
  }
  const config = { clientId, filters: ['plant/#'] }
  const first = await startBridge({ mqttUrl: broker.url, config, limits: soon })
  const items = async (url: string) => (await request(`${url}/v1/topics?filter=plant/%23`)).body.items
  await eventually(async () => (await items(first.url)).length === 30)
  await first.close()
  rules.retainedBatch = { messages: 10, pauseMs: 400 }
  const second = await startBridge({
    mqttUrl: broker.url,
    databaseUrl: first.databaseUrl,
    config,
    limits: soon
  })
  await new Promise((resolve) => setTimeout(resolve, 6_000))
  const buried = (await items(second.url)).filter(
    (item: { tombstone: object | null }) => item.tombstone !== null
  )
  assert.equal(buried.length, 0)
})
