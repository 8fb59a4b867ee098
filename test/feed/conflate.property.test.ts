/** Conflation: of every key the last value comes, in order; every event's cursor is a place to go on from. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Conflating } from '../../src/feed/conflate.ts'
import { conflate } from '../../src/feed/conflate.ts'
import type { NewestEvent } from '../../src/feed/newest-events.ts'
import { createNewestEvents } from '../../src/feed/newest-events.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { StreamEvent } from '../../src/views.ts'

const runs = process.env['FULL'] === '1' ? 20_000 : 1_000

/** Events whose cursor is their place in the log: gaps are never replaced, all else is by its key. */
const toEvent = (key: number, index: number): StreamEvent => {
  const cursor = String(index + 1)
  if (key === 0) return { cursor, type: 'gap', gap: { seq: cursor } } as StreamEvent
  if (key === 1)
    return { cursor, type: 'skipped', skipped: { from: cursor, to: cursor, retentionClass: 'a' } }
  if (key === 2) return { cursor, type: 'progress' }
  if (key % 3 === 0) return { cursor, type: 'state', state: { topic: `t/${key}` } } as StreamEvent
  if (key % 3 === 1)
    return { cursor, type: 'datapoint', datapoint: { device: 'd', metric: `m${key}` } } as StreamEvent
  return { cursor, type: 'message', message: { topic: `t/${key}` } } as StreamEvent
}

const logOf = (keys: readonly number[]): StreamEvent[] => keys.map(toEvent)
const placeOf = ({ cursor }: { cursor: string }): number => Number(cursor)
const isUnique = (key: number): boolean => key <= 1

/** What has to hold for what was sent of a log, of which all up to `read` could have been. */
function check(keys: readonly number[], sent: readonly NewestEvent[], exactCounts: boolean): void {
  const places = sent.map(placeOf)
  assert.deepEqual(
    places,
    [...new Set(places)].toSorted((a, b) => a - b),
    'in order, none twice'
  )
  const wasSent = new Set(places)
  const lastOf = new Map(keys.map((key, index) => [key, index + 1]))
  for (const [index, key] of keys.entries()) {
    const mustCome = isUnique(key) || lastOf.get(key) === index + 1
    if (mustCome) assert.ok(wasSent.has(index + 1), `${index + 1}, the last of ${key}`)
  }
  const counted = new Map<number, number>()
  for (const event of sent) {
    const key = keys[placeOf(event) - 1]!
    counted.set(key, (counted.get(key) ?? 0) + 1 + event.skippedCount)
  }
  for (const key of lastOf.keys()) {
    const all = keys.filter((one) => one === key).length
    if (key === 2) continue // progress is a place and counts nothing
    if (exactCounts) assert.equal(counted.get(key), all, `sent and left out of ${key}`)
    else assert.ok(counted.get(key)! <= all)
  }
}

const keysOf = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 80 })

test('whatever is put and taken when, the last of each key comes, and none is sent that a newer one replaced', () => {
  const limits = fc.record({
    conflatedKeysMax: fc.integer({ min: 1, max: 12 }),
    conflatedBytesMax: fc.integer({ min: 1, max: 60 }),
    conflatedBatchEventsMax: fc.integer({ min: 1, max: 5 }),
    conflatedBatchBytesMax: fc.integer({ min: 1, max: 30 })
  })
  const takes = fc.array(fc.boolean(), { minLength: 80, maxLength: 80 })
  const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 80, maxLength: 80 })
  fc.assert(
    fc.property(keysOf, takes, sizes, limits, (keys, takeBefore, bytes, bounds) => {
      const newest = createNewestEvents(bounds)
      const sent: NewestEvent[] = []
      const take = (): void => {
        const batch = newest.take()
        assert.ok(batch.length <= bounds.conflatedBatchEventsMax)
        const size = batch.reduce((sum, event) => sum + bytes[placeOf(event) - 1]!, 0)
        assert.ok(batch.length <= 1 || size <= bounds.conflatedBatchBytesMax)
        // A place to go on from: behind it, nothing that was put is missing
        for (const event of batch) {
          sent.push(event)
          const known = keys.slice(0, placeOf(event))
          const before = new Set(sent.map(placeOf))
          for (const [index, key] of known.entries()) {
            const replaced = keys.lastIndexOf(key) > index && !isUnique(key)
            assert.ok(before.has(index + 1) || replaced, `${index + 1} before ${event.cursor}`)
          }
        }
      }
      for (const [index, event] of logOf(keys).entries()) {
        if (takeBefore[index] && !newest.empty()) take()
        while (newest.full()) take()
        newest.put(event, bytes[index]!)
      }
      while (!newest.empty()) take()
      assert.equal(newest.full(), false)
      check(keys, sent, true)
    }),
    { numRuns: runs }
  )
})

test('a key that changes before each take is sent, however slow the reader is', () => {
  const newest = createNewestEvents({ ...defaultLimits, conflatedBatchEventsMax: 1 })
  let place = 0
  const put = (key: number): void => newest.put(toEvent(key, place++), 1)
  let hot = 0
  for (let round = 0; round < 100; round++) {
    // The slow reader takes one of four that change, and one of them always changes last
    for (const key of [3, 4, 5, 6]) put(key)
    const [event] = newest.take()
    if (event!.type === 'state' && event!.state.topic === 't/6') hot++
  }
  assert.ok(hot >= 20, `sent ${hot} times`)
})

test('what is leaving counts among what is held, and is out before what came since begins', () => {
  const bounds = { ...defaultLimits, conflatedKeysMax: 4, conflatedBatchEventsMax: 1 }
  const newest = createNewestEvents(bounds)
  const put = (place: number, bytes = 1): void => newest.put(toEvent(3 + place, place), bytes)
  for (const place of [0, 1, 2]) put(place)
  assert.equal(newest.take()[0]!.cursor, '1')
  put(3)
  assert.equal(newest.full(), false)
  put(4)
  assert.equal(newest.full(), true)
  assert.equal(newest.turns(), false)
  newest.take()
  newest.take()
  assert.deepEqual([newest.turns(), newest.empty(), newest.full()], [true, false, false])

  newest.put(toEvent(20, 19), defaultLimits.conflatedBytesMax - 3)
  assert.equal(newest.full(), false)
  newest.put(toEvent(20, 20), 1)
  assert.equal(newest.full(), false, 'of one key, only the newest is held')
  newest.put(toEvent(20, 21), defaultLimits.conflatedBytesMax - 2)
  assert.equal(newest.full(), true)
  while (!newest.empty()) newest.take()
  assert.equal(newest.full(), false)
})

/** A source that gives what is in the log behind a cursor, some at a time, and then waits for more until it ends. */
function sourceOf(log: readonly StreamEvent[], sizes: readonly number[], opened: Array<string | null>) {
  return async function* (after: string | null, signal: AbortSignal): AsyncGenerator<StreamEvent[]> {
    opened.push(after)
    let at = after === null ? 0 : Number(after)
    for (let turn = 0; at < log.length && !signal.aborted; turn++) {
      const size = sizes[turn % sizes.length]!
      if (size % 2 === 0) await new Promise((resolve) => setImmediate(resolve))
      yield log.slice(at, at + size)
      at += size
    }
  }
}

const conflating = (given: Partial<Conflating> & Pick<Conflating, 'open'>): Conflating => ({
  rights: () => undefined,
  maxRate: null,
  sizeOf: () => 10,
  limits: defaultLimits,
  ...given
})

test('readers of any speed, cut off and back again: the last of each key comes, and nothing twice', async () => {
  const behaviour = fc.array(fc.constantFrom('take', 'pause', 'stall', 'cut'), {
    minLength: 1,
    maxLength: 12
  })
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })
  const limits = { ...defaultLimits, conflatedKeysMax: 4, conflatedBatchEventsMax: 2, streamStallMs: 2 }
  await fc.assert(
    fc.asyncProperty(keysOf, sizes, behaviour, async (keys, pages, acts) => {
      const opened: Array<string | null> = []
      const open = sourceOf(logOf(keys), pages, opened)
      const sent: NewestEvent[] = []
      let turn = 0
      let cuts = 0
      for (let again = true; again;) {
        again = false
        const resumed = sent.at(-1)?.cursor ?? null
        const cut = new AbortController()
        const given = conflating({ open: (after, signal) => open(after ?? resumed, signal), limits })
        for await (const batch of conflate(given, cut.signal)) {
          sent.push(...batch)
          const act = acts[turn++ % acts.length]!
          if (act === 'pause') await new Promise((resolve) => setImmediate(resolve))
          if (act === 'stall') await new Promise((resolve) => setTimeout(resolve, 5))
          if (act === 'cut' && cuts++ < 20) {
            cut.abort()
            again = true
            break
          }
        }
      }
      check(keys, sent, opened.length === 1)
    }),
    { numRuns: runs / 10 }
  )
})

test('while the reader is not ready, no more is held than its bounds allow', async () => {
  const keys = Array.from({ length: 2_000 }, (_, index) => 3 + (index % 500))
  let given = 0
  async function* open(_: string | null, signal: AbortSignal): AsyncGenerator<StreamEvent[]> {
    for (const event of logOf(keys)) {
      if (signal.aborted) return
      given++
      yield [event]
    }
  }
  const limits = { ...defaultLimits, conflatedKeysMax: 50, conflatedBatchEventsMax: 10 }
  const events = conflate(conflating({ open, limits }), new AbortController().signal)
  const sent = [...(await events.next()).value!]
  // Until what reads ahead has come as far as it may
  for (let before = -1; before !== given;) {
    before = given
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(given > sent.length && given <= 50 + 10 + 1, `${given} events were read ahead`)
  for await (const batch of events) sent.push(...batch)
  check(keys, sent, true)
})

test('what waits for a reader that stands still is let go, and read again when it is back', async () => {
  const keys = [3, 4, 5, 3, 4, 5, 3]
  const opened: Array<string | null> = []
  const limits = { ...defaultLimits, conflatedBatchEventsMax: 1, streamStallMs: 1 }
  const open = sourceOf(logOf(keys), [1], opened)
  const ended: AbortSignal[] = []
  const given = conflating({
    limits,
    open(after, signal) {
      ended.push(signal)
      return open(after, signal)
    }
  })
  const events = conflate(given, new AbortController().signal)
  const sent = [...(await events.next()).value!]
  await new Promise((resolve) => ended[0]!.addEventListener('abort', resolve, { once: true }))
  for await (const batch of events) sent.push(...batch)
  assert.ok(opened.length > 1)
  assert.equal(opened[1], sent[0]!.cursor)
  check(keys, sent, false)
})

test('a rate bounds how often a key comes, the first comes at once, and the last value is never lost', async () => {
  const count = 200
  let written = 0
  async function* open(): AsyncGenerator<StreamEvent[]> {
    while (written < count) {
      yield [toEvent(3, written++), toEvent(6, written++)]
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
  const begun = performance.now()
  const sent: NewestEvent[] = []
  for await (const batch of conflate(conflating({ open, maxRate: 20 }), new AbortController().signal))
    sent.push(...batch)
  const turnsMax = 1 + Math.ceil((performance.now() - begun) / 50)
  assert.deepEqual(
    sent.slice(0, 2).map(({ cursor }) => cursor),
    ['1', '2']
  )
  assert.ok(sent.length <= 2 * turnsMax, `${sent.length} events in ${turnsMax} turns`)
  check(
    Array.from({ length: count }, (_, index) => (index % 2 === 0 ? 3 : 6)),
    sent,
    true
  )
})

test('a source that fails ends the stream with its error, after what came before', async () => {
  const failure = new Error('Connection terminated')
  async function* open(): AsyncGenerator<StreamEvent[]> {
    yield [toEvent(3, 0)]
    throw failure
  }
  const events = conflate(conflating({ open }), new AbortController().signal)
  assert.equal([...(await events.next()).value!][0]!.cursor, '1')
  await assert.rejects(events.next(), failure)
})

test(
  'a stream that waits for its next turn, or for events, ends when it is told to',
  { timeout: 20_000 },
  async () => {
    for (const maxRate of [null, 0.01]) {
      let goOn = (): void => {}
      const firstTaken = new Promise<void>((resolve) => (goOn = resolve))
      async function* open(_: string | null, signal: AbortSignal): AsyncGenerator<StreamEvent[]> {
        yield [toEvent(3, 0)]
        await firstTaken
        yield [toEvent(3, 1)]
        if (!signal.aborted)
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      }
      const end = new AbortController()
      const events = conflate(conflating({ open, maxRate }), end.signal)
      await events.next()
      goOn()
      if (maxRate === null) await events.next()
      const next = events.next()
      await new Promise((resolve) => setImmediate(resolve))
      end.abort()
      assert.equal((await next).done, true)
    }
  }
)
