/**
 * F41: bits flip in what the broker sends. What then comes may be another message, or none; but nothing crashes, nothing is
 * stuck, and once it has stopped, every message that is published comes, and everything can be read.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { request, startBridge } from '../support/bridge.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { readGraphql, readPages } from '../support/everything-read.ts'
import { startFlippingProxy } from '../support/flipping-proxy.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt.ts'

const full = process.env['FULL'] === '1'
const given = process.env['SEED']
const firstSeed = given === undefined ? Math.floor(Math.random() * 1e6) : Number(given)
const seeds = Array.from({ length: full ? 20 : 3 }, (_, index) => firstSeed + index)
const noise = full ? 20_000 : 2_000
const owed = full ? 2_000 : 300

for (const seed of seeds) {
  test(`flipped bits, SEED=${seed}: nothing crashes or is stuck, and then nothing is lost`, async (t) => {
    const broker = await startMosquitto()
    const proxy = await startFlippingProxy(broker.port, seed)
    const app = await startBridge({
      mqttUrl: proxy.url,
      limits: {
        reconnectDelayMsMin: 20,
        reconnectDelayMsMax: 200,
        brokerAnswerMsMax: 2_000,
        keepAliveSeconds: 5
      }
    })
    const { client } = await connectClient(broker.url)
    proxy.everyBytes = 3_000
    for (let begin = 0; begin < noise; begin += 100) {
      await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          client.publishAsync(`noise/${index}`, `{"number":${begin + index}}`, {
            qos: (index % 3) as 0 | 1 | 2,
            retain: index % 7 === 0,
            properties: { contentType: 'application/json', userProperties: { seed: String(seed) } }
          })
        )
      )
    }
    // Until flipped bits have ended connections, and a while beyond
    await eventually(
      async () => {
        await client.publishAsync('noise/more', 'x'.repeat(200), { qos: 1 })
        return proxy.flipped >= noise / 100 && app.stats.disconnects >= 3
      },
      { withinMs: 60_000, what: 'three connections have ended' }
    )
    proxy.everyBytes = 0

    await Promise.all(
      Array.from({ length: owed }, (_, number) =>
        client.publishAsync(`owed/${number}`, `${number}`, { qos: number % 2 === 0 ? 1 : 2 })
      )
    )
    const arrived = async (): Promise<number> => {
      const rows = await query<{ n: string }>(
        app.databaseUrl,
        `select count(distinct name) as n from journal join topics on id = topic_id
         where name ~ '^owed/[0-9]+$' and convert_from(payload, 'utf8') = substr(name, 6)`
      )
      return Number(rows[0]!.n)
    }
    await eventually(async () => (await arrived()) === owed, {
      withinMs: 90_000,
      everyMs: 200,
      what: 'the ledger is complete'
    })
    assert.equal((await request(`${app.url}/readyz`)).status, 200)
    const states = await readPages(app.url, 'topics')
    assert.ok(states.filter(({ topic }) => topic.startsWith('owed/')).length >= owed)
    const messages = await readPages(app.url, 'messages')
    assert.ok((await readGraphql(app.url, 'messages')).length >= messages.length)
    assert.ok((await readGraphql(app.url, 'topics')).length >= states.length)
    assert.equal((await request(`${app.url}/v1/gaps?limit=1000`)).status, 200)
    await eventually(() => app.stats.held === 0)
    const { received, stored, duplicates, confirmed, leftToOther, abandoned, disconnects, unstorable } =
      app.stats
    assert.equal(received, stored + duplicates + confirmed + leftToOther + abandoned)
    t.diagnostic(
      JSON.stringify({
        seed,
        flipped: proxy.flipped,
        disconnects,
        unstorable,
        received,
        duplicates,
        owed,
        lost: 0
      })
    )
  })
}
