import assert from 'node:assert/strict'
import { test } from 'node:test'
import mqttPacket from 'mqtt-packet'
import { defaultLimits } from '../../src/limits.ts'
import type { Limits } from '../../src/limits.ts'
import type { InboxBatch, InboxConnection } from '../../src/mqtt/draft.ts'
import { Inbox } from '../../src/mqtt/inbox.ts'
import { PublishScanner } from '../../src/mqtt/publish-scanner.ts'
import { createStats } from '../../src/stats.ts'

function setUp(limits: Partial<Limits> = {}, clock: { now?: () => number } = {}) {
  const stats = createStats()
  const inbox = new Inbox({ limits: { ...defaultLimits, batchDelayMs: 0, ...limits }, stats, ...clock })
  return { inbox, stats }
}

/** A connection that remembers what was sent on it. */
function connect(
  inbox: Inbox,
  sessionPresent: boolean
): InboxConnection & { sent: string[]; paused: boolean } {
  const connection = {
    version: 5 as const,
    sent: [] as string[],
    paused: false,
    acknowledge(packets: Buffer) {
      for (let at = 0; at < packets.length; at += 4) {
        const name = { 0x40: 'puback', 0x50: 'pubrec', 0x70: 'pubcomp' }[packets[at]!]
        connection.sent.push(`${name} ${packets.readUInt16BE(at + 2)}`)
      }
    },
    pauseReading: () => void (connection.paused = true),
    resumeReading: () => void (connection.paused = false)
  }
  inbox.connected(connection, sessionPresent)
  return connection
}

interface Sent {
  topic?: string
  payload?: string | Buffer
  qos?: 0 | 1 | 2
  packetId?: number
  dup?: boolean
}

function receive(
  inbox: Inbox,
  { topic = 't', payload = 'x', qos = 1, packetId = 1, dup = false }: Sent
): void {
  const packet = { cmd: 'publish' as const, topic, payload, qos, dup, messageId: packetId, retain: false }
  new PublishScanner(5, 1e9, {
    publish: (frame) => inbox.publish(frame),
    pubrel: () => {},
    other: () => {}
  }).push(mqttPacket.generate(packet, { protocolVersion: 5 }))
}

const payloads = (batch: InboxBatch | null): string[] =>
  batch!.messages.map((message) => message.payload.toString())

test('nothing is acknowledged before the batch is; then everything, in the order received', async () => {
  const { inbox } = setUp()
  const connection = connect(inbox, true)
  receive(inbox, { packetId: 7 })
  receive(inbox, { packetId: 3, qos: 2, payload: 'y' })
  inbox.pubrel(2)
  receive(inbox, { qos: 0, payload: 'z' })
  const batch = (await inbox.next())!
  assert.deepEqual(payloads(batch), ['x', 'y', 'z'])
  assert.deepEqual(connection.sent, [])
  batch.acknowledge()
  assert.deepEqual(connection.sent, ['puback 7', 'pubrec 3', 'pubcomp 2'])
})

test('an acknowledgement never crosses to another connection', async () => {
  const { inbox, stats } = setUp()
  const first = connect(inbox, true)
  receive(inbox, { packetId: 1, payload: 'taken' })
  const taken = (await inbox.next())!
  receive(inbox, { packetId: 2, payload: 'waiting' })
  const second = connect(inbox, true)
  taken.acknowledge()
  const waiting = (await inbox.next())!
  assert.deepEqual(payloads(waiting), ['waiting'])
  waiting.acknowledge()
  assert.deepEqual([first.sent, second.sent], [[], []])
  assert.equal(stats.acknowledgementsDropped, 2)
})

test('what is redelivered after a reconnect is acknowledged there, and not taken twice', async () => {
  const { inbox, stats } = setUp()
  connect(inbox, true)
  receive(inbox, { packetId: 6001, payload: 'a' })
  receive(inbox, { packetId: 6002, payload: 'b', qos: 2 })
  const batch = (await inbox.next())!
  const connection = connect(inbox, true)
  receive(inbox, { packetId: 6001, payload: 'a', dup: true })
  receive(inbox, { packetId: 6002, payload: 'b', qos: 2, dup: true })
  batch.acknowledge()
  const redelivered = (await inbox.next())!
  assert.deepEqual(payloads(redelivered), [])
  redelivered.acknowledge()
  assert.deepEqual(connection.sent, ['puback 6001', 'pubrec 6002'])
  assert.deepEqual([stats.received, stats.duplicates, stats.held], [4, 2, 0])
})

test('DUP alone proves nothing: another payload, another topic or no DUP is a new message', async () => {
  const { inbox, stats } = setUp()
  connect(inbox, true)
  receive(inbox, { packetId: 1, payload: 'a' })
  receive(inbox, { packetId: 1, payload: 'b', dup: true })
  receive(inbox, { packetId: 5, payload: 'c', qos: 2 })
  receive(inbox, { packetId: 5, payload: 'c', qos: 2 })
  receive(inbox, { packetId: 5, payload: 'c', topic: 'u', qos: 2, dup: true })
  assert.deepEqual(payloads(await inbox.next()), ['a', 'b', 'c', 'c', 'c'])
  assert.equal(stats.duplicates, 0)
})

test('a released QoS 2 identifier may come again', async () => {
  const { inbox } = setUp()
  connect(inbox, true)
  receive(inbox, { packetId: 1, qos: 2 })
  ;(await inbox.next())!.acknowledge()
  inbox.pubrel(1)
  receive(inbox, { packetId: 1, qos: 2, dup: true })
  const batch = (await inbox.next())!
  assert.equal(batch.messages.length, 1)
  assert.deepEqual(batch.packets.released, [])
  assert.equal(batch.packets.added.length, 1)
})

test('on a new session former identifiers mean nothing, and held messages stay', async () => {
  const { inbox } = setUp()
  inbox.restore(
    [{ packetId: 9, hash: Buffer.alloc(16) }],
    [{ packetId: 1, dup: false, topic: 't', payload: Buffer.from('x') }]
  )
  connect(inbox, true)
  receive(inbox, { packetId: 2, qos: 2, payload: 'held' })
  connect(inbox, false)
  receive(inbox, { packetId: 1, payload: 'x', dup: true })
  receive(inbox, { packetId: 2, qos: 2, payload: 'held', dup: true })
  const held = (await inbox.next())!
  held.acknowledge()
  const fresh = (await inbox.next())!
  assert.deepEqual([payloads(held), held.packets.added, held.messages[0]!.packetId], [['held'], [], null])
  assert.deepEqual(payloads(fresh), ['x', 'held'])
})

test('a restored window recognises what an earlier process stored', async () => {
  const { inbox, stats } = setUp()
  inbox.restore(
    [],
    [6001, 6002, 6003].map((packetId) => ({
      packetId,
      dup: false,
      topic: 't',
      payload: Buffer.from(`${packetId}`)
    }))
  )
  connect(inbox, true)
  receive(inbox, { packetId: 6002, payload: '6002', dup: true })
  receive(inbox, { packetId: 6004, payload: '6004', dup: true })
  assert.deepEqual(payloads(await inbox.next()), ['6004'])
  assert.equal(stats.duplicates, 1)
})

test('a broker that has not counted beyond what may be unacknowledged is not trusted: it may take the lowest free identifier', async () => {
  const { inbox, stats } = setUp({ receiveMaximum: 4 })
  inbox.restore(
    [],
    [1, 2, 3, 4].map((packetId) => ({ packetId, dup: false, topic: 't', payload: Buffer.from('on') }))
  )
  connect(inbox, true)
  // 2 and 3 were free again, for messages that were not committed
  receive(inbox, { packetId: 2, payload: 'on', dup: true })
  receive(inbox, { packetId: 3, payload: 'on', dup: true })
  assert.deepEqual(payloads(await inbox.next()), ['on', 'on'])
  assert.equal(stats.duplicates, 0)
})

test('a broker that begins at 1 on each connection is not trusted', async () => {
  const { inbox, stats } = setUp({ receiveMaximum: 4 })
  connect(inbox, true)
  for (const packetId of [65_533, 65_534, 65_535, 1, 2]) receive(inbox, { packetId, payload: 'on' })
  connect(inbox, true)
  for (const packetId of [1, 2]) receive(inbox, { packetId, payload: 'on', dup: true })
  assert.equal(stats.duplicates, 0)
})

test('identifiers that come out of sequence are not trusted', async () => {
  const { inbox, stats } = setUp()
  connect(inbox, true)
  // A broker that hands out the lowest free identifier uses 1 for every message of a slow stream
  receive(inbox, { packetId: 1, payload: 'on' })
  receive(inbox, { packetId: 1, payload: 'off' })
  receive(inbox, { packetId: 1, payload: 'on' })
  receive(inbox, { packetId: 1, payload: 'on', dup: true })
  assert.deepEqual(payloads(await inbox.next()), ['on', 'off', 'on', 'on'])
  assert.equal(stats.duplicates, 0)
})

test('the window is the last receive-maximum messages, and no more', async () => {
  const { inbox, stats } = setUp({ receiveMaximum: 3 })
  connect(inbox, true)
  for (let packetId = 1; packetId <= 4; packetId++) receive(inbox, { packetId, payload: `${packetId}` })
  receive(inbox, { packetId: 1, payload: '1', dup: true })
  assert.equal(stats.duplicates, 0)
})

test('above the cap the socket is paused, at half of it resumed, and a new connection begins paused', async () => {
  const { inbox, stats } = setUp({ heldMessagesMax: 4, batchMessagesMax: 2 })
  const first = connect(inbox, true)
  for (let packetId = 1; packetId <= 4; packetId++) receive(inbox, { packetId, payload: `${packetId}` })
  assert.equal(first.paused, true)
  const second = connect(inbox, true)
  assert.equal(second.paused, true)
  ;(await inbox.next())!.acknowledge()
  assert.equal(second.paused, false)
  assert.deepEqual([stats.held, stats.pauses], [2, 1])
})

test('two inboxes have one account, and each a brake of its own: the one does not wait for what the other settles', async () => {
  const stats = createStats()
  const limits = { ...defaultLimits, batchDelayMs: 0, heldMessagesMax: 4, batchMessagesMax: 4 }
  const [busy, idle] = [new Inbox({ limits, stats }), new Inbox({ limits, stats })]
  const connections = [connect(busy, true), connect(idle, true)]
  for (let packetId = 1; packetId <= 4; packetId++) receive(busy, { packetId, payload: `${packetId}` })
  receive(idle, { payload: 'x' })
  assert.deepEqual([stats.held, ...connections.map(({ paused }) => paused)], [5, true, false])
  ;(await idle.next())!.acknowledge()
  assert.deepEqual([stats.held, ...connections.map(({ paused }) => paused)], [4, true, false])
  ;(await busy.next())!.acknowledge()
  assert.deepEqual([stats.held, ...connections.map(({ paused }) => paused)], [0, false, false])
})

test('bytes are capped, too', () => {
  const { inbox } = setUp({ heldBytesMax: 1_000 })
  const connection = connect(inbox, true)
  receive(inbox, { payload: Buffer.alloc(1_000) })
  assert.equal(connection.paused, true)
})

test('a batch is cut at its limits of messages and bytes', async () => {
  const { inbox } = setUp({ batchMessagesMax: 2, batchBytesMax: 10 })
  connect(inbox, true)
  for (const [index, payload] of ['1', '2', '3', '4444444444', '5'].entries())
    receive(inbox, { packetId: index + 1, payload })
  inbox.close()
  const batches: string[][] = []
  for (let batch = await inbox.next(); batch !== null; batch = await inbox.next()) {
    batches.push(payloads(batch))
    batch.acknowledge()
  }
  assert.deepEqual(batches, [['1', '2'], ['3', '4444444444'], ['5']])
})

test('idle waits for what was received before, and not for what comes after', async () => {
  const { inbox } = setUp()
  connect(inbox, true)
  receive(inbox, { packetId: 1 })
  const batch = (await inbox.next())!
  let idle = false
  const waiting = inbox.idle().then(() => (idle = true))
  receive(inbox, { packetId: 2 })
  await Promise.resolve()
  assert.equal(idle, false)
  batch.acknowledge()
  await waiting
})

test('where the session may have been begun anew, QoS 2 identifiers that the broker has not named are forgotten', async () => {
  const { inbox, stats } = setUp()
  const hashed = async (packetId: number): Promise<Buffer> => {
    const other = setUp()
    connect(other.inbox, true)
    receive(other.inbox, { packetId, qos: 2, payload: 'on' })
    return (await other.inbox.next())!.packets.added[0]!.hash
  }
  const hashes = await Promise.all([1, 2, 3].map(hashed))
  inbox.restore(
    [1, 2, 3].map((packetId, index) => ({ packetId, hash: hashes[index]! })),
    []
  )
  connect(inbox, true)
  receive(inbox, { packetId: 1, qos: 2, payload: 'on', dup: true })
  inbox.pubrel(2)
  inbox.forgetUnmentioned()
  assert.equal(stats.duplicates, 1) // 1 is known still
  // 3 is a new message, although its first delivery did not reach us
  receive(inbox, { packetId: 3, qos: 2, payload: 'on', dup: true })
  receive(inbox, { packetId: 1, qos: 2, payload: 'on', dup: true })
  const { messages, packets } = (await inbox.next())!
  assert.deepEqual([messages.length, stats.duplicates], [1, 2])
  assert.deepEqual([packets.added.map(({ packetId }) => packetId), packets.released], [[3], [2]])
})

test('what comes again under its old identifier does not make a broker that counts look like one that jumps', async () => {
  const { inbox, stats } = setUp({ receiveMaximum: 4 })
  connect(inbox, true)
  for (let packetId = 1; packetId <= 4; packetId++) receive(inbox, { packetId, payload: `${packetId}` })
  // Not trusted yet, so these are stored again; 5 is new to us
  for (const packetId of [3, 4, 5]) receive(inbox, { packetId, payload: `${packetId}`, dup: true })
  assert.equal(stats.duplicates, 0)
  receive(inbox, { packetId: 6, payload: '6' })
  receive(inbox, { packetId: 6, payload: '6', dup: true })
  assert.equal(stats.duplicates, 1)
})

test('what is held longest is told until it is settled, taken or not', async () => {
  let now = 1_000
  const { inbox } = setUp({}, { now: () => now++ })
  connect(inbox, true)
  assert.equal(inbox.oldestHeldAt(), null)
  receive(inbox, { packetId: 1 })
  receive(inbox, { packetId: 2 })
  assert.equal(inbox.oldestHeldAt(), 1_000)
  const first = (await inbox.next())!
  receive(inbox, { packetId: 3 })
  assert.equal(inbox.oldestHeldAt(), 1_000)
  first.acknowledge()
  assert.equal(inbox.oldestHeldAt(), 1_002)
  const second = (await inbox.next())!
  assert.equal(inbox.oldestHeldAt(), 1_002)
  second.abandon()
  assert.equal(inbox.oldestHeldAt(), null)
})
