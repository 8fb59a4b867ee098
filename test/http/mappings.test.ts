/** Mappings on the whole service, with a real broker. Every answer is held against openapi.yaml. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { Answer } from '../support/bridge.ts'
import { startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { mappingFile } from '../support/projection.ts'
import { openSse } from '../support/sse.ts'
import { call } from './contract.ts'

const numbers = `mappings:
  - name: plant
    topic: plant/{device}/{metric}
    decoder: number
`
const words = `mappings:
  - name: plant
    topic: plant/{device}/{metric}
    decoder: text
`
const file = await mappingFile(numbers)
const { url: mqttUrl } = await startBroker()
const { url, databaseUrl } = await startBridge({ mqttUrl, config: { mappingsFile: file } })
const { client } = await connectClient(mqttUrl)
const base = `${url}/v1`

const get = (path: string): Promise<Answer> => call(`${base}/${path}`)
const post = (path: string, body?: unknown): Promise<Answer> =>
  call(`${base}/${path}`, {
    method: 'POST',
    ...(body !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
  })
const remove = (path: string): Promise<Answer> => call(`${base}/${path}`, { method: 'DELETE' })
const publish = (topic: string, payload: string): Promise<unknown> =>
  client.publishAsync(topic, payload, { qos: 1 })
const values = (items: Array<{ value: unknown }>): unknown[] => items.map(({ value }) => value)

/** Everything that came is normalized, and nothing is being built. */
const settled = (count: number, topic: string): Promise<unknown> =>
  eventually(
    async () => {
      const { items } = (await get(`messages?filter=${topic}`)).body
      const { lag } = (await get('mappings')).body
      const building = (await get('projections')).body.items.some(
        ({ state }: { state: string }) => state === 'building'
      )
      return items.length >= count && lag === 0 && !building
    },
    { what: `${count} messages of ${topic} to be normalized` }
  )

async function reload(text: string, body?: { rebuild: boolean }): Promise<Answer> {
  await writeFile(file, text)
  return post('mappings/reload', body)
}

// What comes before is projected by the rebuild that the first start begins, and these tests look at what comes live
await eventually(
  async () => {
    const { projection } = (await get('status')).body
    return projection !== null && projection.building === null
  },
  { what: 'the projector to run' }
)

test('mappings: what they are, and how far they have come', async () => {
  await publish('plant/a/t', '20.5')
  await settled(1, 'plant/a/t')
  const { file: path, hash, mappings, faults, lag } = (await get('mappings')).body
  assert.deepEqual([path, mappings.length, faults, lag], [file, 1, [], 0])
  assert.match(hash, /^[0-9a-f]{64}$/)
  assert.deepEqual(
    [mappings[0].name, mappings[0].topic, mappings[0].filter, mappings[0].line],
    ['plant', 'plant/{device}/{metric}', 'plant/+/+', 2]
  )
  const status = (await get('status')).body.projection
  assert.deepEqual([status.mappingHash, status.lag, status.building], [hash, 0, null])
  assert.equal((await get('devices/a')).body.mapping, 'plant')
  const metrics = await (await fetch(`${url}/metrics`)).text()
  assert.match(metrics, /^rialto_projected_datapoints_total [1-9]/m)
  assert.match(metrics, /^rialto_projection_lag_facts 0$/m)
})

test('a preview of a message that is made up, of one of the journal, and with other mappings', async () => {
  const madeUp = await post('mappings/preview', { topic: 'plant/b/t', payloadText: '21' })
  assert.equal(madeUp.status, 200)
  const { mapping, captures, datapoints, rejections } = madeUp.body
  assert.deepEqual([mapping.name, captures, rejections], ['plant', { device: 'b', metric: 't' }, []])
  assert.deepEqual([datapoints[0].device, datapoints[0].metric, datapoints[0].value], ['b', 't', 21])
  const bytes = await post('mappings/preview', { topic: 'plant/b/t', payloadBase64: '/w==' })
  assert.deepEqual(
    bytes.body.rejections.map(({ reason }: { reason: string }) => reason),
    ['not_utf8']
  )

  const { seq } = (await get('messages?filter=plant/a/t')).body.items[0]
  assert.deepEqual(values((await post('mappings/preview', { seq })).body.datapoints), [20.5])
  const others = await post('mappings/preview', { seq, mappings: words })
  assert.deepEqual(values(others.body.datapoints), ['20.5'])
  const nobody = await post('mappings/preview', { topic: 'elsewhere', payload: 1 })
  assert.deepEqual([nobody.body.mapping, nobody.body.datapoints], [null, []])

  const never = await post('mappings/preview', { seq: '999999999' })
  assert.deepEqual([never.status, never.body.code], [404, 'not_found'])
  const faulty = await post('mappings/preview', { seq, mappings: 'mappings:\n  - nam: x\n' })
  assert.deepEqual([faulty.status, faulty.body.code], [422, 'invalid_value'])
  assert.match(faulty.body.errors[0].detail, /[Ll]ine 2/)
  assert.equal((await get('device?name=b')).status, 404, 'a preview stores nothing')
})

test('rejected, mended, redriven: as if the mapping had always been right, and streams are told', async () => {
  await publish('plant/r/t', '1')
  await publish('plant/r/t', 'two')
  await publish('plant/r/t', '3')
  await settled(3, 'plant/r/t')
  const { items } = (await get('rejections?filter=plant/r/t')).body
  assert.deepEqual([items.length, items[0].reason, items[0].raw.payloadText], [1, 'not_a_number', 'two'])
  const { items: counts } = (await get('rejections/counts')).body
  assert.ok(counts.some(({ reason }: { reason: string }) => reason === 'not_a_number'))

  const reloaded = await reload(words, { rebuild: false })
  assert.deepEqual([reloaded.status, reloaded.body.changed, reloaded.body.building], [200, true, null])
  const stream = await openSse(`${base}/stream?types=datapoint`)
  const asked = await post('rejections/redrive', {
    filters: ['plant/r/#'],
    reason: 'not_a_number',
    mapping: 'plant',
    from: '2020-01-01T00:00:00Z',
    to: '2100-01-01T00:00:00Z'
  })
  assert.equal(asked.status, 202)
  assert.equal(asked.headers.get('location'), `/v1/redrives/${asked.body.id}`)
  assert.ok(asked.headers.get('rialto-cursor'))
  assert.deepEqual(
    [asked.body.filters, asked.body.reason, asked.body.mapping, asked.body.from, asked.body.principal],
    [['plant/r/#'], 'not_a_number', 'plant', '2020-01-01T00:00:00.000Z', 'anonymous']
  )
  const done = await eventually(async () => {
    const { body } = await call(`${url}${asked.headers.get('location')}`)
    return body.state === 'done' && body
  })
  assert.deepEqual([done.messages, done.accepted, done.error], [1, 1, null])
  assert.equal((await get('redrives?limit=1')).body.items[0].id, asked.body.id)
  assert.deepEqual((await get('rejections?filter=plant/r/t')).body.items, [])
  const { items: found } = (await get('datapoints?device=r&order=asc')).body
  assert.deepEqual(values(found), [1, 'two', 3])
  await eventually(() => stream.events.some(({ data }) => data.datapoint?.value === 'two'))
  stream.close()
})

test('a redrive without a body is one of everything; one that is not there is not found', async () => {
  const asked = await post('rejections/redrive')
  assert.deepEqual([asked.status, asked.body.filters, asked.body.reason], [202, [], null])
  await eventually(async () => (await get(`redrives/${asked.body.id}`)).body.state === 'done')
  const never = await get('redrives/0d4b7f0e-5a0a-4f6e-9d53-6b1c6f1f2a10')
  assert.deepEqual([never.status, never.body.code], [404, 'not_found'])
})

test('a changed mapping builds everything anew; unchanged, it builds nothing', async () => {
  assert.equal((await reload(numbers)).status, 200)
  await settled(1, 'plant/a/t')
  const before = (await get('projections')).body.items.find(
    ({ state }: { state: string }) => state === 'current'
  )
  const changed = await reload(words)
  assert.deepEqual([changed.status, changed.body.changed], [200, true])
  assert.equal(changed.body.building.state, 'building')
  const progress = changed.body.building.progress
  assert.ok(progress >= 0 && progress <= 1)
  await settled(1, 'plant/a/t')
  const now = (await get('projections')).body.items.find(
    ({ state }: { state: string }) => state === 'current'
  )
  assert.notEqual(now.id, before.id)
  assert.deepEqual([now.mappingHash, now.mappingText, now.progress], [changed.body.hash, words, null])
  assert.deepEqual(values((await get('datapoints?device=a')).body.items), ['20.5'])
  const again = await reload(`# the same\n${words}`)
  assert.deepEqual(
    [again.body.changed, again.body.hash, again.body.building],
    [false, changed.body.hash, null]
  )
})

test('faults of rialto.yaml are told with their places, and the mappings before stay in use', async () => {
  const { hash } = (await get('mappings')).body
  const refused = await reload('mappings:\n  - name: x\n    topic: a/{b}/{b}\n    decodr: json\n')
  assert.deepEqual([refused.status, refused.body.code], [422, 'invalid_value'])
  const { errors } = refused.body
  assert.ok(errors.length >= 2)
  assert.ok(
    errors.every(
      ({ pointer, detail }: { pointer: string; detail: string }) =>
        pointer.startsWith('/mappings/0') && /[Ll]ine \d/.test(detail)
    )
  )
  const state = (await get('mappings')).body
  assert.deepEqual([state.hash, state.faults.length], [hash, errors.length])
  assert.ok(state.faults.every(({ line, fix }: { line: number; fix: string }) => line >= 2 && fix !== ''))
  await publish('plant/a/still', 'on')
  await settled(1, 'plant/a/still')
  assert.deepEqual(values((await get('datapoints?device=a&metric=still')).body.items), ['on'])
  assert.equal((await reload(words)).status, 200)
  assert.deepEqual((await get('mappings')).body.faults, [])
})

test('a topic is explained: its mapping, its newest messages, its devices', async () => {
  await publish('plant/e/t', 'on')
  await settled(1, 'plant/e/t')
  const { status, body } = await get('explain?topic=plant/e/t')
  assert.equal(status, 200)
  assert.deepEqual(
    [body.topic, body.mapping.name, body.captures],
    ['plant/e/t', 'plant', { device: 'e', metric: 't' }]
  )
  assert.deepEqual(body.devices, ['e'])
  assert.equal(body.messages[0].message.payloadText, 'on')
  assert.deepEqual(values(body.messages[0].preview.datapoints), ['on'])
  assert.ok(body.verdicts.length > 0 && body.filters.length > 0)
  for (const [topic, code] of [
    ['plant/never/t', 'never_received'],
    ['plant/+/t', 'not_a_topic'],
    ['$SYS/x', 'no_filter_matches']
  ]) {
    const other = await get(`explain?topic=${encodeURIComponent(topic!)}`)
    assert.deepEqual([other.status, other.body.verdicts[0].code], [200, code], topic)
  }
})

test('a device is forgotten with all its data, by its name and in the path, and the audit tells', async () => {
  for (const [device, path] of [
    ['gone 🏭', `device?name=${encodeURIComponent('gone 🏭')}`],
    ['gone%', `devices/${encodeURIComponent('gone%')}`]
  ] as const) {
    await publish(`plant/${device}/t`, '1')
    await settled(1, encodeURIComponent(`plant/${device}/t`))
    const ask = `datapoints?device=${encodeURIComponent(device)}`
    assert.equal((await get(ask)).body.items.length, 1)
    const forgotten = await remove(path)
    assert.equal(forgotten.status, 200, JSON.stringify(forgotten.body))
    assert.ok(forgotten.headers.get('rialto-cursor'))
    assert.deepEqual([forgotten.body.devices, forgotten.body.datapoints], [1, 1])
    assert.equal((await get(path)).status, 404)
    assert.deepEqual((await get(ask)).body.items, [])
    const again = await remove(path)
    assert.deepEqual([again.status, again.body.code], [404, 'not_found'])
    const audit = await query(databaseUrl, 'select principal from audit where subject = $1', [
      `device ${device}`
    ])
    assert.deepEqual(audit, [{ principal: 'anonymous' }])
  }
})

test('a topic is forgotten with all its messages, however it is named', async () => {
  for (const [at, toPath] of [
    ['a', (name: string) => `topic?name=${encodeURIComponent(name)}`],
    ['b', (name: string) => `topics/${encodeURIComponent(name)}`],
    ['c', (_: string, id: string) => `topics/by-id/${id}`]
  ] as const) {
    const name = `plant/forget ${at}/t`
    await publish(name, '1')
    await publish(name, '2')
    await settled(2, encodeURIComponent(name))
    const { topicId } = (await get(`topic?name=${encodeURIComponent(name)}`)).body
    const path = toPath(name, topicId)
    const forgotten = await remove(path)
    assert.equal(forgotten.status, 200, JSON.stringify(forgotten.body))
    assert.deepEqual([forgotten.body.messages, forgotten.body.datapoints, forgotten.body.topics], [2, 2, 1])
    assert.equal((await get(path)).status, 404)
    assert.deepEqual((await get(`messages?filter=${encodeURIComponent(name)}`)).body.items, [])
    assert.equal((await remove(path)).body.code, 'not_found')
    // What comes after is a topic like any other
    await publish(name, '3')
    await settled(1, encodeURIComponent(name))
  }
})
