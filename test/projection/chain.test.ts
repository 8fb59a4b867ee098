/** From the broker to devices, metrics, datapoints and presence, and on to those who follow them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { mappingFile } from '../support/projection.ts'
import { openSse } from '../support/sse.ts'

test('one line makes devices and metrics of whatever comes', async () => {
  const broker = await startBroker()
  const { client } = await connectClient(broker.url)
  // Before anybody listens: found by the snapshot
  await client.publishAsync('home/cellar/lamp', '{"power":4.5,"state":"ON"}', { qos: 1, retain: true })
  const bridge = await startBridge({
    mqttUrl: broker.url,
    config: { mappingsFile: await mappingFile('automatic: true') }
  })
  await client.publishAsync('home/cellar/temperature', '21.5', { qos: 1 })
  await client.publishAsync('home/cellar/door', 'true', { qos: 1 })
  await client.publishAsync('home/cellar/meter', '{"total":9007199254740993,"note":"a\\u0000b"}', { qos: 1 })
  await client.publishAsync('home/cellar/raw', Buffer.from([0xff, 0x00]), { qos: 1 })
  const metrics = async (device: string): Promise<Record<string, unknown>> => {
    const { body } = await request(`${bridge.url}/v1/devices/${encodeURIComponent(device)}/metrics`)
    return Object.fromEntries(
      (body.items ?? []).map((item: { metric: string; type: string; latest: Record<string, unknown> }) => [
        item.metric,
        [item.type, item.latest['valueText'] ?? item.latest['valueBase64']]
      ])
    )
  }
  await eventually(async () => 'raw' in (await metrics('home/cellar')))
  assert.deepEqual(await metrics('home/cellar'), {
    temperature: ['number', '21.5'],
    door: ['boolean', 'true'],
    raw: ['bytes', '/wA=']
  })
  assert.deepEqual(await metrics('home/cellar/meter'), {
    total: ['integer', '9007199254740993'],
    note: ['text', 'a\u0000b']
  })
  await eventually(async () => 'state' in (await metrics('home/cellar/lamp')))
  assert.deepEqual(await metrics('home/cellar/lamp'), { power: ['number', '4.5'], state: ['text', 'ON'] })
})

test('a metric that changes its type loses nothing; times out of order do not move latest back', async () => {
  const broker = await startBroker()
  const file = await mappingFile(`
mappings:
  - name: m
    topic: m/{device}
    decoder: json
    timestamp: { select: ts }
    metrics: [{ name: v, value: v }]
`)
  const bridge = await startBridge({ mqttUrl: broker.url, config: { mappingsFile: file } })
  const { client } = await connectClient(broker.url)
  const at = Math.floor(Date.now() / 1_000)
  for (const [v, ts] of [
    ['1', at - 10],
    ['"on"', at - 20],
    ['{"x":1}', at - 5],
    ['true', at - 30],
    ['7', 12], // a clock that was never set
    ['8', at + 999_999]
  ] as const)
    await client.publishAsync('m/d', `{"v":${v},"ts":${ts}}`, { qos: 1 })
  const page = await eventually(async () => {
    const { body } = await request(`${bridge.url}/v1/datapoints?device=d&metric=v&order=asc`)
    return body.items?.length === 6 && body.items
  })
  assert.deepEqual(
    page.map(({ valueText, clock }: { valueText: string; clock: string }) => [valueText, clock]),
    [
      ['true', 'device'],
      ['on', 'device'],
      ['1', 'device'],
      ['{"x":1}', 'device'],
      ['7', 'behind'],
      ['8', 'ahead']
    ]
  )
  const { body } = await request(`${bridge.url}/v1/devices/d/metrics`)
  assert.equal(body.items[0].latest.valueText, '8')
})

test('presence: from an availability topic, from silence, and as a stream of facts', async () => {
  const broker = await startBroker()
  const file = await mappingFile(`
mappings:
  - name: alive
    topic: dev/{device}/alive
    presence: {}
  - name: data
    topic: dev/{device}/data
    decoder: json
    offlineAfter: 1s
`)
  const bridge = await startBridge({
    mqttUrl: broker.url,
    config: { mappingsFile: file },
    limits: { presenceCheckMs: 100 }
  })
  const { client } = await connectClient(broker.url)
  const stream = await openSse(`${bridge.url}/v1/stream?types=presence`)
  await stream.find('progress')
  const change = (device: string, to: string) =>
    stream.find('presence', ({ presence }) => presence.device === device && presence.to === to)
  await client.publishAsync('dev/a/alive', 'online', { qos: 1, retain: true })
  await change('a', 'online')
  await client.publishAsync('dev/a/alive', 'online', { qos: 1, retain: true })
  await client.publishAsync('dev/a/alive', 'offline', { qos: 1, retain: true })
  const off = await change('a', 'offline')
  assert.deepEqual([off.data.presence.from, off.data.presence.source], ['online', 'availability'])
  await client.publishAsync('dev/a/alive', '', { qos: 1, retain: true })
  assert.equal((await change('a', 'unknown')).data.presence.source, 'cleared')
  await client.publishAsync('dev/b/data', '{"x":1}', { qos: 1 })
  await change('b', 'online')
  const silent = await change('b', 'offline')
  assert.equal(silent.data.presence.source, 'timeout')
  const { body } = await request(`${bridge.url}/v1/devices/b`)
  assert.equal(body.presence, 'offline')
  assert.deepEqual(
    stream.events
      .filter(({ event }) => event === 'presence')
      .map(({ data }) => [data.presence.device, data.presence.to]),
    [
      ['a', 'online'],
      ['a', 'offline'],
      ['a', 'unknown'],
      ['b', 'online'],
      ['b', 'offline']
    ]
  )
})

test('a decoder that never ends, or throws, is stopped and named; its neighbours are as ever', async () => {
  const broker = await startBroker()
  const file = await mappingFile(`
mappings:
  - { name: bad, topic: "bad/{device}", decoder: ./bad.mjs }
  - { name: good, topic: "good/{device}", decoder: json }
`)
  const { writeFile } = await import('node:fs/promises')
  const { dirname, join } = await import('node:path')
  await writeFile(
    join(dirname(file), 'bad.mjs'),
    `export function decode(state, message) {
        const text = Buffer.from(message.payload).toString()
        while (text === 'loop') {}
        if (text === 'throw') throw new Error('no')
        return { facts: { datapoints: [{ metric: 'v', value: text }] } }
    }`
  )
  const bridge = await startBridge({
    mqttUrl: broker.url,
    config: { mappingsFile: file },
    limits: { decoderMsMax: 20 }
  })
  const { client } = await connectClient(broker.url)
  for (const text of ['fine', 'loop', 'throw', 'fine too']) {
    await client.publishAsync('good/g', `{"before":"${text}"}`, { qos: 1 })
    await client.publishAsync('bad/b', text, { qos: 1 })
  }
  const rejections = await eventually(async () => {
    const { body } = await request(`${bridge.url}/v1/rejections?order=asc`)
    return body.items?.length === 2 && body.items
  })
  assert.deepEqual(
    rejections.map(
      ({ reason, mapping, raw }: { reason: string; mapping: string; raw: { payloadText: string } }) => [
        reason,
        mapping,
        raw.payloadText
      ]
    ),
    [
      ['decoder_timeout', 'bad', 'loop'],
      ['decoder_failed', 'bad', 'throw']
    ]
  )
  await eventually(async () => {
    const points = await query(bridge.databaseUrl, 'select from datapoints')
    return points.length === 6
  })
})

test('what is forgotten is nowhere, and somebody is named for it', async () => {
  const broker = await startBroker()
  const file = await mappingFile('mappings: [{ name: m, topic: "f/{device}/{metric}" }]')
  const bridge = await startBridge({ mqttUrl: broker.url, config: { mappingsFile: file } })
  const { client } = await connectClient(broker.url)
  for (const device of ['secret-one', 'kept'])
    for (let number = 0; number < 5; number++)
      await client.publishAsync(`f/${device}/x`, `secret-${device}-${number}`, {
        qos: 1,
        retain: number === 4
      })
  await eventually(async () => (await query(bridge.databaseUrl, 'select from datapoints')).length === 10)
  const stream = await openSse(`${bridge.url}/v1/stream?types=message,datapoint&after=earliest`)
  await stream.find('datapoint', ({ datapoint }) => datapoint.device === 'secret-one')
  stream.close()
  const { status, body } = await request(`${bridge.url}/v1/devices/secret-one`, { method: 'DELETE' })
  assert.equal(status, 200, JSON.stringify(body))
  assert.deepEqual([body.messages, body.datapoints, body.devices], [5, 5, 1])
  for (const path of ['/v1/devices/secret-one', '/v1/topic?name=f/secret-one/x'])
    assert.equal((await request(bridge.url + path)).status, 404, path)
  const everywhere = await openSse(`${bridge.url}/v1/stream?types=message,datapoint,state&after=earliest`)
  await everywhere.find('datapoint', ({ datapoint }) => datapoint.valueText === 'secret-kept-4')
  assert.ok(!JSON.stringify(everywhere.events).includes('secret-one'))
  const audit = await query<{ action: string; subject: string; principal: string }>(
    bridge.databaseUrl,
    'select action, subject, principal from audit order by id'
  )
  assert.deepEqual(
    audit.map((row) => ({ ...row })),
    [
      { action: 'forget', subject: 'device secret-one', principal: 'anonymous' },
      { action: 'forget', subject: 'topic f/secret-one/x', principal: 'anonymous' }
    ]
  )
  // And what it says from now on is kept again
  await client.publishAsync('f/secret-one/x', 'again', { qos: 1 })
  await eventually(async () => (await request(`${bridge.url}/v1/devices/secret-one`)).status === 200)
})
