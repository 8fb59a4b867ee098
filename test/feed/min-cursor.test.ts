/** Reads that wait until what they read has come to a cursor. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCursors } from '../../src/cursor.ts'
import type { MinCursor } from '../../src/feed/min-cursor.ts'
import { createMinCursor } from '../../src/feed/min-cursor.ts'
import type { Limits } from '../../src/limits.ts'
import { defaultLimits } from '../../src/limits.ts'
import { eventually } from '../support/eventually.ts'
import { createMemoryJournal } from './journal-in-memory.ts'

const never = new AbortController().signal

/** `head`: what the database says, while this instance may not have heard of it. */
function start(given: Partial<Limits> = {}) {
  const journal = createMemoryJournal()
  const { cursors, feed, projected } = journal
  /** What the first so many reads do not see yet. */
  const database = { seq: 0, reads: 0, unseenReads: 0 }
  const minCursor = createMinCursor({
    cursors,
    feed,
    async head() {
      return database.reads++ < database.unseenReads ? 0 : database.seq
    },
    projected,
    limits: { ...defaultLimits, ...given }
  })
  return { ...journal, minCursor, database }
}

/** Whether it has resolved; a turn of the event loop is enough for what need not wait. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  promise.then(
    () => (settled = true),
    () => (settled = true)
  )
  await new Promise((resolve) => setImmediate(resolve))
  return settled
}

test('what this instance knows of is not looked up', async () => {
  const { minCursor, message, cursors, database } = start()
  message('a')
  await minCursor.journal(cursors.encode(1), never, 0)
  await minCursor.projected(cursors.encode(1), never, 0)
  assert.equal(database.reads, 0)
})

test('what another instance committed has been reached when the database says so', async () => {
  const { minCursor, cursors, database } = start()
  database.seq = 3
  await minCursor.journal(cursors.encode(3), never, 0)
})

test('waits for the journal, and not longer', async () => {
  const { minCursor, message, cursors, feed } = start()
  const waiting = minCursor.journal(cursors.encode(2), never, 60_000)
  assert.ok(!(await isSettled(waiting)))
  message('a')
  assert.equal(feed.end(), 1)
  assert.ok(!(await isSettled(waiting)), 'one fact is missing')
  message('a')
  await waiting
})

test('waits for the projection behind the journal', async () => {
  const { minCursor, message, cursors, projected } = start()
  projected.doneSeq = 0
  message('a')
  const waiting = minCursor.projected(cursors.encode(1), never, 60_000)
  await eventually(() => projected.waitingFor === 1, { what: 'it waits' })
  await minCursor.journal(cursors.encode(1), never, 0)
  projected.advance(1)
  await waiting
})

test('a cursor within the events of a fact stands for that fact', async () => {
  const { minCursor, message, cursors } = start()
  message('a')
  await assert.rejects(minCursor.journal(cursors.encode(1, 2), never, 1), { code: 'cursor_not_reached' })
  message('a')
  await minCursor.journal(cursors.encode(1, 2), never, 0)
})

test('within a snapshot it stands for the position that the snapshot shows', async () => {
  const { minCursor, message, cursors } = start()
  message('a')
  await minCursor.journal(cursors.encodeInSnapshot(1, 7), never, 0)
})

for (const read of ['journal', 'projected'] as const satisfies Array<keyof MinCursor>) {
  test(`${read}: after its time it is refused, never answered with what is older`, async () => {
    const { minCursor, cursors } = start()
    const outcome = minCursor[read](cursors.encode(5), never, 20)
    await assert.rejects(outcome, { code: 'cursor_not_reached', status: 503, message: /20 ms/ })
  })

  test(`${read}: what this instance did not hear of is seen when the time is over`, async () => {
    const { minCursor, cursors, database } = start()
    database.seq = 5
    // Before it waits, the journal is looked at once, and for the projection once more
    database.unseenReads = read === 'journal' ? 1 : 2
    await minCursor[read](cursors.encode(5), never, 20)
    assert.equal(database.reads, database.unseenReads + 1)
  })
}

test('ends when who asked has gone', async () => {
  const { minCursor, cursors } = start()
  const gone = new AbortController()
  const waiting = minCursor.journal(cursors.encode(5), gone.signal, 60_000)
  assert.ok(!(await isSettled(waiting)))
  gone.abort()
  await assert.rejects(waiting, { code: 'cursor_not_reached' })
})

test('so many wait and no more, and a place is free again', async () => {
  const { minCursor, cursors, message } = start({ minCursorWaitsMax: 2 })
  const first = [
    minCursor.journal(cursors.encode(1), never, 60_000),
    minCursor.projected(cursors.encode(1), never, 60_000)
  ]
  assert.ok(!(await isSettled(Promise.all(first))))
  await assert.rejects(minCursor.journal(cursors.encode(1), never), { code: 'too_many_requests' })
  await minCursor.journal(cursors.encode(0), never) // what need not wait is not counted
  message('a')
  await Promise.all(first)
  const again = minCursor.journal(cursors.encode(2), never, 60_000)
  assert.ok(!(await isSettled(again)), 'it waits')
  message('a')
  await again
})

test('what is no longer kept has been reached; what a restore took never will be', async () => {
  const key = Buffer.alloc(32, 7)
  const before = createCursors([{ id: 'a', beganSeq: 0 }], key)
  const journals = [
    { id: 'a', beganSeq: 0 },
    { id: 'b', beganSeq: 10 }
  ]
  const { feed, projected } = start()
  const minCursor = createMinCursor({
    cursors: createCursors(journals, key),
    feed,
    head: async () => 20,
    projected,
    limits: defaultLimits
  })
  await minCursor.journal(before.encode(10), never, 0)
  await assert.rejects(minCursor.journal(before.encode(11), never), {
    code: 'cursor_ahead',
    message: /restore/
  })
})

test('a page token, and what is no token, are said to be so', async () => {
  const { minCursor, cursors } = start()
  const page = cursors.encodePage('list', { until: 1, after: 1 })
  await assert.rejects(minCursor.journal(page, never), { code: 'cursor_kind' })
  await assert.rejects(minCursor.projected('earliest', never), { code: 'cursor_invalid' })
})
