/** Another client with our client id: the two must not drive each other out for ever, and nobody must be left unaware. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import mqtt from 'mqtt'
import { request, startBridge } from '../support/bridge.ts'
import { atEnd } from '../support/cleanup.ts'
import { eventually } from '../support/eventually.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { startScriptedBroker } from '../support/scripted-broker.ts'

const causes = async (url: string): Promise<string[]> =>
  (await request(`${url}/v1/gaps?order=asc`)).body.items.map((gap: { cause: string }) => gap.cause)

test('a client of the same id that always comes back: at most 5 connections, then a pause, a word and a gap', async (t) => {
  const broker = await startMosquitto() // 2.0 gives no reason code when it lets another in
  const clientId = 'twice'
  const app = await startBridge({
    mqttUrl: broker.url,
    config: { clientId },
    limits: { takeoverDelayMs: 8_000 }
  })
  const begun = Date.now()
  const other = mqtt.connect(broker.url, {
    clientId,
    protocolVersion: 5,
    clean: false,
    properties: { sessionExpiryInterval: 3_600 },
    reconnectPeriod: 100
  })
  atEnd(() => other.endAsync(true))
  const status = async () => (await request(`${app.url}/v1/status`)).body.mqtt
  await eventually(async () => (await status()).takenOver, { what: 'it is noticed' })
  t.diagnostic(`noticed after ${Date.now() - begun} ms and ${app.stats.connects} connections`)
  assert.ok(app.stats.connects <= 5, `${app.stats.connects} connections`)
  assert.match((await status()).lastError, /another client uses the client id twice/)
  assert.equal((await request(`${app.url}/readyz`)).status, 503)
  const connects = app.stats.connects
  await other.endAsync()
  await eventually(async () => (await request(`${app.url}/readyz`)).status === 200, { withinMs: 30_000 })
  assert.equal(app.stats.connects, connects + 1)
  assert.equal((await causes(app.url)).at(-1), 'taken_over')
  assert.equal((await status()).takenOver, false)
})

test('a broker that says so (0x8E) is believed at once', async () => {
  const broker = await startScriptedBroker()
  const clientId = 'said'
  const app = await startBridge({
    mqttUrl: broker.url,
    config: { clientId },
    limits: { takeoverDelayMs: 1_000 }
  })
  const connection = await eventually(() => broker.open(clientId))
  connection.send({ cmd: 'disconnect', reasonCode: 0x8e })
  connection.socket.end()
  await eventually(async () => (await request(`${app.url}/v1/status`)).body.mqtt.takenOver)
  await eventually(async () => (await causes(app.url)).includes('taken_over'))
  assert.equal(app.stats.takeovers, 1)
  assert.ok(broker.connections.filter((one) => one.clientId === clientId).length === 2)
})
