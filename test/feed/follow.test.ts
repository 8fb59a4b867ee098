/** What is asked of a stream, on a journal in memory: where it begins, what it sends, and how it goes on. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Problem } from '../../src/errors.ts'
import type { FollowAsk } from '../../src/feed/follow.ts'
import { createFollow } from '../../src/feed/follow.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Limits } from '../../src/limits.ts'
import type { EventType, StreamEvent } from '../../src/views.ts'
import { everything } from '../support/store.ts'
import type { MemoryJournal } from './journal-in-memory.ts'
import { createMemoryJournal } from './journal-in-memory.ts'

type Sent = StreamEvent & { skippedCount?: number }

function followOn(journal: MemoryJournal, given: Partial<Limits> = {}) {
  const { events, cursors, facts } = journal
  const head = async () => ({ seq: facts.length, at: 0, horizon: 0 })
  return createFollow({ events, cursors, head, limits: { ...defaultLimits, ...given }, pointer: '' })
}

/** Events until one satisfies `last`, that one included; stands still for `pauseMs` after each page. */
async function read(
  journal: MemoryJournal,
  ask: Partial<FollowAsk>,
  last: (event: Sent) => boolean,
  limits: Partial<Limits> = {},
  pauseMs = 0
): Promise<Sent[]> {
  const whole = { filters: [], types: ['message', 'gap'] as const, ...ask }
  const following = await followOn(journal, limits)(everything, whole)
  const stop = new AbortController()
  const sent: Sent[] = []
  for await (const page of following(stop.signal)) {
    for (const event of page) {
      sent.push(event)
      if (!last(event)) continue
      stop.abort()
      return sent
    }
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  throw new Error('The stream ended')
}

const isGap = ({ type }: StreamEvent): boolean => type === 'gap'
const told = (event: Sent): unknown[] => {
  switch (event.type) {
    case 'message':
      return ['message', event.message.topic, event.message.payload]
    case 'state':
      return ['state', event.state.topic, event.state.payload]
    default:
      return [event.type]
  }
}

test('a stream begins with its place, or with a snapshot that ends with it', async () => {
  const journal = createMemoryJournal()
  for (const topic of ['a', 'b', 'c']) journal.message(topic, '1')
  const types: EventType[] = ['message', 'state', 'gap']
  const plain = journal.cursors.encode(2)
  const within = journal.cursors.encodeInSnapshot(2, 1)
  journal.gap()

  const behind = [['message', 'c', 1], ['state', 'c', 1], ['gap']]
  const cases: Array<[what: string, ask: Partial<FollowAsk>, told: unknown[][]]> = [
    [
      'from the earliest',
      { after: 'earliest', types: ['message', 'gap'] },
      [['progress'], ...['a', 'b', 'c'].map((topic) => ['message', topic, 1]), ['gap']]
    ],
    ['behind a cursor', { after: plain, types }, [['progress'], ...behind]],
    [
      'where a snapshot and a cursor are given, the cursor',
      { after: plain, snapshot: true, types },
      [['progress'], ...behind]
    ],
    [
      'where a snapshot was cut off, its rest',
      { after: within, types },
      [['state', 'b', 1], ['progress'], ...behind]
    ],
    [
      'the same, asked for again',
      { after: within, snapshot: true, types },
      [['state', 'b', 1], ['progress'], ...behind]
    ],
    [
      'without states, a place in a snapshot is its seq',
      { after: within, types: ['message', 'gap'] },
      [['progress'], ['message', 'c', 1], ['gap']]
    ],
    [
      'of a predicate, what satisfies it',
      { after: 'earliest', where: 'eq(topic,"b")', types },
      [['progress'], ['message', 'b', 1], ['state', 'b', 1], ['gap']]
    ]
  ]
  for (const [what, ask, expected] of cases) {
    for (const mode of ['all', 'latest'] as const) {
      const sent = await read(journal, { ...ask, mode }, isGap)
      assert.deepEqual(sent.map(told), expected, `${what}, ${mode}`)
      const counts = new Set(sent.map(({ skippedCount }) => skippedCount))
      assert.deepEqual([...counts], [mode === 'latest' ? 0 : undefined])
    }
  }

  const now = read(journal, { snapshot: true, types, where: 'prefix(topic,"c")' }, isGap)
  const nowLatest = read(
    journal,
    { snapshot: true, types, mode: 'latest', where: 'prefix(topic,"c")' },
    isGap
  )
  await new Promise((resolve) => setImmediate(resolve))
  journal.message('d')
  journal.message('cc', '2')
  journal.gap()
  const expected = [['state', 'c', 1], ['progress'], ['message', 'cc', 2], ['state', 'cc', 2], ['gap']]
  assert.deepEqual((await now).map(told), expected)
  assert.deepEqual(
    (await nowLatest).map(told).filter(([type]) => type !== 'progress'),
    expected.toSpliced(1, 1)
  )
})

test('a reader that stands still in a snapshot gets the rest of it when it is back', async () => {
  const journal = createMemoryJournal()
  for (const topic of ['a', 'b', 'c']) journal.message(topic, '1')
  const ask = { types: ['state'] as const, snapshot: true, mode: 'latest' as const }
  const bounds = { conflatedBatchEventsMax: 1, streamStallMs: 1 }
  const sent = await read(journal, ask, ({ type }) => type === 'progress', bounds, 5)
  assert.deepEqual(sent.map(told), [['state', 'a', 1], ['state', 'b', 1], ['state', 'c', 1], ['progress']])
})

test('what can never come is refused', async () => {
  const journal = createMemoryJournal()
  const cases: Array<[ask: Partial<FollowAsk>, code: string, pointer?: string]> = [
    [{ maxRate: 1 }, 'invalid_value', 'maxRate'],
    [{ mode: 'all', maxRate: 1 }, 'invalid_value', 'maxRate'],
    [{ mode: 'latest', maxRate: 0.009 }, 'invalid_value', 'maxRate'],
    [{ mode: 'latest', maxRate: 101 }, 'invalid_value', 'maxRate'],
    [{ mode: 'latest', maxRate: NaN }, 'invalid_value', 'maxRate'],
    [{ snapshot: true }, 'invalid_value', 'snapshot'],
    [{ device: 'a' }, 'invalid_value', 'device'],
    [{ metric: 'a', types: ['presence'] }, 'invalid_value', 'metric'],
    [{ where: 'payload' }, 'invalid_value', 'where'],
    [{ where: `or(${'eq(a,1),'.repeat(60)}eq(a,1))` }, 'query_too_complex', 'where'],
    [{ after: 'nonsense' }, 'cursor_invalid'],
    [{ after: journal.cursors.encode(1) }, 'cursor_ahead']
  ]
  for (const [ask, code, pointer] of cases) {
    const problem = await followOn(journal)(everything, { filters: [], types: ['message'], ...ask }).then(
      () => null,
      (error: Problem) => error
    )
    assert.equal(problem?.code, code, JSON.stringify(ask))
    if (pointer !== undefined) assert.equal(problem?.errors[0]?.pointer, pointer)
  }
})

const topics = ['a', 'b', 'c', 'd']
const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.tuple(fc.constantFrom(...topics), fc.nat({ max: 9 })) },
    { weight: 1, arbitrary: fc.constant(null) }
  ),
  { minLength: 1, maxLength: 60 }
)

test('of what is newest, the last of each topic comes whenever a reader is cut off, while the journal grows', async () => {
  const typesOf = fc.constantFrom<EventType[]>(
    ['message', 'gap'],
    ['state', 'gap'],
    ['message', 'state', 'gap']
  )
  const whereOf = fc.constantFrom(null, 'ge(payload,5)')
  const cutsAt = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(
      steps,
      typesOf,
      whereOf,
      cutsAt,
      fc.boolean(),
      fc.boolean(),
      async (log, types, where, cuts, snapshot, slow) => {
        const bounds = {
          feedPageFactsMax: 4,
          feedScanFactsMax: 8,
          conflatedKeysMax: 3,
          conflatedBatchEventsMax: 2,
          streamStallMs: 1
        }
        const journal = createMemoryJournal(bounds)
        const grow = (step: (typeof log)[number]): void =>
          void (step === null ? journal.gap() : journal.message(step[0], String(step[1])))
        const half = log.length >> 1
        for (const step of log.slice(0, half)) grow(step)
        const rest = log.slice(half)
        const wholeSnapshot = snapshot && types.includes('state')
        let begun = 0

        const sent: Sent[] = []
        let cursor: string | null = null
        for (let round = 0; rest.length > 0 || round < 15; round++) {
          // A gap tells that all before it was read: none is left out
          for (const step of rest.splice(0, 3)) grow(step)
          journal.gap()
          const end = String(journal.facts.length)
          const isLast = rest.length === 0 && round >= 14
          let count = isLast ? Infinity : cuts[round % cuts.length]!
          const isFirst = cursor === null && wholeSnapshot
          if (isFirst) begun = journal.facts.length
          const begin = isFirst ? { snapshot } : { after: cursor ?? 'earliest' }
          const some = await read(
            journal,
            { types, where, mode: 'latest', ...begin },
            (event) =>
              count-- <= 0 ||
              (isFirst ? event.type === 'progress' : event.type === 'gap' && event.gap.seq === end),
            bounds,
            slow && round % 3 === 0 ? 3 : 0
          )
          sent.push(...some)
          cursor = some.at(-1)!.cursor
        }

        const matching = (payload: unknown): boolean => where === null || (payload as number) >= 5
        const seqs = (type: 'message' | 'state', topic: string): number[] =>
          sent.flatMap((event) => {
            if (event.type === 'message' && type === 'message' && event.message.topic === topic)
              return [Number(event.message.seq)]
            return event.type === 'state' && type === 'state' && event.state.topic === topic
              ? [Number(event.state.seq)]
              : []
          })
        for (const topic of topics) {
          for (const type of ['message', 'state'] as const) {
            const got = seqs(type, topic)
            assert.deepEqual(
              got,
              [...new Set(got)].toSorted((one, two) => one - two),
              `${type}s of ${topic} go forward, none comes twice`
            )
            if (!types.includes(type)) continue
            const wanted = journal.facts.filter(
              (fact) => fact.topic === topic && matching(JSON.parse(String(fact.message!.payload)) as unknown)
            )
            const last = wanted.at(-1)
            const isTold =
              last !== undefined &&
              (type === 'state' || last.seq > begun) &&
              // Of a state, only the newest of the topic is told for sure
              (type === 'message' || journal.states.get(topic)!.seq === last.seq)
            if (isTold) assert.equal(got.at(-1), last.seq, `the last ${type} of ${topic}`)
          }
        }
        const gaps = journal.facts.filter(({ kind, seq }) => kind === 'gap' && seq > begun)
        assert.deepEqual(
          sent.flatMap((event) => (event.type === 'gap' ? [Number(event.gap.seq)] : [])),
          gaps.map(({ seq }) => seq),
          'every gap, once'
        )
        journal.feed.close()
      }
    ),
    { numRuns: process.env['FULL'] === '1' ? 2_000 : 80 }
  )
})
