/** What a convention finds in a message is bounded before it is checked: a payload of 16 MiB has millions of items. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Facts } from '../../src/conventions/facts.ts'
import { defaultLimits } from '../../src/limits.ts'

test('of each kind there is one more than a message may bring, at most', () => {
  const facts = new Facts()
  const max = defaultLimits.datapointsPerMessageMax + 1
  for (let index = 0; index < max * 2; index++)
    facts
      .datapoint({ device: 'a', metric: 'm', value: index })
      .presence('a', 'online')
      .attributes('a', {})
      .response({ device: 'a', correlation: 'c', ok: true })
      .reject('wrong_shape', 'x')
  const { facts: lists } = facts.result()
  assert.deepEqual(
    Object.values(lists).map((list) => (list as unknown[]).length),
    [max, max, max, max, max]
  )
  assert.equal(lists.datapoints![max - 1]!.value, max - 1)
})
