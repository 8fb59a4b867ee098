/** Streams for clients that cannot send headers. */

import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { pino } from 'pino'
import { postJson, request } from '../support/bridge.ts'
import { eventually } from '../support/eventually.ts'
import { openSse } from '../support/sse.ts'
import { call } from './contract.ts'
import { createBareServer, startServer } from './server.ts'

const apiKey = 'a-key-of-some-length'
const authorization = `Bearer ${apiKey}`

test('a ticket opens streams, as often as wanted, and nothing else', async () => {
  const { url, receive } = await startServer({ apiKey })
  const base = `${url}/v1`
  const issue = async (init: RequestInit) =>
    call(`${base}/stream/tickets`, { method: 'POST', headers: { authorization }, ...init })

  assert.equal((await call(`${base}/stream`)).status, 401)
  assert.equal((await postJson(`${base}/stream/tickets`, {})).status, 401)
  const { status, headers, body } = await issue({})
  assert.equal(status, 201)
  assert.equal(headers.get('cache-control'), 'no-store')
  const lifetimeMs = Date.parse(body.expiresAt) - Date.now()
  assert.ok(lifetimeMs > 200_000 && lifetimeMs <= 300_000, `${lifetimeMs} ms`)

  const first = await openSse(`${base}/stream?ticket=${body.ticket}&filter=a`)
  const { id } = await first.find('progress')
  await receive({ topic: 'a' })
  assert.equal((await first.find('message')).data.message.topic, 'a')
  first.close()
  const again = await openSse(`${base}/stream?ticket=${body.ticket}&filter=a`, { 'last-event-id': id })
  assert.equal((await again.find('message')).data.message.topic, 'a')
  again.close()

  for (const [path, init] of [
    [`/topics?ticket=${body.ticket}`, {}],
    [`/stream/tickets?ticket=${body.ticket}`, { method: 'POST' }],
    [`/topics`, { headers: { authorization: `Bearer ${body.ticket}` } }]
  ] as const) {
    assert.equal((await request(`${base}${path}`, init)).status, 401, path)
  }
})

test('a ticket that is over opens nothing, and says what to do; a stream that is open goes on', async () => {
  const { url, receive } = await startServer({ apiKey })
  const base = `${url}/v1`
  const { body } = await postJson(
    `${base}/stream/tickets`,
    { expiresInSeconds: 1 },
    { 'content-type': 'application/json', authorization }
  )
  const stream = await openSse(`${base}/stream?ticket=${body.ticket}`)
  await stream.find('progress')
  const refused = await eventually(async () => {
    const answer = await call(`${base}/stream?ticket=${body.ticket}&types=nothing`)
    return answer.status === 401 && answer
  })
  assert.ok(Date.now() >= Date.parse(body.expiresAt))
  assert.equal(refused.body.code, 'unauthenticated')
  assert.match(refused.body.detail, /POST \/v1\/stream\/tickets/)
  await receive({ topic: 'a' })
  await stream.find('message')
  stream.close()
})

test('without a key, tickets are there as well', async () => {
  const { url } = await startServer()
  const { status, body } = await call(`${url}/v1/stream/tickets`, { method: 'POST' })
  assert.equal(status, 201)
  const stream = await openSse(`${url}/v1/stream?ticket=${body.ticket}`)
  await stream.find('progress')
  stream.close()
})

test('a ticket is not in the log, whatever goes wrong', async () => {
  let log = ''
  const out = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log += String(chunk)
      done()
    }
  })
  const logger = pino({ level: 'trace' }, out)
  const events = {
    events() {
      throw new Error('a fault of ours')
    }
  } as never
  const app = await createBareServer({ apiKey, parts: { logger, events } })
  const issued = await app.inject({
    method: 'POST',
    url: '/v1/stream/tickets',
    headers: { authorization }
  })
  const { ticket } = issued.json<{ ticket: string }>()
  const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/v1/stream?ticket=${ticket}`
  await (await fetch(url)).text()
  await (await fetch(`${url}&after=nonsense`)).text()
  await (await fetch(`${url}x`)).text()
  assert.match(log, /a fault of ours/)
  assert.ok(!log.includes(ticket.slice(0, 30)))
})
