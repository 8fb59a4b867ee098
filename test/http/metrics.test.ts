/** What /metrics tells of a server on a real database. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { startServer } from './server.ts'

const document = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')

const { url, app, store } = await startServer()

/** Series of a metric, each as its labels and its value. */
async function series(name: string): Promise<Map<string, number>> {
  const { body } = await app.inject('/metrics')
  const lines = [...body.matchAll(/^([a-z_]+)(?:\{(.*)\})? (\S+)$/gm)]
  return new Map(lines.filter((line) => line[1] === name).map((line) => [line[2] ?? '', Number(line[3])]))
}

const requests = async (labels: string): Promise<number> =>
  (await series('rialto_http_request_duration_seconds_count')).get(labels) ?? 0

test('requests are counted by the template of their route, whatever they ask for', async () => {
  const asked = ['plant%2Fone', 'plant%2Ftwo', 'plant%2Fthree']
  for (const topic of asked) assert.equal((await fetch(`${url}/v1/topics/${topic}`)).status, 404)
  for (const path of ['nowhere-1', 'nowhere-2']) await (await fetch(`${url}/${path}`)).text()
  assert.equal(await requests('method="GET",route="/v1/topics/:topic",status="404"'), asked.length)
  assert.equal(await requests('method="GET",route="none",status="404"'), 2)
  const { body } = await app.inject('/metrics')
  for (const word of ['plant', 'nowhere']) assert.ok(!body.includes(word), word)
})

test('a commit is measured once, whatever else is asked', async () => {
  const count = async (): Promise<number> =>
    (await series('rialto_commit_duration_seconds_count')).get('') ?? 0
  const before = await count()
  await store.note('gap', { cause: 'abandoned', session: 'ingest', from: 0, to: 1, messages: 1 })
  assert.equal(await count(), before + 1)
})

test('what is kept is told by class, and the pool by what it holds', async () => {
  const bytes = await series('rialto_retention_bytes')
  assert.deepEqual([...bytes.keys()].toSorted(), ['class="default"', 'class="system"'])
  for (const value of bytes.values()) assert.ok(value > 0)
  assert.ok((await series('rialto_database_connections')).get('')! > 0)
  assert.equal((await series('rialto_database_connections_waiting')).get(''), 0)
  assert.equal((await series('rialto_append_queue_length')).get(''), 0)
})

test('commands are told by state, those that none is in, too', async () => {
  const states = await series('rialto_commands_in_state')
  assert.deepEqual(
    [...states],
    ['scheduled', 'pending', 'publishing', 'published'].map((state) => [`state="${state}"`, 0])
  )
})

test('what is registered is in the document, and the other way round', async () => {
  const { body } = await app.inject('/metrics')
  const served = [...body.matchAll(/^# TYPE (rialto_\S+) /gm)].map((match) => match[1]!)
  const documented = [...document.matchAll(/^\| `(rialto_[^`]+)`/gm)].map((match) => match[1]!)
  assert.deepEqual(documented, served.toSorted())
})
