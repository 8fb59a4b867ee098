/**
 * Keys that are taken away, and renewed, while 1,000 messages come in each second, on the built service with a real broker:
 * what runs by a key ends within a second of the answer to its revocation, on every surface, and what is renewed in band
 * goes on without a gap.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { request } from '../support/bridge.ts'
import type { Answer } from '../support/bridge.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { startService } from '../support/service.ts'
import { openSse } from '../support/sse.ts'
import { startReceiver } from '../support/webhook-receiver.ts'
import { startPublisher } from './publisher.ts'
import type { Result } from './result.ts'
import { sized } from './story.ts'

const full = process.env['FULL'] === '1'
const perSecond = 1_000
/** The promise of the service. */
const endMsMax = 1_000
/** On a machine that is busy with other things, too. */
const patience = { withinMs: 120_000 }

const root = 'the key of the environment'.replaceAll(' ', '-')
const broker = await startMosquitto()
const service = await startService({
  DATABASE_URL: await createDatabase(),
  MQTT_URL: broker.url,
  RIALTO_API_KEY: root,
  RIALTO_WEBHOOKS_PRIVATE: 'true'
})
const v1 = `${service.url}/v1`
await eventually(async () => (await fetch(`${service.url}/readyz`)).ok, { what: 'the service is ready' })

const bearer = (key: string): { authorization: string } => ({ authorization: `Bearer ${key}` })

const send = (path: string, method: string, body: object | undefined, key = root): Promise<Answer> =>
  request(`${v1}${path}`, {
    method,
    headers: { ...bearer(key), ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) })
  })

async function makeKey(name: string): Promise<{ id: string; key: string }> {
  const grants = [{ role: 'read', topic: 'ledger/#' }]
  const { status, body } = await send('/keys', 'POST', { name, grants })
  assert.equal(status, 201, JSON.stringify(body))
  return body as { id: string; key: string }
}

/** What was shown of messages, and when it ended. */
interface Reader {
  name: string
  /** When the service received the newest message that was shown. */
  newest: number
  messages: number
  endedAt: number | null
  /** How it was told. */
  how: string
}

const toReader = (name: string): Reader => ({ name, newest: 0, messages: 0, endedAt: null, how: '' })

function show(reader: Reader, ...messages: Array<{ receivedAt: string }>): void {
  for (const { receivedAt } of messages) reader.newest = Math.max(reader.newest, Date.parse(receivedAt))
  reader.messages += messages.length
}

function end(reader: Reader, how: string): void {
  reader.endedAt ??= Date.now()
  reader.how ||= how
}

async function followSse(key: string, mode: string): Promise<Reader> {
  const reader = toReader(`SSE, mode ${mode}`)
  const stream = await openSse(`${v1}/stream?mode=${mode}`, bearer(key))
  await stream.find('progress')
  void stream.ended.then(() => {
    show(reader, ...stream.events.flatMap(({ event, data }) => (event === 'message' ? [data.message] : [])))
    const last = stream.events.at(-1)!
    end(reader, last.event === 'problem' ? last.data.code : 'nothing was said')
  })
  return reader
}

interface Socket {
  reader: Reader
  numbers: number[]
  socket: WebSocket
  pongs: Array<{ principal?: string; code?: string }>
}

async function followSocket(key: string): Promise<Socket> {
  const { cursor } = (await send('/messages?limit=1', 'GET', undefined)).body
  const socket = new WebSocket(`${service.url.replace('http', 'ws')}/graphql`, ['graphql-transport-ws'])
  const one: Socket = { reader: toReader('GraphQL over WebSocket'), numbers: [], socket, pongs: [] }
  let begun = false
  socket.on('message', (data) => {
    const { type, payload } = JSON.parse(String(data))
    if (type === 'connection_ack') begun = true
    if (type === 'pong') one.pongs.push(payload)
    if (type === 'error') one.reader.how = payload[0].extensions.code
    if (type !== 'next') return
    const { message } = payload.data.messages
    show(one.reader, message)
    one.numbers.push(Number(message.payloadText.slice(0, 10)))
  })
  socket.on('close', (code) => {
    one.reader.how += ` ${code}`
    end(one.reader, '')
  })
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: bearer(key) }))
  await eventually(() => begun, { what: 'the connection is acknowledged' })
  const query = `subscription { messages(after: "${cursor}") { message { receivedAt payloadText } } }`
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query } }))
  return one
}

/** One export after the other, until one is refused. */
function exportAll(key: string): Reader {
  const reader = toReader('exports')
  const read = async (): Promise<void> => {
    for (;;) {
      const answer = await fetch(`${v1}/export/messages`, { headers: bearer(key) })
      if (answer.status !== 200) return end(reader, String(answer.status))
      let text = ''
      const decoder = new TextDecoder()
      try {
        for await (const chunk of answer.body!) text += decoder.decode(chunk, { stream: true })
      } catch {
        // Cut off: what came before was shown
      }
      const lines = text.split('\n').slice(0, -1)
      show(reader, ...lines.map((line) => JSON.parse(line) as { receivedAt: string }))
    }
  }
  void read()
  return reader
}

/** One answer after the other, each when there is another version, until one is refused. */
function poll(key: string): Reader {
  const reader = toReader('long polls')
  const read = async (): Promise<void> => {
    for (let etag: string | null = null; ;) {
      const answer: Answer = await request(`${v1}/messages?limit=1`, {
        headers: { ...bearer(key), prefer: 'wait=20', ...(etag !== null && { 'if-none-match': etag }) }
      })
      if (answer.status === 401) return end(reader, answer.body.code)
      etag = answer.headers.get('etag')
      if (answer.status === 200) show(reader, ...answer.body.items)
    }
  }
  void read()
  return reader
}

const record = (result: Omit<Result, 'qos' | 'full' | 'shows'>): void => {
  const file = process.env['FAULTS_RESULTS']
  if (file !== undefined)
    appendFileSync(file, `${JSON.stringify({ ...result, qos: 1, full, shows: null })}\n`)
}

test(`a key is revoked at ${perSecond} messages/s: all that runs by it ends in ${endMsMax} ms`, async (t) => {
  let [endMs, lateMs, shown] = [0, 0, 0]
  const rounds = sized(10, 2)
  for (let round = 0; round < rounds; round++) {
    const { id, key } = await makeKey(`round ${round}`)
    const publisher = startPublisher({ url: broker.url, qos: 1, perSecond })
    const receiver = await startReceiver()
    const hook = await send('/webhooks', 'POST', { url: receiver.url, types: ['message'] }, key)
    assert.equal(hook.status, 201, JSON.stringify(hook.body))
    const readers = [
      await followSse(key, 'all'),
      await followSse(key, 'latest'),
      (await followSocket(key)).reader,
      exportAll(key),
      poll(key)
    ]
    const owed = publisher.owed.size
    const isUnderWay = (): boolean =>
      receiver.events().length > 0 && readers[3]!.messages > 0 && readers[4]!.messages > 0
    await eventually(() => publisher.owed.size >= owed + 2 * perSecond && isUnderWay(), patience)

    assert.ok((await send(`/keys/${id}`, 'DELETE', undefined)).status < 300)
    const revokedAt = Date.now()
    await eventually(() => readers.every(({ endedAt }) => endedAt !== null), { what: 'all of them end' })
    // Long enough for what would come late to come
    const later = publisher.owed.size
    await eventually(() => publisher.owed.size >= later + 2 * perSecond, patience)
    await publisher.stop()
    const webhook = toReader('webhook')
    for (const event of receiver.events()) if (event.type === 'message') show(webhook, event.message)
    const { state } = (await send(`/webhooks/${hook.body.id}`, 'GET', undefined)).body
    assert.equal(state, 'disabled')

    for (const { name, newest, endedAt, messages, how } of [...readers, webhook]) {
      const ended = endedAt === null ? 0 : endedAt - revokedAt
      const late = newest - revokedAt
      t.diagnostic(`${name}: ${messages} messages, the newest ${late} ms, its end ${ended} ms (${how})`)
      assert.ok(messages > 0, `${name} was shown nothing`)
      endMs = Math.max(endMs, ended)
      lateMs = Math.max(lateMs, late)
      shown += messages
    }
    assert.deepEqual(
      readers.map(({ how }) => how),
      ['unauthenticated', 'unauthenticated', 'unauthenticated 4401', '401', 'unauthenticated']
    )
  }
  record({
    id: 'F38',
    name: `revocation at ${perSecond} messages/s`,
    promise: { endMs: endMsMax, lateMs: endMsMax },
    figures: { rounds, shown, endMs, lateMs }
  })
  assert.ok(lateMs <= endMsMax, `a message of ${lateMs} ms after the revocation was shown`)
  assert.ok(endMs <= endMsMax, `something ran for ${endMs} ms after the revocation`)
})

test('a key is rotated, and renewed in band: no gap, nothing twice, no other connection', async () => {
  const rotations = sized(20, 3)
  let { id, key } = await makeKey('rotated')
  const { reader, numbers, socket, pongs } = await followSocket(key)
  const publisher = startPublisher({ url: broker.url, qos: 1, perSecond, from: 10_000_000 })
  for (let rotation = 1; rotation <= rotations; rotation++) {
    const { status, body } = await send(`/keys/${id}/rotate`, 'POST', { overlapSeconds: 1 })
    assert.equal(status, 200, JSON.stringify(body))
    socket.send(JSON.stringify({ type: 'ping', payload: bearer(body.key) }))
    await eventually(() => pongs.length === rotation, { ...patience, what: 'the pong' })
    assert.equal(pongs.at(-1)!.principal, `key:${id}`)
    // The text before is over
    const before = key
    const isOver = async () => (await send('/topics?limit=1', 'GET', undefined, before)).status === 401
    await eventually(isOver, { ...patience, what: 'the text before is over' })
    key = body.key
    const owed = publisher.owed.size
    await eventually(() => publisher.owed.size >= owed + perSecond / 2, patience)
  }
  await publisher.stop()
  const wanted = [...publisher.owed]
  const own = (): number[] => numbers.filter((number) => number >= 10_000_000)
  await eventually(() => new Set(own()).size >= wanted.length, {
    ...patience,
    what: 'all of them are shown'
  })
  const seen = new Set(own())
  const lost = wanted.filter((number) => !seen.has(number)).length
  const repeated = own().length - seen.size
  const reconnects = reader.endedAt === null ? 0 : 1
  record({
    id: 'F38',
    name: `keys renewed in band at ${perSecond} messages/s`,
    promise: { lost: 0, repeated: 0, reconnects: 0 },
    figures: { rotations, shown: seen.size, lost, repeated, reconnects }
  })
  assert.deepEqual({ lost, repeated, reconnects }, { lost: 0, repeated: 0, reconnects: 0 })
  socket.terminate()
})
