/** The receiving session against real brokers, and against one that is scripted where it must misbehave. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect as connectTcp, createServer } from 'node:net'
import { test } from 'node:test'
import mqttPacket from 'mqtt-packet'
import { startApp } from '../../src/app.ts'
import { defaultLimits } from '../../src/limits.ts'
import { openListener } from '../../src/store/listen.ts'
import { partsFor, request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { atEnd } from '../support/cleanup.ts'
import { createDatabase, query, silent } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'

const soon = { reconnectDelayMsMin: 50, reconnectDelayMsMax: 100 }

/** In front of a broker; decides by the CONNECT of each connection what becomes of it. */
async function proxyTo(
  port: number,
  decide: (version: number) => 'pass' | Buffer | null
): Promise<{ url: string; drop(): void }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', (first) => {
      const parser = mqttPacket.parser()
      let version = 0
      parser.on(
        'packet',
        (packet) => (version = packet.cmd === 'connect' ? (packet.protocolVersion ?? 0) : 0)
      )
      parser.parse(first)
      const verdict = decide(version)
      if (verdict !== 'pass') return verdict === null ? socket.destroy() : socket.end(verdict)
      const upstream = connectTcp(port, '127.0.0.1')
      upstream.on('error', () => socket.destroy())
      upstream.write(first)
      socket.pipe(upstream).pipe(socket)
      socket.once('close', () => upstream.destroy())
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const drop = (): void => sockets.forEach((socket) => socket.destroy())
  atEnd(() => {
    drop()
    server.close()
  })
  return { url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`, drop }
}

for (const [how, refusal] of [
  ['refuses MQTT 5', mqttPacket.generate({ cmd: 'connack', returnCode: 1, sessionPresent: false })],
  ['closes without a word on MQTT 5', null]
] as const) {
  test(`a broker that ${how}: 3.1.1, where live messages do not tell what is retained`, async () => {
    const broker = await startBroker()
    const proxy = await proxyTo(broker.port, (version) => (version === 5 ? refusal : 'pass'))
    const { client } = await connectClient(broker.url)
    await client.publishAsync('kept', 'before', { qos: 1, retain: true })
    const app = await startBridge({ mqttUrl: proxy.url, limits: soon })
    assert.equal((await request(`${app.url}/v1/status`)).body.mqtt.version, '3.1.1')
    const kept = () => request(`${app.url}/v1/topic?name=kept`)
    await eventually(async () => (await kept()).body.retained?.payloadText === 'before')
    await client.publishAsync('kept', 'live', { qos: 1, retain: true })
    const { body } = await eventually(async () => {
      const answer = await kept()
      return answer.body.payloadText === 'live' ? answer : null
    })
    assert.deepEqual([body.retain, body.retainedStatus], [null, 'unknown'])
  })
}

test('what the broker retained before the first start is state, and found again it is confirmed, not repeated', async () => {
  const broker = await startBroker()
  const { client } = await connectClient(broker.url)
  for (let index = 0; index < 20; index++)
    await client.publishAsync(`r/${index}`, `v${index}`, { qos: 1, retain: true })
  const first = await startBridge({ mqttUrl: broker.url })
  const items = async (url: string) => (await request(`${url}/v1/topics?filter=r/%23`)).body.items
  await eventually(async () => (await items(first.url)).length === 20)
  for (const item of await items(first.url)) {
    assert.equal(item.retained.payloadText, `v${item.topic.slice(2)}`)
    assert.equal(item.retainedStatus, 'known')
  }
  await first.close()
  const away = new Date().toISOString()
  await client.publishAsync('r/3', 'changed', { qos: 0, retain: true }) // not queued for us
  const facts = () =>
    query<{ kind: number; name: string }>(
      first.databaseUrl,
      `select kind, name from journal j join topics t on t.id = j.topic_id where name like 'r/%' order by seq`
    )
  const before = (await facts()).length
  const second = await startBridge({ mqttUrl: broker.url, databaseUrl: first.databaseUrl })
  await eventually(
    async () =>
      (await items(second.url)).find((item: { topic: string }) => item.topic === 'r/3').retained
        .payloadText === 'changed'
  )
  await eventually(
    async () =>
      (await items(second.url)).filter((item: { confirmedAt: string }) => item.confirmedAt > away).length ===
      20
  )
  assert.deepEqual(
    (await facts()).slice(before).map((fact) => [fact.kind, fact.name]),
    [[2, 'r/3']]
  )
  assert.equal(second.stats.confirmed, 20) // 19 of these, and our own status
})

test('an absence is a gap; a session that the broker lost is another', async () => {
  const broker = await startBroker()
  const proxy = await proxyTo(broker.port, () => 'pass')
  const app = await startBridge({ mqttUrl: proxy.url, limits: soon })
  proxy.drop()
  const gaps = async () => (await request(`${app.url}/v1/gaps?order=asc`)).body.items
  await eventually(async () => (await gaps()).length === 1)
  const [absence] = await gaps()
  assert.equal(absence.cause, 'absence')
  assert.ok(absence.from < absence.to)
  await eventually(async () => (await request(`${app.url}/readyz`)).status === 200)
  // Its sessions do not survive a restart
  await broker.stop()
  await startBroker(broker)
  await eventually(async () => (await gaps()).some((gap: { cause: string }) => gap.cause === 'session_lost'))
  assert.equal(app.stats.sessionsLost, 1)
  const { client } = await connectClient(broker.url)
  await eventually(async () => {
    await client.publishAsync('after', 'x', { qos: 1 })
    return (await request(`${app.url}/v1/topic?name=after`)).status === 200
  })
})

test('filters that the configuration dropped are unsubscribed from a session that lives on', async () => {
  const broker = await startBroker()
  const databaseUrl = await createDatabase()
  const first = await startBridge({
    mqttUrl: broker.url,
    databaseUrl,
    config: { filters: ['old/#', 'both/#'] }
  })
  await first.close()
  const second = await startBridge({
    mqttUrl: broker.url,
    databaseUrl,
    config: { filters: ['new/#', 'both/#'] }
  })
  const { client } = await connectClient(broker.url)
  for (const topic of ['old/x', 'new/x', 'both/x']) await client.publishAsync(topic, '1', { qos: 1 })
  const topics = async () =>
    (await request(`${second.url}/v1/topics`)).body.items.map((item: { topic: string }) => item.topic)
  await eventually(async () => (await topics()).includes('both/x'))
  assert.deepEqual((await topics()).toSorted(), ['both/x', 'new/x'])
})

test('birth and will: online while connected, offline after a stop, and after the connection broke', async () => {
  const broker = await startBroker()
  const watcher = await connectClient(broker.url)
  await watcher.client.subscribeAsync('rialto/+/status', { qos: 1 })
  const words = (): string[] => watcher.packets.map((packet) => packet.payload.toString())
  const proxy = await proxyTo(broker.port, () => 'pass')
  const app = await startBridge({ mqttUrl: proxy.url, config: { clientId: 'status-test' }, limits: soon })
  await eventually(() => words().join() === 'online')
  assert.equal(watcher.packets[0]!.topic, 'rialto/status-test/status')
  proxy.drop()
  await eventually(() => words().join() === 'online,offline,online')
  await app.close()
  await eventually(() => words().join() === 'online,offline,online,offline')
})

test('what came while we were away is read when we are back, each once', async () => {
  const broker = await startBroker()
  const first = await startBridge({ mqttUrl: broker.url })
  await first.close()
  const { client } = await connectClient(broker.url)
  for (let index = 0; index < 50; index++) await client.publishAsync(`away/${index}`, 'x', { qos: 1 })
  const second = await startBridge({ mqttUrl: broker.url, databaseUrl: first.databaseUrl })
  const count = async () =>
    (await request(`${second.url}/v1/messages?filter=away/%23&limit=1000`)).body.items.length
  await eventually(async () => (await count()) === 50)
})

test('two instances: one receives, the other serves, and takes over when the first is gone', async () => {
  const broker = await startBroker()
  const first = await startBridge({ mqttUrl: broker.url })
  const second = await startBridge({ mqttUrl: broker.url, databaseUrl: first.databaseUrl })
  const status = async (url: string) => (await request(`${url}/v1/status`)).body
  assert.deepEqual([(await status(first.url)).leading, (await status(second.url)).leading], [true, false])
  const { client } = await connectClient(broker.url)
  await client.publishAsync('t', '1', { qos: 1 })
  await eventually(async () => (await request(`${second.url}/v1/topic?name=t`)).status === 200)
  await first.close()
  await eventually(async () => (await status(second.url)).mqtt.state === 'connected')
  await client.publishAsync('t', '2', { qos: 1 })
  await eventually(async () => (await request(`${second.url}/v1/topic?name=t`)).body.payload === 2)
  assert.equal(
    (
      await query(
        first.databaseUrl,
        `select from journal j join topics t on t.id = j.topic_id where name = 't'`
      )
    ).length,
    2
  )
})

test('it stops within seconds at any moment of its start, also while a broker lets it wait', async () => {
  const silentServer = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silentServer, 'listening')
  atEnd(() => silentServer.close())
  const { port } = silentServer.address() as AddressInfo
  const broker = await startBroker()
  const databaseUrl = await createDatabase()
  for (const mqttUrl of [`mqtt://127.0.0.1:${port}`, broker.url]) {
    for (const ms of [0, 1, 3, 10, 30, 100]) {
      const app = await startApp(partsFor({ mqttUrl, databaseUrl }))
      await new Promise((resolve) => setTimeout(resolve, ms)) // a moment, not a condition
      const closed = app.close().then(() => true)
      assert.ok(await eventually(() => closed, { withinMs: 5_000, what: `closing ${ms} ms after the start` }))
    }
  }
})

test('connections that we end, since the database fails, are not taken for a take-over', async () => {
  const broker = await startBroker()
  const proxy = await proxyTo(broker.port, () => 'pass')
  const app = await startBridge({ mqttUrl: proxy.url, limits: soon })
  await query(
    app.databaseUrl,
    `create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
     create trigger refuse before update of filters on sessions execute function refuse()`
  )
  const before = app.stats.connects
  proxy.drop()
  await eventually(() => app.stats.connects >= before + 5)
  const { mqtt } = (await request(`${app.url}/v1/status`)).body
  assert.deepEqual([mqtt.takenOver, mqtt.lastError], [false, 'no'])
  assert.equal(app.stats.takeovers, 0)
  await query(app.databaseUrl, 'drop function refuse cascade')
  await eventually(async () => (await request(`${app.url}/readyz`)).status === 200)
})

test('an instance that is overtaken while it has nothing to write notices, and waits', async () => {
  const broker = await startBroker()
  const app = await startBridge({ mqttUrl: broker.url, limits: { leaseRenewMs: 100 } })
  const [before] = await query<{ id: number; epoch: number }>(
    app.databaseUrl,
    'select id, epoch from sessions'
  )
  const names = await query<{ name: string }>(
    app.databaseUrl,
    'select migration_name as name from _prisma_migrations order by migration_name'
  )
  // As an instance that lives: it holds the lock of its epoch
  const other = await openListener({
    url: app.databaseUrl,
    migrations: names.map(({ name }) => name),
    limits: defaultLimits,
    log: silent,
    onHead: () => {}
  })
  atEnd(() => other.close())
  assert.equal(await other.tryLock(before!.id, before!.epoch + 1), true)
  await query(
    app.databaseUrl,
    `update sessions set epoch = epoch + 1, lease_until = now() + interval '1 hour'`
  )
  await eventually(() => app.stats.fenced === 1)
  const status = async () => (await request(`${app.url}/v1/status`)).body
  await eventually(async () => !(await status()).leading)
  await query(app.databaseUrl, 'update sessions set lease_until = now()')
  await eventually(async () => (await status()).mqtt.state === 'connected')
})
