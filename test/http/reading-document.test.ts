/** docs/reading.md is true: its requests are answered, and its predicates hold where it says so. */

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { defaultLimits } from '../../src/limits.ts'
import { readPredicate } from '../../src/predicate/predicate.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { point } from '../support/projected.ts'
import { call } from './contract.ts'
import { startProjected } from './projected.ts'

const text = await readFile(new URL('../../docs/reading.md', import.meta.url), 'utf8')
const topic = 'plant/press-3/state'
const example = JSON.parse(/```json\n([\s\S]*?)```/.exec(text)![1]!) as { topic: string; payload: object }
const server = await startProjected()
await server.project(
  topic,
  { datapoints: [point('press-3', 'temperature', 23.5)] },
  { payload: Buffer.from(JSON.stringify(example.payload)), retain: true }
)
const { body: state } = await call(`${server.url}/v1/topics/${encodeURIComponent(topic)}`)

/** `GET /v1/...`, with the headers that stand below it. */
const requests = [...text.matchAll(/```http\n([\s\S]*?)```/g)].flatMap(([, block]) =>
  block!
    .trim()
    .split('\nGET ')
    .map((one) => {
      const [line, ...headers] = one.replace(/^GET /, '').split('\n')
      return { line: line!, headers: headers.map((header) => header.trim().split(': ') as [string, string]) }
    })
)

test('there is something to run', () => {
  assert.ok(requests.length > 15)
  assert.equal(example.topic, topic)
})

for (const { line, headers } of requests) {
  test(`GET ${line} ${headers.join(' ')}`, async () => {
    const [head] = await query<{ at: Date }>(server.databaseUrl, 'select at from journal_head')
    await eventually(() => Date.now() > head!.at.getTime() + 2)
    const { cursor } = (await call(`${server.url}/v1/topics`)).body
    const fill = (given: string): string =>
      given.replace('{now}', head!.at.toISOString()).replace('{cursor}', cursor)
    const url = `${server.url}${fill(line)}`
    const { status, body, headers: answered } = await call(url)
    assert.equal(status, 200, JSON.stringify(body))
    if (line.startsWith('/v1/topics') || line.startsWith('/v1/devices'))
      assert.match(JSON.stringify(body), /press-3/, 'it finds what the page is about')
    if (headers.length === 0) return
    const given = headers.map(([name, value]) => [name, value.replace('{etag}', () => answered.get('etag')!)])
    const waited = await call(url, { headers: Object.fromEntries(given) as Record<string, string> })
    assert.deepEqual([waited.status, waited.headers.get('preference-applied')], [304, 'wait=1'])
  })
}

const rows = [...text.matchAll(/^\| `.*\| `(.*)` \|$/gm)].map(([, predicate]) => predicate!)
const holds = (predicate: string): boolean => readPredicate(predicate, defaultLimits).test(state)

test('predicates of the table hold of the example', () => {
  assert.equal(rows.length, 7)
  for (const predicate of rows) assert.ok(holds(predicate), predicate)
})

test('what is said beside the table', () => {
  assert.ok(holds('eq("payload/my key",1)'))
  assert.ok(!holds('eq(payload/temperature,"23.5")'))
  assert.ok(holds('and(eq(seq,1),eq(seq,"1"))'))
  assert.ok(holds('ge(receivedAt,"2026-03-14T09:00:00Z")'))
  assert.ok(holds('eq(payload/alarms/0,"hot")'))
})
