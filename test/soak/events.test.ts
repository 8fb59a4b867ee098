/** What the soak says of subscribers, where it is known what they were told. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reckonEvents } from './events.ts'
import type { Told } from './followers.ts'

const expected = ['1', '2', '3', '5', '8']
const nothing = { eventsMissing: 0, eventsRepeated: 0, eventsOutOfOrder: 0, eventsInvented: 0 }
const reckon = (seen: string[], told: Told = 'message') => reckonEvents({ told, seen }, expected)

test('a stream that tells all of it, once, in order, has no fault', () => {
  assert.deepEqual(reckon(['1', '2', '3', '5', '8']), nothing)
})

test('each fault of a stream is seen, and no other', () => {
  assert.deepEqual(reckon(['1', '2', '5', '8']), { ...nothing, eventsMissing: 1 })
  assert.deepEqual(reckon(['1', '2', '2', '3', '5', '8']), { ...nothing, eventsRepeated: 1 })
  assert.deepEqual(reckon(['1', '3', '2', '5', '8']), { ...nothing, eventsOutOfOrder: 1 })
  assert.deepEqual(reckon(['1', '2', '3', '4', '5', '8']), { ...nothing, eventsInvented: 1 })
  assert.deepEqual(reckon([]), { ...nothing, eventsMissing: 5 })
})

test('datapoints are told in an order of their own', () => {
  assert.deepEqual(reckon(['3', '1', '2', '5', '8'], 'datapoint'), nothing)
})
