/**
 * All conventions at once: the examples of every one, interleaved, in many rounds, through a real broker and the whole
 * service. What is stored is what the same messages give when they are run in order without a broker or a database: no
 * datapoint too few, none too many, each at its device.
 */

import assert from 'node:assert/strict'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { App } from '../../src/app.ts'
import type { NormalizedDatapoint } from '../../src/datapoints.ts'
import type { Fact } from '../../src/model.ts'
import { toSource } from '../../src/projection/normalize-facts.ts'
import { allNamed, documentOf, examples, payloadOf } from '../conventions/everything.ts'
import { compileText, createRunner, valueOf } from '../normalize/mappings.ts'
import { adopted } from '../support/adopted.ts'
import { startBridge } from '../support/bridge.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt.ts'

const rounds = process.env['FULL'] === '1' ? 200 : 10

interface Published {
  topic: string
  payload: Buffer
  contentType: string | undefined
}

/** Round after round, of each convention in turn, each in its own order. */
function interleave(): Published[] {
  const lists = allNamed.map(({ convention }) => examples.get(convention)!.messages)
  const published: Published[] = []
  for (let round = 0; round < rounds; round++)
    for (let index = 0; index < Math.max(...lists.map((list) => list.length)); index++)
      for (const list of lists) {
        const example = list[index]
        if (example === undefined) continue
        const { topic, contentType } = example
        published.push({ topic, payload: payloadOf(example), contentType })
      }
  return published
}

test(`all conventions at once, ${rounds} rounds of all examples`, async () => {
  const { url } = await startMosquitto()
  const directory = await mkdtemp(join(tmpdir(), 'rialto-mixed-'))
  const files: Record<string, Uint8Array> = {}
  const named = allNamed.map(({ convention }) => {
    const { options, files: own = {} } = examples.get(convention)!
    Object.assign(files, own)
    return { convention, ...(options !== undefined && { options }) }
  })
  for (const [path, content] of Object.entries(files)) await writeFile(join(directory, path), content)
  const document = documentOf(named)
  const mappingsFile = join(directory, 'rialto.yaml')
  await writeFile(mappingsFile, document)
  const published = interleave()
  const filters = [
    '#',
    ...new Set(published.flatMap(({ topic }) => (topic.startsWith('$') ? [`${topic.split('/')[0]}/#`] : [])))
  ]
  const app = await startBridge({ mqttUrl: url, config: { filters, mappingsFile, mappingsFileGiven: true } })
  await adopted(app)
  const { client } = await connectClient(url)
  for (let at = 0; at < published.length; at += 500)
    await Promise.all(
      published.slice(at, at + 500).map(({ topic, payload, contentType }) =>
        client.publishAsync(topic, payload, {
          qos: 1,
          ...(contentType !== undefined && { properties: { contentType } })
        })
      )
    )
  await client.publishAsync('mixed/end', 'end', { qos: 1 })
  await eventually(
    async () => (await app.store.states.byName(everybody, 'mixed/end')) !== null && (await lag(app)) === 0,
    { what: 'everything is projected', withinMs: 120_000 }
  )

  // The same facts, as they are in the journal, without broker and database
  const facts = await readAll(app)
  assert.ok(facts.length >= published.length, `${facts.length} of ${published.length} messages are stored`)
  const run = createRunner(compileText(document, { files }))
  const expected: string[] = []
  let rejected = 0
  for (const fact of facts) {
    const outcome = run(toSource(fact)!)
    rejected += outcome.rejections.length
    for (const [n, one] of outcome.datapoints.entries()) expected.push(show(fact.seq, n, one))
  }
  const stored = await app.store.datapoints.bySeqs(facts.map(({ seq }) => seq))
  const actual = facts.flatMap(({ seq }) => (stored.get(seq) ?? []).map((one) => show(seq, one.n, one)))
  assert.ok(expected.length > published.length / 2)
  assert.deepEqual(actual, expected)
  const [count] = await query<{ n: number }>(app.databaseUrl, 'select count(*)::int as n from rejections')
  assert.equal(count!.n, rejected)
  process.stdout.write(
    `${JSON.stringify({ messages: published.length, datapoints: actual.length, rejected, conventions: named.length })}\n`
  )
})

const everybody = { principal: 'test', mayRead: () => true, mayPublish: () => true }

function show(seq: number, n: number, one: NormalizedDatapoint): string {
  const value = valueOf(one)
  const text = typeof value === 'bigint' ? value.toString() : JSON.stringify(value)
  return [
    seq,
    n,
    one.device,
    one.metric,
    one.type,
    text,
    one.unit,
    one.role,
    one.quality,
    one.observedAt
  ].join('|')
}

async function readAll({ store }: App): Promise<Fact[]> {
  const facts: Fact[] = []
  for (;;) {
    const { items } = await store.journal.page(everybody, {
      filters: [],
      kinds: ['message', 'snapshot', 'cleared'],
      after: facts.at(-1)?.seq ?? 0,
      until: Number.MAX_SAFE_INTEGER,
      limit: 1_000,
      order: 'asc'
    })
    if (items.length === 0) return facts
    facts.push(...items)
  }
}

const lag = async (app: App): Promise<number> => (await app.projections.mappings()).lag
