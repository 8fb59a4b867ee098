/** What a mapping would make of a message, on a real service: dry, with what decoders remember, and with another document. */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { App } from '../../src/app.ts'
import type { Access, MessageProperties } from '../../src/model.ts'
import type { Preview } from '../../src/projection/projections.ts'
import { adopted } from '../support/adopted.ts'
import { startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { mappingFile } from '../support/projection.ts'

const all: Access = { principal: 'test', mayRead: () => true, mayPublish: () => true }

const mappings = `
mappings:
  - { name: plain, topic: "plain/{site}/{device}", metrics: [{ name: temp, value: t, unit: "°C" }] }
  - { name: changes, topic: "changes/{device}", store: { deadband: 0.5 }, metrics: [{ name: t, value: t, unit: "°C" }, { name: mode, value: mode }] }
  - { name: deltas, topic: "deltas/{device}", merge: merge, metrics: [{ name: sum, value: "a + b" }] }
  - name: lamp
    topic: "lamp/{room}/{device+}"
    commands:
      - { name: set, topic: "lamp/{room}/{device}/set", responseTopic: "answers/{room}" }
`

let app: App & { databaseUrl: string }
let publish: (topic: string, value: unknown) => Promise<number>

before(async () => {
  const broker = await startBroker()
  app = await startBridge({ mqttUrl: broker.url, config: { mappingsFile: await mappingFile(mappings) } })
  await adopted(app)
  const { client } = await connectClient(broker.url)
  publish = async (topic, value) => {
    const seen = (await app.store.states.byName(all, topic))?.seq ?? 0
    await client.publishAsync(topic, JSON.stringify(value), { qos: 1 })
    const seq = await eventually(async () => {
      const now = (await app.store.states.byName(all, topic))?.seq ?? 0
      return now > seen && now
    })
    await eventually(async () => (await app.projections.mappings()).doneSeq >= seq)
    return seq
  }
})

const preview = (
  topic: string,
  value: unknown,
  mappingText: string | null = null,
  access = all,
  properties: MessageProperties | null = null
): Promise<Preview> =>
  app.projections.preview(access, {
    message: { topic, payload: Buffer.from(JSON.stringify(value)), properties },
    mappingText
  })

const values = ({ datapoints }: Preview): Array<[string, string, number | null]> =>
  datapoints.map(({ device, metric, number }) => [device, metric, number])

/** Everything that a preview could have changed. */
const everything = (): Promise<unknown[]> =>
  query(
    app.databaseUrl,
    `select (select seq from journal_head) as head, (select count(*) from topics) as topics,
       (select json_agg(d order by d.id) from devices d)::text as devices,
       (select json_agg(m order by m.id) from metrics m)::text as metrics,
       (select json_agg(p order by p.seq, p.n) from datapoints p)::text as datapoints,
       (select count(*) from rejections) as rejections,
       (select json_agg(s order by s.key) from decoder_state s)::text as states`
  )

test('a message that is made up, with its captures', async () => {
  const made = await preview('plain/north/p1', { t: 21.5 })
  assert.deepEqual([made.mapping?.name, { ...made.captures }], ['plain', { site: 'north', device: 'p1' }])
  assert.deepEqual(values(made), [['p1', 'temp', 21.5]])
  assert.deepEqual([made.datapoints[0]!.n, made.datapoints[0]!.unit], [0, '°C'])
})

test('a message of the journal, by its seq, is what was stored of it', async () => {
  const seq = await publish('plain/north/p2', { t: 19 })
  const again = await app.projections.preview(all, { message: { seq }, mappingText: null })
  const stored = (await app.store.datapoints.bySeqs([seq])).get(seq)!
  assert.ok(stored.length > 0)
  assert.deepEqual(
    again.datapoints.map((datapoint) => ({ ...datapoint, seq })),
    stored
  )
})

test('what is not matched, and what is rejected', async () => {
  assert.deepEqual((await preview('nobody/here', 1)).mapping, null)
  const rejected = await preview('plain/north/p1', { temp: 21.5 })
  assert.deepEqual([rejected.datapoints, rejected.rejections[0]?.reason], [[], 'nothing_selected'])
})

test('what the mapping remembers is used, and what it would remember is thrown away', async () => {
  await publish('deltas/d1', { a: 1, b: 2 })
  for (let round = 0; round < 2; round++) {
    const next = await preview('deltas/d1', { a: 10 })
    assert.deepEqual(values(next), [['d1', 'sum', 12]])
    assert.match(JSON.stringify(next.state), /10/)
  }
  const seq = await publish('deltas/d1', { b: 3 })
  assert.deepEqual(
    (await app.store.datapoints.bySeqs([seq])).get(seq)!.map(({ number }) => number),
    [4]
  )
})

test('what would not be stored, and why', async () => {
  const seq = await publish('changes/c1', { t: 21, mode: 'eco' })
  const told = async (value: unknown, access = all): Promise<unknown[]> => {
    const { datapoints, unchanged } = await preview('changes/c1', value, null, access)
    return [datapoints.map(({ metric, n }) => [metric, n]), unchanged.map(({ metric, n }) => [metric, n])]
  }
  assert.deepEqual(await told({ t: 21.5, mode: 'eco' }), [
    [],
    [
      ['t', 0],
      ['mode', 1]
    ]
  ])
  assert.deepEqual(await told({ t: 21.5, mode: 'off' }), [[['mode', 1]], [['t', 0]]])
  assert.deepEqual(await told({ t: 22 }), [[['t', 0]], []])
  const { unchanged } = await preview('changes/c1', { t: 21.5, mode: 'eco' })
  assert.match(
    unchanged[0]!.why,
    /^It differs by no more than the deadband, 0\.5, from the last stored one, 21 °C, observed 20/
  )
  assert.match(unchanged[1]!.why, /^It is as the last stored one, eco, observed 20/)
  // What one may not read is not compared with, under whatever name another topic is mapped
  const others: Access = { ...all, mayRead: (topic) => topic !== 'changes/c1' }
  const text =
    'mappings: [{ name: x, topic: "mine/{device}", store: changes, metrics: [{ name: t, value: t }] }]\n'
  assert.equal(
    (await preview('mine/c1', { t: 21 }, text.replace('value: t', 'value: t, unit: "°C"'))).unchanged.length,
    1
  )
  const blind = await preview('mine/c1', { t: 21 }, text.replace('value: t', 'value: t, unit: "°C"'), others)
  assert.deepEqual([blind.datapoints.length, blind.unchanged], [1, []])
  // Of what came, what is stored of it tells
  const again = await app.projections.preview(all, { message: { seq }, mappingText: null })
  assert.deepEqual([values(again).length, again.unchanged], [2, []])
  const left = await publish('changes/c1', { t: 21.25, mode: 'off' })
  await publish('changes/c1', { t: 30, mode: 'on' })
  const before = await app.projections.preview(all, { message: { seq: left }, mappingText: null })
  assert.deepEqual(
    before.datapoints.map(({ metric, n }) => [metric, n]),
    [['mode', 1]]
  )
  assert.deepEqual(
    before.unchanged.map(({ metric, n }) => [metric, n]),
    [['t', 0]]
  )
  const stored = (await app.store.datapoints.bySeqs([left])).get(left)!
  assert.deepEqual(
    before.datapoints.map((datapoint) => ({ ...datapoint, seq: left })),
    stored
  )
})

test('where commands to the device go', async () => {
  const { commands } = await preview('lamp/kitchen/ceiling/left', { on: true })
  const topic = 'lamp/kitchen/ceiling/left/set'
  assert.deepEqual(commands, [{ name: 'set', topic, responseTopic: 'answers/kitchen' }])
})

test('another document may be tried, and its faults are told with their places', async () => {
  const text =
    'mappings: [{ name: x, topic: "plain/{site}/{device}", metrics: [{ name: warmth, value: t }] }]\n'
  assert.deepEqual(values(await preview('plain/north/p1', { t: 1 }, text)), [['p1', 'warmth', 1]])
  assert.equal((await app.projections.mappings()).mappings[0]!.name, 'plain')
  await assert.rejects(preview('a', 1, 'mappings:\n  - { name: x, topik: "a" }\n'), (error: unknown) => {
    const { code, errors } = error as { code: string; errors: Array<{ detail: string }> }
    assert.equal(code, 'invalid_value')
    assert.match(errors.map(({ detail }) => detail).join('\n'), /Line 2.*topik/)
    return true
  })
})

test('a decoder that is not loaded is not loaded for a preview', async () => {
  const text = 'mappings: [{ name: x, topic: "a/{device}", decoder: ./evil.mjs }]\n'
  await assert.rejects(preview('a/b', 1, text), { code: 'invalid_value', message: /evil\.mjs is not loaded/ })
})

test('topics that are none, and topics that one may not read', async () => {
  for (const topic of ['', 'a/+', '#', 'a\0b'])
    await assert.rejects(preview(topic, 1), { code: 'invalid_topic' })
  const seq = await publish('plain/south/p9', { t: 1 })
  const some: Access = { ...all, mayRead: (topic) => !topic.startsWith('plain/south') }
  await assert.rejects(preview('plain/south/p9', 1, null, some), { code: 'forbidden' })
  // As if it did not exist
  await assert.rejects(app.projections.preview(some, { message: { seq }, mappingText: null }), {
    code: 'not_found'
  })
  await assert.rejects(app.projections.preview(all, { message: { seq: 1e9 }, mappingText: null }), {
    code: 'not_found'
  })
})

test('nothing is written', async () => {
  await publish('deltas/d2', { a: 1, b: 1 })
  const seq = await publish('plain/north/p3', { t: 1 })
  const before = await everything()
  await preview('plain/north/new', { t: 1 })
  await preview('plain/north/p3', { temp: 1 })
  await preview('deltas/d2', { a: 5 })
  await app.projections.preview(all, { message: { seq }, mappingText: 'automatic: true\n' })
  await app.projections.explain(all, 'plain/north/p3')
  assert.deepEqual(await everything(), before)
})
