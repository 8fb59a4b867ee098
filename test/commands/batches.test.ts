/** Batches through the whole service and a real broker, to many simulated devices. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BatchOutcomeView, BatchView } from '../../src/command-batch-views.ts'
import type { Answer } from '../support/bridge.ts'
import { postJson, request, startBridge } from '../support/bridge.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { configOf, heard, lampOf, startFleet } from './fleet.ts'

const send = (url: string, body: object, headers: Record<string, string> = {}): Promise<Answer> =>
  postJson(`${url}/v1/batches`, { name: 'set', payload: { on: true }, ...body }, headers)

async function sent(url: string, body: object): Promise<BatchView> {
  const { status, body: batch } = await send(url, body)
  assert.equal(status, 202, JSON.stringify(batch))
  return batch
}

const read = async (url: string, id: string): Promise<BatchView> =>
  (await request(`${url}/v1/batches/${id}`)).body

/** The batch once nothing more happens to it. */
const finished = (url: string, id: string): Promise<BatchView> =>
  eventually(
    async () => {
      const batch = await read(url, id)
      return batch.finishedAt !== null && batch
    },
    { what: 'the batch is finished', withinMs: 60_000 }
  )

async function outcomesOf(url: string, id: string, limit = 7): Promise<BatchOutcomeView[]> {
  const all: BatchOutcomeView[] = []
  for (let page = ''; ;) {
    const { status, body } = await request(`${url}/v1/batches/${id}/outcomes?limit=${limit}${page}`)
    assert.equal(status, 200, JSON.stringify(body))
    all.push(...body.items)
    if (body.next === null) return all
    page = `&page=${encodeURIComponent(body.next)}`
  }
}

const published = (view: BatchView): Partial<Record<string, number>> =>
  Object.fromEntries(Object.entries(view.counts).filter(([, n]) => n > 0))

test('each device has an outcome: its command, which came to it once, or why there is none', async () => {
  const { url: mqttUrl } = await startMosquitto()
  const { app, devices } = await startFleet({ mqttUrl, lamps: 30, gates: 2 })
  const { url } = app
  await devices.client.subscribeAsync('lamps/+/set', { qos: 1 })
  const { status, headers, body } = await send(url, {
    devices: [lampOf(7), 'lamp-*', 'nobody', 'gate-*', lampOf(3)]
  })
  assert.equal(status, 202, JSON.stringify(body))
  assert.equal(headers.get('location'), `/v1/batches/${body.id}`)
  assert.deepEqual([body.state, body.total, body.accepted, body.notAccepted], ['running', 33, 30, 3])
  const batch = await finished(url, body.id)
  assert.deepEqual(published(batch), { published: 30 })
  assert.deepEqual([batch.state, batch.final, batch.failures, batch.failureShare], ['finished', 30, 0, 0])
  const outcomes = await outcomesOf(url, body.id)
  assert.deepEqual(
    outcomes.map(({ device, command, problem }) => [device, command?.state ?? problem?.code]),
    [
      [lampOf(7), 'published'],
      ...Array.from({ length: 30 }, (_, n) => [lampOf(n), 'published']).filter(
        ([lamp]) => lamp !== lampOf(7)
      ),
      ['nobody', 'not_found'],
      ['gate-0', 'invalid_value'],
      ['gate-1', 'invalid_value']
    ]
  )
  assert.ok(outcomes.every(({ command }) => command === null || command.batchId === body.id))
  await eventually(() => devices.packets.length >= 30)
  assert.deepEqual(
    heard(devices).toSorted((a, b) => a.lamp.localeCompare(b.lamp)),
    outcomes
      .flatMap(({ device, command }) =>
        command === null ? [] : [{ lamp: device, id: command.id, payload: '{"on":true}' }]
      )
      .toSorted((a, b) => a.lamp.localeCompare(b.lamp))
  )
  const list = await request(`${url}/v1/batches?state=finished`)
  assert.deepEqual(list.body.items, [await read(url, body.id)])
})

test('the rate is in the times at which commands are due, and none comes before', async () => {
  const { url: mqttUrl } = await startMosquitto()
  const { app, devices } = await startFleet({ mqttUrl, lamps: 8 })
  await devices.client.subscribeAsync('lamps/+/set', { qos: 1 })
  const { id } = await sent(app.url, { devices: ['*'], ratePerSecond: 20 })
  await finished(app.url, id)
  const rows = await query<{ device: string; due: Date | null; published_at: Date; created_at: Date }>(
    app.databaseUrl,
    'select device, not_before as due, published_at, created_at from commands order by created_seq'
  )
  const [first, second, ...others] = rows
  assert.equal(first!.due, null)
  assert.ok(second!.due!.getTime() >= second!.created_at.getTime() + 40)
  others.reduce((before, { due }) => {
    assert.equal(due!.getTime() - before, 50)
    return due!.getTime()
  }, second!.due!.getTime())
  for (const { due, published_at } of rows) assert.ok(due === null || published_at >= due)
  // They were due one after the other, and are published so
  await eventually(() => devices.packets.length === 8)
  assert.deepEqual(
    heard(devices).map(({ lamp }) => lamp),
    rows.map(({ device }) => device)
  )
})

test('a batch stops at its share of failures: nothing more is published, and it says why', async () => {
  const { url: mqttUrl } = await startMosquitto()
  // Nobody subscribes, and the broker says so
  const { app } = await startFleet({ mqttUrl, lamps: 60 })
  const { url, databaseUrl } = app
  const { id } = await sent(url, { devices: ['*'], ratePerSecond: 2, stopAtFailureShare: 0.5, stopAfter: 3 })
  const batch = await finished(url, id)
  const { undeliverable = 0, cancelled = 0, ...others } = published(batch)
  assert.equal(batch.state, 'stopped')
  assert.match(batch.reason!, new RegExp(`^failure_share: ${undeliverable} of ${undeliverable} failed`))
  assert.deepEqual([others, undeliverable + cancelled], [{}, 60])
  assert.ok(undeliverable >= 3 && cancelled > 0, `${undeliverable} undeliverable, ${cancelled} cancelled`)
  assert.deepEqual([batch.failures, batch.failureShare], [undeliverable, 1])
  // Facts of the journal: behind the first that was cancelled because of it, none is published for the first time
  const facts = await query<{ seq: number; event: string; reason: string | null }>(
    databaseUrl,
    `select seq::int4, detail->>'event' as event, detail->>'reason' as reason from journal
     where command_id in (select id from commands where batch_id = $1) order by seq`,
    [id]
  )
  const end = facts.findIndex(({ event }) => event === 'cancel')
  assert.equal(facts[end]!.reason, batch.reason)
  assert.ok(facts.slice(end).every(({ event }) => event !== 'publish'))
  const outcomes = await outcomesOf(url, id, 100)
  assert.equal(outcomes.filter(({ command }) => command?.reason === batch.reason).length, cancelled)
})

test('cancelled, nothing of it is published any more; a second time it cannot be', async () => {
  const { url: mqttUrl } = await startMosquitto()
  const { app, devices } = await startFleet({ mqttUrl, lamps: 20 })
  const { url } = app
  await devices.client.subscribeAsync('lamps/+/set', { qos: 1 })
  const { id } = await sent(url, { devices: ['*'], ratePerSecond: 0.05 })
  await eventually(async () => (await read(url, id)).counts.published === 1)
  const cancel = () => request(`${url}/v1/batches/${id}/cancel`, { method: 'POST' })
  const { status, headers, body } = await cancel()
  assert.equal(status, 200, JSON.stringify(body))
  assert.deepEqual(published(body), { published: 1, cancelled: 19 })
  assert.deepEqual(
    [body.state, body.failures, body.reason],
    ['cancelled', 0, 'batch_cancelled: by anonymous']
  )
  assert.ok(body.finishedAt !== null)
  const behind = await request(
    `${url}/v1/commands?state=cancelled&min-cursor=${encodeURIComponent(headers.get('rialto-cursor')!)}`
  )
  assert.equal(behind.body.items.length, 19)
  const again = await cancel()
  assert.deepEqual([again.status, again.body.code], [409, 'not_cancellable'])
  assert.equal(devices.packets.length, 1)
})

test('one key is one batch, whoever repeats it and however often', async () => {
  const { url: mqttUrl } = await startMosquitto()
  const { app, devices, mappingsFile } = await startFleet({ mqttUrl, lamps: 12 })
  await devices.client.subscribeAsync('lamps/+/set', { qos: 1 })
  const second = await startBridge({
    mqttUrl,
    databaseUrl: app.databaseUrl,
    config: configOf(mappingsFile)
  })
  const post = ({ url }: { url: string }, body: object = {}) =>
    send(url, { devices: ['*'], ...body }, { 'idempotency-key': 'k' })
  const answers = await Promise.all([app, second, app, second, app, second].map((one) => post(one)))
  answers.push(await post(second))
  for (const { status, body } of answers) {
    assert.equal(status, 202, JSON.stringify(body))
    assert.deepEqual(body, answers[0]!.body)
  }
  const other = await post(second, { ratePerSecond: 5 })
  assert.deepEqual([other.status, other.body.code], [422, 'idempotency_mismatch'])
  const { id } = answers[0]!.body
  await finished(second.url, id)
  await eventually(() => devices.packets.length >= 12)
  assert.equal(new Set(heard(devices).map(({ lamp }) => lamp)).size, 12)
  assert.equal((await query(app.databaseUrl, 'select from commands')).length, 12)
  assert.equal((await query(app.databaseUrl, 'select from batches')).length, 1)
  assert.equal(devices.packets.length, 12)
})

test('whoever leads next goes on: with what is due, with a stop that was not done, and with what is only to be noted', async () => {
  const { url: mqttUrl } = await startMosquitto()
  const { app, devices, mappingsFile } = await startFleet({ mqttUrl, lamps: 10 })
  await devices.client.subscribeAsync('lamps/+/set', { qos: 1 })
  const [slow, stopped] = [
    await sent(app.url, {
      devices: ['*'],
      ratePerSecond: 5,
      notBefore: new Date(Date.now() + 2_000).toISOString()
    }),
    await sent(app.url, { devices: ['*'], notBefore: new Date(Date.now() + 3_600_000).toISOString() })
  ]
  await app.close()
  // As a crash leaves it between the decision and what follows
  await query(app.databaseUrl, `update batches set state = 'stopped', reason = 'as decided' where id = $1`, [
    stopped.id
  ])
  const next = await startBridge({
    mqttUrl,
    databaseUrl: app.databaseUrl,
    config: configOf(mappingsFile)
  })
  const after = await finished(next.url, stopped.id)
  assert.deepEqual(
    [after.state, after.reason, published(after)],
    ['stopped', 'as decided', { cancelled: 10 }]
  )
  assert.deepEqual(published(await finished(next.url, slow.id)), { published: 10 })
  await eventually(() => devices.packets.length >= 10)
  assert.equal(new Set(heard(devices).map(({ id }) => id)).size, 10)
  await eventually(
    async () =>
      (
        await query(
          next.databaseUrl,
          'select from batches where finished_at is not null and counts is not null'
        )
      ).length === 2,
    { what: 'both are noted as finished' }
  )
  assert.deepEqual(published(await read(next.url, slow.id)), { published: 10 })
})
