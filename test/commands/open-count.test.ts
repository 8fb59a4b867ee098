import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOpenCount } from '../../src/commands/open-count.ts'

test('open commands are counted once in a while, and always before one is refused', async () => {
  let open = 0
  let counts = 0
  let now = 0
  const { wouldExceed } = createOpenCount({
    count: async () => {
      counts++
      return open
    },
    limits: { commandsOpenMax: 10, commandsCountedMs: 1_000 },
    now: () => now
  })
  const accept = async (more: number): Promise<boolean> => {
    const accepted = !(await wouldExceed(more))
    if (accepted) open += more
    return accepted
  }
  assert.equal(await accept(4), true)
  assert.equal(await accept(6), true)
  assert.equal(counts, 1)
  assert.equal(await accept(1), false, '10 are open')
  assert.equal(counts, 2)
  open = 9
  assert.equal(await accept(1), true, 'one has ended, though what was known says 10')
  assert.equal(counts, 3)
  open = 0
  now = 1_000
  assert.equal(await accept(10), true)
  assert.equal(counts, 4)
  open = 2 // eight of them have ended
  now = 1_999
  assert.equal(await accept(8), true)
  assert.equal(counts, 5)
  now = 2_998
  open = 30 // another instance has accepted these
  assert.equal(await accept(1), false)
})

test('those that are asked for at once count together', async () => {
  const { wouldExceed } = createOpenCount({
    count: async () => 0,
    limits: { commandsOpenMax: 10, commandsCountedMs: 1_000 },
    now: () => 0
  })
  assert.equal(await wouldExceed(0), false)
  const answers = await Promise.all(Array.from({ length: 10 }, () => wouldExceed(1)))
  assert.deepEqual(new Set(answers), new Set([false]))
})
