import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseInOrder } from '../../src/commands/order.ts'
import type { Suspects } from '../../src/commands/suspects.ts'
import { createSuspects } from '../../src/commands/suspects.ts'
import { defaultLimits } from '../../src/limits.ts'

const idle = new Set<string>()

/** Of commands that have keys of their own, unless one is given: `b:a` is b, behind a. */
function choose(suspects: Suspects, due: string, busy: ReadonlySet<string> = idle, room = 9): string {
  const waiting = due.split(' ').map((name) => {
    const [id, key = id] = name.split(':') as [string, string?]
    return { id, key, qos: 1 as const, oneInFlight: false, keyAwaits: false }
  })
  const chosen = chooseInOrder(waiting, [], { isSuspect: suspects.has, room })
  return suspects
    .choose(chosen, busy)
    .map(({ id }) => id)
    .join('')
}

test('without a suspect, as many as there is room for', () => {
  const suspects = createSuspects(defaultLimits)
  assert.equal(choose(suspects, 'a b c', new Set('x'), 2), 'ab')
})

test('a suspect is published alone, and others come between two of them', () => {
  const suspects = createSuspects(defaultLimits)
  for (const id of ['a', 'b']) assert.equal(suspects.lost(id), false)
  const due = 'a b c d'
  assert.equal(choose(suspects, due, new Set('x')), '', 'not beside another one')
  assert.equal(choose(suspects, due), 'a')
  assert.equal(choose(suspects, 'b c d', new Set('a')), '', 'nothing beside it')
  suspects.lost('a')
  assert.equal(choose(suspects, due), 'cd')
  assert.equal(choose(suspects, due), 'a')
  suspects.cleared('a')
  assert.equal(choose(suspects, 'b'), 'b', 'only suspects are left')
})

test('none of its key overtakes a suspect', () => {
  const suspects = createSuspects(defaultLimits)
  suspects.lost('a')
  assert.equal(choose(suspects, 'a b:a c'), 'a')
  assert.equal(choose(suspects, 'a b:a c'), 'c', 'b waits behind a, c does not')
})

test('refused is who was alone three times when the connection ended; an answer clears', () => {
  const suspects = createSuspects({ ...defaultLimits, commandAloneAttemptsMax: 3 })
  assert.deepEqual(
    [1, 2, 3, 4].map(() => suspects.lost('a')),
    [false, false, false, true]
  )
  for (let round = 0; round < 10; round++) {
    assert.equal(suspects.lost('b'), false)
    assert.equal(suspects.lost('b'), false)
    suspects.cleared('b')
  }
})

test('what is cancelled or expired is forgotten', () => {
  const suspects = createSuspects(defaultLimits)
  suspects.lost('gone')
  suspects.lost('a')
  suspects.keepOnly(new Set('a'))
  assert.equal(choose(suspects, 'gone a'), 'a')
  assert.equal(choose(suspects, 'gone'), 'gone')
})
