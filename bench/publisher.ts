/**
 * A publisher that is faster than any broker: frames are encoded before, written in blocks, and only counted when
 * acknowledged. Runs as a process of its own: `publisher.ts PORT QOS COUNT TOPICS WINDOW`.
 */

import { connect } from 'node:net'
import mqttPacket from 'mqtt-packet'
import type { Packet } from 'mqtt-packet'

const [port, qos, count, topics, window] = process.argv.slice(2).map(Number) as [
  number,
  0 | 1 | 2,
  number,
  number,
  number
]

/** 100 bytes of JSON, as a sensor might send. */
const payload = (number: number): Buffer => {
  const head = JSON.stringify({
    n: number,
    temperature: 20 + (number % 100) / 10,
    humidity: 40 + (number % 20)
  })
  return Buffer.from(`${head.slice(0, -1)},"pad":"${'x'.repeat(Math.max(0, 100 - head.length - 9))}"}`)
}

const frame = (number: number): Buffer =>
  mqttPacket.generate({
    cmd: 'publish',
    topic: `bench/device/${String(number % topics).padStart(5, '0')}/state`,
    payload: payload(number),
    qos,
    dup: false,
    retain: false,
    messageId: (number % 65_535) + 1
  })

const frames = Array.from({ length: count }, (_, number) => frame(number))
const socket = connect(port, '127.0.0.1')
socket.setNoDelay(true)
const parser = mqttPacket.parser({ protocolVersion: 4 })
let sent = 0
let acknowledged = 0
let begun = 0

socket.write(
  mqttPacket.generate({
    cmd: 'connect',
    protocolVersion: 4,
    protocolId: 'MQTT',
    clean: true,
    clientId: `bench-${process.pid}`,
    keepalive: 0
  })
)
socket.on('data', (data) => parser.parse(data))
parser.on('packet', (packet: Packet) => {
  if (packet.cmd === 'connack') process.send!('ready')
  else if (packet.cmd === 'pubrec')
    socket.write(mqttPacket.generate({ cmd: 'pubrel', messageId: packet.messageId! }))
  else if (packet.cmd === 'puback' || packet.cmd === 'pubcomp') {
    acknowledged++
    if (acknowledged === count) finish()
    else pump()
  }
})
process.on('message', () => {
  begun = performance.now()
  pump()
})
socket.on('drain', () => pump())

/** As much as the window and the socket take. */
function pump(): void {
  while (sent < count && !socket.writableNeedDrain && (qos === 0 || sent - acknowledged < window)) {
    const block = Math.min(64, count - sent, qos === 0 ? 64 : window - (sent - acknowledged))
    socket.write(Buffer.concat(frames.slice(sent, sent + block)))
    sent += block
  }
  if (qos === 0 && sent === count && socket.writableLength === 0) finish()
}

function finish(): void {
  process.send!({ publishedInMs: performance.now() - begun })
  socket.end()
  process.disconnect()
}
