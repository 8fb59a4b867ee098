/** Lists that say how long a page is, and messages behind a cursor: a backlog that is drained by REST alone. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { query } from '../support/database.ts'
import { call } from './contract.ts'
import { startProjected } from './projected.ts'

const server = await startProjected()
const { receive, store } = server
const base = `${server.url}/v1`
const texts = (items: Array<{ payloadText: string }>): string[] => items.map(({ payloadText }) => payloadText)

const publish = async (topic: string, from: number, to: number): Promise<void> => {
  for (let at = from; at <= to; at++) await receive({ topic, payload: Buffer.from(String(at)) })
}

test('each page says its limit', async () => {
  for (const path of [
    'topics',
    'messages',
    'gaps',
    'commands',
    'devices',
    'rejections',
    'datapoints?device=d'
  ]) {
    assert.equal((await call(`${base}/${path}`)).body.limit, 100, path)
    assert.equal((await call(`${base}/${path}${path.includes('?') ? '&' : '?'}limit=7`)).body.limit, 7, path)
  }
})

/** Reads with `after` until there is nothing more; gives where to go on. */
async function drain(filter: string, after: string, limit: number) {
  const read: string[] = []
  for (;;) {
    const { status, body } = await call(`${base}/messages?filter=${filter}&after=${after}&limit=${limit}`)
    assert.equal(status, 200, JSON.stringify(body))
    read.push(...texts(body.items))
    after = body.cursor
    if (body.next === null) return { read, after }
  }
}

test('a backlog is drained page by page, and what comes then is behind the cursor it left', async () => {
  await publish('log', 1, 5)
  await publish('other', 1, 3)
  const first = await drain('log', 'earliest', 2)
  assert.deepEqual(first.read, ['1', '2', '3', '4', '5'])
  await publish('log', 6, 9)
  const second = await drain('log', first.after, 3)
  assert.deepEqual(second.read, ['6', '7', '8', '9'])
  assert.deepEqual((await drain('log', second.after, 3)).read, [])
})

test('pages of one reading end where the journal was; the cursor of the last goes on there', async () => {
  await publish('paged', 1, 3)
  const first = (await call(`${base}/messages?filter=paged&after=earliest&limit=2`)).body
  await publish('paged', 4, 4)
  const second = (await call(`${base}/messages?filter=paged&after=earliest&limit=2&page=${first.next}`)).body
  assert.deepEqual([texts(second.items), second.next], [['3'], null])
  assert.deepEqual((await drain('paged', second.cursor, 10)).read, ['4'])
  const other = await call(`${base}/messages?filter=paged&after=${first.cursor}&page=${first.next}`)
  assert.equal(other.body.code, 'cursor_kind')
})

test('a cursor from a page of topics, and one within the events of a message', async () => {
  const { cursor } = (await call(`${base}/topics?limit=1`)).body
  const { base: before } = (await receive(
    { topic: 'mixed', payload: Buffer.from('1') },
    { topic: 'mixed', payload: Buffer.from('2') }
  ))!
  assert.deepEqual((await drain('mixed', cursor, 10)).read, ['1', '2'])
  // The message is the first event of its fact; behind it, only what follows from it is to come
  assert.deepEqual((await drain('mixed', store.cursors.encode(before, 1), 10)).read, ['2'])
  assert.deepEqual((await drain('mixed', store.cursors.encodeInSnapshot(before, 1), 10)).read, ['1', '2'])
})

test('gaps behind a cursor', async () => {
  const { cursor } = (await call(`${base}/topics?limit=1`)).body
  await receive({ topic: 'huge', discardedBytes: 1_000 })
  const { items } = (await call(`${base}/gaps?after=${cursor}`)).body
  assert.equal(items.length, 1)
})

test('behind a cursor there is one direction', async () => {
  assert.equal((await call(`${base}/messages?after=earliest&order=asc`)).status, 200)
  const { status, body } = await call(`${base}/messages?after=earliest&order=desc`)
  assert.deepEqual([status, body.code, body.errors[0].pointer], [422, 'invalid_value', 'order'])
})

test('what is no token, a page token, one of the future, and one of the past', async () => {
  const page = (await call(`${base}/messages?limit=1`)).body.next
  const { seq } = await store.journal.head()
  const code = async (after: string) => (await call(`${base}/messages?after=${after}`)).body.code
  assert.equal(await code('x'), 'cursor_invalid')
  assert.equal(await code(page), 'cursor_kind')
  assert.equal(await code(store.cursors.encode(seq + 1)), 'cursor_ahead')
  await query(server.databaseUrl, 'update journal_head set horizon = 3')
  assert.equal(await code(store.cursors.encode(2)), 'cursor_expired')
  assert.equal(await code(store.cursors.encode(3)), undefined)
  await query(server.databaseUrl, 'update journal_head set horizon = 0')
})

test('retention that takes messages while they are read is told', async () => {
  const { page } = store.journal
  store.journal.page = async (access, ask) => {
    const read = await page(access, ask)
    await query(server.databaseUrl, 'update journal_head set horizon = seq')
    return read
  }
  const { status, body } = await call(`${base}/messages?after=earliest&limit=1`)
  store.journal.page = page
  await query(server.databaseUrl, 'update journal_head set horizon = 0')
  assert.deepEqual([status, body.code], [410, 'cursor_expired'])
})
