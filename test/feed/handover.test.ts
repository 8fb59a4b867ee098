/**
 * One read through three surfaces and two instances: a snapshot by REST, then 100 events by SSE, then the rest by GraphQL,
 * while eight writers write and every connection is cut off, over and over. No gap, no repetition, every topic in order.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { normalize } from '../../src/normalize/normalize.ts'
import type { Store } from '../../src/store/store.ts'
import { startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { createDatabase, query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { toReceived } from '../support/store.ts'

const killsMin = process.env['FULL'] === '1' ? 200 : 40
const eventsBySse = 100
/** Of one connection, fewer than this. */
const eventsPerSse = killsMin === 200 ? 3 : 12
const random = (max: number): number => Math.floor(Math.random() * max)

interface Seen {
  seq: number
  topic: string
  payload: unknown
}

/** What a client knows, and where it goes on. Everything is asked of the two instances in turn. */
class Client {
  readonly snapshot: Seen[] = []
  readonly events: Seen[] = []
  cursor: string | null = null
  kills = 0
  #asked = 0
  readonly #urls: readonly string[]

  constructor(urls: readonly string[]) {
    this.#urls = urls
  }

  #url(): string {
    return this.#urls[this.#asked++ % this.#urls.length]!
  }

  /** Pages until there are no more. Some answers are cut off somewhere; then the page is asked for again. */
  async readSnapshot(killsMax: number): Promise<void> {
    for (let page: string | null = ''; page !== null;) {
      const url = `${this.#url()}/v1/topics?filter=w/%23&limit=5${page && `&page=${page}`}`
      const killAt = this.kills < killsMax ? random(3_000) : Infinity
      const text = await readUntil(url, {}, (read) => read.length > killAt)
      if (text === null) {
        this.kills++
        continue
      }
      const { items, next, cursor } = JSON.parse(text)
      this.cursor ??= cursor as string
      for (const { messageSeq, topic, payload } of items)
        this.snapshot.push({ seq: Number(messageSeq), topic, payload })
      page = next
    }
  }

  /** Events until there are `count`; every connection is cut off after a few, within whatever comes then. */
  async readSse(count: number): Promise<void> {
    while (this.events.length < count) {
      const url = `${this.#url()}/v1/stream?filter=w/%23`
      let left = Math.min(random(eventsPerSse), count - this.events.length)
      let done = 0
      await readUntil(url, { 'last-event-id': this.cursor! }, (text) => {
        for (let end = text.indexOf('\n\n', done); end !== -1; end = text.indexOf('\n\n', done)) {
          const data = /^data: (.*)$/m.exec(text.slice(done, end))?.[1]
          done = end + 2
          if (data === undefined) continue
          const event = JSON.parse(data)
          // A killed client has read what it has read, and no more
          if (event.type === 'message' && left-- === 0) return true
          this.cursor = event.cursor
          if (event.type === 'message') this.#add(event.message)
        }
        return false
      })
      this.kills++
    }
  }

  /** Events until `signal` aborts; every connection is cut off after some, until there were enough of that. */
  async readGraphql(killsUntil: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const socket = new WebSocket(`${this.#url().replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
      const say = (message: object): void => socket.send(JSON.stringify(message))
      const end = (): void => socket.terminate()
      signal.addEventListener('abort', end, { once: true })
      let left = this.kills < killsUntil ? random(50) : Infinity
      const statement = `subscription ($after: String) {
        messages(filter: ["w/#"], after: $after) { cursor message { seq topic payload } }
      }`
      socket.on('error', () => {}) // it was ended before it was open
      socket.on('open', () => say({ type: 'connection_init' }))
      socket.on('message', (data) => {
        // A killed client has read what it has read, and no more
        if (socket.readyState !== socket.OPEN) return
        const { type, payload } = JSON.parse(String(data))
        if (type === 'connection_ack')
          say({
            type: 'subscribe',
            id: '1',
            payload: { query: statement, variables: { after: this.cursor } }
          })
        if (type === 'error') throw new Error(JSON.stringify(payload))
        if (type !== 'next') return
        if (left-- === 0) return end()
        const { cursor, message } = payload.data.messages
        this.cursor = cursor
        this.#add(message)
      })
      await once(socket, 'close')
      signal.removeEventListener('abort', end)
      if (!signal.aborted) this.kills++
    }
  }

  #add({ seq, topic, payload }: { seq: string; topic: string; payload: unknown }): void {
    this.events.push({ seq: Number(seq), topic, payload })
  }
}

/** The body; null if it was cut off, because `isEnough` said so. */
async function readUntil(
  url: string,
  headers: Record<string, string>,
  isEnough: (text: string) => boolean
): Promise<string | null> {
  const asked = get(url, { agent: false, headers })
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  assert.equal(answer.statusCode, 200)
  answer.setEncoding('utf8')
  let text = ''
  for await (const chunk of answer) {
    text += chunk as string
    if (!isEnough(text)) continue
    asked.destroy()
    return null
  }
  return text
}

interface Written {
  topic: string
  payload: Buffer
  retain: boolean
}

/** Some messages at a time, until it is told to stop: of each topic, 1, 2, 3, ... */
async function write(
  writer: number,
  send: (messages: readonly Written[]) => Promise<unknown>,
  isStopped: () => boolean
): Promise<void> {
  const counts = [0, 0, 0, 0]
  while (!isStopped()) {
    const messages = Array.from({ length: 1 + random(4) }, () => {
      const which = random(counts.length)
      const payload = Buffer.from(String(++counts[which]!))
      return { topic: `w/${writer}/${which}`, payload, retain: random(2) === 0 }
    })
    await send(messages)
    await new Promise((resolve) => setTimeout(resolve, random(6)))
  }
}

/** Through the broker, and so through the instance that leads, which shows what it commits from memory. */
async function byMqtt(url: string): Promise<Parameters<typeof write>[1]> {
  const { client } = await connectClient(url)
  return async (messages) =>
    Promise.all(
      messages.map(async ({ topic, payload, retain }) =>
        client.publishAsync(topic, payload, { qos: 1, retain })
      )
    )
}

/** Into the database, under a session of its own: to both instances, it comes from elsewhere. */
async function byStore(store: Store, writer: number): Promise<Parameters<typeof write>[1]> {
  const session = await store.sessions.ensure(`w${writer}`, null)
  const { epoch } = await store.sessions.present(session)
  const lease = (await store.sessions.take(session, store.instanceId, epoch))!
  return async (messages) => {
    const { facts, states } = normalize(messages.map(toReceived), lease.name)
    return store.append({ facts, states, packets: { added: [], released: [] }, retainedKnown: true }, lease)
  }
}

test(`REST, SSE and GraphQL on two instances, cut off ${killsMin} times: one read without a gap`, async (t) => {
  const broker = await startBroker()
  const databaseUrl = await createDatabase()
  // Few facts in memory, so that the table is read as well
  const limits = { ringFactsMax: 300, feedPageFactsMax: 50 }
  const instances = [
    await startBridge({ mqttUrl: broker.url, databaseUrl, limits }),
    await startBridge({ mqttUrl: broker.url, databaseUrl, limits })
  ]
  let stopped = false
  const writing = Array.from({ length: 8 }, async (_, writer) => {
    const { store } = instances[writer % 2]!
    const send = writer < 4 ? await byMqtt(broker.url) : await byStore(store, writer)
    await write(writer, send, () => stopped)
  })
  const done = Promise.all(writing)
  done.catch(() => {})
  const topicsWritten = async (): Promise<number> =>
    (await query(databaseUrl, "select from topics where name like 'w/%'")).length
  while ((await topicsWritten()) < 20) await Promise.race([done, new Promise(setImmediate)])

  const client = new Client(instances.map(({ url }) => url))
  await client.readSnapshot(killsMin / 5)
  const { seq: begun } = instances[0]!.store.cursors.decodePosition(
    client.cursor!,
    await instances[0]!.store.journal.head()
  )
  await client.readSse(eventsBySse)
  assert.equal(client.events.length, eventsBySse)
  const end = new AbortController()
  const reading = client.readGraphql(killsMin, end.signal)
  while (client.kills < killsMin) await Promise.race([reading, done, new Promise(setImmediate)])
  stopped = true
  await done
  const written = await query<{ seq: string; topic: string; payload: Buffer }>(
    databaseUrl,
    `select j.seq, t.name as topic, j.payload from journal j join topics t on t.id = j.topic_id
     where t.name like 'w/%' order by j.seq`
  )
  const last = Number(written.at(-1)!.seq)
  await eventually(() => client.events.at(-1)!.seq >= last, { what: 'the last message comes' })
  end.abort()
  await reading

  const expected = written
    .map(({ seq, topic, payload }) => ({ seq: Number(seq), topic, payload: Number(payload) }))
    .filter(({ seq }) => seq > begun)
  assert.deepEqual(client.events, expected, 'every message behind the snapshot, once, in order')
  const known = new Map<string, number>()
  for (const { topic, payload } of [...client.snapshot, ...client.events].toSorted((a, b) => a.seq - b.seq)) {
    const before = known.get(topic)
    if (before !== undefined) assert.ok((payload as number) >= before, `${topic} goes forward`)
    known.set(topic, payload as number)
  }
  assert.deepEqual(
    known,
    new Map(
      [...known.keys()].map((topic) => [
        topic,
        Number(written.findLast((row) => row.topic === topic)!.payload)
      ])
    ),
    'of every topic, the last'
  )
  assert.equal(known.size, new Set(written.map(({ topic }) => topic)).size, 'every topic')
  t.diagnostic(`${written.length} messages, ${client.events.length} events, ${client.kills} kills`)
})
