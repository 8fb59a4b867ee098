/**
 * The client while the service is killed again and again: its stream has each message once and in order, and each command that
 * it sends is one. FULL=1: 50 kills.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from '../../src/client/index.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { freePort, startMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt.ts'
import type { Service } from '../support/service.ts'
import { startService } from '../support/service.ts'

const kills = process.env['FULL'] === '1' ? 50 : 5
const patience = { withinMs: 120_000 }

test(`${kills} times kill -9: each event once, each command one`, async () => {
  const broker = await startMosquitto()
  const port = await freePort()
  const environment = { DATABASE_URL: await createDatabase(), MQTT_URL: broker.url, PORT: String(port) }
  const start = (): Promise<Service> => startService(environment)
  let service = await start()
  await eventually(async () => (await fetch(`${service.url}/readyz`)).ok, patience)
  const { client: mqtt } = await connectClient(broker.url)
  const rialto = createClient({ url: service.url })

  const device = await connectClient(broker.url)
  const acted = new Map<string, number>()
  await device.client.subscribeAsync('client/set', { qos: 1 })
  device.client.on('message', (_, payload) => {
    const text = String(payload)
    acted.set(text, (acted.get(text) ?? 0) + 1)
  })

  const seqs: string[] = []
  const values = new Map<number, number>()
  let cuts = 0
  let begun = false
  const abort = new AbortController()
  const reading = (async () => {
    const options = { signal: abort.signal, onCut: () => void cuts++ }
    for await (const event of rialto.stream({ filter: ['client/stream'] }, options)) {
      begun = true
      if (event.type !== 'message') continue
      seqs.push(event.message.seq)
      const value = event.message.payload as number
      values.set(value, (values.get(value) ?? 0) + 1)
    }
  })()
  await eventually(() => begun, patience)

  let published = 0
  const commands: string[] = []
  for (let kill = 0; kill < kills; kill++) {
    const sending = (async () => {
      const body = { topic: 'client/set', payload: kill, awaits: 'none' as const }
      // The service is killed somewhere in it
      commands.push((await rialto.send(body, { waitSeconds: 60, retrySeconds: 120 })).state)
    })()
    for (let at = 0; at < 100; at++) {
      await mqtt.publishAsync('client/stream', String(published++), { qos: 2 })
      if (at === (kill * 37) % 100) await service.kill('SIGKILL')
    }
    service = await start()
    await sending
  }
  await eventually(() => values.size === published, { ...patience, what: 'all messages have come' })
  abort.abort()
  await reading
  assert.ok(cuts >= kills, `${cuts} cuts`)
  assert.equal(seqs.length, published, 'each message once')
  assert.deepEqual([...new Set(values.values())], [1])
  assert.deepEqual(
    seqs,
    seqs.toSorted((a, b) => Number(BigInt(a) - BigInt(b)))
  )
  assert.deepEqual(
    commands,
    Array.from({ length: kills }, () => 'published')
  )
  assert.equal(acted.size, kills, 'the device has each command')
  await service.kill('SIGTERM')
})
