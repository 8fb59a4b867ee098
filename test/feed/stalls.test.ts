/** A reader that stops costs a position: what was ready for it is let go, and read again when it is back. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import type { Position } from '../../src/cursor.ts'
import { createEventSource } from '../../src/feed/events.ts'
import { createFeed } from '../../src/feed/feed.ts'
import { sliceOf } from '../../src/feed/slice.ts'
import type { Slice } from '../../src/feed/slice.ts'
import { lettingGo } from '../../src/feed/stalls.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Fact, Seq } from '../../src/model.ts'
import { createStats } from '../../src/stats.ts'
import type { EventType, StreamEvent } from '../../src/views.ts'
import { silent } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { createProjected, toDatapoint } from '../support/projected-feed.ts'
import { everything } from '../support/store.ts'
import type { MemoryJournal } from './journal-in-memory.ts'
import { createMemoryJournal } from './journal-in-memory.ts'

const unchanged = (): undefined => undefined
const progress = (cursor: number): StreamEvent => ({ cursor: String(cursor), type: 'progress' })

/** A stream of numbers that tells where it was begun and how often it ended. */
function createNumbers() {
  const begun: number[] = []
  let ended = 0
  async function* begin(from: number): AsyncGenerator<Slice, void, undefined> {
    begun.push(from)
    try {
      for (let at = from; ; at += 4) yield sliceOf(...[1, 2, 3, 4].map((more) => progress(at + more)))
    } finally {
      ended++
    }
  }
  return { begin, begun, ended: () => ended }
}

test('what is ready is let go when nobody takes it, and the stream goes on behind what was taken', async () => {
  const numbers = createNumbers()
  const stream = lettingGo(numbers.begin, 0, { stallMs: 5, positionOf: Number, rights: unchanged })
  const taken: string[] = []
  for (const stopAt of ['2', '6', null]) {
    const { value } = await stream.next()
    for (const event of value!) {
      taken.push(event.cursor)
      if (event.cursor !== stopAt) continue
      const before = numbers.ended()
      await eventually(() => numbers.ended() === before + 1, { what: 'the source ends' })
    }
  }
  // In the middle of a slice, at its end, and when nothing of it was taken
  const { value: untouched } = await stream.next()
  await eventually(() => numbers.ended() === 3)
  assert.deepEqual([...untouched!], [])
  const { value: last } = await stream.next()
  assert.equal(last![Symbol.iterator]().next().value!.cursor, '11')
  assert.deepEqual(taken, ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10'])
  assert.deepEqual(numbers.begun, [0, 2, 6, 10])
  await stream.return()
  assert.equal(numbers.ended(), 4)
})

test('while it waits for what comes, nothing is let go', async () => {
  let arrive = (): void => {}
  let begun = 0
  async function* begin(): AsyncGenerator<Slice, void, undefined> {
    begun++
    await new Promise<void>((resolve) => (arrive = resolve))
    yield sliceOf(progress(1))
  }
  const stream = lettingGo(begin, 0, { stallMs: 1, positionOf: Number, rights: unchanged })
  const next = stream.next()
  await new Promise((resolve) => setTimeout(resolve, 20))
  arrive()
  assert.deepEqual([...(await next).value!], [progress(1)])
  assert.equal(begun, 1)
  await stream.return()
})

const isGap = ({ type }: StreamEvent): boolean => type === 'gap'

function build(sizes: readonly number[]): MemoryJournal {
  const journal = createMemoryJournal({
    feedPageFactsMax: 5,
    feedPageEventsMax: 3,
    datapointsReadFactsMax: 2,
    streamStallMs: 1
  })
  for (const [index, size] of sizes.entries()) {
    const topic = `t/${index % 3}`
    const { seq } = journal.message(topic)
    const datapoints = Array.from({ length: size }, (_, n) => toDatapoint({ seq, n, topic }))
    journal.projected.datapoints.set(seq, datapoints)
  }
  journal.gap()
  return journal
}

test('however a reader pauses, it gets everything once', async () => {
  const asked = fc.record({
    sizes: fc.array(fc.nat({ max: 6 }), { maxLength: 12 }),
    types: fc
      .subarray<EventType>(['message', 'datapoint'], { minLength: 1 })
      .map((some): EventType[] => [...some, 'gap']),
    pauses: fc.array(fc.boolean(), { minLength: 3, maxLength: 20 })
  })
  await fc.assert(
    fc.asyncProperty(asked, async ({ sizes, types, pauses }) => {
      const journal = build(sizes)
      const whole = await journal.read({ types }, isGap)
      const stop = new AbortController()
      const ask = { after: { seq: 0, part: 0 }, filters: [], types }
      const taken: StreamEvent[] = []
      for await (const slice of journal.events.events(everything, ask, stop.signal)) {
        for (const event of slice) {
          taken.push(event)
          // Longer than it may; whether the timer was in time changes nothing
          if (pauses[taken.length % pauses.length]) await new Promise((resolve) => setTimeout(resolve, 3))
        }
        if (taken.some(isGap)) break
      }
      stop.abort()
      assert.deepEqual(
        taken.filter(({ type }) => type !== 'progress'),
        whole
      )
    }),
    { numRuns: 60 }
  )
})

test('a reader that pauses within a snapshot gets each topic once, and then what happens', async () => {
  const journal = createMemoryJournal({ streamStallMs: 1, feedPageEventsMax: 2 })
  for (let index = 0; index < 7; index++) journal.message(`t/${index}`)
  const stop = new AbortController()
  const ask = { filters: [], types: ['state', 'gap'] as const, from: null }
  const told: string[] = []
  for await (const slice of journal.events.snapshotAndEvents(everything, ask, stop.signal)) {
    for (const event of slice) {
      told.push(event.type === 'state' ? event.state.topic : event.type)
      if (told.length === 3) journal.gap()
      await new Promise((resolve) => setTimeout(resolve, 3))
    }
    if (told.at(-1) === 'gap') break
  }
  stop.abort()
  assert.deepEqual(told, [...Array.from({ length: 7 }, (_, index) => `t/${index}`), 'progress', 'gap'])
})

/** Of what is reachable. */
function memoryBytes(): number {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  gc()
  gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

test('1,000 readers that stop at random places, behind what is in memory, cost little more than 1,000 positions', async (t) => {
  const total = 40_000
  const limits = { ...defaultLimits, streamStallMs: 50 }
  const fact = (seq: Seq): Fact => {
    const topic = { seq, topicId: 1, topic: 'a' }
    const payload = Buffer.alloc(1_000, seq % 128)
    const flags = { qos: 1, retain: false, dup: false } as const
    const message = { ...topic, ...flags, receivedAt: 0, payload, properties: null }
    return { ...topic, at: 0, kind: 'message', message, commandId: null, detail: null }
  }
  const head = async (): Promise<Seq> => total
  const feed = createFeed({
    end: total,
    limits,
    stats: createStats(),
    log: silent,
    // As from a table: each read is made of objects of its own
    async following(_after, limit, _bytesMax, from = 0) {
      await new Promise((resolve) => setImmediate(resolve))
      return Array.from({ length: limit }, (_, index) => fact(from + 1 + index))
    },
    head,
    horizon: async () => 0,
    nextKept: async () => null,
    dropped: async () => []
  })
  const memory = createMemoryJournal()
  const events = createEventSource({
    feed,
    cursors: memory.cursors,
    head,
    statesByName: async () => new Map(),
    statesPage: async () => ({ items: [], next: null }),
    projected: createProjected(),
    limits
  })
  const stop = new AbortController()
  const ask = { filters: [], types: ['message'] as const }
  // What is shared is warm before it is measured
  const places = Array.from({ length: 1_100 }, () => Math.floor(Math.random() * (total - 2_000)))
  const openAt = async (seq: Seq) => {
    const stream = events.events(everything, { ...ask, after: { seq, part: 0 } }, stop.signal)
    const { value } = await stream.next()
    const slice = value![Symbol.iterator]()
    const first = slice.next().value!
    return { stream, slice, first: first.cursor, seq }
  }
  await Promise.all(places.slice(0, 100).map(openAt))
  const before = memoryBytes()
  const stalled = await Promise.all(places.slice(100).map(openAt))
  const least = (): number => (memoryBytes() - before) / stalled.length
  // Each has 64 KiB of facts ready, until that is let go
  const bytesEach = await eventually(() => least() < 12_000 && least(), {
    everyMs: 200,
    what: 'they cost little'
  })
  t.diagnostic(`${Math.round(bytesEach)} bytes each`)

  // Each goes on behind what it took
  for (const { stream, slice, first, seq } of stalled.slice(0, 50)) {
    const ready = slice.next()
    const next = ready.done ? (await stream.next()).value![Symbol.iterator]().next().value! : ready.value
    const position = (cursor: string): Position =>
      memory.cursors.decodePosition(cursor, { seq: total, at: 0, horizon: 0 })
    assert.deepEqual([position(first).seq, position(next.cursor).seq], [seq + 1, seq + 2])
  }
  stop.abort()
  feed.close()
  await Promise.all(stalled.map(({ stream }) => stream.return()))
})
