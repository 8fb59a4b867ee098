/** `asOf`: topics as they were, over a real store; on the clock of the database, which tells when each fact was committed. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { call } from './contract.ts'
import { startServer } from './server.ts'

const server = await startServer()
const { receive, store } = server
const base = `${server.url}/v1`

/** Commits a message, and gives an instant at which it was the newest: nothing else is committed in that millisecond. */
async function at(topic: string, payload: string, retain = false): Promise<string> {
  await receive({ topic, payload: Buffer.from(payload), retain })
  const { at: committed } = await store.journal.head()
  // The instant must be over, and what comes next behind it
  await eventually(
    async () => {
      const [{ now }] = (await query(server.databaseUrl, 'select clock_timestamp() as now')) as [
        { now: Date }
      ]
      return now.getTime() > committed + 1
    },
    { everyMs: 1 }
  )
  return new Date(committed).toISOString()
}

const before = await at('other', '0')
const first = await at('a/x', '{"v":1}', true)
const second = await at('a/y', '{"v":5}')
const third = await at('a/x', '{"v":2}')
const cleared = await at('a/x', '', true)
await at('a/z', '{"v":9}')

test('a topic at each instant', async () => {
  const read = async (instant: string) => {
    const { status, body } = await call(`${base}/topics/a%2Fx?asOf=${instant}`)
    return [status, body.payloadText, body.retained?.payloadText, body.tombstone?.cause]
  }
  assert.deepEqual(await read(before), [404, undefined, undefined, undefined])
  assert.deepEqual(await read(first), [200, '{"v":1}', '{"v":1}', undefined])
  assert.deepEqual(await read(third), [200, '{"v":2}', '{"v":1}', undefined])
  assert.deepEqual(await read(cleared), [200, '', undefined, 'cleared'])
})

test('by its id, and its payload', async () => {
  const { topicId } = (await call(`${base}/topics/a%2Fx`)).body
  const named = (await call(`${base}/topic?name=a/x&asOf=${first}`)).body
  assert.deepEqual((await call(`${base}/topics/by-id/${topicId}?asOf=${first}`)).body, named)
  for (const path of ['topic/payload?name=a/x&', 'topics/a%2Fx/payload?', `topics/by-id/${topicId}/payload?`])
    assert.deepEqual((await call(`${base}/${path}asOf=${third}`)).body, { v: 2 })
  assert.equal((await call(`${base}/topics/a%2Fx/payload?asOf=${before}`)).status, 404)
})

test('lists at each instant, with filters, predicates and pages; what came then is behind their cursor', async () => {
  const read = async (instant: string, more = '') =>
    (await call(`${base}/topics?filter=a/%2B&asOf=${instant}${more}`)).body
  const names = ({ items }: { items: Array<{ topic: string }> }): string[] => items.map(({ topic }) => topic)
  assert.deepEqual(names(await read(before)), [])
  assert.deepEqual(names(await read(first)), ['a/x'])
  assert.deepEqual(names(await read(second)), ['a/x', 'a/y'])
  assert.deepEqual(names(await read(third, '&where=ge(payload/v,2)&sort=-payload/v')), ['a/y', 'a/x'])
  assert.deepEqual(names(await read(third, '&state=retained')), ['a/x'])
  assert.deepEqual(names(await read(cleared, '&state=tombstone')), ['a/x'])
  const page = await read(second, '&limit=1')
  assert.deepEqual(names(await read(second, `&limit=1&page=${page.next}`)), ['a/y'])
  assert.equal((await read(first, `&limit=1&page=${page.next}`)).code, 'cursor_kind')

  const { cursor } = await read(second)
  const { items } = (await call(`${base}/messages?filter=a/%2B&after=${cursor}`)).body
  assert.deepEqual(
    items.map(({ payloadText }: { payloadText: string }) => payloadText),
    ['{"v":2}', '', '{"v":9}']
  )
})

test('the version of an instant is no condition for writes, and is not waited for', async () => {
  const { headers } = await call(`${base}/topics/a%2Fx?asOf=${cleared}`)
  const etag = headers.get('etag')!
  assert.match(etag, /^W\//)
  const again = await call(`${base}/topics/a%2Fx?asOf=${cleared}`, { headers: { 'if-none-match': etag } })
  assert.equal(again.status, 304)
  const write = { method: 'PUT', body: 'x', headers: { 'if-match': etag } }
  assert.equal((await call(`${base}/topics/a%2Fx/retained`, write)).body.code, 'precondition_failed')
  for (const path of ['topics/a%2Fx?', 'topics?']) {
    const waiting = { headers: { 'if-none-match': etag, prefer: 'wait=5' } }
    const { body } = await call(`${base}/${path}asOf=${cleared}`, waiting)
    assert.deepEqual([body.code, body.errors[0].pointer], ['invalid_value', 'Prefer'])
    assert.match(body.detail, /asOf/)
  }
})

test('what is no time, and what is not over', async () => {
  for (const instant of ['yesterday', '2026-02-30T00:00:00Z', '2999-01-01T00:00:00Z', '']) {
    for (const path of ['topics', 'topics/a%2Fx', 'topics/a%2Fx/payload', 'devices']) {
      const { status, body } = await call(`${base}/${path}?asOf=${instant}`)
      assert.deepEqual(
        [status, body.code, body.errors[0].pointer],
        [422, 'invalid_value', 'asOf'],
        `${path} ${instant}`
      )
    }
  }
})

test('an offset, and a fraction of a millisecond', async () => {
  const time = new Date(Date.parse(second) + 3_600_000).toISOString().replace('Z', '')
  const { body } = await call(`${base}/topics?filter=a/%2B&asOf=${time}999%2B01:00`)
  assert.equal(body.items.length, 2)
})

test('before what is kept, nobody can tell', async () => {
  await query(server.databaseUrl, 'update journal_head set horizon = seq')
  const { status, body } = await call(`${base}/topics?asOf=${first}`)
  await query(server.databaseUrl, 'update journal_head set horizon = 0')
  assert.deepEqual([status, body.code], [410, 'cursor_expired'])
})
