/** docs/history.md is true: its requests are answered, and functions say what its tables say. */

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { createDocuments } from '../../src/graphql/documents.ts'
import { buildSchema } from '../../src/graphql/executable.ts'
import type { Limits } from '../../src/limits.ts'
import { defaultLimits } from '../../src/limits.ts'
import { point } from '../support/projected.ts'
import { call } from './contract.ts'
import { startProjected } from './projected.ts'

const text = await readFile(new URL('../../docs/history.md', import.meta.url), 'utf8')
const blocks = (language: string): string[] =>
  Array.from(text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms')), ([, block]) => block!)
/** Cells of tables whose rows begin as `first` says. */
const rows = (first: RegExp): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| ') && first.test(line.slice(2)))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim())
    )

const server = await startProjected()
for (const [time, ...values] of rows(/^2025-/))
  await server.project('plant/press-3/state', {
    datapoints: ['temperature', 'energy'].flatMap((metric, index) =>
      values[index] === ''
        ? []
        : [
            point('press-3', metric, Number(values[index]), {
              observedAt: Date.parse(time!),
              unit: metric === 'temperature' ? '°C' : 'J'
            })
          ]
    )
  })
while ((await server.store.rollups.advance(1_000)).more);

/** `GET /v1/...`, with the headers that stand below it. */
const requests = blocks('http').flatMap((block) =>
  block
    .trim()
    .split('\nGET ')
    .map((one) => {
      const [line, ...headers] = one.replace(/^GET /, '').split('\n')
      return { line: line!, headers: headers.map((header) => header.trim().split(': ') as [string, string]) }
    })
)

test('there is something to run', () => {
  assert.ok(requests.length >= 8)
  assert.equal(rows(/^2025-/).length, 6)
})

for (const { line, headers } of requests) {
  test(`GET ${line} ${headers.join(' ')}`, async () => {
    const { cursor } = (await call(`${server.url}/v1/topics`)).body
    const url = `${server.url}${line.replace('{cursor}', cursor)}`
    const { status, body, headers: answered } = await call(url)
    assert.equal(status, 200, JSON.stringify(body))
    assert.ok(body.items.length > 0, 'it finds what the page is about')
    for (const { device, values } of body.items) {
      assert.equal(device, 'press-3')
      for (const column of Object.values(values) as unknown[][])
        assert.equal(column.length, body.starts.length)
    }
    if (headers.length === 0) return
    const given = headers.map(([name, value]) => [name, value.replace('{etag}', () => answered.get('etag')!)])
    const waited = await call(url, { headers: Object.fromEntries(given) as Record<string, string> })
    assert.deepEqual([waited.status, waited.headers.get('preference-applied')], [304, 'wait=1'])
  })
}

test('the answer that is shown is that of the request before it', async () => {
  const { body } = await call(`${server.url}${requests[0]!.line}`)
  const shown = JSON.parse(blocks('json')[0]!) as Record<string, unknown>
  assert.deepEqual(Object.fromEntries(Object.keys(shown).map((name) => [name, body[name]])), shown)
})

const days = 'from=2025-03-29T00:00:00+01:00&to=2025-04-01T00:00:00+02:00&bucket=P1D&tz=Europe/Berlin'
const functions = rows(/^(temperature|energy) \|/)

test('functions say of the days what the table says', async () => {
  assert.equal(functions.length, 10)
  for (const [metric, name, ...given] of functions) {
    const fn = name!.replaceAll('`', '')
    const { body } = await call(`${server.url}/v1/history?metric=${metric}&${days}&fn=${fn}`)
    const { values } = body.items[0] as { values: Record<string, Array<number | null>> }
    assert.deepEqual(
      values[fn]!.map((value) => (value === null ? '' : String(Number(value.toFixed(6))))),
      given.slice(0, 3),
      fn
    )
  }
})

test('an answer is the same by rollups and by datapoints', async () => {
  const names = functions.map(([, name]) => name!.replaceAll('`', '')).filter((name) => name !== 'p50')
  const asked = `${server.url}/v1/history?${days}&fn=${names.join()}`
  const [rolled, raw] = [(await call(asked)).body, (await call(`${asked}&source=raw`)).body]
  assert.deepEqual([rolled.source, raw.source], ['hour', 'raw'])
  assert.deepEqual(rolled.items, raw.items)
  assert.equal(rolled.items.length, 2)
})

test('its documents may be executed', () => {
  const { faultsOf } = createDocuments({ schema: buildSchema(), limits: defaultLimits, introspection: true })
  const documents = blocks('graphql')
  assert.equal(documents.length, 2)
  for (const document of documents) assert.deepEqual(faultsOf(document), [], document)
})

test('its bounds are the limits', () => {
  const limits: Array<keyof Limits> = [
    'historySeriesMax',
    'bucketsMax',
    'historyFunctionsMax',
    'historyCellsMax',
    'graphqlHistoryValuesMax',
    'seriesPatternsMax'
  ]
  assert.deepEqual(
    rows(/\| \d+ \|$/)
      .filter((cells) => cells.length === 2)
      .map(([, limit]) => Number(limit)),
    limits.map((name) => defaultLimits[name])
  )
})
