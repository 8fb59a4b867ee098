import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stateAsOf } from '../../src/feed/state-as-of.ts'
import type { Fact, Message, TopicState } from '../../src/model.ts'

const message = (seq: number, retain: boolean | null): Message => ({
  seq,
  topicId: 1,
  topic: 't',
  receivedAt: 1_000 + seq,
  qos: 1,
  retain,
  dup: false,
  payload: Buffer.from(`${seq}`),
  properties: null
})

const fact = (seq: number, retain: boolean | null, kind: Fact['kind'] = 'message'): Fact => ({
  seq,
  at: 0,
  kind,
  topicId: 1,
  topic: 't',
  message: message(seq, retain),
  commandId: null,
  detail: null
})

const now = (seq: number, more: Partial<TopicState>): TopicState => ({
  topicId: 1,
  topic: 't',
  seq,
  latest: message(seq, false),
  retained: null,
  retainedKnown: true,
  tombstone: null,
  expiresAt: null,
  confirmedAt: null,
  ...more
})

test('the state that is still the newest is taken as it is', () => {
  const state = now(3, { retained: message(1, true) })
  assert.equal(stateAsOf(fact(3, false), state), state)
})

test('a retained message is the state after it, whatever came later', () => {
  const state = stateAsOf(
    fact(3, true),
    now(9, { tombstone: { at: 0, seq: 8, cause: 'cleared', previous: null } })
  )!
  assert.deepEqual([state.seq, state.latest.seq, state.retained?.seq, state.tombstone], [3, 3, 3, null])
})

test('a live message leaves what is retained as it was, if that has not changed since', () => {
  const kept = stateAsOf(fact(3, false), now(9, { retained: message(2, true) }))!
  assert.deepEqual([kept.seq, kept.latest.seq, kept.retained?.seq], [3, 3, 2])
  const tombstone = { at: 0, seq: 2, cause: 'cleared' as const, previous: null }
  assert.deepEqual(stateAsOf(fact(3, false), now(9, { tombstone }))!.tombstone, tombstone)
  assert.equal(stateAsOf(fact(3, null), now(9, {}))!.retainedKnown, false)
})

test('what cannot be told any more is left to a later fact', () => {
  assert.equal(stateAsOf(fact(3, false), now(9, { retained: message(5, true) })), null)
  const tombstone = { at: 0, seq: 5, cause: 'cleared' as const, previous: null }
  assert.equal(stateAsOf(fact(3, false), now(9, { tombstone })), null)
  assert.equal(stateAsOf(fact(3, true, 'cleared'), now(9, {})), null)
  assert.equal(stateAsOf(fact(3, true, 'snapshot'), now(9, {})), null)
})
