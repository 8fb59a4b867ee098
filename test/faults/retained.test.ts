/** What the broker retains against what we show, after everything that can happen while nobody looks. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { App } from '../../src/app.ts'
import { request, startBridge } from '../support/bridge.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt.ts'
import { openSse } from '../support/sse.ts'

const topics = 1_000
const cleared = 500
const changed = 100

const snapshotOf = async (app: App) => (await request(`${app.url}/v1/status`)).body.mqtt.snapshot

const isRead = (app: App) =>
  eventually(async () => (await snapshotOf(app)).state === 'known', { what: 'the snapshot is read' })

/** Facts of test topics after a position, as [kind, topic]. */
const factsAfter = (url: string, seq: number) =>
  query<{ kind: number; name: string }>(
    url,
    `select kind, name from journal j join topics t on t.id = j.topic_id
     where name like 'plant/%' and seq > $1 order by seq`,
    [seq]
  )

async function headOf(url: string): Promise<number> {
  const [row] = await query<{ seq: string }>(url, 'select seq from journal_head')
  return Number(row!.seq)
}

test(`of ${topics} retained topics ${cleared} are cleared and ${changed} changed while we are away`, async (t) => {
  const broker = await startMosquitto()
  const { client } = await connectClient(broker.url)
  const publish = (index: number, payload: string, qos: 0 | 1 = 0) =>
    client.publishAsync(`plant/${index}`, payload, { qos, retain: true })
  await Promise.all(Array.from({ length: topics }, (_, index) => publish(index, `v${index}`, 1)))
  const first = await startBridge({ mqttUrl: broker.url })
  await isRead(first)
  await first.close()

  // At QoS 0, so that the session does not queue it for us
  for (let index = 0; index < cleared; index++) await publish(index, '')
  for (let index = cleared; index < cleared + changed; index++) await publish(index, 'changed')
  await client.publishAsync('flush', '', { qos: 1 }) // the broker has dealt with all of it

  const before = await headOf(first.databaseUrl)
  const begun = Date.now()
  const second = await startBridge({ mqttUrl: broker.url, databaseUrl: first.databaseUrl })
  await isRead(second)
  t.diagnostic(`known ${Date.now() - begun} ms after the start`)

  const facts = await factsAfter(first.databaseUrl, before)
  const of = (kind: number) => facts.filter((fact) => fact.kind === kind).map((fact) => fact.name)
  const names = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => `plant/${from + index}`).toSorted()
  assert.deepEqual(of(3).toSorted(), names(0, cleared), 'one `cleared` for each that is gone')
  assert.deepEqual(
    of(2).toSorted(),
    names(cleared, cleared + changed),
    'one `snapshot` for each that changed'
  )
  assert.equal(facts.length, cleared + changed, 'and nothing for the others')

  const states = await query<{ n: string; cause: string | null; retained: boolean; known: boolean }>(
    first.databaseUrl,
    `select count(*) n, tombstone ->> 'cause' as cause, retained_seq is not null as retained, retained_known as known
     from topic_state s join topics t on t.id = s.topic_id where name like 'plant/%' group by 2, 3, 4 order by 2 nulls first`
  )
  assert.deepEqual(
    states.map((row) => ({ ...row, n: Number(row.n) })),
    [
      { n: topics - cleared, cause: null, retained: true, known: true },
      { n: cleared, cause: 'reconciled', retained: false, known: true }
    ]
  )
  const gone = (await request(`${second.url}/v1/topic?name=plant/7`)).body
  assert.deepEqual(
    [gone.retained, gone.tombstone.cause, gone.tombstone.previous.payloadText, gone.payloadText],
    [null, 'reconciled', 'v7', 'v7']
  )
  const messages = await request(`${second.url}/v1/messages?filter=plant/%23&limit=1000`)
  assert.deepEqual(messages.body.items, [], 'nothing was received, so there is no message')
  assert.equal(second.stats.swept, cleared)
})

test('a message that is retained again while the sweep asks for it stays', async () => {
  const broker = await startMosquitto()
  const { client } = await connectClient(broker.url)
  const publish = (index: number, payload: string, qos: 0 | 1) =>
    client.publishAsync(`plant/${index}`, payload, { qos, retain: true })
  for (let index = 0; index < 200; index++) await publish(index, 'before', 1)
  const first = await startBridge({ mqttUrl: broker.url })
  await isRead(first)
  await first.close()
  for (let index = 0; index < 200; index++) await publish(index, '', 0)
  await client.publishAsync('flush', '', { qos: 1 })
  const second = await startBridge({
    mqttUrl: broker.url,
    databaseUrl: first.databaseUrl,
    limits: { sweepTopicsMax: 10 }
  })
  let round = 0
  while ((await snapshotOf(second)).state !== 'known') {
    round++
    for (let index = 0; index < 200; index += 10) await publish(index, `again ${round}`, 1)
  }
  assert.ok(round > 1, 'nothing was published while the sweep was at work')
  await eventually(async () => {
    const { body } = await request(`${second.url}/v1/topics?filter=plant/%23&limit=1000`)
    for (const item of body.items) {
      const expected = item.topic.endsWith('0') ? `again ${round}` : undefined
      if (item.retained?.payloadText !== expected) return false
    }
    return body.items.length === 200
  })
})

test('a retained message ends by its expiry interval: a fact, a tombstone and an event, when it happens', async () => {
  const broker = await startMosquitto()
  const app = await startBridge({ mqttUrl: broker.url })
  const { client } = await connectClient(broker.url)
  const expiring = { qos: 1 as const, retain: true, properties: { messageExpiryInterval: 2 } }
  await client.publishAsync('plant/short', 'soon gone', expiring)
  await client.publishAsync('plant/replaced', 'soon gone', expiring)
  await client.publishAsync('plant/replaced', 'stays', { qos: 1, retain: true })
  const stream = await openSse(`${app.url}/v1/stream?filter=plant/%23&types=state`)
  const event = await stream.find('state', (data) => data.state.tombstone !== null)
  assert.equal(event.data.state.topic, 'plant/short')
  const { body } = await request(`${app.url}/v1/topic?name=plant/short`)
  assert.deepEqual(
    [body.retained, body.tombstone.cause, body.tombstone.previous.payloadText, body.expiresAt],
    [null, 'expired', 'soon gone', null]
  )
  const late = Date.parse(body.tombstone.at) - Date.parse(body.tombstone.previous.receivedAt)
  assert.ok(late >= 2_000, `${late} ms`)
  const kinds = await query<{ kind: number }>(
    app.databaseUrl,
    `select kind from journal j join topics t on t.id = j.topic_id where name = 'plant/short' order by seq`
  )
  assert.deepEqual(
    kinds.map(({ kind }) => kind),
    [1, 4]
  )
  const replaced = await request(`${app.url}/v1/topic?name=plant/replaced`)
  assert.deepEqual([replaced.body.retained.payloadText, replaced.body.tombstone], ['stays', null])
  assert.equal(app.stats.expired, 1)
})

test('what the broker lets expire while we are away is expired, too, not reconciled', async () => {
  const broker = await startMosquitto()
  const first = await startBridge({ mqttUrl: broker.url })
  const { client } = await connectClient(broker.url)
  const properties = { messageExpiryInterval: 1 }
  await client.publishAsync('plant/short', 'x', { qos: 1, retain: true, properties })
  await eventually(async () => (await request(`${first.url}/v1/topic?name=plant/short`)).status === 200)
  await first.close()
  await eventually(async () => {
    const reader = await connectClient(broker.url)
    await reader.client.subscribeAsync('plant/short', { qos: 0 })
    await reader.client.publishAsync('plant/mark', '', { qos: 1 })
    return reader.packets.length === 0
  })
  const second = await startBridge({ mqttUrl: broker.url, databaseUrl: first.databaseUrl })
  await eventually(
    async () => (await request(`${second.url}/v1/topic?name=plant/short`)).body.tombstone?.cause === 'expired'
  )
})
