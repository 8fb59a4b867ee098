/**
 * Publishes as fast as the broker takes it, in a process of its own: `flood.ts PORT QOS SECONDS BYTES TOPICS`. Tells how
 * many it published, and at QoS 1 waits until all are acknowledged.
 */

import { connect } from 'node:net'
import mqttPacket from 'mqtt-packet'
import type { Packet } from 'mqtt-packet'
import { payloadOf, topicOf } from './publisher.ts'

const [port, qos, seconds, bytes, topics] = process.argv.slice(2).map(Number) as [
  number,
  0 | 1,
  number,
  number,
  number
]
/** Published and not yet acknowledged. */
const windowMax = 5_000

const frame = (number: number): Buffer =>
  mqttPacket.generate({
    cmd: 'publish',
    topic: topicOf(number, topics),
    payload: payloadOf(number, bytes),
    qos,
    dup: false,
    retain: false,
    messageId: (number % 65_535) + 1
  })

const socket = connect(port, '127.0.0.1')
socket.setNoDelay(true)
const parser = mqttPacket.parser({ protocolVersion: 4 })
const connectPacket = { cmd: 'connect', protocolVersion: 4, protocolId: 'MQTT', clean: true } as const
let published = 0
let acknowledged = 0
let end = 0

socket.write(mqttPacket.generate({ ...connectPacket, clientId: `flood-${process.pid}`, keepalive: 0 }))
socket.on('data', (data) => parser.parse(data))
parser.on('packet', ({ cmd }: Packet) => {
  if (cmd === 'connack') end = Date.now() + seconds * 1_000
  else if (cmd === 'puback') acknowledged++
  go()
})
socket.on('drain', () => go())

function go(): void {
  const open = (): boolean => qos === 0 || published - acknowledged < windowMax
  while (Date.now() < end && open() && !socket.writableNeedDrain) {
    const frames: Buffer[] = []
    for (let index = 0; index < 32 && open(); index++) frames.push(frame(published++))
    socket.write(Buffer.concat(frames))
  }
  if (Date.now() < end || socket.writableLength > 0) return
  if (qos === 1 && acknowledged < published) return
  process.send!(published)
  socket.end()
  process.disconnect()
  end = Infinity
}
