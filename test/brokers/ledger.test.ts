/**
 * The ledger: messages that the broker took from a publisher, against rows in Postgres, while the service is killed at
 * random. FULL=1 runs the counts that documentation quotes.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDatabase, query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import type { KnownBroker } from '../support/known-brokers.ts'
import { mosquitto, nats, rabbitmq } from '../support/known-brokers.ts'
import { connectClient } from '../support/mqtt.ts'
import type { Patch } from '../support/patched-build.ts'
import { patchedBuild } from '../support/patched-build.ts'
import { startService } from '../support/service.ts'
import { record } from './results.ts'

const full = process.env['FULL'] === '1'
const messages = full ? 20_000 : 3_000
const kills = full ? 12 : 5
const perSecond = full ? 800 : 300
const topics = 50

interface Ledger {
  broker: string
  published: number
  stored: number
  lost: number
  repeated: number
  outOfOrder: number
  kills: number
  restartMsMax: number
  openPackets: number
}

async function runLedger(known: KnownBroker, qos: 1 | 2, entry?: string): Promise<Ledger> {
  const broker = await known.start()
  const url = await createDatabase()
  const start = () =>
    startService(
      { DATABASE_URL: url, MQTT_URL: broker.url, RIALTO_TOPICS: 'ledger/#', RIALTO_QOS: String(qos) },
      entry === undefined ? {} : { entry }
    )
  let service = await start()
  await eventually(async () => (await fetch(`${service.url}/readyz`)).ok, { what: 'the service is ready' })

  const { client } = await connectClient(broker.url, {
    protocolVersion: known.able.versions.includes('5') ? 5 : 4
  })
  const owed = new Set<number>()
  let next = 0
  const publish = async (): Promise<void> => {
    const number = next++
    await client.publishAsync(`ledger/${number % topics}`, String(number), { qos })
    owed.add(number) // only what the broker has acknowledged is owed
  }
  const publishing = (async () => {
    const all: Array<Promise<void>> = []
    const begun = Date.now()
    while (next < messages) {
      const due = Math.min(messages, Math.floor(((Date.now() - begun) / 1_000) * perSecond))
      while (next < due) all.push(publish())
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await Promise.all(all)
  })()

  let restartMsMax = 0
  for (let kill = 0; kill < kills; kill++) {
    // At a random moment of the stream, not of the start
    const at = Math.floor((messages / kills) * (kill + 0.2 + Math.random() * 0.6))
    await eventually(() => next >= at, { withinMs: 120_000, everyMs: 1 + Math.random() * 5 })
    await service.kill('SIGKILL')
    service = await start()
    restartMsMax = Math.max(restartMsMax, service.startedInMs)
  }
  await publishing
  const count = async (): Promise<number> =>
    Number(
      (
        await query<{ n: string }>(
          url,
          `select count(distinct convert_from(payload, 'UTF8')) n from journal j
      join topics t on t.id = j.topic_id where t.name like 'ledger/%'`
        )
      )[0]!.n
    )
  // NATS sends again only after a wait of its own, so quiet is no sign of the end before that has passed
  let most = 0
  let grewAt = Date.now()
  await eventually(
    async () => {
      const now = await count()
      if (now > most) grewAt = Date.now()
      most = Math.max(most, now)
      return now >= owed.size || Date.now() - grewAt > 12_000
    },
    { withinMs: 120_000, everyMs: 500, what: 'the backlog is read' }
  )
  // PUBREL of the last ones comes after their commit
  const open = async (): Promise<boolean> =>
    (await query<{ n: string }>(url, 'select count(*) n from inbound_packets'))[0]!.n === '0'
  await eventually(open, { withinMs: 60_000, everyMs: 200 }).catch(() => {}) // the ledger tells
  const [row] = await query<{ stored: string; distinct: string; disorder: string; open: string }>(
    url,
    `with rows as (
       select j.seq, t.name, convert_from(payload, 'UTF8')::int as number
       from journal j join topics t on t.id = j.topic_id where t.name like 'ledger/%'
     ), firsts as (select name, number, min(seq) as seq from rows group by name, number)
     select (select count(*) from rows) stored, (select count(*) from firsts) as distinct,
       (select count(*) from (
          select number, lag(number) over (partition by name order by seq) as before from firsts
        ) x where before > number) disorder,
       (select count(*) from inbound_packets) open`
  )
  await service.kill('SIGTERM')
  await broker.stop()
  const stored = Number(row!.stored)
  const distinct = Number(row!.distinct)
  return {
    broker: known.name,
    published: owed.size,
    stored,
    lost: owed.size - distinct,
    repeated: stored - distinct,
    outOfOrder: Number(row!.disorder),
    kills,
    restartMsMax: Math.round(restartMsMax),
    openPackets: Number(row!.open)
  }
}

for (const known of [mosquitto, rabbitmq, nats]) {
  test(`${known.name}, QoS 1: ${messages} messages, ${kills} x SIGKILL, none lost`, async (t) => {
    const ledger = await runLedger(known, 1)
    t.diagnostic(JSON.stringify(ledger))
    await record('ledger', `${known.name}, QoS 1`, ledger)
    assert.equal(ledger.published, messages)
    assert.equal(ledger.lost, 0)
    // What comes again only after a wait comes after younger ones
    if (known.able.redelivers === 'before what is new') assert.equal(ledger.outOfOrder, 0)
  })
}

test(`Mosquitto, QoS 2: ${messages} messages, ${kills} x SIGKILL, none lost, none repeated`, async (t) => {
  const ledger = await runLedger(mosquitto, 2)
  t.diagnostic(JSON.stringify(ledger))
  await record('ledger', 'Mosquitto, QoS 2', ledger)
  assert.equal(ledger.published, messages)
  assert.deepEqual([ledger.lost, ledger.repeated, ledger.outOfOrder], [0, 0, 0])
  assert.equal(ledger.openPackets, 0)
})

test('a service that acknowledges before the commit is caught', async (t) => {
  const ledger = await runLedger(mosquitto, 1, await patchedBuild(acknowledgesEarly))
  t.diagnostic(JSON.stringify(ledger))
  assert.ok(ledger.lost > 0, 'nothing was lost, so this ledger proves nothing')
})

/** One line moved to where many put it, and a database that takes its time. */
const acknowledgesEarly: Patch[] = [
  { file: 'ingest/ingest.js', find: /^.*batch\.acknowledge\(\).*$/m, replace: '' },
  {
    file: 'ingest/ingest.js',
    find: /(async function commit\([^)]*\) \{)/,
    replace: '$1 batch.acknowledge(); await new Promise((resolve) => setTimeout(resolve, 100));'
  }
]
