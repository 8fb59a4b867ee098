/** Readers that stop reading, while as much comes as the service can store: nobody else notices, and they miss nothing. */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { inspected, openInspector } from '../support/inspector.ts'
import type { Rialto } from './rialto.ts'
import { imbalance } from './rialto.ts'
import type { Reader } from './stopping-readers.ts'
import { openGraphqlReader, openSseReader } from './stopping-readers.ts'
import { sized } from './story.ts'
import { createWorld } from './world.ts'

const seconds = sized(60, 4)
/** More than that cannot be due to two readers. */
const growthBytesMax = 50 * 1024 * 1024
/** More than sockets of two systems take without being read. */
const journalBytesMin = 20e6

/** Memory when everything is stored and the readers still stand; what they got when they went on. */
async function run(t: TestContext, stalls: boolean): Promise<number> {
  const world = createWorld()
  const readers: Reader[] = []
  try {
    const broker = await world.mosquitto(['max_queued_messages 200000'])
    const databaseUrl = await world.database()
    const rialto = world.service({ mqttUrl: broker.url, databaseUrl, qos: 0, environment: inspected })
    await rialto.start()
    const inspector = await openInspector(rialto.output)
    const others = [await openSseReader(rialto.url), await openGraphqlReader(rialto.url)]
    const stalled = stalls ? [await openSseReader(rialto.url), await openGraphqlReader(rialto.url)] : []
    readers.push(...others, ...stalled)
    for (const reader of stalled) reader.stop()

    await world.flood({ port: broker.port, qos: 0, seconds, bytes: 1_024 })
    await allStored(rialto)
    const memoryBytes = await inspector.memoryBytes()
    inspector.close()

    const rows = await query<{ seq: string }>(
      databaseUrl,
      'select seq from journal where kind = 1 order by seq'
    )
    const seqs = rows.map(({ seq }) => Number(seq))
    assert.ok(seqs.length * 1_024 > journalBytesMin, `${seqs.length} messages are too few to say anything`)
    for (const reader of others) await hasAll(reader, seqs, 'who reads')
    for (const reader of stalled)
      assert.ok(
        reader.seqs.length < seqs.length / 2,
        `${reader.seqs.length} were read: this reader did not stop`
      )
    for (const reader of stalled) reader.goOn()
    for (const reader of stalled) await hasAll(reader, seqs, 'who stopped')
    t.diagnostic(`${seqs.length} messages, ${Math.round(memoryBytes / 2 ** 20)} MB, stalled: ${stalls}`)
    return memoryBytes
  } finally {
    for (const reader of readers) reader.close()
    await world.end()
  }
}

/** The broker has sent what it had, and nothing is held any more. */
async function allStored(rialto: Rialto): Promise<void> {
  let received = -1
  await eventually(
    async () => {
      const metrics = await rialto.metrics()
      const before = received
      received = metrics.get('messages_received_total')!
      return received === before && metrics.get('messages_held') === 0 && imbalance(metrics) === 0
    },
    { withinMs: 300_000, everyMs: 1_000, what: 'everything is stored' }
  )
}

/** Each message once, in order, or within what was said to be skipped. */
async function hasAll({ seqs, skipped }: Reader, all: readonly number[], who: string): Promise<void> {
  const last = all.at(-1)!
  await eventually(() => seqs.at(-1) === last || skipped.some(({ to }) => to >= last), {
    withinMs: 120_000,
    what: `${who} comes to the end`
  })
  const expected = all.filter((seq) => !skipped.some(({ from, to }) => seq >= from && seq <= to))
  assert.equal(seqs.length, expected.length, who)
  assert.ok(
    seqs.every((seq, index) => seq === expected[index]),
    who
  )
}

test(`${seconds} s of all that can be stored: readers that stop cost next to nothing, and miss nothing`, async (t) => {
  const alone = await run(t, false)
  const beside = await run(t, true)
  assert.ok(
    beside - alone < growthBytesMax,
    `${Math.round((beside - alone) / 2 ** 20)} MB more than without them`
  )
})
