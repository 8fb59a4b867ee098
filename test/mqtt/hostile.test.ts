/**
 * A broker that breaks the protocol, by malice or by a bug. Whatever it sends, the service lives, says what it could not take,
 * has a connection again within the backoff, and messages flow.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import type { App } from '../../src/app.ts'
import type { Limits } from '../../src/limits.ts'
import { request, startBridge } from '../support/bridge.ts'
import { atEnd } from '../support/cleanup.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { claimedPublish, rawAcknowledgement, rawPublish } from '../support/hostile-packets.ts'
import type { Script, ScriptedBroker, ScriptedConnection } from '../support/scripted-broker.ts'
import { startScriptedBroker } from '../support/scripted-broker.ts'

const clientId = 'hostile'
/** A lock of ours is no trouble of the database, however slow the machine. */
const soon = {
  reconnectDelayMsMin: 20,
  reconnectDelayMsMax: 200,
  snapshotQuietMs: 50,
  statementMsMax: 120_000
}

interface Scene {
  app: App & { databaseUrl: string }
  broker: ScriptedBroker
  /** The connection of the receiving session, once it is made. */
  session(): Promise<ScriptedConnection>
  /** A message that is sent now is stored and acknowledged. */
  flows(): Promise<void>
}

async function begin(version: 4 | 5, script: Script = {}, limits: Partial<Limits> = {}): Promise<Scene> {
  const broker = await startScriptedBroker({
    ...script,
    onPacket(packet, connection, all) {
      if (packet.cmd === 'connect' && packet.protocolVersion === 5 && version === 4) {
        connection.send({ cmd: 'connack', reasonCode: 0x84, returnCode: 1, sessionPresent: false })
        connection.socket.end()
        return true
      }
      return script.onPacket?.(packet, connection, all)
    }
  })
  const app = await startBridge({ mqttUrl: broker.url, config: { clientId }, limits: { ...soon, ...limits } })
  const session = () =>
    eventually(
      async () => {
        const { body } = await request(`${app.url}/v1/status`)
        return body.mqtt.state === 'connected' && broker.open(clientId)
      },
      { what: 'a session that is connected' }
    )
  let number = 0
  async function flows(): Promise<void> {
    const topic = `flows/${++number}`
    const packetId = 40_000 + number
    const connection = await session()
    connection.send(rawPublish({ version, topic, packetId }))
    await eventually(() => acknowledgements(connection).includes(`puback ${packetId}`), { what: 'PUBACK' })
    assert.equal((await request(`${app.url}/v1/topic?name=${topic}`)).status, 200)
  }
  await flows()
  return { app, broker, session, flows }
}

const acknowledgements = ({ received }: ScriptedConnection): string[] =>
  received.flatMap((packet) =>
    packet.cmd === 'puback' || packet.cmd === 'pubrec' || packet.cmd === 'pubcomp'
      ? [`${packet.cmd} ${packet.messageId}`]
      : []
  )

interface GapRow {
  cause: string
  topic: string
  topicBase64?: string
  bytes?: number
  payload: string | null
}

const gaps = async (app: Scene['app'], cause: string): Promise<GapRow[]> =>
  (
    await query<{ detail: GapRow; payload: Buffer | null }>(
      app.databaseUrl,
      `select detail, payload from journal where kind = 7 order by seq`
    )
  )
    .filter(({ detail }) => detail.cause === cause)
    .map(({ detail, payload }) => ({ ...detail, payload: payload && payload.toString() }))

const stored = async (app: Scene['app'], topic: string): Promise<string[]> =>
  (await request(`${app.url}/v1/messages?order=asc&filter=${topic}`)).body.items.map(
    (item: { payloadText: string }) => item.payloadText
  )

function checkAccounts({ stats }: App): void {
  const { received, duplicates, confirmed, leftToOther, held, abandoned } = stats
  assert.equal(received, stats.stored + duplicates + confirmed + leftToOther + held + abandoned)
  assert.equal(stats.appendRetries, 0)
}

for (const version of [4, 5] as const) {
  const name = version === 5 ? 'MQTT 5' : 'MQTT 3.1.1'

  test(`${name}: what is no topic name is a gap with its bytes, acknowledged, and two of them stay two`, async () => {
    const { app, session, flows } = await begin(version)
    const connection = await session()
    const topics = [
      Buffer.from('a\0b'),
      Buffer.from('caf\xe9', 'latin1'),
      Buffer.from('caf\xe8', 'latin1'),
      Buffer.from([0xed, 0xa0, 0x80]), // a surrogate, as CESU-8 writes it
      Buffer.from([0xc0, 0x80]), // NUL, as Java writes it
      Buffer.from(''),
      Buffer.from('a/+/b'),
      Buffer.from('#')
    ]
    connection.send(
      Buffer.concat(
        topics.map((topic, index) =>
          rawPublish({
            version,
            topic,
            payload: `p${index}`,
            packetId: index + 1,
            qos: index % 2 === 0 ? 1 : 2
          })
        )
      )
    )
    await eventually(() => acknowledgements(connection).length > topics.length) // and the one of `flows`
    assert.deepEqual(
      acknowledgements(connection).slice(1),
      topics.map((_, index) => `${index % 2 === 0 ? 'puback' : 'pubrec'} ${index + 1}`)
    )
    const found = await gaps(app, 'invalid_topic')
    assert.deepEqual(
      found.map(({ topic, topicBase64, payload }) => [
        topicBase64 === undefined ? topic : Buffer.from(topicBase64, 'base64').toString('hex'),
        payload
      ]),
      topics.map((topic, index) => [
        index >= 1 && index <= 4 ? topic.toString('hex') : topic.toString(),
        `p${index}`
      ])
    )
    const pages = await request(`${app.url}/v1/gaps`)
    assert.equal(
      pages.body.items.filter((gap: { cause: string }) => gap.cause === 'invalid_topic').length,
      topics.length
    )
    for (const list of ['topics', 'messages']) {
      const { body } = await request(`${app.url}/v1/${list}`)
      assert.ok(body.items.every((item: { topic: string }) => item.topic.startsWith('flows/')))
    }
    assert.equal(app.stats.disconnects, 0)
    await flows()
    checkAccounts(app)
  })

  test(`${name}: answers to nothing, storms and identifiers used again are borne`, async () => {
    const { app, session, flows } = await begin(version)
    const connection = await session()
    for (const head of [0x40, 0x50, 0x70]) connection.send(rawAcknowledgement(head, 999))
    connection.send(
      version === 5 ? Buffer.from([0x90, 4, 3, 0xe7, 0, 1]) : Buffer.from([0x90, 3, 3, 0xe7, 1])
    )
    connection.send(version === 5 ? Buffer.from([0xb0, 4, 3, 0xe7, 0, 0]) : Buffer.from([0xb0, 2, 3, 0xe7]))
    const before = process.memoryUsage().rss
    connection.send(Buffer.alloc(400_000, Buffer.from([0xd0, 0]))) // 200,000 PINGRESP
    await flows()
    assert.ok(process.memoryUsage().rss - before < 200e6, 'a storm of PINGRESP is not kept')
    for (const packetId of [1, 2, 65_535]) connection.send(rawAcknowledgement(0x62, packetId))
    await eventually(() => acknowledgements(connection).includes('pubcomp 65535'))

    const send = (payload: string, dup: boolean): void =>
      connection.send(rawPublish({ version, topic: 'two', payload, qos: 2, packetId: 7, dup }))
    send('one', false)
    send('two', false) // without DUP it is a new message
    send('two', true) // with DUP it is the same
    send('three', true) // with other content it is a new one
    connection.send(rawAcknowledgement(0x62, 7))
    send('three', true) // and so it is after PUBREL
    await eventually(async () => (await stored(app, 'two')).length === 4)
    await flows()
    assert.deepEqual(await stored(app, 'two'), ['one', 'two', 'three', 'three'])
    assert.equal(app.stats.duplicates, 1)
    assert.deepEqual(
      acknowledgements(connection).filter((one) => one.endsWith(' 7')),
      ['pubrec 7', 'pubrec 7', 'pubrec 7', 'pubrec 7', 'pubcomp 7', 'pubrec 7']
    )
    assert.equal(app.stats.disconnects, 0)
    checkAccounts(app)
  })

  test(`${name}: what breaks the protocol ends the connection, and the next one works`, async () => {
    const { app, session, flows } = await begin(version)
    const broken: Array<[string, Buffer]> = [
      ['packet identifier 0', rawPublish({ version, topic: 'a', packetId: 0 })],
      ['QoS 3', rawPublish({ version, topic: 'a', qos: 3 })],
      ['a length of five bytes', Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 1])],
      ['a topic longer than its packet', Buffer.from([0x30, 3, 0, 9, 0x61])],
      ['a second CONNACK', version === 5 ? Buffer.from([0x20, 3, 0, 0, 0]) : Buffer.from([0x20, 2, 0, 0])],
      ['CONNECT', Buffer.from([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 9, 0, 0])],
      ['packet type 0', Buffer.from([0, 0])],
      ['a SUBACK of 1 MB', Buffer.from([0x90, 0x80, 0x80, 0x40])],
      ['a CONNACK of no sense', Buffer.from([0x20, 0])]
    ]
    for (const [what, bytes] of broken) {
      const connection = await session()
      const intact = rawPublish({ version, topic: 'intact', payload: what, qos: 0 })
      connection.send(Buffer.concat([intact, bytes]))
      await eventually(() => connection.socket.destroyed, { what: `${what} ends the connection` })
      await flows()
    }
    // What came whole before it is kept
    assert.deepEqual(
      await stored(app, 'intact'),
      broken.map(([what]) => what)
    )

    const connection = await session()
    connection.send(rawPublish({ version, topic: 'cut', payload: 'x'.repeat(100) }).subarray(0, 50))
    connection.socket.end()
    await eventually(() => connection.socket.destroyed)
    await flows()
    assert.deepEqual(await stored(app, 'cut'), [])
    checkAccounts(app)
  })

  test(`${name}: a packet that is claimed and never comes holds neither connection nor memory`, async () => {
    let mute = false
    const { app, session, flows } = await begin(
      version,
      { onPacket: ({ cmd }) => mute && cmd === 'pingreq' },
      { keepAliveSeconds: 1 }
    )
    for (const bytes of [268_435_455, 15_000_000, 100]) {
      const connection = await session()
      const before = process.memoryUsage().rss
      mute = true
      connection.send(claimedPublish(bytes))
      await eventually(() => connection.socket.destroyed, { what: `a packet of ${bytes} bytes ends` })
      assert.ok(process.memoryUsage().rss - before < 100e6)
      mute = false
      await flows()
    }
    checkAccounts(app)
  })

  test(`${name}: a message of 20 MB is thrown away as it comes, acknowledged, and a gap with its size`, async () => {
    const { app, session, flows } = await begin(version)
    const connection = await session()
    const payload = Buffer.alloc(20_000_000, 'x')
    connection.send(rawPublish({ version, topic: 'large/é', payload, packetId: 5 }))
    connection.send(rawPublish({ version, topic: 'behind', payload: 'it', packetId: 6 }))
    await eventually(() => acknowledgements(connection).includes('puback 6'))
    assert.deepEqual(acknowledgements(connection).slice(1), ['puback 5', 'puback 6'])
    const [gap] = await gaps(app, 'packet_too_large')
    // On MQTT 5, the empty properties are thrown away with it
    assert.deepEqual(
      [gap!.topic, gap!.bytes! - payload.length, gap!.payload],
      ['large/é', version === 5 ? 1 : 0, null]
    )
    assert.deepEqual(await stored(app, 'behind'), ['it'])
    assert.equal(app.stats.disconnects, 0)
    await flows()
    checkAccounts(app)
  })
}

/** Keeps the journal locked, as a slow database would, until it is let go. */
async function lockJournal(
  databaseUrl: string,
  lock = 'select from journal_head for update'
): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  let locked = true
  const unlock = async (): Promise<void> => {
    if (locked) await client.end()
    locked = false
  }
  atEnd(unlock)
  await client.query('begin')
  await client.query(lock)
  return unlock
}

/** The most that was held at the end of any turn of the event loop. */
function watchHeld({ stats }: App): { messages: number; bytes: number; stop(): void } {
  const peak = { messages: 0, bytes: 0, stop: () => void (stopped = true) }
  let stopped = false
  const look = (): void => {
    peak.messages = Math.max(peak.messages, stats.held)
    peak.bytes = Math.max(peak.bytes, stats.heldBytes)
    if (!stopped) setImmediate(look)
  }
  look()
  atEnd(peak.stop)
  return peak
}

const readBytes = 65_536
const flood = { messages: 20_000, bytes: 300 }
const floodOf = (version: 4 | 5): Buffer =>
  Buffer.concat(
    Array.from({ length: flood.messages }, (_, index) =>
      rawPublish({
        version,
        topic: `flood/${index % 50}`,
        payload: `${index} `.padEnd(flood.bytes),
        packetId: index + 1
      })
    )
  )

async function checkFlood(app: Scene['app'], connection: ScriptedConnection): Promise<void> {
  const owed = Array.from({ length: flood.messages }, (_, index) => `puback ${index + 1}`)
  const paid = () => acknowledgements(connection).filter((one) => !/ 4000\d$/.test(one))
  await eventually(() => paid().length >= flood.messages, {
    withinMs: 60_000,
    what: 'everything is acknowledged'
  })
  assert.deepEqual(paid(), owed)
  const rows = await query<{ payload: Buffer }>(
    app.databaseUrl,
    `select payload from journal join topics on id = topic_id where name like 'flood/%' order by seq`
  )
  assert.ok(rows.every(({ payload }, index) => Number.parseInt(payload.toString(), 10) === index))
  assert.equal(rows.length, flood.messages)
  checkAccounts(app)
}

test('a broker that ignores our receive maximum: held are the caps and one read, the socket waits, nothing is lost', async () => {
  for (const caps of [{ heldMessagesMax: 500 }, { heldBytesMax: 200_000 }]) {
    const { app, session, flows } = await begin(5, {}, { ...caps, receiveMaximum: 10 })
    const connection = await session()
    const unlock = await lockJournal(app.databaseUrl)
    const peak = watchHeld(app)
    connection.send(floodOf(5))
    await eventually(() => app.stats.pauses > 0)
    // The socket is paused: TCP holds back what the broker still has to send
    await eventually(() => connection.socket.writableLength > 0 && peak.messages > 0)
    const { received } = app.stats
    const alive = await request(`${app.url}/livez`)
    assert.deepEqual([alive.status, app.stats.received], [200, received])
    await unlock()
    await checkFlood(app, connection)
    peak.stop()
    assert.ok(
      peak.messages <= (caps.heldMessagesMax ?? 20_000) + readBytes / flood.bytes,
      `${peak.messages} messages`
    )
    assert.ok(peak.bytes <= (caps.heldBytesMax ?? 64e6) + readBytes + flood.bytes, `${peak.bytes} bytes`)
    assert.equal(app.stats.disconnects, 0)
    await flows()
  }
})

test('a flood in the very packet of CONNACK is paused, too, although the connection is not yet made', async () => {
  let flooding = false
  const { app, broker, session, flows } = await begin(
    5,
    {
      onPacket(packet, connection) {
        if (!flooding || packet.cmd !== 'connect' || packet.clientId !== clientId) return false
        const connack = Buffer.from([0x20, 3, 1, 0, 0])
        connection.send(Buffer.concat([connack, floodOf(5)]))
        return true
      }
    },
    { heldBytesMax: 20_000 } // reached within the read that brings CONNACK
  )
  const unlock = await lockJournal(app.databaseUrl)
  flooding = true
  const before = await session()
  before.socket.destroy()
  const peak = watchHeld(app)
  const connection = await eventually(() => {
    const open = broker.open(clientId)
    return open !== undefined && open !== before ? open : null
  })
  flooding = false
  await eventually(() => app.stats.pauses > 0 && connection.socket.writableLength > 0)
  await unlock()
  await checkFlood(app, connection)
  peak.stop()
  // A few reads pass before the connection hears that it is to wait
  assert.ok(peak.bytes <= 20_000 + 16 * readBytes, `${peak.bytes} bytes`)
  await flows()
})

test('an acknowledgement of a connection that ended, with a session that is lost, never appears on the next', async () => {
  const { app, broker, session, flows } = await begin(5)
  const first = await session()
  // Topics cannot be registered, so nothing is committed; the session itself can be taken again
  const unlock = await lockJournal(app.databaseUrl, 'lock table topics in exclusive mode')
  for (const qos of [1, 2] as const)
    first.send(rawPublish({ version: 5, topic: `stale/${qos}`, payload: 'old', packetId: qos, qos }))
  await eventually(() => app.stats.held >= 2)
  broker.sessions.clear()
  first.socket.destroy()
  const second = await eventually(() => {
    const open = broker.open(clientId)
    return open !== undefined && open !== first ? open : null
  })
  await unlock()
  for (const qos of [1, 2]) await eventually(async () => (await stored(app, `stale/${qos}`)).length === 1)
  assert.equal(await session(), second)
  // The same identifiers, for other messages
  for (const qos of [1, 2] as const)
    second.send(rawPublish({ version: 5, topic: `stale/${qos}`, payload: 'new', packetId: qos, qos }))
  await flows()
  // Acknowledgements leave in order: a stale one would stand before these
  assert.deepEqual(acknowledgements(second).slice(0, 2), ['puback 1', 'pubrec 2'])
  for (const qos of [1, 2]) assert.deepEqual(await stored(app, `stale/${qos}`), ['old', 'new'])
  assert.equal(acknowledgements(second).length, 3)
  assert.ok(app.stats.acknowledgementsDropped >= 2)
  checkAccounts(app)
})

test('what is retained under something that is no topic name does not keep its neighbours from being read', async () => {
  const retained = (topic: string): Buffer => {
    const packet = rawPublish({ version: 5, topic, payload: 'kept', qos: 0 })
    packet[0]! |= 1 // RETAIN
    return packet
  }
  const { app } = await begin(5, {
    onPacket(packet, connection) {
      if (packet.cmd !== 'subscribe' || connection.clientId !== `${clientId}-s`) return false
      const granted = packet.subscriptions.map(({ qos }) => qos)
      connection.send({ cmd: 'suback', messageId: packet.messageId!, granted })
      for (const topic of ['before', 'nul\0', 'a/+', '', `rialto/${clientId}/status`, 'after'])
        connection.send(retained(topic))
      return true
    }
  })
  await eventually(async () => (await request(`${app.url}/v1/status`)).body.mqtt.snapshot.state === 'known')
  for (const topic of ['before', 'after'])
    assert.equal((await request(`${app.url}/v1/topic?name=${topic}`)).body.retained?.payloadText, 'kept')
  assert.equal(app.stats.appendRetries, 0)
})
