/** A changed mapping under load: nobody is refused, nobody misses an event, and what is kept is as the new mapping says. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { postJson, request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { mappingFile } from '../support/projection.ts'
import type { SseStream } from '../support/sse.ts'
import { openSse } from '../support/sse.ts'

const mapping = (metric: string): string => `
mappings:
  - name: counters
    topic: load/{device}/count
    decoder: json
    metrics: [{ name: ${metric}, value: n }]
`
const before = process.env['FULL'] === '1' ? 50_000 : 4_000
const during = process.env['FULL'] === '1' ? 20_000 : 3_000

/** Numbers told on a stream, and how many were told under each name of the metric. */
function told(stream: SseStream): { numbers: number[]; names: Map<string, number> } {
  const points = stream.events.filter(({ event }) => event === 'datapoint').map(({ data }) => data.datapoint)
  const names = new Map<string, number>()
  for (const { metric } of points) names.set(metric, (names.get(metric) ?? 0) + 1)
  return { numbers: points.map(({ value }) => value as number), names }
}

const upTo = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index)

test('a rebuild under load: no 5xx, and every subscriber gets every datapoint once', async () => {
  const broker = await startBroker()
  const file = await mappingFile(mapping('before'))
  const limits = { projectionChunkFactsMax: 500, ringFactsMax: 2_000 }
  const bridge = await startBridge({ mqttUrl: broker.url, config: { mappingsFile: file }, limits })
  const { client } = await connectClient(broker.url)
  let published = 0
  const publish = async (count: number, perTick: number): Promise<void> => {
    for (const end = published + count; published < end;) {
      const batch = upTo(published, Math.min(published + perTick, end))
      await Promise.all(
        batch.map((n) => client.publishAsync(`load/d${n % 7}/count`, `{"n":${n}}`, { qos: 1 }))
      )
      published += batch.length
    }
  }
  const live = await openSse(`${bridge.url}/v1/stream?types=datapoint&filter=load/%23`)
  await live.find('progress')
  await publish(before, 500)
  await eventually(() => told(live).numbers.length === before, { withinMs: 60_000, what: 'what came before' })
  const between = live.events.findLast(({ event }) => event === 'datapoint')!.id

  const statuses = new Map<number, number>()
  let polling = true
  const poll = async (path: string): Promise<void> => {
    while (polling) {
      const { status } = await request(bridge.url + path)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  const polls = ['/v1/devices', '/v1/devices/d1/metrics', '/v1/datapoints?device=d2', '/v1/projections'].map(
    poll
  )
  const publishing = publish(during, 20)
  await writeFile(file, mapping('after'))
  const reloaded = await postJson(`${bridge.url}/v1/mappings/reload`, {})
  assert.equal(reloaded.status, 200, JSON.stringify(reloaded.body))
  assert.equal(reloaded.body.changed, true)
  await publishing
  const switched = await eventually(
    async () => {
      const { body } = await request(`${bridge.url}/v1/status`)
      const { projection } = body
      return projection?.building === null && projection.mappingHash === reloaded.body.hash && projection
    },
    { withinMs: 60_000, what: 'the switch' }
  )
  assert.ok(Number(switched.id) > 1, 'another projection')
  await publish(200, 20)
  polling = false
  await Promise.all(polls)
  assert.ok(statuses.get(200)! > 20)
  assert.deepEqual([...statuses.keys()], [200])

  await eventually(() => told(live).numbers.length >= published, {
    withinMs: 60_000,
    what: 'every datapoint'
  })
  assert.deepEqual(told(live).numbers, upTo(0, published))
  assert.deepEqual([...told(live).names.keys()], ['before', 'after'])

  // From a cursor of before the switch: the same numbers, as the new mapping has them
  const resumed = await openSse(`${bridge.url}/v1/stream?types=datapoint&filter=load/%23&after=${between}`)
  await eventually(() => told(resumed).numbers.length >= published - before, { withinMs: 60_000 })
  assert.deepEqual(told(resumed).numbers, upTo(before, published))
  assert.deepEqual([...told(resumed).names], [['after', published - before]])

  const stored = await query<{ name: string; datapoints: string }>(
    bridge.databaseUrl,
    'select m.name, count(*) as datapoints from datapoints p join metrics m on m.id = p.metric_id group by 1'
  )
  assert.deepEqual(
    stored.map(({ name, datapoints }) => [name, Number(datapoints)]),
    [['after', published]]
  )
  const projections = await request(`${bridge.url}/v1/projections`)
  assert.deepEqual(
    projections.body.items.map(({ state }: { state: string }) => state),
    ['current']
  )
})

test('reading rialto.yaml again loses no message, nor what decoders remember', async () => {
  const overlay = (unit: string): string => `
mappings:
  - name: overlay
    topic: shelf/{device}
    decoder: json
    merge: merge
    metrics: [{ name: all, value: "{a: a, b: b}", type: json }]
  - name: other
    topic: other/{device}
    decoder: json
    metrics: [{ name: x, value: x, unit: "${unit}" }]
`
  const broker = await startBroker()
  const file = await mappingFile(overlay('one'))
  const bridge = await startBridge({ mqttUrl: broker.url, config: { mappingsFile: file } })
  const { client } = await connectClient(broker.url)
  await client.publishAsync('shelf/s', '{"a":1}', { qos: 1 })
  const latest = async (): Promise<unknown> => {
    const { body } = await request(`${bridge.url}/v1/devices/s/metrics`)
    return body.items?.[0]?.latest?.value
  }
  await eventually(async () => JSON.stringify(await latest()) === '{"a":1,"b":null}')
  for (const [number, rebuild] of [true, false, true].entries()) {
    await writeFile(file, overlay(`unit${number}`))
    const { status } = await postJson(`${bridge.url}/v1/mappings/reload`, { rebuild })
    assert.equal(status, 200)
    await client.publishAsync('shelf/s', `{"b":${number}}`, { qos: 1 })
    await eventually(async () => JSON.stringify(await latest()) === `{"a":1,"b":${number}}`)
  }
  await writeFile(file, 'mappings: [{ name: broken, topic: "a/{b", decoder: json }]')
  const { status, body } = await postJson(`${bridge.url}/v1/mappings/reload`, {})
  assert.deepEqual([status, body.code, body.errors.length], [422, 'invalid_value', 1])
  await client.publishAsync('shelf/s', '{"b":"still"}', { qos: 1 })
  await eventually(async () => JSON.stringify(await latest()) === '{"a":1,"b":"still"}')
})
