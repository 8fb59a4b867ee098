/**
 * Order over connections that end at any moment: what a device hears of one key on one connection is without a gap, and
 * begins at most one behind what it has heard; so nothing ever overtakes what was lost.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Packet } from 'mqtt-packet'
import { startBridge } from '../support/bridge.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { newCommand } from '../support/new-command.ts'
import { startScriptedBroker } from '../support/scripted-broker.ts'

const keys = 4
const commandsOfKey = 30
const connectionsEnded = 20

test('the connection ends 20 times with commands on their way: each arrives, and none before one ahead of it', async () => {
  const heard = new Map<number, Array<{ key: string; place: number }>>()
  const broker = await startScriptedBroker({
    onPacket(packet: Packet, connection) {
      if (packet.cmd !== 'publish' || !packet.topic.startsWith('ordered/')) return false
      const sofar = heard.get(connection.number) ?? []
      heard.set(connection.number, sofar)
      const [, key, place] = packet.topic.split('/') as [string, string, string]
      sofar.push({ key, place: Number(place) })
      if (heard.size > connectionsEnded) return false
      // Each connection acknowledges some, takes some more, and ends
      if (sofar.length <= heard.size % 5) return false
      setTimeout(() => connection.socket.destroy(), 5)
      return true
    }
  })
  const app = await startBridge({
    mqttUrl: broker.url,
    // The broker ends whatever comes, so nobody is to be blamed
    limits: { reconnectDelayMsMin: 5, acceptedReconnectDelayMsMax: 10, commandAloneAttemptsMax: 1_000 }
  })
  const commands = Array.from({ length: keys * commandsOfKey }, (_, n) =>
    newCommand(`ordered/${n % keys}/${Math.floor(n / keys)}`, { orderKey: `key ${n % keys}` })
  )
  await app.store.commands.accept(commands, null)
  await eventually(
    async () =>
      (await query(app.databaseUrl, `select from commands where state = 'published'`)).length ===
      commands.length,
    { withinMs: 60_000 }
  )
  assert.ok(heard.size > connectionsEnded, 'it did end so often')
  const last = new Map<string, number>()
  for (const packets of heard.values()) {
    const onThis = new Map<string, number>()
    for (const { key, place } of packets) {
      const before = onThis.get(key)
      if (before === undefined)
        assert.ok(place <= (last.get(key) ?? -1) + 1, `${key}: ${place} comes too early`)
      else assert.equal(place, before + 1, `${key}: ${place} comes behind ${before}`)
      onThis.set(key, place)
      last.set(key, Math.max(place, last.get(key) ?? -1))
    }
  }
  assert.deepEqual(
    [...last.values()],
    Array.from({ length: keys }, () => commandsOfKey - 1)
  )
})
