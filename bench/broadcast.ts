/**
 * The baseline of the benchmark of subscribers: messages from the broker by mqtt.js to clients of a bare `ws` server; no
 * storage, no cursor, nothing bounded. `/all` gets every message, `/TOPIC` those of a topic. What it sends has as many
 * bytes as the event that it is compared with. `broadcast.ts MQTT_URL`
 */

import type { AddressInfo } from 'node:net'
import mqtt from 'mqtt'
import type { WebSocket } from 'ws'
import { WebSocketServer } from 'ws'

const client = await mqtt.connectAsync(process.argv[2]!, { protocolVersion: 5 })
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
const readers = new Map<string, Set<WebSocket>>()
let bytes = 0

server.on('connection', (socket, request) => {
  const topic = request.url!.slice(1)
  const all = readers.get(topic) ?? new Set()
  readers.set(topic, all.add(socket))
  socket.on('close', () => all.delete(socket))
  socket.on('error', () => {})
})
client.on('message', (topic, payload) => {
  const text = Buffer.concat([payload, Buffer.alloc(Math.max(0, bytes - payload.length), ' ')])
  for (const to of ['all', topic])
    for (const socket of readers.get(to) ?? []) socket.send(text, { binary: false })
})
await client.subscribeAsync('bench/#', { qos: 1 })
process.on('message', (size: number) => {
  bytes = size
  process.send!({})
})
process.on('disconnect', () => process.exit())
process.send!((server.address() as AddressInfo).port)
