import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSuspects } from '../../src/commands/suspects.ts'
import { defaultLimits } from '../../src/limits.ts'

const commands = (...ids: string[]): Array<{ id: string }> => ids.map((id) => ({ id }))
const idle = new Set<string>()
const names = (chosen: Array<{ id: string }>): string => chosen.map(({ id }) => id).join('')

test('without a suspect, as many as there is room for', () => {
  const suspects = createSuspects(defaultLimits)
  assert.equal(names(suspects.choose(commands('a', 'b', 'c'), new Set('x'), 2)), 'ab')
})

test('a suspect is published alone, and others come between two of them', () => {
  const suspects = createSuspects(defaultLimits)
  for (const id of ['a', 'b']) assert.equal(suspects.lost(id), false)
  const due = commands('a', 'b', 'c', 'd')
  assert.equal(names(suspects.choose(due, new Set('x'), 9)), '', 'not beside another one')
  assert.equal(names(suspects.choose(due, idle, 9)), 'a')
  assert.equal(names(suspects.choose(commands('b', 'c', 'd'), new Set('a'), 9)), '', 'nothing beside it')
  suspects.lost('a')
  assert.equal(names(suspects.choose(due, idle, 9)), 'cd')
  assert.equal(names(suspects.choose(due, idle, 9)), 'a')
  suspects.answered('a')
  assert.equal(names(suspects.choose(commands('b'), idle, 9)), 'b', 'only suspects are left')
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
    suspects.answered('b')
  }
})

test('what is cancelled or expired is forgotten', () => {
  const suspects = createSuspects(defaultLimits)
  suspects.lost('gone')
  suspects.lost('a')
  suspects.keepOnly(new Set('a'))
  assert.equal(names(suspects.choose(commands('gone', 'a'), idle, 9)), 'a')
  assert.equal(names(suspects.choose(commands('gone'), idle, 9)), 'gone')
})
