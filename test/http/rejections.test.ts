/** Rejections over a real store. Every answer is held against openapi.yaml. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RejectionReason } from '../../src/datapoints.ts'
import type { Access } from '../../src/model.ts'
import { query } from '../support/database.ts'
import { call } from './contract.ts'
import { pages, startProjected } from './projected.ts'
import { alwaysAs } from './server.ts'

const server = await startProjected()
const { project } = server
const base = `${server.url}/v1`
const start = Date.parse('2026-03-14T09:00:00Z')

async function reject(
  topic: string,
  reasons: RejectionReason[],
  more: { mapping?: string; payload?: Buffer; receivedAt?: number } = {}
): Promise<number> {
  const { payload = Buffer.from('x'), ...meaning } = more
  const rejections = reasons.map((reason) => ({ reason, detail: `because of ${reason}` }))
  return project(topic, { ...meaning, rejections }, { payload })
}
const places = (items: Array<{ seq: string; n: number }>): string[] =>
  items.map(({ seq, n }) => `${seq}.${n}`)

test('a rejection has its reason, and what was received', async () => {
  const seq = await reject('one', ['malformed_json'], {
    mapping: 'presses',
    payload: Buffer.from('{"a":'),
    receivedAt: start
  })
  const { items } = (await call(`${base}/rejections?filter=one`)).body
  const [{ raw, ...rest }] = items
  assert.deepEqual(rest, {
    seq: String(seq),
    n: 0,
    topic: 'one',
    mapping: 'presses',
    reason: 'malformed_json',
    detail: 'because of malformed_json',
    receivedAt: '2026-03-14T09:00:00.000Z'
  })
  assert.deepEqual([raw.payloadText, raw.payloadBase64, raw.format], ['{"a":', 'eyJhIjo=', 'text'])
})

test('bytes that nobody can read are there as bytes; what retention took is null', async () => {
  await reject('bytes', ['not_utf8'], { payload: Buffer.from([0xff, 0]) })
  const read = async () => (await call(`${base}/rejections?filter=bytes`)).body.items[0].raw
  assert.deepEqual([(await read()).format, (await read()).payloadBase64], ['binary', '/wA='])
  await query(
    server.databaseUrl,
    `delete from journal where topic_id = (select id from topics where name = 'bytes')`
  )
  assert.equal(await read(), null)
})

test('by topic, reason, mapping and time; newest first', async () => {
  const at = (minute: number) => ({ receivedAt: start + minute * 60_000 })
  const a = await reject('list/a', ['not_a_number'], { mapping: 'm1', ...at(0) })
  const b = await reject('list/b', ['not_a_number', 'invalid_timestamp'], { mapping: 'm2', ...at(1) })
  const c = await reject('list/c', ['wrong_shape'], { mapping: 'm1', ...at(2) })
  const of = async (more: string): Promise<string[]> =>
    places((await call(`${base}/rejections?filter=list/%23${more}`)).body.items)
  assert.deepEqual(await of(''), [`${c}.0`, `${b}.1`, `${b}.0`, `${a}.0`])
  assert.deepEqual(await of('&order=asc'), [`${a}.0`, `${b}.0`, `${b}.1`, `${c}.0`])
  assert.deepEqual(await of('&reason=not_a_number'), [`${b}.0`, `${a}.0`])
  assert.deepEqual(await of('&mapping=m1'), [`${c}.0`, `${a}.0`])
  assert.deepEqual(await of('&mapping=m1&reason=wrong_shape'), [`${c}.0`])
  assert.deepEqual(await of('&mapping=never'), [])
  assert.deepEqual(await of('&from=2026-03-14T09:01:00Z&to=2026-03-14T09:02:00Z'), [`${b}.1`, `${b}.0`])
  assert.deepEqual(await of('&from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59.999Z&limit=1'), [`${c}.0`])
  assert.deepEqual(
    places((await call(`${base}/rejections?filter=list/+&filter=nothing&limit=1`)).body.items),
    [`${c}.0`]
  )
})

for (const order of ['asc', 'desc'] as const) {
  test(`pages in order ${order}: everything once, while more is rejected`, async () => {
    const topic = `paged/${order}`
    const expected: string[] = []
    for (let at = 0; at < 5; at++) {
      const seq = await reject(topic, ['not_a_number', 'wrong_shape'])
      expected.push(`${seq}.0`, `${seq}.1`)
    }
    const found: string[] = []
    let more = 0
    for await (const { items } of pages(`${base}/rejections?filter=${topic}&limit=3&order=${order}`)) {
      found.push(...places(items))
      if (more++ < 3) await reject(topic, ['not_a_number'])
    }
    assert.equal(new Set(found).size, found.length, 'something came twice')
    assert.deepEqual(found.slice(0, 10), order === 'asc' ? expected : expected.toReversed())
  })
}

test('a page token fits only the list that it came from', async () => {
  await reject('token', ['not_a_number', 'wrong_shape'])
  const { next } = (await call(`${base}/rejections?limit=1`)).body
  for (const other of [
    'rejections?reason=wrong_shape',
    'rejections?order=asc',
    'rejections?filter=token',
    'messages?limit=1'
  ])
    assert.equal((await call(`${base}/${other}&page=${next}`)).body.code, 'cursor_kind', other)
})

test('counts by mapping and reason, of what may be read', async () => {
  const access: Access = {
    principal: 'one',
    mayRead: (topic) => topic.startsWith('mine/'),
    mayPublish: () => false
  }
  const narrow = await startProjected({ parts: { authenticator: alwaysAs(access) } })
  for (const [topic, reason, mapping] of [
    ['mine/a', 'not_a_number', 'm1'],
    ['mine/b', 'not_a_number', 'm1'],
    ['mine/a', 'wrong_shape', 'm1'],
    ['mine/a', 'not_a_number', 'm2'],
    ['yours/a', 'not_utf8', 'm1']
  ] as const)
    await narrow.project(topic, { mapping, rejections: [{ reason, detail: '' }] })
  const { items } = (await call(`${narrow.url}/v1/rejections/counts`)).body
  assert.deepEqual(items[0], { mapping: 'm1', reason: 'not_a_number', count: 2 })
  assert.deepEqual(
    new Set(items.slice(1).map((item: object) => JSON.stringify(item))),
    new Set([
      JSON.stringify({ mapping: 'm1', reason: 'wrong_shape', count: 1 }),
      JSON.stringify({ mapping: 'm2', reason: 'not_a_number', count: 1 })
    ])
  )
  const listed = (await call(`${narrow.url}/v1/rejections`)).body.items
  assert.ok(listed.length === 4 && listed.every(({ topic }: { topic: string }) => topic.startsWith('mine/')))
})
