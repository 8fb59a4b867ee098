/** Server-sent events: their form, their ends, and that nothing piles up for a client that does not read. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { EventSource, EventsAsk } from '../../src/feed/events.ts'
import { createStats } from '../../src/stats.ts'
import type { StreamEvent } from '../../src/views.ts'
import { eventually } from '../support/eventually.ts'
import { createBareServer } from './server.ts'

type Source = (ask: EventsAsk, signal: AbortSignal) => AsyncGenerator<StreamEvent[], void, undefined>

async function startStreams(source: Source, limits: object = {}) {
  const stats = createStats()
  const events = { events: (_, ask, signal) => source(ask, signal) } as EventSource
  const app = await createBareServer({ limits, parts: { events, stats } })
  const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/v1/stream`
  return { app, url, stats }
}

const untilAborted = (signal: AbortSignal): Promise<unknown> =>
  signal.aborted ? Promise.resolve() : once(signal, 'abort')

async function* nothing(_: EventsAsk, signal: AbortSignal): ReturnType<Source> {
  await untilAborted(signal)
}

const progress = (cursor: string): StreamEvent => ({ cursor, type: 'progress' })

test('a stream begins with its position, and each event has its cursor as id', async () => {
  const { url } = await startStreams(async function* () {
    yield [
      progress('c1'),
      { cursor: 'c2', type: 'skipped', skipped: { from: '1', to: '2', retentionClass: 'a' } }
    ]
  })
  const text = await (await fetch(url)).text()
  const [retry, first, ...rest] = text.split('\n\n')
  assert.equal(retry, 'retry: 2000')
  assert.match(first!, /^id: (\S+)\nevent: progress\ndata: \{"cursor":"\1","type":"progress"\}$/)
  assert.deepEqual(rest, [
    'id: c1\nevent: progress\ndata: {"cursor":"c1","type":"progress"}',
    'id: c2\nevent: skipped\ndata: {"cursor":"c2","type":"skipped","skipped":{"from":"1","to":"2","retentionClass":"a"}}',
    ''
  ])
})

test('what is asked for: filters, types in both spellings, and where to begin', async () => {
  const asked: EventsAsk[] = []
  const { url } = await startStreams(async function* (ask) {
    asked.push(ask)
  })
  const first = await (await fetch(url)).text()
  const cursor = /^id: (\S+)/m.exec(first)![1]!
  await (
    await fetch(`${url}?filter=a/+/b&filter=%23&types=state,command&types=gap&mode=all&after=earliest`)
  ).text()
  await (await fetch(`${url}?after=${cursor}`)).text()
  await (await fetch(`${url}?after=earliest`, { headers: { 'last-event-id': cursor } })).text()
  const common = { where: null, device: undefined, metric: undefined }
  const now = { seq: 100, part: 0, snapshotTopicId: null }
  const all = { filters: [], types: ['message', 'gap'], ...common }
  assert.deepEqual(asked, [
    { after: now, ...all },
    { after: { ...now, seq: 10 }, filters: ['a/+/b', '#'], types: ['state', 'command', 'gap'], ...common },
    { after: now, ...all },
    { after: now, ...all }
  ])
})

test('for a client that does not read, no more is read', async () => {
  let pages = 0
  const { url, stats } = await startStreams(async function* (_, signal) {
    while (!signal.aborted) {
      pages++
      yield Array.from({ length: 100 }, () => progress('x'.repeat(1_000)))
    }
  })
  const { port, pathname } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.pause()
  socket.write(`GET ${pathname} HTTP/1.1\r\nhost: a\r\n\r\n`)
  let before = -1
  await eventually(() => (pages > 0 && pages === before) || ((before = pages), null), {
    everyMs: 300,
    what: 'it stops'
  })
  assert.ok(pages < 500, `${pages} pages of 200 kB were taken`)
  socket.destroy()
  await eventually(() => stats.streams === 0, { what: 'the stream ends with its client' })
})

test('a stream ends with its client, and the next one may come', async () => {
  const { url, stats } = await startStreams(nothing, { streamsMax: 1 })
  const abort = new AbortController()
  await fetch(url, { signal: abort.signal })
  assert.equal(stats.streams, 1)
  const refused = await fetch(url)
  assert.deepEqual([refused.status, (await refused.json()).code], [429, 'too_many_requests'])
  abort.abort()
  await eventually(() => stats.streams === 0)
  await (await fetch(url)).body!.cancel()
})

test('a refused stream counts for nothing', async () => {
  const { url, stats } = await startStreams(nothing)
  assert.equal((await fetch(`${url}?after=made-up`)).status, 400)
  assert.equal(stats.streams, 0)
})

test('when the server closes, streams end and do not keep it', async () => {
  const { app, url } = await startStreams(nothing)
  const text = (await fetch(url)).text()
  const begun = performance.now()
  await app.close()
  assert.match(await text, /^id: /m)
  assert.ok(performance.now() - begun < 2_000)
})

test('a stream whose source fails ends, so that its client resumes', async () => {
  const { url, stats } = await startStreams(async function* () {
    yield [progress('c1')]
    throw new Error('Connection terminated unexpectedly')
  })
  assert.match(await (await fetch(url)).text(), /id: c1/)
  assert.equal(stats.streams, 0)
})

test('silence is broken by comments', async () => {
  const { url } = await startStreams(nothing, { heartbeatMs: 30 })
  const reader = (await fetch(url)).body!.getReader()
  let text = ''
  while (!text.includes('\n\n:\n\n:\n\n')) text += Buffer.from((await reader.read()).value!).toString()
  await reader.cancel()
})

test('HEAD of a stream is not a stream', async () => {
  const { url } = await startStreams(nothing)
  assert.equal((await fetch(url, { method: 'HEAD' })).status, 404)
})
