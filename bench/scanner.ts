/**
 * `npm run bench scanner`: messages per second out of bytes already in memory, by the ways to read them.
 * The figures of docs/decisions/0002.
 */

import { Duplex } from 'node:stream'
import { MqttClient } from 'mqtt'
import mqttPacket from 'mqtt-packet'
import { toReceivedMessage } from '../src/mqtt/draft.ts'
import { PublishScanner } from '../src/mqtt/publish-scanner.ts'

const messages = 200_000
const readBytes = 65_536

const frames = Buffer.concat(
  Array.from({ length: messages }, (_, number) =>
    mqttPacket.generate(
      {
        cmd: 'publish',
        topic: `bench/device/${number % 1_000}/state`,
        payload: 'x'.repeat(100),
        qos: 1,
        dup: false,
        retain: false,
        messageId: (number % 65_535) + 1
      },
      { protocolVersion: 5 }
    )
  )
)

function* reads(): Generator<Buffer> {
  for (let at = 0; at < frames.length; at += readBytes) yield frames.subarray(at, at + readBytes)
}

/** Each returns the messages it saw. */
const ways: Record<string, () => Promise<number> | number> = {
  'our scanner, to messages'() {
    let seen = 0
    const scanner = new PublishScanner(5, 1e9, {
      publish: (frame) => void (toReceivedMessage(frame, 5, 0).packetId !== null && seen++),
      pubrel: () => {},
      other: () => {}
    })
    for (const read of reads()) scanner.push(read)
    return seen
  },
  'mqtt-packet parser'() {
    let seen = 0
    const parser = mqttPacket.parser({ protocolVersion: 5 })
    parser.on('packet', () => seen++)
    for (const read of reads()) parser.parse(read)
    return seen
  },
  'MQTT.js client, handleMessage answered at once': () =>
    new Promise((resolve) => {
      let seen = 0
      const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
      const client = new MqttClient(() => stream, {
        protocolVersion: 5,
        manualConnect: true,
        reconnectPeriod: 0,
        keepalive: 0,
        clientId: 'bench'
      })
      client.handleMessage = (_packet, done) => {
        done()
        if (++seen === messages) {
          client.end(true)
          resolve(seen)
        }
      }
      client.connect()
      stream.push(
        mqttPacket.generate({ cmd: 'connack', reasonCode: 0, sessionPresent: true }, { protocolVersion: 5 })
      )
      for (const read of reads()) stream.push(read)
    })
}

export async function benchScanner(write: (line: string) => void): Promise<object[]> {
  const results: object[] = []
  for (const [way, run] of Object.entries(ways)) {
    const rates: number[] = []
    for (let repeat = 0; repeat < 5; repeat++) {
      const begun = performance.now()
      const seen = await run()
      if (seen !== messages) throw new Error(`${way} saw ${seen} of ${messages}`)
      rates.push(messages / ((performance.now() - begun) / 1_000))
    }
    const messagesPerSecond = Math.round(rates.toSorted((a, b) => a - b)[2]!)
    results.push({ way, messagesPerSecond })
    write(`${String(messagesPerSecond).padStart(9)} messages/s   ${way}`)
  }
  return results
}
