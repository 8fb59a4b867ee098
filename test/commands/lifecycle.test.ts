import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFinal, moves, transitions } from '../../src/commands/lifecycle.ts'
import type { CommandEvent } from '../../src/commands/lifecycle.ts'
import { commandStates } from '../../src/model.ts'
import { toCommandView } from '../../src/views.ts'

test('every state answers every event, and a final one stays what it is', () => {
  const events = Object.keys(transitions.pending) as CommandEvent[]
  for (const state of commandStates) {
    for (const event of events) assert.ok(commandStates.includes(transitions[state][event]))
  }
  assert.deepEqual(commandStates.filter(isFinal), [
    'published',
    'undeliverable',
    'refused',
    'expired',
    'cancelled',
    'unknown'
  ])
})

test('every event leads to one state only, so that it can be one statement', () => {
  for (const event of Object.keys(transitions.pending) as CommandEvent[]) {
    const { from, to } = moves(event)
    assert.ok(from.length > 0, event)
    for (const state of from) assert.equal(transitions[state][event], to)
  }
})

test('what clients see as final is what the table says', () => {
  for (const state of commandStates) {
    const command = {
      state,
      payload: Buffer.alloc(0),
      properties: null,
      createdAt: 0,
      expiresAt: null,
      publishedAt: null,
      finishedAt: null
    }
    assert.equal(toCommandView(command as never).final, isFinal(state), state)
  }
})
