/** What a broker can make us hold: whatever it sends, memory is bounded by src/limits.ts. */

import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { IPublishPacket } from 'mqtt-packet'
import mqttPacket from 'mqtt-packet'
import { Ring } from '../../src/feed/ring.ts'
import type { Limits } from '../../src/limits.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Fact } from '../../src/model.ts'
import { Inbox } from '../../src/mqtt/inbox.ts'
import { PublishScanner } from '../../src/mqtt/publish-scanner.ts'
import { Tap } from '../../src/mqtt/tap.ts'
import { createStats } from '../../src/stats.ts'
import { eventually } from '../support/eventually.ts'

function receiver(limits: Partial<Limits> = {}) {
  const all = { ...defaultLimits, batchDelayMs: 0, ...limits }
  const stats = createStats()
  const inbox = new Inbox({ limits: all, stats })
  const connection = {
    version: 5 as const,
    pauses: 0,
    paused: false,
    acknowledge() {},
    pauseReading() {
      connection.pauses++
      connection.paused = true
    },
    resumeReading: () => void (connection.paused = false)
  }
  inbox.connected(connection, true)
  const scanner = new PublishScanner(5, all.packetBytesMax, {
    publish: (frame) => inbox.publish(frame),
    pubrel: (packetId) => inbox.pubrel(packetId),
    other: () => {}
  })
  return { inbox, stats, connection, read: (...packets: Buffer[]) => scanner.push(Buffer.concat(packets)) }
}

const publish = (packet: Partial<IPublishPacket>): Buffer =>
  mqttPacket.generate(
    { cmd: 'publish', topic: 't', payload: '', qos: 0, dup: false, retain: false, ...packet },
    { protocolVersion: 5 }
  )

const pubrel = (messageId: number): Buffer => mqttPacket.generate({ cmd: 'pubrel', messageId })

function collected(): NodeJS.MemoryUsage {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return process.memoryUsage()
}

test('long topics and properties are held bytes, too, however small the payload', () => {
  for (const packet of [
    { topic: 'x'.repeat(60_000) },
    { properties: { userProperties: { name: 'x'.repeat(60_000) } } },
    // 5 bytes a pair on the wire, an array of two in memory
    { properties: { userProperties: { '': Array.from({ length: 1_000 }, () => '') } } }
  ]) {
    const { stats, connection, read } = receiver({ heldBytesMax: 300_000, batchBytesMax: 150_000 })
    for (let count = 0; count < 100 && !connection.paused; count++) read(publish(packet))
    assert.ok(connection.paused)
    assert.ok(stats.held >= 4 && stats.held <= 6, `${stats.held} held`)
  }
})

test('acknowledgements that wait are counted like messages: of what came again, and of PUBREL', async () => {
  const { inbox, stats, connection, read } = receiver({ heldMessagesMax: 10 })
  read(publish({ qos: 1, messageId: 6_001, payload: 'a' }))
  const first = (await inbox.next())!
  for (let count = 0; count < 5; count++) read(publish({ qos: 1, messageId: 6_001, payload: 'a', dup: true }))
  for (let messageId = 1; messageId <= 3; messageId++) read(pubrel(messageId))
  assert.deepEqual([stats.held, stats.duplicates, connection.paused], [1, 5, false])
  read(pubrel(4))
  assert.equal(connection.paused, true)
  first.acknowledge()
  assert.equal(connection.paused, true)
  ;(await inbox.next())!.acknowledge()
  assert.equal(connection.paused, false)
  // What a connection owed when it ended does not count on the next
  for (let messageId = 1; messageId <= 10; messageId++) read(pubrel(messageId))
  assert.equal(connection.paused, true)
  inbox.disconnected()
  inbox.connected(connection, true)
  for (let messageId = 1; messageId <= 9; messageId++) read(pubrel(messageId))
  assert.deepEqual([connection.pauses, stats.pauses], [2, 2])
})

test('who did not hear the pause hears it again with the next message', () => {
  const { stats, connection, read } = receiver({ heldMessagesMax: 3 })
  for (let count = 0; count < 5; count++) read(publish({}))
  assert.deepEqual([stats.pauses, connection.pauses], [1, 3])
})

test('a small message that is remembered does not keep the read that it came in', async () => {
  const { inbox, read } = receiver()
  const others = publish({ payload: Buffer.alloc(60_000) })
  const before = collected().arrayBuffers
  for (let messageId = 6_001; messageId <= 7_000; messageId++) {
    read(publish({ qos: 1, messageId, payload: Buffer.alloc(20, messageId) }), others)
    ;(await inbox.next())!.acknowledge()
  }
  await eventually(() => collected().arrayBuffers - before < 5_000_000, {
    withinMs: 5_000,
    what: 'less than 5 MB kept for 1,000 messages of 20 bytes'
  })
  read(publish({ qos: 1, messageId: 6_500, payload: Buffer.alloc(20, 6_500), dup: true }))
  const batch = (await inbox.next())!
  assert.equal(batch.messages.length, 0) // it is remembered
})

test('the ring is bounded by topics, properties and details, too', () => {
  const facts = (part: Partial<Fact>): Fact[] =>
    Array.from({ length: 100 }, (_, index) => ({
      seq: index + 1,
      at: 0,
      kind: 'message',
      topicId: 1,
      topic: null,
      message: null,
      commandId: null,
      detail: null,
      ...part
    }))
  const long = 'x'.repeat(10_000)
  const message = { payload: Buffer.alloc(0), properties: { contentType: long } } as Fact['message']
  for (const part of [{ topic: long }, { message }, { detail: { topicBase64: long } }]) {
    const ring = new Ring(0, 1_000, 105_000)
    ring.append(facts(part))
    assert.equal(ring.end - ring.start, 10)
  }
})

/** A tap on a stream that the test writes to, and what came of it. */
function tapped(version: 4 | 5, limits = { ...defaultLimits, packetStallMsMax: 200 }) {
  const socket = new PassThrough()
  const seen: string[] = []
  const tap = new Tap(
    socket,
    version,
    1_000,
    {
      connack: (sessionPresent) => seen.push(`connack ${sessionPresent}`),
      publish: () => seen.push('publish'),
      pubrel: () => seen.push('pubrel')
    },
    limits
  )
  tap.on('error', (error) => seen.push(error.message))
  tap.resume()
  return { socket, tap, seen }
}

const connack = Buffer.from([0x20, 3, 0, 0, 0])

test('a packet that does not go on ends the connection: silent, trickling, or thrown away', async () => {
  for (const begun of [
    Buffer.from([0x30]),
    Buffer.from([0x30, 0x64, 0, 1, 0x61]),
    Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, 0x61])
  ]) {
    const { socket, tap, seen } = tapped(4)
    socket.write(Buffer.from([0x20, 2, 0, 0]))
    socket.write(begun)
    const trickle = setInterval(() => socket.write('x'), 50)
    await eventually(() => tap.destroyed)
    clearInterval(trickle)
    assert.match(seen.at(-1)!, /does not go on/)
  }
})

test('a packet that goes on, a silent broker and a socket that we paused are left alone', async () => {
  const fast = tapped(4)
  fast.socket.write(
    Buffer.concat([Buffer.from([0x20, 2, 0, 0]), Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, 0x61])])
  )
  const stream = setInterval(() => fast.socket.write(Buffer.alloc(4_096)), 20)
  const silent = tapped(4)
  silent.socket.write(Buffer.from([0x20, 2, 0, 0]))
  const paused = tapped(4)
  paused.socket.write(Buffer.from([0x20, 2, 0, 0, 0x30, 0x64, 0, 1, 0x61]))
  await eventually(() => paused.seen.length === 1)
  paused.tap.pauseReading()
  // A fourth, to know that more than enough time has passed
  const stalled = tapped(4)
  stalled.socket.write(Buffer.from([0x20, 2, 0, 0, 0x30]))
  await eventually(() => stalled.tap.destroyed)
  const again = tapped(4)
  again.socket.write(Buffer.from([0x20, 2, 0, 0, 0x30]))
  await eventually(() => again.tap.destroyed)
  clearInterval(stream)
  for (const { tap } of [fast, silent, paused]) {
    assert.equal(tap.destroyed, false)
    tap.destroy()
  }
})

test('what no broker sends ends the connection', async () => {
  const message = publish({ qos: 1, messageId: 1 })
  const cases: Array<[string, 4 | 5, Buffer[], string[]]> = [
    ['a message before CONNACK', 5, [message], ['Malformed packet: a message before CONNACK']],
    ['PUBREL before CONNACK', 5, [pubrel(1)], ['Malformed packet: a message before CONNACK']],
    [
      'a second CONNACK',
      5,
      [connack, message, connack],
      ['connack false', 'publish', 'Malformed packet: a second CONNACK']
    ],
    ...[0x00, 0x10, 0x60, 0x82, 0xa2, 0xc0].map((head): [string, 5, Buffer[], string[]] => [
      `type ${head >> 4}`,
      5,
      [connack, Buffer.from([head, 2, 0, 1])],
      ['connack false', `Malformed packet: a packet of type ${head >> 4} from a broker`]
    ]),
    [
      'AUTH on 3.1.1',
      4,
      [Buffer.from([0x20, 2, 0, 0]), Buffer.from([0xf0, 0])],
      ['connack false', 'Malformed packet: a packet of type 15 from a broker']
    ],
    [
      'PUBREL 0',
      5,
      [connack, Buffer.from([0x62, 2, 0, 0])],
      ['connack false', 'Malformed packet: PUBREL without a packet identifier']
    ],
    [
      'a SUBACK of 64 KB and more',
      5,
      [connack, Buffer.from([0x90, 0x81, 0x80, 0x04])],
      ['connack false', 'Malformed packet: 65537 bytes in a packet that is not PUBLISH']
    ]
  ]
  for (const [what, version, packets, expected] of cases) {
    const { socket, tap, seen } = tapped(version)
    for (const packet of packets) socket.write(packet)
    await eventually(() => tap.destroyed && seen.length >= expected.length, { what })
    assert.deepEqual(seen, expected, what)
  }
})
