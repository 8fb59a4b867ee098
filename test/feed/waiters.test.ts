/** Who waits is woken for what it wants, and has seen the rest by that. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Waiting } from '../../src/feed/waiters.ts'
import { createWaiters } from '../../src/feed/waiters.ts'
import type { Fact } from '../../src/model.ts'

const facts = (from: number, ...topics: string[]): Fact[] =>
  topics.map((topic, at) => ({
    seq: from + at,
    at: 0,
    kind: 'message',
    topicId: 1,
    topic,
    message: null,
    commandId: null,
    detail: null
  }))

const wants = (topic: string, more: Partial<Waiting> = {}): Waiting => ({
  cursor: 10,
  wanted: (fact) => fact.topic === topic,
  wakeAt: 1_000,
  ...more
})

/** Begins to wait, and tells what came of it so far: undefined while it sleeps. */
function begin(waiters: ReturnType<typeof createWaiters>, waiting: Waiting, signal?: AbortSignal) {
  let seen: number | undefined
  void waiters.wait(waiting, signal ?? new AbortController().signal, 60_000).then((cursor) => (seen = cursor))
  return async (): Promise<number | undefined> => {
    await new Promise((resolve) => setImmediate(resolve))
    return seen
  }
}

test('what is not wanted wakes nobody, and has been seen', async () => {
  const waiters = createWaiters()
  const outcome = begin(waiters, wants('a'))
  waiters.wake(facts(11, 'b', 'b'))
  waiters.wake(facts(13, 'b'))
  assert.equal(await outcome(), undefined)
  waiters.wake(facts(14, 'b', 'a'))
  assert.equal(await outcome(), 13, 'it goes on before the first facts that have one it wants')
})

test('a hole wakes, since what was in it may be wanted', async () => {
  const waiters = createWaiters()
  const outcome = begin(waiters, wants('a'))
  waiters.wake(facts(12, 'b'))
  assert.equal(await outcome(), 10)
})

test('facts that have been seen do not wake', async () => {
  const waiters = createWaiters()
  const outcome = begin(waiters, wants('a'))
  waiters.wake(facts(9, 'a', 'a'))
  assert.equal(await outcome(), undefined)
  waiters.wakeAll()
  assert.equal(await outcome(), 10)
})

test('who has seen very much that it did not want is woken to say so', async () => {
  const waiters = createWaiters()
  const outcome = begin(waiters, wants('a', { wakeAt: 13 }))
  waiters.wake(facts(11, 'b', 'b'))
  assert.equal(await outcome(), undefined)
  waiters.wake(facts(13, 'b'))
  assert.equal(await outcome(), 13)
})

test('waiting ends with its signal', async () => {
  const waiters = createWaiters()
  const gone = new AbortController()
  const outcome = begin(waiters, wants('a'), gone.signal)
  waiters.wake(facts(11, 'b'))
  gone.abort()
  assert.equal(await outcome(), 11)
})
