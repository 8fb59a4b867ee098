/** Exports of the built service: flat memory however much it is, and whole however often it is cut off. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:http'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import type { Row } from '../http/exports.ts'
import { keptOf, rowsOf } from '../http/exports.ts'
import { startBroker } from '../support/broker.ts'
import { createDatabase } from '../support/database.ts'
import { startPostgresProxy } from '../support/postgres-proxy.ts'
import type { Service } from '../support/service.ts'
import { startService } from '../support/service.ts'
import { fillDatabase, firstObservedAt } from './many-datapoints.ts'
import { sized } from './story.ts'

const count = sized(10_000_000, 300_000)
/** What the service alone takes is half of it. With more, V8 leaves garbage for longer, which says nothing. */
const heapMbMax = 128
/** Of the resident memory, from a tenth of an export to its end. */
const growthMbMax = 24

const broker = await startBroker()
const databaseUrl = await createDatabase()
const environment = { DATABASE_URL: databaseUrl, MQTT_URL: broker.url }
const written = await fillDatabase(environment, count)

const residentMb = ({ child }: Service): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]) / 1024

async function open(url: string): Promise<IncomingMessage> {
  const [answer] = (await once(get(url, { agent: false }), 'response')) as [IncomingMessage]
  assert.equal(answer.statusCode, 200)
  return answer
}

test(`${written} datapoints: each once, at flat memory`, async (t) => {
  const heap = { NODE_OPTIONS: `--max-old-space-size=${heapMbMax}` }
  const service = await startService({ ...environment, ...heap })
  for (const format of ['ndjson', 'csv'] as const) {
    const begun = performance.now()
    const answer = await open(`${service.url}/v1/export/datapoints?format=${format}`)
    let bytes = 0
    answer.on('data', (data: Buffer) => (bytes += data.length))
    let rows = format === 'csv' ? -1 : 0
    let [before, most] = [0, 0]
    let last = ''
    for await (const line of createInterface({ input: answer, crlfDelay: Infinity })) {
      last = line
      if (++rows % 2_000 !== 0) continue
      const now = residentMb(service)
      if (rows <= written / 10) before = Math.max(before, now)
      else most = Math.max(most, now)
    }
    const seconds = (performance.now() - begun) / 1_000
    assert.equal(rows, written)
    assert.ok(last.includes(answer.headers['rialto-cursor'] as string), 'the last row has the last cursor')
    t.diagnostic(
      `${format}: ${Math.round(rows / seconds)} rows/s, ${Math.round(bytes / 1e6)} MB, ` +
        `resident ${Math.round(before)} MB, then at most ${Math.round(most)} MB`
    )
    assert.ok(
      most - before < growthMbMax,
      `${format}: ${Math.round(before)} MB became ${Math.round(most)} MB`
    )
  }
  await service.kill('SIGTERM')
})

/** Enough that nobody's buffers take all of it. */
const chosen = 300_000
const to = new Date(firstObservedAt + chosen).toISOString()
const bytesBeforeCut = 3e6

interface Answer {
  bytes: Buffer
  /** It ended as the protocol says that an answer ends. */
  isWhole: boolean
  /** That the whole has at its end. */
  end: string
}

/** Reads to the end, whichever it is; `act` when some of it is there. */
async function readAnd(url: string, act: (answer: IncomingMessage) => unknown): Promise<Answer> {
  const answer = await open(url)
  const parts: Buffer[] = []
  const closed = new Promise<void>((resolve) => answer.once('close', resolve))
  answer.on('error', () => {}) // cut off: `complete` tells
  let isToAct = true
  let length = 0
  answer.on('data', (data: Buffer) => {
    parts.push(data)
    length += data.length
    if (isToAct && length >= bytesBeforeCut) {
      isToAct = false
      act(answer)
    }
  })
  await closed
  const end = answer.headers['rialto-cursor'] as string
  return { bytes: Buffer.concat(parts), isWhole: answer.complete, end }
}

test('client, database and service go away in turn: nothing is lost, and nothing twice', async () => {
  const proxy = await startPostgresProxy(databaseUrl)
  const start = () => startService({ DATABASE_URL: proxy.url, MQTT_URL: broker.url })
  let service = await start()
  const ways: Array<[name: string, act: (answer: IncomingMessage) => unknown, then: () => unknown]> = [
    ['client', (answer) => answer.destroy(), () => {}],
    [
      'database',
      () =>
        (proxy.rule = ({ link }) => {
          link.cut()
          return 'drop'
        }),
      () => (proxy.rule = null)
    ],
    ['service', () => service.kill('SIGKILL'), async () => (service = await start())]
  ]
  const kept: Row[] = []
  let cursor = 'earliest'
  const urlOf = () => `${service.url}/v1/export/datapoints?to=${to}&after=${cursor}`
  for (const [name, act, then] of [...ways, ...ways]) {
    const { bytes, isWhole, end } = await readAnd(urlOf(), act)
    await then()
    assert.equal(isWhole, false, `${name}: it is not taken for whole`)
    const rest = keptOf(bytes, 'ndjson')!
    for (const row of rowsOf(rest.bytes, 'ndjson')) kept.push(row)
    assert.notEqual(rest.cursor, end, name)
    cursor = rest.cursor
  }
  const { bytes, isWhole, end } = await readAnd(urlOf(), () => {})
  for (const row of rowsOf(bytes, 'ndjson')) kept.push(row)
  assert.ok(isWhole)
  assert.equal(kept.at(-1)!['cursor'], end)
  assert.equal(kept.length, chosen)
  for (const [index, { value }] of kept.entries()) assert.equal(value, index + 0.5)
  await service.kill('SIGTERM')
  await proxy.stop()
})
