/** The session of a Sparkplug host application: what it says on the wire, what edge nodes see, and what is stored. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IConnectPacket, IPublishPacket, ISubscribePacket, Packet } from 'mqtt-packet'
import mqttPacket from 'mqtt-packet'
import pg from 'pg'
import { graphql, request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { atEnd } from '../support/cleanup.ts'
import { createDatabase, query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt.ts'
import type { TestClient } from '../support/mqtt.ts'
import { refuseMqtt5, startMqttProxy } from '../support/mqtt-proxy.ts'
import type { MqttProxy } from '../support/mqtt-proxy.ts'
import { startService } from '../support/service.ts'

const state = 'spBv1.0/STATE/plant'
const sparkplug = { hostId: 'plant', topics: ['spBv1.0/#'] }
const soon = { reconnectDelayMsMin: 50, reconnectDelayMsMax: 100 }

interface Certificate {
  online: boolean
  timestamp: number
}

const certificateOf = (payload: Buffer | string): Certificate => JSON.parse(payload.toString())

/** Each connection of the host's client, as the broker sees it: packets in order. */
function watchHost(proxy: MqttProxy, version: 4 | 5): Packet[][] {
  const connections: Packet[][] = []
  const byLink = new Map<object, Packet[]>()
  proxy.rule = (frame) => {
    if (version === 4 && refuseMqtt5(frame)) return 'drop'
    if (frame.direction === 'toService') return 'pass'
    const parser = mqttPacket.parser({ protocolVersion: version })
    parser.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connect' && packet.will?.topic === state) {
        byLink.set(frame.link, [])
        connections.push(byLink.get(frame.link)!)
      }
      byLink.get(frame.link)?.push(packet)
    })
    parser.parse(frame.bytes)
    return 'pass'
  }
  return connections
}

const publishesOf = (packets: Packet[]): IPublishPacket[] =>
  packets.filter((packet): packet is IPublishPacket => packet.cmd === 'publish')

/** What a client that comes now finds retained under our STATE. */
async function retained(url: string, protocolVersion: 4 | 5): Promise<Certificate> {
  const asker = await connectClient(url, { protocolVersion })
  await asker.client.subscribeAsync(state, { qos: 1 })
  const { payload } = await eventually(() => asker.packets[0])
  await asker.client.endAsync()
  return certificateOf(payload)
}

const statesSeenBy = ({ packets }: TestClient): Certificate[] =>
  packets.filter(({ topic }) => topic === state).map(({ payload }) => certificateOf(payload))

/** Names and payloads of what is stored, with how often. */
const stored = (databaseUrl: string, like: string) =>
  query<{ name: string; payload: string; count: number; session: string }>(
    databaseUrl,
    `select t.name, convert_from(payload, 'utf8') as payload, count(*)::int as count, min(s.name) as session
     from journal j join topics t on t.id = j.topic_id left join sessions s on s.id = j.session_id
     where t.name like $1 and kind = 1 group by 1, 2`,
    [like]
  )

// RabbitMQ 3.10 makes spBv1/0 of spBv1.0, and NATS 2.9 refuses a filter with a dot
const kinds = [
  ['Mosquitto, MQTT 5', 5, startMosquitto],
  ['Mosquitto, MQTT 3.1.1', 4, startMosquitto]
] as const

for (const [name, version, startOne] of kinds) {
  test(`${name}: a host says that it is there as the standard has it, stores once, and says that it goes`, async () => {
    const broker = await startOne()
    const proxy = await startMqttProxy(broker)
    const connections = watchHost(proxy, version)
    const edge = await connectClient(broker.url, { protocolVersion: version })
    await edge.client.subscribeAsync('spBv1.0/STATE/#', { qos: 1 })
    const begun = Date.now()
    const app = await startBridge({ mqttUrl: proxy.url, config: { sparkplug }, limits: soon })
    const host = async () => (await request(`${app.url}/v1/status`)).body.sparkplugHost
    await eventually(async () => (await host()).state === 'connected')
    const shown = await host()
    assert.deepEqual(
      [shown.hostId, shown.version, shown.lastError, shown.refusedFilters],
      ['plant', version === 5 ? '5' : '3.1.1', null, []]
    )
    const { status } = await graphql(
      app.url,
      '{ status { sparkplugHost { hostId state since version lastError lastErrorCode refusedFilters } } }'
    )
    assert.deepEqual(status.sparkplugHost, shown)

    // CONNECT, SUBSCRIBE, birth
    const first = connections[0]!
    const connect = first[0] as IConnectPacket
    assert.equal(connect.clean, true)
    if (version === 5) assert.equal(connect.properties?.sessionExpiryInterval, 0)
    assert.deepEqual([connect.will!.qos, connect.will!.retain], [1, true])
    const will = certificateOf(connect.will!.payload as Buffer)
    assert.deepEqual(Object.keys(will).toSorted(), ['online', 'timestamp'])
    assert.equal(will.online, false)
    assert.ok(will.timestamp >= begun && will.timestamp <= Date.now(), `${will.timestamp}`)
    const { subscriptions } = first[1] as ISubscribePacket
    assert.deepEqual(
      subscriptions.map(({ topic }) => topic),
      [state, 'spBv1.0/#']
    )
    const birth = publishesOf(first)[0]!
    assert.ok(first.indexOf(birth) > 1, 'SUBSCRIBE comes first')
    assert.deepEqual([birth.topic, birth.qos, birth.retain], [state, 1, true])
    assert.deepEqual(certificateOf(birth.payload), { online: true, timestamp: will.timestamp })
    await eventually(() => statesSeenBy(edge).length === 1)

    // What others say of us
    const say = (payload: string, topic = state): Promise<unknown> =>
      edge.client.publishAsync(topic, payload, { qos: 1, retain: true })
    for (const other of ['{"online":true,"timestamp":1}', 'null', '{', '{"online":"false"}', '[false]'])
      await say(other)
    await say('{"online":false,"timestamp":1}', 'spBv1.0/STATE/plan8')
    // The only one of QoS 2: what we answer to those before is sent before its acknowledgement
    await edge.client.publishAsync('spBv1.0/G/NDATA/marker', '', { qos: 2 })
    await eventually(() => first.some(({ cmd }) => cmd === 'pubrec'))
    assert.equal(publishesOf(first).length, 1)
    await say(JSON.stringify({ online: false, timestamp: Date.now() }))
    // Mosquitto delivers it twice on MQTT 5, once for each filter that matches
    await eventually(() => publishesOf(first).length > 1)
    await eventually(async () => {
      const now = await retained(broker.url, version)
      return now.online && now.timestamp === will.timestamp
    })

    const answers = publishesOf(first)
    assert.ok(answers.length <= 3, `${answers.length} answers`)
    for (const answer of answers) assert.deepEqual(answer.payload, birth.payload)

    // Stored once, whichever session they came on
    for (let index = 0; index < 30; index++) {
      const qos = (index % 3) as 0 | 1 | 2
      await edge.client.publishAsync('spBv1.0/G/NDATA/E', `n${index}`, { qos })
      await edge.client.publishAsync('plain/x', `x${index}`, { qos })
    }
    const all = await eventually(async () => {
      const rows = [
        ...(await stored(app.databaseUrl, 'spBv1.0/G/NDATA/E')),
        ...(await stored(app.databaseUrl, 'plain/%'))
      ]
      return rows.length === 60 ? rows : null
    })
    assert.deepEqual(
      all.filter(({ count }) => count !== 1),
      []
    )
    assert.equal(all.filter(({ session }) => session === 'sparkplug').length, 30)
    const births = await stored(app.databaseUrl, state)
    const ours = births.find(({ payload }) => payload === birth.payload.toString())!
    assert.deepEqual([ours.count, ours.session], [answers.length, 'ingest'])
    await eventually(() => {
      const { received, duplicates, confirmed, leftToOther, held, abandoned } = app.stats
      assert.equal(received, app.stats.stored + duplicates + confirmed + leftToOther + held + abandoned)
      return leftToOther > 30
    })

    // Away and back: a new time, and a gap that tells what it is
    proxy.cut()
    await eventually(() => connections.length === 2 && publishesOf(connections[1]!).length > 0)
    const again = certificateOf((connections[1]![0] as IConnectPacket).will!.payload as Buffer)
    assert.ok(again.timestamp > will.timestamp)
    const gap = await eventually(async () =>
      (await request(`${app.url}/v1/gaps`)).body.items.find(
        (item: { session: string }) => item.session === 'sparkplug'
      )
    )
    assert.deepEqual([gap.cause, gap.messages], ['absence', null])
    assert.equal(app.stats.sessionsLost, 0)

    // An orderly end
    await eventually(async () => (await host()).state === 'connected')
    await app.close()
    const last = connections.at(-1)!
    const [death, disconnect] = last.filter(({ cmd }) => cmd === 'publish' || cmd === 'disconnect').slice(-2)
    assert.deepEqual([death!.cmd, disconnect!.cmd], ['publish', 'disconnect'])
    const { topic, qos, retain, payload } = death as IPublishPacket
    assert.deepEqual([topic, qos, retain], [state, 1, true])
    assert.equal(certificateOf(payload).online, false)
    assert.ok(certificateOf(payload).timestamp > again.timestamp)
    assert.deepEqual(await retained(broker.url, version), certificateOf(payload))
  })
}

test('two instances: one is the host; killed, its will tells, and the other is the host at once', async () => {
  const broker = await startMosquitto()
  const databaseUrl = await createDatabase()
  const edge = await connectClient(broker.url)
  await edge.client.subscribeAsync(state, { qos: 1 })
  const environment = { MQTT_URL: broker.url, DATABASE_URL: databaseUrl, RIALTO_SPARKPLUG_HOST: 'plant' }
  const hostState = async (url: string): Promise<string> =>
    (await request(`${url}/v1/status`)).body.sparkplugHost.state
  const one = await startService(environment)
  await eventually(() => statesSeenBy(edge).length === 1)
  const other = await startService(environment)
  await eventually(async () => (await hostState(one.url)) === 'connected')
  assert.equal(await hostState(other.url), 'stopped')
  await one.kill('SIGKILL')
  await eventually(() => statesSeenBy(edge).length === 3, { withinMs: 40_000 })
  const [birth, will, second] = statesSeenBy(edge)
  assert.deepEqual(will, { online: false, timestamp: birth!.timestamp })
  assert.equal(second!.online, true)
  assert.ok(second!.timestamp > birth!.timestamp)
  await eventually(async () => (await hostState(other.url)) === 'connected')
  await other.kill('SIGTERM')
  const death = await eventually(() => statesSeenBy(edge)[3])
  assert.equal(death.online, false)
  assert.ok(death.timestamp > second!.timestamp)
  assert.equal(statesSeenBy(edge).length, 4)
})

test('an instance that loses the main session gives the host up, too, and says so; and takes both again', async () => {
  const broker = await startMosquitto()
  const edge = await connectClient(broker.url)
  await edge.client.subscribeAsync(state, { qos: 1 })
  const app = await startBridge({
    mqttUrl: broker.url,
    config: { sparkplug },
    limits: { ...soon, leaseRenewMs: 200 }
  })
  await eventually(() => statesSeenBy(edge).length === 1)
  // As another instance would: first the lock of the next epoch, then the epoch
  const usurper = new pg.Client({ connectionString: app.databaseUrl })
  await usurper.connect()
  atEnd(() => usurper.end().catch(() => {}))
  const { rows } = await usurper.query<{ id: number; epoch: number }>(
    `select id, epoch from sessions where name = 'ingest'`
  )
  const { id, epoch } = rows[0]!
  const key = (0x7269616cn << 32n) | (BigInt(id) << 16n) | BigInt(epoch + 1)
  await usurper.query('select pg_advisory_lock($1)', [key.toString()])
  await usurper.query(
    `update sessions set epoch = $2, lease_until = now() + interval '1 hour' where id = $1`,
    [id, epoch + 1]
  )
  await eventually(() => statesSeenBy(edge).length === 2)
  assert.equal(statesSeenBy(edge)[1]!.online, false)
  await eventually(async () => (await request(`${app.url}/v1/status`)).body.sparkplugHost.state === 'stopped')
  await usurper.end()
  await eventually(() => statesSeenBy(edge).at(-1)!.online, { withinMs: 40_000 })
  assert.equal(statesSeenBy(edge).length, 3)
})

test('where the main session does not receive Sparkplug, nothing is left to it: our own STATE is stored by the host', async () => {
  const broker = await startBroker()
  const app = await startBridge({ mqttUrl: broker.url, config: { sparkplug, filters: ['plain/#'] } })
  const { client } = await connectClient(broker.url)
  await eventually(
    async () => (await request(`${app.url}/v1/status`)).body.sparkplugHost.state === 'connected'
  )
  // The main session does not receive it, so nothing is left to it
  await eventually(async () => (await stored(app.databaseUrl, state)).length === 1)
  await client.publishAsync('spBv1.0/G/NDATA/E', 'n', { qos: 0 })
  await eventually(async () => (await stored(app.databaseUrl, 'spBv1.0/G/%')).length === 1)
  assert.equal(app.stats.leftToOther, 0)
})
