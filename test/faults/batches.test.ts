/** kill -9 of the service in the middle of a batch, again and again: every device has one outcome, and acts on one command. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configOf, heard, lampOf, startFleet } from '../commands/fleet.ts'
import { postJson, request } from '../support/bridge.ts'
import { atEnd } from '../support/cleanup.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { createRialto } from './rialto.ts'

const kills = process.env['FULL'] === '1' ? 25 : 4
const lamps = 100

async function begin() {
  const { url: mqttUrl } = await startMosquitto()
  const { app, devices, mappingsFile } = await startFleet({ mqttUrl, lamps })
  await app.close()
  const rialto = createRialto({
    MQTT_URL: mqttUrl,
    DATABASE_URL: app.databaseUrl,
    RIALTO_CONFIG: mappingsFile,
    RIALTO_TOPICS: configOf(mappingsFile).filters!.join(','),
    PORT: '0'
  })
  await rialto.start()
  atEnd(async () => {
    rialto.killNow()
    await rialto.ended()
  })
  return { rialto, devices, databaseUrl: app.databaseUrl }
}

const stateOf = async (databaseUrl: string): Promise<{ open: number; counts: Record<string, number> }> => {
  const rows = await query<{ state: string; n: number; open: number }>(
    databaseUrl,
    `select state, count(*)::int4 as n, count(*) filter (where finished_at is null)::int4 as open
     from commands group by state`
  )
  return {
    open: rows.reduce((sum, { open }) => sum + open, 0),
    counts: Object.fromEntries(rows.map(({ state, n }) => [state, n]))
  }
}

test('killed at random moments, a batch comes to its end, with one command for each device', async () => {
  const { rialto, devices, databaseUrl } = await begin()
  await devices.client.subscribeAsync('lamps/+/set', { qos: 1 })
  const send = () =>
    postJson(
      `${rialto.url}/v1/batches`,
      { devices: ['*'], name: 'set', payload: 1, ratePerSecond: 20 },
      { 'idempotency-key': 'k' }
    )
  const { status, body } = await send()
  assert.equal(status, 202, JSON.stringify(body))
  for (let kill = 1; kill <= kills; kill++) {
    const at = Math.floor((lamps / (kills + 1)) * (kill - Math.random()))
    await eventually(() => devices.packets.length >= at, { withinMs: 60_000, everyMs: 3, what: `${at} came` })
    rialto.killNow()
    await rialto.ended()
    await rialto.start()
    assert.deepEqual((await send()).body, body, 'the same key is the same batch')
  }
  await eventually(async () => (await stateOf(databaseUrl)).open === 0, {
    withinMs: 60_000,
    what: 'all are final'
  })
  assert.deepEqual((await stateOf(databaseUrl)).counts, { published: lamps })
  await eventually(() => new Set(heard(devices).map(({ lamp }) => lamp)).size === lamps)
  const perLamp = new Map<string, Set<string>>()
  for (const { lamp, id } of heard(devices)) perLamp.set(lamp, (perLamp.get(lamp) ?? new Set()).add(id))
  for (let n = 0; n < lamps; n++)
    assert.equal(perLamp.get(lampOf(n))!.size, 1, 'one command, however often it came')
  await eventually(
    async () => (await request(`${rialto.url}/v1/batches/${body.id}`)).body.state === 'finished'
  )
})

test('killed as it stops, it stays stopped: nothing is published behind the decision', async () => {
  const { rialto, databaseUrl } = await begin()
  // Nobody subscribes, and the broker says so
  const { body } = await postJson(`${rialto.url}/v1/batches`, {
    devices: ['*'],
    name: 'set',
    payload: 1,
    ratePerSecond: 2,
    stopAtFailureShare: 0,
    stopAfter: 2
  })
  // As soon as it is decided, whatever has been done of it
  await eventually(
    async () => (await query(databaseUrl, `select from batches where state = 'stopped'`)).length === 1,
    { everyMs: 1, withinMs: 30_000, what: 'it is decided' }
  )
  rialto.killNow()
  await rialto.ended()
  const decided = (await stateOf(databaseUrl)).counts
  await rialto.start()
  const batch = await eventually(
    async () => {
      const { body: now } = await request(`${rialto.url}/v1/batches/${body.id}`)
      return now.finishedAt !== null && now
    },
    { withinMs: 60_000, what: 'it is finished' }
  )
  assert.equal(batch.state, 'stopped')
  const { undeliverable, unknown = 0, cancelled } = (await stateOf(databaseUrl)).counts
  assert.equal(undeliverable! + unknown + cancelled!, lamps)
  const out = (decided['undeliverable'] ?? 0) + (decided['publishing'] ?? 0) + (decided['published'] ?? 0)
  assert.ok(undeliverable! + unknown <= out, 'no more than were handed to the broker when it was decided')
})
