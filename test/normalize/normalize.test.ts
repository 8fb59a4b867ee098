import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GapDetail } from '../../src/model.ts'
import fc from 'fast-check'
import type { Normalized, Received } from '../../src/normalize/normalize.ts'
import { normalize } from '../../src/normalize/normalize.ts'
import { toReceived } from '../support/store.ts'

/** What a topic is after a batch, told by its facts instead of positions. */
interface State {
  latest: string | null
  retained: string | null
  previous: string | null
  known: boolean
}

const initial: State = { latest: null, retained: null, previous: null, known: false }

/** As the store applies the changes of a batch. */
function apply(states: Map<string, State>, { facts, states: changes }: Normalized): void {
  const text = (index: number): string => Buffer.from(facts[index]!.payload!).toString()
  for (const change of changes) {
    const state = { ...(states.get(change.topic) ?? initial) }
    if (change.retained === 'clear') {
      // Clearing what is not there leaves an earlier tombstone as it is
      if (change.previous !== null) state.previous = text(change.previous)
      else if (state.retained !== null) state.previous = state.retained
      state.retained = null
    } else if (change.retained === 'set') {
      state.retained = text(change.retainedBy!)
      state.previous = null
    }
    state.known = change.known ?? state.known
    if (change.latest !== null) state.latest = text(change.latest)
    states.set(change.topic, state)
  }
}

const message = fc.record({
  topic: fc.constantFrom('a', 'b'),
  payload: fc.constantFrom('', '1', '2', '3').map((text) => Buffer.from(text)),
  retain: fc.constantFrom(true, false, null)
})

test('a batch folds to what its messages one by one would be, however it is cut', () => {
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 12 }),
      fc.array(fc.nat(12), { maxLength: 3 }),
      (given, cuts) => {
        const messages = given.map((one) => toReceived(one))
        const oneByOne = new Map<string, State>()
        for (const one of messages) apply(oneByOne, normalize([one], 's'))
        const cut = new Map<string, State>()
        let start = 0
        for (const end of [...cuts.toSorted((a, b) => a - b), messages.length]) {
          if (end > start) apply(cut, normalize(messages.slice(start, end), 's'))
          start = Math.max(start, end)
        }
        assert.deepEqual(cut, oneByOne)
      }
    ),
    { numRuns: 2_000 }
  )
})

test('every message is one fact, in order', () => {
  const { facts } = normalize(
    [
      toReceived({ topic: 'a' }),
      toReceived({ topic: 'a', payload: Buffer.alloc(0), retain: true }),
      toReceived({ topic: 'a', payload: Buffer.alloc(0), retain: false }),
      toReceived({ topic: 'a', retain: true, found: true })
    ],
    's'
  )
  assert.deepEqual(
    facts.map((fact) => fact.kind),
    ['message', 'cleared', 'message', 'snapshot']
  )
})

test('what cannot be a message of a topic is a gap with its cause, and its bytes where there are any', () => {
  const cases: Array<[Partial<Received> & { topic: string }, string]> = [
    [{ topic: 'a\0b' }, 'invalid_topic'],
    [{ topic: '' }, 'invalid_topic'],
    [{ topic: 'a/+' }, 'invalid_topic'],
    [{ topic: 'a\ufffd', malformedTopic: 'Yf8=' }, 'invalid_topic'],
    [{ topic: 'big', payload: Buffer.alloc(0), discardedBytes: 5_000 }, 'packet_too_large']
  ]
  for (const [given, cause] of cases) {
    const { facts, states } = normalize([toReceived(given)], 'ingest')
    const detail = facts[0]!.detail as GapDetail
    assert.deepEqual([facts[0]!.kind, detail.cause, facts[0]!.topic], ['gap', cause, null])
    assert.deepEqual(states, [])
    assert.equal(facts[0]!.payload === null, cause === 'packet_too_large')
  }
  // A topic that really has U+FFFD is a topic
  assert.equal(normalize([toReceived({ topic: 'a\ufffd' })], 's').facts[0]!.kind, 'message')
})

test('the expiry of a retained message is when it came and what it had left', () => {
  const retained = toReceived({
    topic: 'a',
    retain: true,
    receivedAt: 1_000,
    properties: { messageExpiryInterval: 60 }
  })
  assert.equal(normalize([retained], 's').states[0]!.expiresAt, 61_000)
})
