/** What can be asked of a stream, over real sockets and a real store. */

import assert from 'node:assert/strict'
import { get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { atEnd } from '../support/cleanup.ts'
import { eventually } from '../support/eventually.ts'
import { toDatapoint } from '../support/projected-feed.ts'
import { openSse } from '../support/sse.ts'
import type { SseEvent } from '../support/sse.ts'
import { startServer } from './server.ts'

const told = ({ event, data }: SseEvent): unknown[] =>
  event === 'message' || event === 'state' ? [event, data[event].topic, data[event].payload] : [event]

/** A reader that can stop reading. What it has read so far is `text`. */
async function openPausable(url: string): Promise<{ text: string; answer: IncomingMessage; ended: boolean }> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = get(url, { agent: false }, resolve).on('error', reject)
    atEnd(() => void asked.destroy())
  })
  const reader = { text: '', answer, ended: false }
  answer.setEncoding('utf8')
  answer.on('data', (text: string) => (reader.text += text))
  answer.on('error', () => {})
  answer.on('close', () => (reader.ended = true))
  return reader
}

const eventsOf = (text: string) =>
  text
    .split('\n\n')
    .slice(0, -1)
    .flatMap((block) => {
      const data = /^data: (.*)$/m.exec(block)?.[1]
      return data === undefined ? [] : [JSON.parse(data)]
    })

test('a snapshot, what satisfies a predicate, and where it was cut off', async () => {
  const { url, receive } = await startServer()
  for (const [index, topic] of ['a', 'b', 'c', 'd'].entries())
    await receive({ topic, payload: Buffer.from(String(index)) })
  const asked = `${url}/v1/stream?types=state,gap&snapshot=true&where=${encodeURIComponent('ge(payload,1)')}`
  const whole = await openSse(asked)
  await whole.find('progress')
  await receive({ topic: 'a', payload: Buffer.from('9') }, { topic: 'b', payload: Buffer.from('0') })
  await receive({ topic: 'c', payload: Buffer.from('8') })
  await whole.find('state', ({ state }) => state.payload === 8)
  const snapshot = [...['b', 'c', 'd'].map((topic, index) => ['state', topic, index + 1]), ['progress']]
  const changes = [
    ['state', 'a', 9],
    ['state', 'c', 8]
  ]
  assert.deepEqual(whole.events.map(told), [...snapshot, ...changes])
  whole.close()

  const [first] = whole.events
  const rest = await openSse(asked, { 'last-event-id': first!.id })
  await rest.find('state', ({ state }) => state.payload === 8)
  // c has changed since the snapshot, so it comes as a change
  assert.deepEqual(rest.events.map(told), [['state', 'd', 3], ['progress'], ...changes])
  rest.close()

  const after = await openSse(`${asked}&after=${whole.events[3]!.id}`)
  await after.find('state', ({ state }) => state.payload === 8)
  assert.deepEqual(after.events.map(told), [['progress'], ...changes], 'a place behind it needs no snapshot')
  after.close()
})

test('datapoints of a device and of a metric', async () => {
  const { url, receive, projected } = await startServer()
  const { base } = (await receive({ topic: 'a' }))!
  projected.datapoints.set(
    base + 1,
    ['x', 'y'].flatMap((device, at) =>
      ['m', 'n'].map((metric, n) => toDatapoint({ seq: base + 1, n: at * 2 + n, topic: 'a', device, metric }))
    )
  )
  const cases: Array<[asked: string, expected: number[]]> = [
    ['', [0, 1, 2, 3]],
    ['&device=y', [2, 3]],
    ['&metric=n', [1, 3]],
    ['&device=y&metric=n', [3]],
    ['&where=eq(device,"x")', [0, 1]]
  ]
  for (const [asked, expected] of cases) {
    const stream = await openSse(`${url}/v1/stream?types=datapoint&after=earliest${asked}`)
    await eventually(
      () => stream.events.filter(({ event }) => event === 'datapoint').length >= expected.length
    )
    const got = stream.events.flatMap(({ event, data }) => (event === 'datapoint' ? [data.datapoint.n] : []))
    assert.deepEqual(got, expected, asked)
    stream.close()
  }
})

test('of what is newest, a reader who paused gets the last of each topic, and is told how many it did not get', async () => {
  const { url, receive } = await startServer({ limits: { streamStallMs: 600_000 } })
  const reader = await openPausable(`${url}/v1/stream?mode=latest&types=message,gap`)
  await eventually(() => reader.text.includes('progress'))
  reader.answer.pause()
  const topics = ['a', 'b', 'c', 'd', 'e']
  const rounds = 1_200
  const padding = 'x'.repeat(1_000)
  for (let round = 0; round < rounds; round += 100) {
    const messages = Array.from({ length: 100 }, (_, index) =>
      topics.map((topic) => ({ topic, payload: Buffer.from(JSON.stringify([round + index, padding])) }))
    )
    await receive(...messages.flat())
  }
  await receive({ topic: 'end' })
  reader.answer.resume()
  await eventually(() => reader.text.includes('"topic":"end"') && reader.text.endsWith('\n\n'))
  const events = eventsOf(reader.text).filter(({ type }) => type === 'message')
  assert.ok(events.length < (topics.length * rounds) / 2, `${events.length} events were sent`)
  for (const topic of topics) {
    const own = events.filter(({ message }) => message.topic === topic)
    const values = own.map(({ message }) => message.payload[0] as number)
    assert.equal(values.at(-1), rounds - 1, `the last of ${topic}`)
    assert.deepEqual(
      values,
      [...new Set(values)].toSorted((one, two) => one - two)
    )
    const all = own.reduce((sum, { skippedCount }) => sum + 1 + (skippedCount as number), 0)
    assert.equal(all, rounds, `sent and left out of ${topic}`)
  }
  reader.answer.destroy()
})

test('a reader that takes nothing for too long is let go, and may go on where it was', async () => {
  const { url, receive, parts } = await startServer({
    limits: { streamStalledMsMax: 200, streamStallMs: 100 }
  })
  const reader = await openPausable(`${url}/v1/stream?filter=a`)
  await eventually(() => reader.text.includes('progress'))
  reader.answer.pause()
  const padding = 'x'.repeat(5_000)
  // More than all buffers between the two take
  const count = 2_000
  for (let from = 0; from < count; from += 200) {
    const some = Array.from({ length: 200 }, (_, index) => ({
      topic: 'a',
      payload: Buffer.from(JSON.stringify([from + index, padding]))
    }))
    await receive(...some)
  }
  await eventually(() => parts.stats.streams === 0, { what: 'the stream ends' })
  reader.answer.resume()
  await eventually(() => reader.ended, { what: 'the connection ends' })
  const all = eventsOf(reader.text)
  const isLast = (event: { type: string; message?: { payload: unknown[] } }): boolean =>
    event.type === 'message' && event.message!.payload[0] === count - 1
  // On a busy machine, this one may be let go as well
  while (!all.some(isLast)) {
    const again = await openPausable(`${url}/v1/stream?filter=a&after=${all.at(-1).cursor}`)
    await eventually(
      () => again.ended || (again.text.includes(`"payload":[${count - 1},`) && again.text.endsWith('\n\n'))
    )
    again.answer.destroy()
    all.push(...eventsOf(again.text))
  }
  assert.deepEqual(
    all.flatMap((event) => (event.type === 'message' ? [event.message.payload[0]] : [])),
    Array.from({ length: count }, (_, index) => index)
  )
})

test('a large event comes whole, in parts', async () => {
  const { url, receive } = await startServer()
  const stream = await openSse(`${url}/v1/stream?filter=a`)
  await stream.find('progress')
  // Characters of several bytes, so that parts end within them
  const text = 'äß€😀'.repeat(100_000)
  await receive({ topic: 'a', payload: Buffer.from(text) }, { topic: 'a', payload: Buffer.from('"end"') })
  await stream.find('message', ({ message }) => message.payload === 'end')
  const [event] = stream.events.filter(({ event: type }) => type === 'message')
  assert.equal(event!.data.message.payloadText, text)
  stream.close()
})
