/**
 * Poison among commands (F33): larger than the broker takes, of a QoS that it does not have, to a topic that it does not
 * allow. Some brokers say so beforehand, some in a DISCONNECT, and some only close the connection, again and again. Each
 * poison ends as refused, with a reason; all 1,000 others arrive, those of one topic in order.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { newCommand } from '../support/new-command.ts'
import type { NewCommand } from '../../src/store/commands.ts'
import { startBridge } from '../support/bridge.ts'
import { atEnd } from '../support/cleanup.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt.ts'
import { startNats } from '../support/nats.ts'

const goodCommands = 1_000
const topics = 10
const limits = { reconnectDelayMsMin: 20, acceptedReconnectDelayMsMax: 100 }

interface Poison {
  command: NewCommand
  reason: RegExp
}

/** The good ones in as many parts as there are poison ones, each behind one of these. */
async function flow(
  broker: { url: string; devices?: string },
  { poison, protocolVersion }: { poison: Poison[]; protocolVersion: 4 | 5 }
): Promise<void> {
  const app = await startBridge({ mqttUrl: broker.url, limits })
  const device = await connectClient(broker.devices ?? broker.url, { protocolVersion })
  await device.client.subscribeAsync('good/+', { qos: 1 })
  const good = Array.from({ length: goodCommands }, (_, n) =>
    newCommand(`good/${n % topics}`, { payload: Buffer.from(String(n)) })
  )
  const every = Math.ceil(goodCommands / poison.length)
  for (const [index, { command }] of poison.entries()) {
    await app.store.commands.accept([command, ...good.slice(index * every, (index + 1) * every)], null)
  }
  const count = async (state: string): Promise<number> => {
    const rows = await query(app.databaseUrl, 'select from commands where state = $1', [state])
    return rows.length
  }
  await eventually(async () => (await count('published')) === goodCommands, {
    withinMs: 120_000,
    what: 'all good ones are published'
  })
  await eventually(async () => (await count('refused')) === poison.length, { withinMs: 60_000 })
  const received = new Map<string, number[]>()
  const arrived = (): number => {
    received.clear()
    for (const { topic, payload } of device.packets) {
      const numbers = received.get(topic) ?? []
      const number = Number(payload.toString())
      if (!numbers.includes(number)) numbers.push(number) // at least once
      received.set(topic, numbers)
    }
    return [...received.values()].flat().length
  }
  await eventually(() => arrived() === goodCommands, { withinMs: 60_000, what: 'all good ones arrive' })
  for (const numbers of received.values())
    assert.deepEqual(
      numbers,
      numbers.toSorted((one, other) => one - other)
    )
  const rows = await query<{ id: string; reason: string }>(
    app.databaseUrl,
    `select id, reason from commands where state = 'refused'`
  )
  const reasons = new Map(rows.map(({ id, reason }) => [id, reason]))
  for (const { command, reason } of poison) assert.match(reasons.get(command.id)!, reason)
}

const text = (bytes: number): Buffer => Buffer.alloc(bytes, 'x')
const ended = /^The broker ended the connection 3 times when only this was being published/

test('Mosquitto with MQTT 5: what is larger than it takes never leaves; what it answers with DISCONNECT is found', async () => {
  const broker = await startMosquitto(['max_packet_size 4096'])
  await flow(broker, {
    protocolVersion: 5,
    poison: [
      {
        command: newCommand('poison', { payload: text(5_000) }),
        reason: /^The broker takes packets of 4096/
      },
      // As if what checks topics had let it through
      { command: newCommand('poison/+', {}), reason: ended },
      { command: newCommand('good/3/#', { orderKey: 'other' }), reason: ended },
      { command: newCommand('poison', { payload: text(5_000), qos: 2 }), reason: /^The broker takes packets/ }
    ]
  })
})

/** Refuses MQTT 5, as a broker of 3.1.1 does, and hands everything else on. */
async function speaks311(port: number): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (first: Buffer) => {
      if (first[first.indexOf('MQTT') + 4] === 5) return void socket.end(Buffer.from([0x20, 2, 0, 1]))
      const broker = connect(port, '127.0.0.1')
      broker.on('error', () => socket.destroy())
      broker.on('close', () => socket.destroy())
      socket.on('close', () => broker.destroy())
      broker.write(first)
      socket.pipe(broker).pipe(socket)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(async () => void server.close())
  return `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('Mosquitto with MQTT 3.1.1: it only closes the connection on what is larger than it takes', async () => {
  const broker = await startMosquitto(['max_packet_size 4096'])
  await flow(
    { url: await speaks311(broker.port), devices: broker.url },
    {
      protocolVersion: 4,
      poison: [
        { command: newCommand('poison/1', { payload: text(5_000) }), reason: ended },
        { command: newCommand('poison/2', { payload: text(50_000), qos: 2 }), reason: ended },
        { command: newCommand('poison/3', { payload: text(5_000) }), reason: ended }
      ]
    }
  )
})

test('NATS: it closes the connection on QoS 2, and on a topic with a space or a dot', async () => {
  const broker = await startNats()
  await flow(broker, {
    protocolVersion: 4,
    poison: [
      { command: newCommand('poison/qos', { qos: 2 }), reason: ended },
      { command: newCommand('il legal'), reason: ended },
      { command: newCommand('il.legal'), reason: ended }
    ]
  })
})
