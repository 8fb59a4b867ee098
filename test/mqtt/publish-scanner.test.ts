import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import mqttPacket from 'mqtt-packet'
import { readProperties } from '../../src/mqtt/properties.ts'
import { MalformedPacketError, PublishScanner } from '../../src/mqtt/publish-scanner.ts'

interface Seen {
  topic?: string
  payload?: string
  qos?: number
  dup?: boolean
  retain?: boolean
  packetId?: number
  properties?: unknown
  discarded?: number
  pubrel?: number
  other?: number
}

/** Feeds `bytes` in pieces and tells what came out. */
function scan(version: 4 | 5, bytes: Buffer, cuts: number[] = [], packetBytesMax = 1_000_000): Seen[] {
  const seen: Seen[] = []
  const scanner = new PublishScanner(version, packetBytesMax, {
    publish: (frame) =>
      seen.push({
        topic: frame.buffer.toString('utf8', frame.topicStart, frame.topicEnd),
        payload: frame.buffer.toString('hex', frame.payloadStart, frame.payloadEnd),
        qos: (frame.flags >> 1) & 3,
        dup: (frame.flags & 8) > 0,
        retain: (frame.flags & 1) > 0,
        packetId: frame.packetId,
        properties: readProperties(frame.buffer, frame.propertiesStart, frame.propertiesEnd),
        discarded: frame.discardedBytes
      }),
    pubrel: (packetId) => seen.push({ pubrel: packetId }),
    other: (type) => seen.push({ other: type })
  })
  let start = 0
  for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    const end = Math.min(cut, bytes.length)
    if (end > start) scanner.push(bytes.subarray(start, end))
    start = Math.max(start, end)
  }
  return seen
}

const publish = fc.record({
  topic: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
  payload: fc.uint8Array({ maxLength: 300 }),
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
  dup: fc.boolean(),
  retain: fc.boolean(),
  messageId: fc.integer({ min: 1, max: 65_535 }),
  contentType: fc.option(fc.string({ maxLength: 5 }), { nil: undefined }),
  user: fc.array(fc.tuple(fc.string({ maxLength: 3 }), fc.string({ maxLength: 3 })), { maxLength: 3 })
})

test('what another encoder writes, cut anywhere, is what comes out', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(4 as const, 5 as const),
      fc.array(publish, { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat(3_000), { maxLength: 8 }),
      (version, messages, cuts) => {
        const packets = messages.flatMap(({ contentType, user, payload, messageId, qos, dup, ...rest }) => [
          mqttPacket.generate(
            {
              cmd: 'publish',
              ...rest,
              qos,
              dup: qos > 0 && dup,
              messageId,
              payload: Buffer.from(payload),
              ...(version === 5 && {
                properties: {
                  ...(contentType && { contentType }),
                  ...(user.length > 0 && { userProperties: Object.fromEntries(user) })
                }
              })
            },
            { protocolVersion: version }
          ),
          mqttPacket.generate({ cmd: 'pubrel', messageId }, { protocolVersion: version }),
          mqttPacket.generate({ cmd: 'pingresp' })
        ])
        const expected = messages.flatMap((message): Seen[] => [
          {
            topic: message.topic,
            payload: Buffer.from(message.payload).toString('hex'),
            qos: message.qos,
            dup: message.qos > 0 && message.dup,
            retain: message.retain,
            packetId: message.qos > 0 ? message.messageId : 0,
            properties: version === 5 ? expectedProperties(message) : null,
            discarded: 0
          },
          { pubrel: message.messageId },
          { other: 13 }
        ])
        assert.deepEqual(scan(version, Buffer.concat(packets), cuts), expected)
      }
    ),
    { numRuns: 500 }
  )
})

function expectedProperties({
  contentType,
  user
}: {
  contentType: string | undefined
  user: string[][]
}): unknown {
  const entries = Object.entries(Object.fromEntries(user) as Record<string, string>)
  if (!contentType && entries.length === 0) return null
  return { ...(contentType && { contentType }), ...(entries.length > 0 && { userProperties: entries }) }
}

test('user properties keep their order and repetitions', () => {
  const pairs = [
    ['b', '1'],
    ['a', '2'],
    ['b', '3']
  ]
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)])
  const bytes = Buffer.concat(
    pairs.map(([name, value]) => Buffer.concat([Buffer.from([0x26]), text(name!), text(value!)]))
  )
  assert.deepEqual(readProperties(bytes, 0, bytes.length), { userProperties: pairs })
})

test('an oversized message is reported with its size, and what follows is read', () => {
  const big = mqttPacket.generate({
    cmd: 'publish',
    topic: 'big',
    payload: Buffer.alloc(5_000, 1),
    qos: 1,
    messageId: 9,
    dup: false,
    retain: false
  })
  const next = mqttPacket.generate({
    cmd: 'publish',
    topic: 'next',
    payload: 'x',
    qos: 0,
    dup: false,
    retain: false
  })
  for (const cuts of [[], [1], [3, 5, 8], [2_000, 4_000], [big.length], [big.length + 3]]) {
    const seen = scan(4, Buffer.concat([big, next]), cuts, 1_000)
    assert.deepEqual(
      seen.map(({ topic, packetId, discarded }) => [topic, packetId, discarded]),
      [
        ['big', 9, 5_000],
        ['next', 0, 0]
      ]
    )
  }
})

test('a broken packet ends the connection instead of being guessed at', () => {
  const broken: Array<[string, Buffer]> = [
    ['QoS 3', Buffer.from([0x36, 5, 0, 1, 0x61, 0, 1])],
    ['packet identifier 0', Buffer.from([0x32, 5, 0, 1, 0x61, 0, 0])],
    ['no packet identifier', Buffer.from([0x32, 3, 0, 1, 0x61])],
    ['topic longer than the packet', Buffer.from([0x30, 3, 0, 9, 0x61])],
    ['length of five bytes', Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01])],
    ['oversized packet of another type', Buffer.from([0x20, 0xff, 0xff, 0x7f, 0])],
    ['PUBREL of one byte', Buffer.from([0x62, 1, 0])]
  ]
  for (const [what, bytes] of broken) assert.throws(() => scan(4, bytes), MalformedPacketError, what)
  assert.throws(
    () => scan(5, Buffer.from([0x30, 5, 0, 1, 0x61, 9, 1])),
    MalformedPacketError,
    'properties too long'
  )
  assert.throws(() => scan(5, Buffer.from([0x30, 7, 0, 1, 0x61, 3, 0x23, 0, 1])), /topic alias/)
})

test('random bytes give packets or a MalformedPacketError, never anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        scan(5, Buffer.from(bytes))
      } catch (error) {
        assert.ok(error instanceof MalformedPacketError, String(error))
      }
    }),
    { numRuns: 3_000 }
  )
})
