import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MovingEvent } from '../../src/commands/lifecycle.ts'
import { moves, transitions } from '../../src/commands/lifecycle.ts'
import { commandStates } from '../../src/command.ts'

const events = Object.keys(transitions.pending) as MovingEvent[]

test('every state answers every event, and a terminal one stays what it is', () => {
  assert.deepEqual(Object.keys(transitions).toSorted(), [...commandStates].toSorted())
  for (const state of commandStates)
    for (const event of events)
      assert.ok(commandStates.includes(transitions[state][event]), `${state} ${event}`)
  const terminal = commandStates.filter((state) =>
    Object.values(transitions[state]).every((to) => to === state)
  )
  assert.deepEqual(terminal, [
    'succeeded',
    'failed',
    'timedOut',
    'undeliverable',
    'refused',
    'expired',
    'cancelled',
    'unknown'
  ])
})

test('every event leads to one state only, so that it can be one statement', () => {
  for (const event of events) {
    const { from, to } = moves(event)
    assert.ok(from.length > 0, event)
    for (const state of from) assert.equal(transitions[state][event], to)
  }
})

test('nothing that may be with the broker is cancelled, or expires; nothing that is not is waited for in vain', () => {
  for (const event of ['cancel', 'expire'] as const)
    assert.deepEqual(moves(event).from, ['scheduled', 'pending'])
  assert.deepEqual(moves('timeOut').from, ['published'])
})
