/** What subscribers have in common is made once: states are read once, events and their text are the same objects. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BoundedMap } from '../../src/feed/bounded-map.ts'
import { eventJson } from '../../src/feed/event-json.ts'
import { shareReads } from '../../src/feed/shared-datapoints.ts'
import { createSharedStates } from '../../src/feed/shared-states.ts'
import type { Datapoint } from '../../src/datapoints.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Fact, Seq, TopicState } from '../../src/model.ts'
import type { EventType, StreamEvent } from '../../src/views.ts'
import { toDatapoint } from '../support/projected-feed.ts'
import { everything } from '../support/store.ts'
import { createMemoryJournal } from './journal-in-memory.ts'

/** States in memory, and what was asked for at a time. */
function createStates(given: Partial<typeof defaultLimits> = {}) {
  const journal = createMemoryJournal()
  const asked: string[][] = []
  const states = createSharedStates(
    async (_access, names) => {
      asked.push([...names])
      await new Promise((resolve) => setImmediate(resolve))
      return new Map(
        names.flatMap((name) => (journal.states.has(name) ? [[name, journal.states.get(name)!]] : []))
      )
    },
    { ...defaultLimits, ...given }
  )
  return { journal, asked, states }
}

const seqsOf = (states: ReadonlyMap<Seq, TopicState>): Seq[] => [...states.keys()]

test('states that many want at the same time are read at once, and what one was told is not read for another', async () => {
  const { journal, asked, states } = createStates()
  const facts = Array.from({ length: 20 }, (_, index) => journal.message(`t/${index % 10}`))
  const told = await Promise.all(
    Array.from({ length: 200 }, (_, index) => states.after(facts.slice(index % 20)))
  )
  assert.equal(asked.length, 1)
  assert.equal(asked[0]!.length, 10)
  assert.deepEqual(seqsOf(told[0]!), [11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
  await states.after(facts)
  assert.equal(asked.length, 1)

  states.clear()
  await states.after(facts)
  assert.equal(asked.length, 2)
})

test('a state is told as it was after its fact, whoever asks and whenever', async () => {
  const { journal, states } = createStates()
  const first = journal.message('a', 'first')
  const early = await states.after([first])
  journal.message('a', 'second')
  const late = await states.after([first])
  assert.equal(late.get(1), early.get(1))
  assert.equal(String(late.get(1)!.latest.payload), 'first')
})

test('what is read when something is forgotten is not kept, and a failed read is told to all who waited', async () => {
  const { journal, asked, states } = createStates()
  const fact = journal.message('a')
  const underWay = states.after([fact])
  await new Promise((resolve) => setImmediate(resolve))
  states.clear()
  await underWay
  await states.after([fact])
  assert.equal(asked.length, 2)

  let fail = true
  const failing = createSharedStates(async () => {
    if (fail) throw new Error('Connection terminated')
    return journal.states
  }, defaultLimits)
  const both = await Promise.allSettled([failing.after([fact]), failing.after([fact])])
  assert.deepEqual(
    both.map(({ status }) => status),
    ['rejected', 'rejected']
  )
  fail = false
  assert.deepEqual(seqsOf(await failing.after([fact])), [1])
})

test('states are read a bounded number at a time', async () => {
  const { journal, asked, states } = createStates({ statesReadTopicsMax: 8, statesCachedMax: 5 })
  const facts = Array.from({ length: 20 }, (_, index) => journal.message(`t/${index}`))
  assert.equal((await states.after(facts)).size, 20)
  assert.deepEqual(
    asked.map(({ length }) => length),
    [8, 8, 4]
  )
  await states.after(facts)
  assert.equal(asked.slice(3).flat().length, 15, 'five are kept')
})

test('datapoints that many want at the same time are read once, and nothing of them is kept', async () => {
  const reads: Seq[][] = []
  const read = shareReads(async (seqs) => {
    reads.push([...seqs])
    await new Promise((resolve) => setImmediate(resolve))
    return new Map<Seq, Datapoint[]>(seqs.map((seq) => [seq, [toDatapoint({ seq, n: 0, topic: 'a' })]]))
  })
  const [one, two] = await Promise.all([read([1, 2, 3]), read([2, 3, 4])])
  assert.deepEqual(reads, [[1, 2, 3], [4]])
  assert.equal(one.get(3), two.get(3))
  assert.deepEqual([...two.keys()], [2, 3, 4])
  await read([2])
  assert.deepEqual(reads.at(-1), [2])
})

async function take(journal: ReturnType<typeof createMemoryJournal>, types: EventType[], count: number) {
  const stop = new AbortController()
  const told: StreamEvent[] = []
  const ask = { after: { seq: 0, part: 0 }, filters: [], types }
  for await (const slice of journal.events.events(everything, ask, stop.signal)) {
    told.push(...slice)
    if (told.length >= count) break
  }
  stop.abort()
  return told
}

test('subscribers are told the same event, and of those with other cursors the same message', async () => {
  const journal = createMemoryJournal()
  for (let index = 0; index < 5; index++) journal.message('a', `${index}`)
  const [one, two, other] = [
    await take(journal, ['message'], 5),
    await take(journal, ['message'], 5),
    await take(journal, ['message', 'state'], 6)
  ]
  const last = (events: StreamEvent[]) => events.findLast(({ type }) => type === 'message')!
  assert.equal(last(one), last(two))
  assert.notEqual(last(other).cursor, last(one).cursor)
  assert.equal((last(other) as { message?: unknown }).message, (last(one) as { message?: unknown }).message)

  journal.feed.forget()
  // What was forgotten is made anew, of what is read again
  const anew = await take(journal, ['message'], 5)
  assert.deepEqual(anew, one)
  assert.notEqual(last(anew), last(one))
})

test('the text of an event is its JSON', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.jsonValue(),
      fc.option(fc.nat(), { nil: undefined }),
      (cursor, body, skippedCount) => {
        const shared = { seq: '1', payload: body, [cursor]: null }
        for (let time = 0; time < 2; time++) {
          const event = { cursor: `${cursor}${time}`, type: 'message', message: shared, skippedCount }
          for (let again = 0; again < 2; again++)
            assert.equal(eventJson(event as unknown as StreamEvent), JSON.stringify(event))
        }
      }
    )
  )
  const skipped: StreamEvent = {
    cursor: 'c',
    type: 'skipped',
    skipped: { from: '1', to: '2', retentionClass: 'a' }
  }
  assert.equal(eventJson(skipped), JSON.stringify(skipped))
})

test('a bounded map lets go of what came first, by number and by bytes', () => {
  const map = new BoundedMap<string, number>(3, 100)
  for (const [index, key] of ['a', 'b', 'c', 'd'].entries()) map.set(key, index, 10)
  assert.deepEqual([map.get('a'), map.get('b'), map.get('d')], [undefined, 1, 3])
  map.set('e', 4, 85)
  assert.deepEqual([map.get('c'), map.get('d'), map.get('e')], [undefined, 3, 4])
  map.set('e', 5, 20)
  map.set('f', 6, 70)
  assert.deepEqual([map.get('d'), map.get('e'), map.get('f')], [3, 5, 6])
  map.set('huge', 7, 101)
  assert.deepEqual([map.get('f'), map.get('huge')], [undefined, undefined])
  map.clear()
  map.set('g', 8, 100)
  assert.equal(map.get('g'), 8)
})

test('a predicate is asked of every event, and what is not wanted is passed over', async () => {
  const journal = createMemoryJournal()
  const facts: Fact[] = []
  for (let index = 0; index < 30; index++) facts.push(journal.message('a', `${index}`))
  journal.gap()
  const where = { test: (item: unknown) => Number((item as { payload: unknown }).payload) % 7 === 3 }
  const events = await journal.read(
    { types: ['message', 'state', 'gap'], where },
    ({ type }) => type === 'gap'
  )
  assert.deepEqual(
    events.map((event) => (event.type === 'message' ? event.message.payload : event.type)),
    [3, 10, 17, 24, 'gap']
  )
})
