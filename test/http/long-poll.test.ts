/** `Prefer: wait=N` with If-None-Match, over a real store: answered when there is another version, or after N seconds. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { factKinds } from '../../src/model.ts'
import type { Answer } from '../support/bridge.ts'
import { request } from '../support/bridge.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { newCommand } from '../support/new-command.ts'
import { point } from '../support/projected.ts'
import { openTestStore } from '../support/store.ts'
import { call } from './contract.ts'
import { startProjected } from './projected.ts'

const server = await startProjected()
const { receive, project, store } = server
const base = `${server.url}/v1`

async function etagOf(url: string): Promise<string> {
  const { status, headers, body } = await call(url)
  assert.equal(status, 200, JSON.stringify(body))
  return headers.get('etag') ?? assert.fail(`${url} has no ETag`)
}

/** Begins to wait for another version than the one there is now. */
async function wait(path: string, seconds = 30): Promise<{ answer: Promise<Answer> }> {
  const etag = await etagOf(`${base}/${path}`)
  const headers = { 'if-none-match': etag, prefer: `wait=${seconds}` }
  return { answer: call(`${base}/${path}`, { headers }) }
}

const command = async (topic: string) => store.commands.accept([newCommand(topic)], null)

await receive({ topic: 'w/topic' }, { topic: 'w/list/a' }, { topic: 'w/log' })
await project('w/d', { datapoints: [point('d', 'm', 1)] })
await project('w/e', { datapoints: [point('e', 'm', 1)] })
await command('w/command')
const { topicId } = (await call(`${base}/topics/w%2Ftopic`)).body

for (const [path, change, expected] of [
  ['topic?name=w/topic', () => receive({ topic: 'w/topic', payload: Buffer.from('2') }), '"payloadText":"2"'],
  ['topics/w%2Ftopic', () => receive({ topic: 'w/topic', payload: Buffer.from('3') }), '"payloadText":"3"'],
  [
    `topics/by-id/${topicId}`,
    () => receive({ topic: 'w/topic', payload: Buffer.from('4') }),
    '"payloadText":"4"'
  ],
  ['topic/payload?name=w/topic', () => receive({ topic: 'w/topic', payload: Buffer.from('5') }), '5'],
  ['topics?filter=w/list/%23', () => receive({ topic: 'w/list/b' }), 'w/list/b'],
  [
    'messages?filter=w/log',
    () => receive({ topic: 'w/log', payload: Buffer.from('7') }),
    '"payloadText":"7"'
  ],
  ['messages?filter=w/new&after=earliest', () => receive({ topic: 'w/new' }), 'w/new'],
  ['gaps', () => receive({ topic: 'w/huge', discardedBytes: 1_000 }), 'packet_too_large'],
  ['commands', () => command('w/another'), 'w/another'],
  ['devices', () => project('w/f', { datapoints: [point('f', 'm', 1)] }), '"device":"f"'],
  ['device?name=d', () => project('w/d', { datapoints: [point('d', 'n', 1)] }), '"metricCount":2'],
  ['devices/d/metrics', () => project('w/d', { datapoints: [point('d', 'o', 1)] }), '"metric":"o"'],
  ['datapoints?device=d', () => project('w/d', { datapoints: [point('d', 'm', 77)] }), '"value":77'],
  [
    'rejections',
    () => project('w/d', { rejections: [{ reason: 'not_utf8', detail: 'why' }] }),
    '"detail":"why"'
  ]
] satisfies Array<[string, () => Promise<unknown>, string]>) {
  test(`${path} is answered when it is another one`, async () => {
    const { answer } = await wait(path)
    await receive({ topic: 'elsewhere' })
    await change()
    const { status, headers, body } = await answer
    assert.equal(status, 200)
    assert.equal(headers.get('preference-applied'), 'wait=30')
    assert.ok(JSON.stringify(body).includes(expected), JSON.stringify(body))
  })
}

test('nothing changes: 304 after the time, having been read three times, whatever else happens', async () => {
  const { base: before } = (await receive({ topic: 'quiet' }))!
  await eventually(() => server.parts.feed.end() > before)
  const { byName } = store.states
  let looks = 0
  store.states.byName = (access, name) => {
    if (name === 'quiet') looks++
    return byName(access, name)
  }
  const begun = Date.now()
  const { answer } = await wait('topic?name=quiet', 1)
  for (let at = 0; at < 20; at++) await receive({ topic: 'loud' })
  const { status, headers, body } = await answer
  store.states.byName = byName
  assert.deepEqual([status, body, headers.get('preference-applied')], [304, '', 'wait=1'])
  assert.ok(Date.now() - begun >= 1_000)
  // Without Prefer; with it; and once more, when it is being watched
  assert.equal(looks, 3)
})

test('another version than the one that the client has is answered at once', async () => {
  await receive({ topic: 'ahead' })
  const headers = { 'if-none-match': '"0"', prefer: 'wait=60' }
  assert.equal((await call(`${base}/topic?name=ahead`, { headers })).status, 200)
  const any = { 'if-none-match': '*', prefer: 'wait=60' }
  assert.equal((await call(`${base}/topic?name=ahead`, { headers: any })).status, 304)
})

test('without a condition, or for no time, nothing is waited for', async () => {
  const { headers } = await call(`${base}/topics`, { headers: { prefer: 'wait=60' } })
  assert.equal(headers.get('preference-applied'), null)
  assert.equal((await (await wait('topics', 0)).answer).status, 304)
})

test('later pages do not change, so that they cannot be waited for', async () => {
  const { next } = (await call(`${base}/topics?limit=1`)).body
  const headers = { 'if-none-match': '"1"', prefer: 'wait=5' }
  const { status, body } = await call(`${base}/topics?limit=1&page=${next}`, { headers })
  assert.deepEqual([status, body.code, body.errors[0].pointer], [422, 'invalid_value', 'Prefer'])
})

test('a topic that is forgotten meanwhile is not found', async () => {
  await receive({ topic: 'forgotten' })
  const { answer } = await wait('topic?name=forgotten')
  await store.forget({ topic: 'forgotten' }, 'test')
  await store.note('forgotten', { messages: 1 })
  const { status, body } = await answer
  assert.deepEqual([status, body.code], [404, 'not_found'])
})

test('a device that is normalized again is another version, although its message is not', async () => {
  const seq = await project('again', { datapoints: [point('again', 'm', 1)] })
  const { answer } = await wait('devices/again/metrics')
  await query(
    server.databaseUrl,
    `update metrics set latest_number = 2 where device_id = (select id from devices where name = 'again')`
  )
  // What a redrive appends
  await query(
    server.databaseUrl,
    `with h as (update journal_head set seq = seq + 1 returning seq, at)
     insert into journal (seq, at, retention_class, kind, detail)
     select seq, at, 0, ${factKinds.datapoints}, '{"redrive":"one","seqs":[${seq}]}' from h`
  )
  await query(
    server.databaseUrl,
    `select pg_notify('rialto_journal', (select max(seq) from journal_head)::text)`
  )
  const { status, body } = await answer
  assert.deepEqual([status, body.items[0].latest.value, body.items[0].seq], [200, 2, String(seq)])
})

test('what another instance committed is told, too', async () => {
  await receive({ topic: 'other' })
  const other = await openTestStore({ url: server.databaseUrl, session: 'another' })
  const { answer } = await wait('topic?name=other')
  await other.receive({ topic: 'other', payload: Buffer.from('2') })
  const { status, body } = await answer
  assert.deepEqual([status, body.payloadText], [200, '2'])
})

test('so many wait, and no more; who goes makes room', async () => {
  const small = await startProjected({ limits: { longPollsMax: 1 } })
  const own = `${small.url}/v1/topic?name=a`
  await small.receive({ topic: 'a' })
  const etag = (await call(own)).headers.get('etag')!
  const headers = { 'if-none-match': etag, prefer: 'wait=60' }
  const gone = new AbortController()
  let looks = 0
  const { byName } = small.store.states
  small.store.states.byName = (access, name) => {
    looks++
    return byName(access, name)
  }
  const first = fetch(own, { headers, signal: gone.signal })
  await eventually(() => looks >= 2) // it waits, and looks again now and then
  const refused = await call(own, { headers: { ...headers, prefer: 'wait=1' } })
  assert.equal(refused.status, 429)
  assert.equal(refused.body.code, 'too_many_requests')
  assert.equal(refused.headers.get('retry-after'), '1')
  assert.equal((await call(own, { headers: { 'if-none-match': etag } })).status, 304)
  gone.abort()
  await assert.rejects(first)
  await eventually(
    async () => (await call(own, { headers: { ...headers, prefer: 'wait=1' } })).status === 304
  )
})

test('many wait for one topic, and all of them are answered', async () => {
  await receive({ topic: 'many' })
  const url = `${base}/topic?name=many`
  const headers = { 'if-none-match': await etagOf(url), prefer: 'wait=30' }
  const waiting = Array.from({ length: 200 }, () => request(url, { headers }))
  await receive({ topic: 'many', payload: Buffer.from('2') })
  const answers = await Promise.all(waiting)
  assert.ok(answers.every(({ body }) => body.payloadText === '2'))
})

test('a server that closes does not wait', async () => {
  const closing = await startProjected()
  await closing.receive({ topic: 'a' })
  const own = `${closing.url}/v1/topic?name=a`
  const etag = (await call(own)).headers.get('etag')!
  let looks = 0
  const { byName } = closing.store.states
  closing.store.states.byName = (access, name) => {
    looks++
    return byName(access, name)
  }
  const waiting = call(own, { headers: { 'if-none-match': etag, prefer: 'wait=60' } })
  await eventually(() => looks >= 2)
  await closing.app.close()
  const { status, headers } = await waiting
  assert.deepEqual([status, headers.get('connection')], [304, 'close'])
})
