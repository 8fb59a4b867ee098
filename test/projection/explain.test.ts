/** Every mistake of mistakes.ts, made for real: a broker, a service, a message; and whether explain names the culprit. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import type { App } from '../../src/app.ts'
import { startApp } from '../../src/app.ts'
import type { Config } from '../../src/config.ts'
import type { Limits } from '../../src/limits.ts'
import type { Access } from '../../src/model.ts'
import type { Explanation } from '../../src/projection/projections.ts'
import { partsFor, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { adopted } from '../support/adopted.ts'
import { atEnd } from '../support/cleanup.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { mappingFile } from '../support/projection.ts'
import { startStrictBroker } from '../support/strict-broker.ts'
import type { BridgeName, Mistake } from './mistakes.ts'
import { bridges, mistakes, rightOnes } from './mistakes.ts'

const all: Access = { principal: 'test', mayRead: () => true, mayPublish: () => true }

/** At least 48 of 50 must be named. */
const namedMin = 48 / 50

interface Running {
  app: App
  file: string | null
}

const rows = [...mistakes, ...rightOnes]
const running = new Map<BridgeName, Running>()
const explanations = new Map<Mistake, Explanation>()

async function configOf(name: BridgeName): Promise<{ config: Partial<Config>; file: string | null }> {
  const { topics, mappings } = bridges[name]
  const file = mappings === null ? null : await mappingFile(mappings)
  return { config: { filters: [...topics], mappingsFile: file }, file }
}

async function start(
  name: BridgeName,
  mqttUrl: string,
  more: Partial<Config> = {},
  limits: Partial<Limits> = {}
): Promise<Running> {
  const { config, file } = await configOf(name)
  const app = await startBridge({ mqttUrl, config: { ...config, ...more }, limits })
  running.set(name, { app, file })
  return { app, file }
}

/** One that never becomes ready. */
async function startAside(name: BridgeName, mqttUrl: string): Promise<App> {
  const { config, file } = await configOf(name)
  const app = await startApp(partsFor({ mqttUrl, databaseUrl: await createDatabase(), config }))
  atEnd(() => app.close())
  running.set(name, { app, file })
  return app
}

const of = (name: BridgeName): Mistake[] => rows.filter(({ bridge }) => bridge === name)

/** Publishes in order, and last what shows that all of it came and was projected. */
async function publish(name: BridgeName, url: string): Promise<void> {
  const { app } = running.get(name)!
  const { client } = await connectClient(url)
  for (const { topic, published } of of(name))
    for (const message of published) {
      const { payload, retain = false, expirySeconds } = message
      const properties = expirySeconds === undefined ? {} : { messageExpiryInterval: expirySeconds }
      await client.publishAsync(message.topic ?? topic, Buffer.from(payload), { qos: 1, retain, properties })
    }
  await client.publishAsync('ok/all/came', '1', { qos: 1 })
  const last = await eventually(() => app.store.states.byName(all, 'ok/all/came'), {
    what: `${name} has all`
  })
  await eventually(async () => (await app.projections.mappings()).doneSeq >= last.seq, {
    what: `${name} is done`
  })
  await client.endAsync()
}

before(async () => {
  await Promise.all(
    (['filters', 'none', 'automatic', 'conventions', 'mapped', 'repaired'] as const).map(async (name) => {
      const broker = await startBroker()
      const { app } = await start(name, broker.url, {}, { expiryCheckMs: 50 })
      await adopted(app)
      await publish(name, broker.url)
    })
  )
  const repaired = running.get('repaired')!
  await writeFile(repaired.file!, bridges.repaired.repaired)
  await repaired.app.projections.reload({ rebuild: null })
  const { store } = running.get('automatic')!.app
  await eventually(async () => (await store.states.byName(all, 'brief/1/temp'))?.tombstone ?? null)

  // Nobody listens there: a port that was free a moment ago
  const gone = await startBroker()
  await gone.stop()
  await eventually(lastErrorOf(await startAside('unreachable', gone.url)))

  const guarded = await startStrictBroker({ connect: () => 0x86 })
  await eventually(lastErrorOf(await startAside('password', guarded.url)))

  const denying = await startStrictBroker({ refuseFilter: (filter) => (filter === 'secret/#' ? 0x87 : null) })
  await start('denied', denying.url)

  const clientId = 'one-and-the-same'
  const shared = await startBroker()
  const { app } = await start('same', shared.url, { clientId })
  await connectClient(shared.url, { clientId, reconnectPeriod: 100 })
  await eventually(async () => (await statusOf(app)).takenOver)

  const careless = await startStrictBroker({})
  const camera = of('old')[0]!
  const old = await start('old', careless.url, { clientId: 'old' }, { packetBytesMax: 100_000 })
  await careless.deliver('old', camera.topic, String(camera.published[0]!.payload))
  await eventually(async () => old.app.store.journal.lastGap())

  for (const row of rows)
    explanations.set(row, await running.get(row.bridge)!.app.projections.explain(all, row.topic))
})

after(() => running.clear())

const statusOf = async (app: App): Promise<{ lastError: string | null; takenOver: boolean }> =>
  (
    (await (await fetch(`${app.url}/v1/status`)).json()) as {
      mqtt: { lastError: string | null; takenOver: boolean }
    }
  ).mqtt

const lastErrorOf = (app: App) => async (): Promise<string | null> => (await statusOf(app)).lastError

/** What is wrong with an explanation; null: it names the culprit, with the words that help. */
function wrong({ topic, culprit, says }: Mistake, { verdicts }: Explanation): string | null {
  const [first] = verdicts
  if (first?.code !== culprit) return `${topic}: ${culprit} expected: ${JSON.stringify(verdicts)}`
  return says.test(`${first.detail} ${first.fix}`)
    ? null
    : `${topic}: ${says} not in ${JSON.stringify(first)}`
}

test('at least 48 of 50 mistakes are named, with words that help', (t) => {
  assert.ok(mistakes.length >= 50)
  const missed = mistakes.flatMap((row) => {
    const fault = wrong(row, explanations.get(row)!)
    return fault === null ? [] : [`${row.mistake}: ${fault}`]
  })
  t.diagnostic(`${mistakes.length - missed.length} of ${mistakes.length} are named`)
  for (const one of missed) t.diagnostic(one)
  assert.ok((mistakes.length - missed.length) / mistakes.length >= namedMin, missed.join('\n'))
  // Nor is one lost that was named before
  assert.deepEqual(missed, [])
})

for (const row of rightOnes)
  test(`no culprit: ${row.mistake}`, () => {
    assert.equal(wrong(row, explanations.get(row)!), null)
  })

test('an explanation carries what it was concluded from', () => {
  const { filters, mapping, captures, messages, rejections, rejectionCounts, devices } = explanations.get(
    mistakes.find(({ topic }) => topic === 'comma/comma-1')!
  )!
  assert.deepEqual(filters, [{ filter: '#', subscribed: true, refusedWith: null }])
  assert.deepEqual([mapping?.name, captures['device']], ['comma', 'comma-1'])
  assert.equal(messages[0]!.fact.message!.payload.toString(), '21,5')
  assert.deepEqual(
    [rejections[0]!.reason, messages[0]!.preview.rejections[0]!.reason],
    ['not_a_number', 'not_a_number']
  )
  assert.deepEqual([rejectionCounts, devices], [[{ reason: 'not_a_number', count: 1 }], []])
  const stored = explanations.get(rightOnes.find(({ topic }) => topic === 'ok/ok-1/temp')!)!
  assert.deepEqual(stored.devices, ['ok-1'])
  assert.deepEqual(stored.shadowed, [])
})

test('REST gives the same', async () => {
  const { app } = running.get('mapped')!
  const response = await fetch(`${app.url}/v1/explain?topic=${encodeURIComponent('comma/comma-1')}`)
  const { verdicts } = (await response.json()) as Pick<Explanation, 'verdicts'>
  assert.deepEqual(
    verdicts,
    explanations.get(mistakes.find(({ topic }) => topic === 'comma/comma-1')!)!.verdicts
  )
})

test('who may not read a topic is told nothing of it', async () => {
  const { app } = running.get('mapped')!
  const some: Access = { ...all, mayRead: (topic) => topic !== 'ok/ok-1/temp' }
  await assert.rejects(app.projections.explain(some, 'ok/ok-1/temp'), { code: 'forbidden' })
  // Nor is its name, where it would be the nearest
  const { verdicts } = await app.projections.explain(some, 'ok/ok-1/tempp')
  assert.ok(!JSON.stringify(verdicts).includes('ok/ok-1/temp`'), JSON.stringify(verdicts))
  const { verdicts: open } = await app.projections.explain(all, 'ok/ok-1/tempp')
  assert.ok(JSON.stringify(open).includes('ok/ok-1/temp`'), JSON.stringify(open))
})
