/** What GET history refuses: each wrong argument has its code, and is named. Every answer is held against openapi.yaml. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { point } from '../support/projected.ts'
import { call } from './contract.ts'
import { startProjected } from './projected.ts'

const server = await startProjected()
const base = `${server.url}/v1`
const from = '2025-03-29T00:00:00Z'
const to = '2025-03-29T06:00:00Z'
const hours = `from=${from}&to=${to}&bucket=PT1H`
const range = `from=${from}&to=${to}`
const long = 'x'.repeat(5_000)
const wrong: Array<readonly [query: string, status: number, code: string, pointer: string]> = [
  ['bucket=P1D', 422, 'invalid_value', 'from'],
  [range, 422, 'invalid_value', 'bucket'],
  ['from=yesterday&bucket=P1D', 422, 'invalid_value', 'from'],
  ['from=2025-03-29&bucket=P1D', 422, 'invalid_value', 'from'],
  ['from=2025-02-30T00:00:00Z&bucket=P1D', 422, 'invalid_value', 'from'],
  [`from=${from}&from=${from}&bucket=P1D`, 422, 'invalid_value', 'from'],
  ['from=9000-01-01T00:00:00Z&bucket=P1D', 422, 'invalid_value', 'from'],
  ['from=0001-01-01T00:00:00Z&to=0001-01-02T00:00:00Z&bucket=P100Y', 422, 'invalid_value', 'from'],
  ['from=9999-01-01T00:00:00Z&to=9999-12-31T00:00:00Z&bucket=P100Y', 422, 'invalid_value', 'to'],
  [`from=${from}&to=soon&bucket=P1D`, 422, 'invalid_value', 'to'],
  [`from=${to}&to=${from}&bucket=P1D`, 422, 'invalid_value', 'to'],
  [`from=${from}&to=${from}&bucket=P1D`, 422, 'invalid_value', 'to'],
  ...[
    '',
    '1h',
    'P',
    'PT',
    'PT0S',
    'P0D',
    'P1DT1H',
    'P1M1D',
    'PT1.5H',
    '-PT1H',
    'PT7M',
    'PT0.5S',
    'P101Y',
    long,
    'P1D%00'
  ].map((bucket) => [`${range}&bucket=${bucket}`, 422, 'invalid_value', 'bucket'] as const),
  ['from=1990-01-01T00:00:00Z&bucket=PT1S', 400, 'query_too_complex', 'bucket'],
  ['from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z&bucket=P1D', 400, 'query_too_complex', 'bucket'],
  ...['', 'Mars/Olympus', '+02:00', 'Europe/Berlin%00', long].map(
    (tz) => [`${hours}&tz=${tz}`, 422, 'invalid_value', 'tz'] as const
  ),
  ...[
    '',
    'median',
    'mean,',
    'MEAN',
    'p',
    'p0',
    'p101',
    'p-1',
    'p50.1234567',
    'constructor',
    '__proto__',
    long
  ].map((fn) => [`${hours}&fn=${fn}`, 422, 'invalid_value', 'fn'] as const),
  [`${hours}&fn=${Array.from({ length: 21 }, (_, at) => `p${at + 1}`).join()}`, 422, 'invalid_value', 'fn'],
  [`${hours}&fill=zero`, 422, 'invalid_value', 'fill'],
  [`${hours}&fill=null,null`, 422, 'invalid_value', 'fill'],
  [`${hours}&source=hour`, 422, 'invalid_value', 'source'],
  [`${hours}&device=`, 422, 'invalid_value', 'device'],
  [`${hours}&device=a%5C`, 422, 'invalid_value', 'device'],
  [`${hours}&metric=`, 422, 'invalid_value', 'metric'],
  [`${hours}&metric=${long}`, 422, 'invalid_value', 'metric'],
  [
    `${hours}${Array.from({ length: 101 }, (_, at) => `&device=d${at}`).join('')}`,
    400,
    'query_too_complex',
    'device'
  ],
  [`${hours}&filter=a/%23/b`, 422, 'invalid_filter', 'filter'],
  [`${hours}&where=maybe`, 422, 'invalid_value', 'where'],
  [`${hours}&where=exists(metrics)`, 422, 'invalid_value', 'where'],
  [`${hours}&limit=0`, 422, 'invalid_value', 'limit'],
  [`${hours}&limit=ten`, 422, 'invalid_value', 'limit'],
  [`${hours}&limit=1001`, 422, 'page_too_large', 'limit'],
  [`${hours}&order=asc`, 422, 'unknown_field', 'order'],
  [`${hours}&asOf=${from}`, 422, 'unknown_field', 'asOf']
]
for (const [asked, status, code, pointer] of wrong) {
  test(`${asked.slice(0, 90)} is ${code}: ${pointer}`, async () => {
    const answer = await call(`${base}/history?${asked}`)
    assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(answer.body))
    assert.deepEqual(
      answer.body.errors.map((one: { pointer: string }) => one.pointer),
      [pointer]
    )
  })
}

test('a page token that is none, or a cursor, is refused', async () => {
  for (const page of ['x', (await call(`${base}/topics`)).body.cursor]) {
    const answer = await call(`${base}/history?${hours}&page=${page}`)
    assert.match(answer.body.code, /^cursor_(invalid|kind)$/)
  }
})

test('values of a page are bounded', async () => {
  const small = await startProjected({ limits: { historyCellsMax: 12 } })
  const observedAt = Date.parse(from)
  await small.project('a', {
    datapoints: ['x', 'y', 'z'].map((metric) => point('a', metric, 1, { observedAt }))
  })
  const ask = (more: string) => call(`${small.url}/v1/history?${hours}&${more}`)
  assert.equal((await ask('fn=mean&limit=2')).status, 200)
  assert.equal((await ask('fn=mean,max&metric=x')).status, 200)
  for (const more of ['fn=mean', 'fn=mean,max&limit=2', 'fn=min,mean,max&metric=x']) {
    const answer = await ask(more)
    assert.deepEqual([answer.status, answer.body.code], [400, 'query_too_complex'], more)
    assert.match(answer.body.detail, /larger buckets/)
  }
})
