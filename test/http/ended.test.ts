/** Whatever runs for a key or token ends with it, says so where it can, and tells nothing that came after. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:http'
import { request as httpRequest } from 'node:http'
import { test } from 'node:test'
import { createAuthenticator } from '../../src/access/access.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Limits } from '../../src/limits.ts'
import type { Exports } from '../../src/store/export.ts'
import { eventually } from '../support/eventually.ts'
import type { ScriptedHolder, ScriptedHolders } from '../support/scripted-holders.ts'
import { createScriptedHolders, reads } from '../support/scripted-holders.ts'
import { openSse } from '../support/sse.ts'
import { everything } from '../support/store.ts'
import { call } from './contract.ts'
import { rowsOf } from './exports.ts'
import type { TestServer } from './server.ts'
import { startServer } from './server.ts'

interface Started extends TestServer {
  holders: ScriptedHolders
  holder: ScriptedHolder
  v1: string
}

async function start(limits: Partial<Limits> = {}): Promise<Started> {
  const holders = createScriptedHolders()
  const grants = [...reads('a/#', 'b/#'), { role: 'command', topic: 'a/#' } as const]
  const holder = holders.add('key:1', 'one', grants)
  const authenticator = createAuthenticator({
    apiKey: 'the-one-of-the-environment',
    holders: [holders],
    tokenKey: Buffer.alloc(32, 7),
    limits: defaultLimits
  })
  const server = await startServer({ limits, parts: { authenticator } })
  return { ...server, holders, holder, v1: `${server.url}/v1` }
}

const text = (value: string): Buffer => Buffer.from(value)

test('a stream says that its key is over, and ends; by a ticket, too; no other is opened', async () => {
  const { v1, holder, receive } = await start()
  const { ticket } = (await call(`${v1}/stream/tickets`, { method: 'POST', headers: holder.authorization }))
    .body
  const url = `${v1}/stream?types=message,state`
  for (const mode of ['all', 'latest']) {
    const own = await start()
    const stream = await openSse(`${own.v1}/stream?mode=${mode}`, own.holder.authorization)
    await own.receive({ topic: 'a/1', payload: text('before') })
    await stream.find('message', ({ message }) => message.payloadText === 'before')
    own.holder.end()
    await stream.find('problem')
  }
  const streams = [await openSse(url, holder.authorization), await openSse(`${url}&ticket=${ticket}`)]
  await receive({ topic: 'a/1', payload: text('before') })
  for (const stream of streams) await stream.find('state')
  holder.end()
  await receive({ topic: 'a/1', payload: text('after') })
  for (const stream of streams) {
    const { id, data } = await stream.find('problem')
    assert.deepEqual([id, data.code, data.status], ['', 'unauthenticated', 401])
    await stream.ended
    assert.equal(stream.events.at(-1)!.event, 'problem')
    assert.ok(!JSON.stringify(stream.events).includes('after'))
  }
  for (const [to, headers] of [
    [url, holder.authorization],
    [`${url}&ticket=${ticket}`, undefined]
  ] as const)
    assert.equal((await call(to, headers && { headers })).status, 401)
})

async function open(url: string, { authorization }: ScriptedHolder): Promise<IncomingMessage> {
  const [answer] = (await once(get(url, { agent: false, headers: authorization }), 'response')) as [
    IncomingMessage
  ]
  assert.equal(answer.statusCode, 200)
  answer.on('error', () => {}) // cut off: `complete` tells
  return answer
}

for (const path of ['stream?after=earliest', 'stream?after=earliest&mode=latest', 'export/messages']) {
  test(`${path}: a reader that stands still is cut off, and sees that it is not all`, async () => {
    const { v1, holder, receive, parts } = await start({ exportPageBytesMax: 1_000_000, accessOverMsMax: 50 })
    for (let count = 0; count < 40; count++)
      await receive({ topic: `a/${count}`, payload: Buffer.alloc(500_000, 'x') })
    const answer = await open(`${v1}/${path}`, holder)
    answer.pause()
    const { stats } = parts
    await eventually(() => stats.streams + stats.exports === 1)
    holder.end()
    await eventually(() => stats.streams + stats.exports === 0, { what: 'it ends' })
    const closed = new Promise<void>((resolve) => answer.once('close', resolve))
    answer.resume()
    await closed
    if (path.startsWith('export')) assert.equal(answer.complete, false)
  })
}

test('of an export, what may be read no more is not written, though it was found before', async () => {
  for (const format of ['ndjson', 'csv'] as const) {
    const { v1, holder, receive, store } = await start()
    for (let count = 0; count < 300; count++) await receive({ topic: count % 2 === 0 ? 'a/1' : 'b/1' })
    const { exports } = store
    store.exports = {
      ...exports,
      async messages(...asked) {
        const exported = await exports.messages(...asked)
        return {
          ...exported,
          async *pages() {
            for await (const page of exported.pages()) {
              holder.grant(...reads('a/#'))
              yield page
            }
          }
        }
      }
    } satisfies Exports
    const answer = await open(`${v1}/export/messages?format=${format}`, holder)
    const chunks: Buffer[] = []
    for await (const chunk of answer) chunks.push(chunk as Buffer)
    const topics = rowsOf(Buffer.concat(chunks), format).map(({ topic }) => topic)
    assert.equal(topics.length, 150)
    assert.deepEqual([...new Set(topics)], ['a/1'])
  }
})

test('what waits is told that it is over, and not what came after', async () => {
  const { v1, holder, receive, store } = await start()
  await receive({ topic: 'a/1', payload: text('before') })
  const headers = holder.authorization
  const known = (await call(`${v1}/topics/a%2F1`, { headers })).headers.get('etag')!
  const list = (await call(`${v1}/messages`, { headers })).headers.get('etag')!
  const ahead = store.cursors.encode((await store.journal.head()).seq + 10)
  const waits = [
    call(`${v1}/topics/a%2F1`, { headers: { ...headers, 'if-none-match': known, prefer: 'wait=60' } }),
    call(`${v1}/messages`, { headers: { ...headers, 'if-none-match': list, prefer: 'wait=60' } }),
    call(`${v1}/topics/a%2F1?min-cursor=${ahead}`, { headers: { ...headers, prefer: 'wait=60' } }),
    call(`${v1}/devices?min-cursor=${ahead}`, { headers: { ...headers, prefer: 'wait=60' } })
  ]
  // They have begun to wait, as far as anybody can tell
  await eventually(async () => (await call(`${v1}/topics/a%2F1`, { headers })).status === 200)
  holder.end()
  await receive({ topic: 'a/1', payload: text('after') })
  for (const answer of await Promise.all(waits)) {
    assert.deepEqual([answer.status, answer.body.code], [401, 'unauthenticated'])
    assert.equal(answer.headers.get('www-authenticate'), 'Bearer')
    assert.equal(answer.headers.get('etag'), null)
  }
})

test('what was found for somebody who is over meanwhile is not sent', async () => {
  const { v1, holder, receive, store } = await start()
  await receive({ topic: 'a/1', payload: text('found') })
  const { byName } = store.states
  store.states.byName = async (...asked) => {
    const found = await byName(...asked)
    assert.notEqual(found, null)
    holder.end()
    return found
  }
  const answer = await call(`${v1}/topics/a%2F1`, { headers: holder.authorization })
  assert.deepEqual([answer.status, answer.body.code], [401, 'unauthenticated'])
  assert.ok(!JSON.stringify(answer.body).includes('found'))
})

test('a command that waits is told as it was accepted', async () => {
  const { v1, holder, store } = await start()
  const answering = call(`${v1}/commands`, {
    method: 'POST',
    headers: { ...holder.authorization, 'content-type': 'application/json', prefer: 'wait=60' },
    body: JSON.stringify({ topic: 'a/1', payload: 1 })
  })
  await eventually(async () => {
    const ask = { states: [], topic: null, after: null, limit: 1, order: 'asc' } as const
    return (await store.commands.page(everything, ask)).items.length === 1
  })
  holder.end()
  const { status, body } = await answering
  assert.deepEqual([status, body.state], [202, 'pending'])
  assert.equal((await store.commands.byId(everything, body.id))?.state, 'pending')
})

test('an import commits nothing more, and tells how much it did', async () => {
  const { v1, holder, store } = await start({ importBatchDatapointsMax: 10 })
  const line = (n: number): string =>
    `${JSON.stringify({ device: 'd', topic: 'a/1', metric: 'm', observedAt: '2026-03-01T00:00:00Z', value: n })}\n`
  // Not by fetch, which may read a body to its end before it sends it
  const sending = httpRequest(`${v1}/import/datapoints?id=one`, {
    method: 'POST',
    headers: { ...holder.authorization, 'content-type': 'application/x-ndjson' }
  })
  const answering = new Promise<{ status: number; body: { code: string; lines: number } }>(
    (resolve, reject) => {
      sending.on('error', reject).on('response', async (response) => {
        const body = JSON.parse(Buffer.concat(await response.toArray()).toString())
        resolve({ status: response.statusCode!, body })
      })
    }
  )
  sending.write(Array.from({ length: 15 }, (_, n) => line(n)).join(''))
  await eventually(async () => (await store.imports.byId('key:1', 'one'))?.lines === 10, { what: 'a batch' })
  holder.end()
  const { status, body: problem } = await answering
  sending.destroy()
  assert.deepEqual([status, problem.code, problem.lines], [401, 'unauthenticated', 10])
  assert.equal((await store.imports.byId('key:1', 'one'))!.lines, 10)
})

test('a stream that goes on with a newer token from its last id has each message once', async () => {
  const { v1, holders, receive } = await start()
  let stopped = false
  const count = 60
  const writing = (async () => {
    for (let n = 0; n < count; n++) await receive({ topic: 'a/1', payload: text(String(n)) })
    stopped = true
  })()
  const told: number[] = []
  let last: string | null = null
  for (let turn = 0; told.at(-1) !== count - 1; turn++) {
    const token = holders.add('oidc:me', `token-${turn}`, reads('a/#'))
    const url: string = `${v1}/stream?types=message${turn === 0 ? '&after=earliest' : ''}`
    const stream = await openSse(url, {
      ...token.authorization,
      ...(last !== null && { 'last-event-id': last })
    })
    await eventually(() => stopped || stream.events.filter(({ event }) => event === 'message').length >= 5)
    if (stopped) await stream.find('message', ({ message }) => message.payloadText === String(count - 1))
    token.end()
    await stream.ended
    for (const { id, event, data } of stream.events) {
      if (event === 'message') told.push(Number(data.message.payloadText))
      if (id !== '') last = id
    }
  }
  await writing
  assert.deepEqual(
    told,
    Array.from({ length: count }, (_, n) => n)
  )
})
