/** One message in a hundred is not as its mapping expects; the mapping is corrected, and they run through it again. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { postJson, request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { dump, mappingFile, received, startProjecting } from '../support/projection.ts'
import { openSse } from '../support/sse.ts'
import { everything } from '../support/store.ts'

const mapping = (value: string): string => `
mappings:
  - name: temperatures
    topic: hall/{device}/temperature
    decoder: json
    metrics: [{ name: temperature, value: "${value}", type: number, unit: "°C" }]
    timestamp: { select: ts }
`
const narrow = mapping('t')
/** Understands the few that say it otherwise, too. */
const wide = mapping('t.value || t')

const count = process.env['FULL'] === '1' ? 100_000 : 20_000
const otherwise = (number: number): boolean => number % 100 === 37

const messages = Array.from({ length: count }, (_, number) => {
  const ts = Date.UTC(2026, 0, 1) / 1_000 + ((number * 7_919) % 5_000) // out of order
  const t = otherwise(number) ? `{"value":${number / 10}}` : `${number / 10}`
  return received(`hall/d${number % 50}/temperature`, `{"t":${t},"ts":${ts}}`, number % 5_000)
})

async function run(first: string): Promise<{ stored: Record<string, unknown[]>; redriven: number }> {
  const url = await createDatabase()
  const file = await mappingFile(first)
  const projecting = await startProjecting({ url, file, limits: { presenceCheckMs: 500 } })
  for (let at = 0; at < count; at += 2_000) await projecting.append(messages.slice(at, at + 2_000))
  await projecting.settled()
  let redriven = 0
  if (first !== wide) {
    const counts = await projecting.store.rejections.counts(everything)
    assert.equal(
      counts.reduce((sum, { count: some }) => sum + some, 0),
      count / 100
    )
    await writeFile(file, wide)
    await projecting.service.projections.reload({ rebuild: false })
    const ask = { filters: ['hall/#'], reason: null, mapping: 'temperatures', from: null, to: null }
    const { id } = await projecting.service.projections.redrive(everything, ask)
    await projecting.settled()
    const redrive = await projecting.store.projections.redrives.byId(id)
    assert.deepEqual([redrive!.state, redrive!.mode], ['done', 'messages'])
    redriven = redrive!.accepted
  }
  await projecting.end()
  return { stored: await dump(url), redriven }
}

test(`${count.toLocaleString('en')} messages, 1 % of them rejected and redriven: equal to the clean run`, async () => {
  const [clean, redriven] = [await run(wide), await run(narrow)]
  assert.equal(redriven.redriven, count / 100)
  assert.equal(clean.stored['datapoints']!.length, count)
  for (const part of ['devices', 'metrics', 'datapoints', 'rejections'] as const)
    assert.deepEqual(redriven.stored[part], clean.stored[part], part)
})

test('subscribers see what was redriven, with its own time; the filter, reason and time say what is', async () => {
  const broker = await startBroker()
  const file = await mappingFile(narrow)
  const bridge = await startBridge({ mqttUrl: broker.url, config: { mappingsFile: file } })
  const { client } = await connectClient(broker.url)
  const stream = await openSse(`${bridge.url}/v1/stream?types=datapoint`)
  await stream.find('progress')
  for (const device of ['a', 'b']) {
    await client.publishAsync(`hall/${device}/temperature`, '{"t":{"value":20.5},"ts":1767225600}', {
      qos: 1
    })
    await client.publishAsync(`hall/${device}/temperature`, '{"t":21}', { qos: 1 })
  }
  await client.publishAsync('hall/a/temperature', '{"t":', { qos: 1 })
  await eventually(async () => (await request(`${bridge.url}/v1/rejections`)).body.items?.length === 3)
  await writeFile(file, wide)
  await postJson(`${bridge.url}/v1/mappings/reload`, { rebuild: false })
  const asked = await postJson(`${bridge.url}/v1/rejections/redrive`, { filters: ['hall/a/#'] })
  assert.equal(asked.status, 202, JSON.stringify(asked.body))
  const done = await eventually(async () => {
    const { body } = await request(new URL(asked.headers.get('location')!, bridge.url).href)
    return body.state === 'done' && body
  })
  assert.deepEqual([done.messages, done.accepted], [2, 1])
  const { data } = await stream.find('datapoint', ({ datapoint }) => datapoint.value === 20.5)
  assert.deepEqual(
    [data.datapoint.device, data.datapoint.observedAt, data.datapoint.clock],
    ['a', '2026-01-01T00:00:00.000Z', 'device']
  )
  // The others are as they were
  const { body } = await request(`${bridge.url}/v1/rejections?order=asc`)
  assert.deepEqual(
    body.items.map(({ topic, reason }: { topic: string; reason: string }) => [topic, reason]).toSorted(),
    [
      ['hall/a/temperature', 'malformed_json'],
      [
        'hall/b/temperature',
        body.items.find((item: { topic: string }) => item.topic.startsWith('hall/b')).reason
      ]
    ]
  )
  // Latest is the newest by the device's time, not the last to be read
  const metrics = await request(`${bridge.url}/v1/devices/a/metrics`)
  assert.equal(metrics.body.items[0].latest.value, 21)
})

test('no more redrives wait than redrivesOpenMax', async () => {
  const url = await createDatabase()
  const file = await mappingFile(narrow)
  const projecting = await startProjecting({ url, file, limits: { redrivesOpenMax: 0 } })
  const ask = { filters: [], reason: null, mapping: null, from: null, to: null }
  await assert.rejects(projecting.service.projections.redrive(everything, ask), { code: 'too_many_requests' })
  assert.equal((await projecting.store.projections.redrives.list({ after: null, limit: 1 })).length, 0)
  await projecting.end()
})

test('forgetting what is not there does not end a rebuild', async () => {
  const url = await createDatabase()
  const file = await mappingFile(narrow)
  const limits = { projectionChunkFactsMax: 1, rebuildPauseMs: 20 }
  const projecting = await startProjecting({ url, file, limits })
  const { projections } = projecting.service
  await projecting.append(messages.slice(0, 200))
  await projecting.settled()
  await writeFile(file, wide)
  const { building } = await projections.reload({ rebuild: null })
  assert.ok(building !== null)
  await assert.rejects(projections.forget(everything, { topic: 'nobody/knows' }), { code: 'not_found' })
  await projecting.settled()
  assert.ok((await projections.list()).some(({ id, state }) => state === 'current' && id > building.id))
  await projecting.end()
})
