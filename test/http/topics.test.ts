/** Topics and messages over a real store. Every answer is held against openapi.yaml. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Access } from '../../src/model.ts'
import { query } from '../support/database.ts'
import { call } from './contract.ts'
import { alwaysAs, startServer } from './server.ts'

interface Item {
  topic: string
  seq: string
  payloadText: string
}

const server = await startServer()
const { receive } = server
const base = `${server.url}/v1`
const topics = (items: Item[]): string[] => items.map(({ topic }) => topic)
const texts = (items: Item[]): string[] => items.map(({ payloadText }) => payloadText)

async function publish(...messages: Array<[topic: string, payload: string]>): Promise<void> {
  for (const [topic, payload] of messages) await receive({ topic, payload: Buffer.from(payload) })
}

/** Follows `next` to the end. */
async function pages(url: string): Promise<Array<{ items: Item[]; cursor: string }>> {
  const found = []
  let next: string | null = ''
  while (next !== null) {
    const { body, status } = await call(`${url}${next && `&page=${next}`}`)
    assert.equal(status, 200, JSON.stringify(body))
    found.push(body)
    next = body.next
  }
  return found
}

test('a list of topics: filters, order and pages, with one cursor from first to last', async () => {
  await publish(['list/a/t', '1'], ['list/b/t', '2'], ['list/b/u', '3'], ['other', '4'])
  const all = await pages(`${base}/topics?filter=list/%23&limit=2`)
  assert.deepEqual(
    all.flatMap(({ items }) => topics(items)),
    ['list/a/t', 'list/b/t', 'list/b/u']
  )
  const literal = await call(`${base}/topics?filter=list/+/t&order=desc`)
  const encoded = await call(`${base}/topics?filter=list/%2B/t&filter=nothing&order=desc`)
  assert.deepEqual(topics(literal.body.items), ['list/b/t', 'list/a/t'])
  assert.deepEqual(literal.body.items, encoded.body.items)

  const first = await call(`${base}/topics?filter=list/%23&limit=1`)
  await publish(['list/c/t', '5'])
  const second = await call(`${base}/topics?filter=list/%23&limit=1&page=${first.body.next}`)
  assert.equal(second.body.cursor, first.body.cursor)
})

test('a page token fits only the list that it came from', async () => {
  await publish(['token/a', '1'], ['token/b', '1'])
  const { next } = (await call(`${base}/topics?filter=token/%23&limit=1`)).body
  for (const other of ['topics?limit=1', 'topics?filter=token/%23&order=desc', 'messages?filter=token/%23']) {
    assert.equal((await call(`${base}/${other}&page=${next}`)).body.code, 'cursor_kind')
  }
  const cursor = (await call(`${base}/topics`)).body.cursor
  assert.equal((await call(`${base}/topics?page=${cursor}`)).body.code, 'cursor_kind')
  assert.equal((await call(`${base}/topics?page=${next.slice(0, -2)}`)).body.code, 'cursor_invalid')
})

test('three ways to name a topic, and one state', async () => {
  const name = 'name/with space/ü/%2F?&='
  await publish([name, '{"x":1}'])
  const byName = await call(`${base}/topic?name=${encodeURIComponent(name)}`)
  const byPath = await call(`${base}/topics/${encodeURIComponent(name)}`)
  const byId = await call(`${base}/topics/by-id/${byName.body.topicId}`)
  assert.equal(byName.body.topic, name)
  assert.deepEqual(byPath.body, byName.body)
  assert.deepEqual(byId.body, byName.body)
  assert.equal((await call(`${base}/topics/by-id/999999`)).status, 404)
  assert.equal((await call(`${base}/topic?name=never`)).status, 404)
})

test('ETag is the version of the state: unchanged is 304, changed is 200', async () => {
  await publish(['etag', '1'])
  for (const path of ['topic?name=etag', 'topics/etag', 'topic/payload?name=etag', 'topics/etag/payload']) {
    const { headers, status } = await call(`${base}/${path}`)
    assert.equal(status, 200)
    const again = await call(`${base}/${path}`, { headers: { 'if-none-match': headers.get('etag')! } })
    assert.deepEqual([again.status, again.headers.get('etag'), again.body], [304, headers.get('etag'), ''])
  }
  const before = (await call(`${base}/topics/etag`)).headers.get('etag')!
  await publish(['etag', '2'])
  const after = await call(`${base}/topics/etag`, { headers: { 'if-none-match': before } })
  assert.deepEqual([after.status, after.body.payloadText], [200, '2'])
})

test('the payload, byte by byte, also of a topic named by its id', async () => {
  const payload = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
  await receive({ topic: 'bytes', payload })
  const { topicId } = (await call(`${base}/topics/bytes`)).body
  for (const path of [
    'topic/payload?name=bytes',
    'topics/bytes/payload',
    `topics/by-id/${topicId}/payload`
  ]) {
    const response = await fetch(`${base}/${path}`)
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), payload)
    assert.equal(response.headers.get('content-disposition'), 'attachment')
  }
})

test('messages: newest first, in pages that newcomers do not move', async () => {
  await publish(...['1', '2', '3', '4', '5'].map((text): [string, string] => ['log', text]))
  const newest = await call(`${base}/messages?filter=log&limit=2`)
  await publish(['log', '6'])
  const older = await call(`${base}/messages?filter=log&limit=2&page=${newest.body.next}`)
  assert.deepEqual([...texts(newest.body.items), ...texts(older.body.items)], ['5', '4', '3', '2'])
  const oldest = await pages(`${base}/messages?filter=log&order=asc&limit=4`)
  assert.deepEqual(
    oldest.flatMap(({ items }) => texts(items)),
    ['1', '2', '3', '4', '5', '6']
  )
})

test('a message that was too large is a gap', async () => {
  await receive({ topic: 'huge', discardedBytes: 1_000 })
  const { items } = (await call(`${base}/gaps?limit=1`)).body
  assert.deepEqual([items[0].cause, items[0].messages], ['packet_too_large', 1])
})

test('what a key may not read does not exist for it', async () => {
  const access: Access = {
    principal: 'one',
    mayRead: (topic) => topic.startsWith('mine/'),
    mayPublish: () => false
  }
  const parts = { authenticator: alwaysAs(access) }
  const narrow = await startServer({ parts })
  await narrow.receive({ topic: 'mine/a' }, { topic: 'yours/a' })
  const own = `${narrow.url}/v1`
  assert.deepEqual(topics((await call(`${own}/topics`)).body.items), ['mine/a'])
  assert.deepEqual(topics((await call(`${own}/messages`)).body.items), ['mine/a'])
  const hidden = await call(`${own}/topics/yours%2Fa`)
  assert.deepEqual(hidden.body, (await call(`${own}/topics/never`)).body)
  const refused = await call(`${own}/topics/mine%2Fa/retained`, { method: 'PUT', body: 'x' })
  assert.deepEqual([refused.status, refused.body.code], [403, 'forbidden'])
})

test('pages that retention overtook say so', async () => {
  await publish(['kept', '1'], ['kept', '2'], ['kept', '3'])
  const first = await call(`${base}/messages?filter=kept&order=asc&limit=1`)
  await query(server.databaseUrl, 'update journal_head set horizon = seq')
  const second = await call(`${base}/messages?filter=kept&order=asc&limit=1&page=${first.body.next}`)
  await query(server.databaseUrl, 'update journal_head set horizon = 0')
  assert.deepEqual([second.status, second.body.code], [410, 'cursor_expired'])
})
