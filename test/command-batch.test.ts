/** What the rule of a batch says, and when its commands are due. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CommandBatch, StateCounts } from '../src/command-batch.ts'
import { judge, stopReason } from '../src/command-batch.ts'
import type { CommandState } from '../src/command.ts'
import { checkDelay, spread } from '../src/commands/batch-rate.ts'
import type { CommandRequest } from '../src/commands/commands.ts'
import { Problem } from '../src/errors.ts'
import { defaultLimits } from '../src/limits.ts'

const open = ['scheduled', 'pending', 'publishing', 'published'] as const satisfies readonly CommandState[]
const isOpen = (state: string): boolean => open.some((one) => one === state)

function batch(counts: StateCounts, failureShare = 0.1, after = 10) {
  const final = Object.entries(counts).reduce((sum, [state, n]) => (isOpen(state) ? sum : sum + n), 0)
  return { counts, final, state: 'running', stop: { failureShare, after } } satisfies Partial<CommandBatch>
}
const stops = (counts: StateCounts, failureShare?: number, after?: number): boolean =>
  stopReason(batch(counts, failureShare, after)) !== null

test('a batch stops at its share of failures, once enough are final', () => {
  assert.equal(stops({ pending: 5, succeeded: 9 }), false)
  assert.equal(stops({ pending: 5, succeeded: 8, failed: 1 }), false, 'nine are not ten')
  assert.equal(stops({ pending: 5, succeeded: 9, failed: 1 }), true)
  assert.equal(stops({ scheduled: 5, succeeded: 9, failed: 1 }), true)
  assert.equal(stops({ pending: 5, succeeded: 10, failed: 1 }), false, 'one of eleven is less than a tenth')
  assert.equal(
    stops({ pending: 5, published: 30, succeeded: 9, failed: 1 }),
    true,
    'those awaited are not judged'
  )
})

test('every state that is a failure counts, and no other', () => {
  for (const state of ['failed', 'timedOut', 'undeliverable', 'refused', 'expired', 'unknown'] as const)
    assert.equal(stops({ pending: 1, succeeded: 9, [state]: 1 }), true, state)
  assert.equal(stops({ pending: 1, succeeded: 20 }), false)
})

test('what a client cancelled is neither a failure nor a success', () => {
  assert.equal(stops({ pending: 1, succeeded: 8, failed: 1, cancelled: 5 }), false, 'nine are judged')
  assert.deepEqual(judge(batch({ cancelled: 5, succeeded: 3, timedOut: 1 })), {
    judged: 4,
    failures: 1,
    share: 0.25
  })
  assert.deepEqual(judge(batch({ cancelled: 5, pending: 1 })), { judged: 0, failures: 0, share: null })
})

test('a share of 0 is the first failure, and 1 is all of them', () => {
  assert.equal(stops({ pending: 1, succeeded: 3 }, 0, 1), false)
  assert.equal(stops({ pending: 1, succeeded: 30, failed: 1 }, 0, 1), true)
  assert.equal(stops({ pending: 1, succeeded: 1, failed: 9 }, 1, 1), false)
  assert.equal(stops({ pending: 1, failed: 1 }, 1, 1), true)
})

test('where nothing is left to publish, nothing is stopped; nor is what has ended already', () => {
  assert.equal(stops({ published: 4, failed: 20 }), false)
  assert.equal(stopReason({ ...batch({ pending: 4, failed: 20 }), state: 'stopped' }), null)
  assert.equal(stopReason({ ...batch({ pending: 4, failed: 20 }), stop: null }), null)
})

const now = Date.parse('2026-03-14T09:00:00Z')
const request = { topic: 't', expiresInSeconds: null } as CommandRequest
const refused = new Problem('invalid_value', 'no such command')
const ask = (more: object = {}) => ({
  ratePerSecond: null,
  command: { notBefore: null, expiresInSeconds: null },
  ...more
})
const dues = (requests: ReadonlyArray<CommandRequest | Problem>): unknown[] =>
  requests.map((one) => (one instanceof Problem ? 'refused' : one.notBefore && one.notBefore - now))

test('commands become due one after the other, and those that are refused take no time', () => {
  const requests = [request, refused, request, request, request]
  assert.deepEqual(dues(spread(requests, ask({ ratePerSecond: 4 }), now)), [null, 'refused', 250, 500, 750])
  assert.deepEqual(dues(spread(requests, ask(), now)), [null, 'refused', null, null, null])
  assert.deepEqual(dues(spread([request, request], ask({ ratePerSecond: 0.01 }), now)), [null, 100_000])
})

test('the rate begins when the first may be published, and each expires from when it is due', () => {
  const command = { notBefore: now + 5_000, expiresInSeconds: 60 }
  const spreaded = spread([request, request], ask({ ratePerSecond: 2, command }), now)
  assert.deepEqual(dues(spreaded), [5_000, 5_500])
  assert.deepEqual(
    spreaded.map((one) => (one as CommandRequest).expiresInSeconds),
    [65, 65.5]
  )
  const past = { notBefore: now - 5_000, expiresInSeconds: 60 }
  const late = spread([request, request], ask({ ratePerSecond: 2, command: past }), now)
  assert.deepEqual(dues(late), [null, 500], 'a time that is past is now')
})

test('the last one may not be due later than a command may be', () => {
  const limits = { ...defaultLimits, commandDelaySecondsMax: 100 }
  checkDelay(ask({ ratePerSecond: 1 }), 101, limits, now)
  const pointer = (run: () => void): unknown => {
    try {
      run()
    } catch (error) {
      return (error as Problem).errors[0]!.pointer
    }
    return null
  }
  assert.equal(
    pointer(() => checkDelay(ask({ ratePerSecond: 1 }), 102, limits, now)),
    '/ratePerSecond'
  )
  const command = { notBefore: now + 101_000, expiresInSeconds: null }
  assert.equal(
    pointer(() => checkDelay(ask({ command }), 1, limits, now)),
    '/notBefore'
  )
})
