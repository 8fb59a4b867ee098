import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFeed } from '../../src/feed/feed.ts'
import { Ring } from '../../src/feed/ring.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Fact } from '../../src/model.ts'
import { createStats } from '../../src/stats.ts'
import { silent } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

const facts = (from: number, to: number): Fact[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({
    seq: from + index,
    at: 0,
    kind: 'gap',
    topicId: null,
    topic: null,
    message: null,
    commandId: null,
    detail: null
  }))

const seqs = (list: Fact[]): number[] => list.map((fact) => fact.seq)

test('what follows is taken, what is known is not taken again, and a hole is refused', () => {
  const ring = new Ring(10, 100, 1e6)
  assert.equal(ring.append(facts(11, 13)), true)
  assert.equal(ring.append(facts(12, 15)), true)
  assert.equal(ring.append(facts(17, 18)), false)
  assert.deepEqual([ring.start, ring.end], [10, 15])
  assert.deepEqual(seqs(ring.after(10, 100)), [11, 12, 13, 14, 15])
  assert.deepEqual(seqs(ring.after(13, 1)), [14])
  assert.deepEqual(seqs(ring.after(15, 100)), [])
})

test('it stays within its number and its bytes, and always says where it begins', () => {
  for (const ring of [new Ring(0, 10, 1e9), new Ring(0, 1e9, 3_000)]) {
    for (let seq = 1; seq <= 1_000; seq += 7) {
      ring.append(facts(seq, seq + 6))
      assert.ok(ring.end - ring.start <= 10)
      assert.deepEqual(seqs(ring.after(ring.start, 100)), seqs(facts(ring.start + 1, ring.end)))
    }
  }
})

test('behind a hole it begins anew', () => {
  const ring = new Ring(0, 100, 1e6)
  ring.append(facts(1, 5))
  ring.restart(50)
  ring.append(facts(51, 52))
  assert.deepEqual([ring.start, ring.end, seqs(ring.after(50, 9))], [50, 52, [51, 52]])
})

test('what is ahead of a hole is kept until what is missing is here, whatever order it came in', () => {
  const ring = new Ring(10, 100, 1e6)
  assert.equal(ring.hole, null)
  ring.keep(facts(20, 22))
  ring.keep(facts(13, 15))
  assert.deepEqual([ring.end, ring.hole, ring.appendKept()], [10, 2, null])
  ring.append(facts(11, 12))
  assert.deepEqual(seqs([...ring.appendKept()!]), [13, 14, 15])
  assert.deepEqual([ring.end, ring.hole, ring.appendKept()], [15, 4, null])
  // Read by somebody who did not know what is kept
  ring.append(facts(16, 21))
  assert.deepEqual(seqs([...ring.appendKept()!]), [20, 21, 22])
  assert.deepEqual(seqs(ring.after(10, 100)), seqs(facts(11, 22)))
  assert.equal(ring.hole, null)
})

test('what is kept ahead is within the bounds, too, and nothing of it is left behind', () => {
  const ring = new Ring(0, 10, 1e6)
  ring.append(facts(1, 8))
  ring.keep(facts(11, 14))
  assert.deepEqual([ring.start, ring.end], [2, 8], 'the oldest go')
  ring.keep(facts(16, 30))
  assert.deepEqual([ring.start, ring.hole], [8, null], 'where they are too many, they are read')
  ring.keep(facts(11, 14))
  ring.restart(20)
  assert.deepEqual([ring.end, ring.hole], [20, null])
})

test('of the journal only what others committed is read, while this instance goes on', async () => {
  const journal = facts(1, 5_000)
  const asked: Array<[after: number, limit: number]> = []
  let answer = (): void => {}
  const feed = createFeed({
    end: 0,
    limits: defaultLimits,
    stats: createStats(),
    log: silent,
    following: async (after, limit) => {
      asked.push([after, limit])
      await new Promise<void>((resolve) => (answer = resolve))
      return journal.slice(after, after + limit)
    },
    head: async () => 5_000,
    horizon: async () => 0,
    nextKept: async () => null,
    dropped: async () => []
  })
  feed.publish(journal.slice(0, 1_000))
  feed.publish(journal.slice(1_001, 2_000)) // 1001 is another's
  feed.publish(journal.slice(2_000, 3_000))
  assert.equal(feed.end(), 1_000)
  answer()
  await eventually(() => feed.end() === 3_000)
  feed.publish(journal.slice(3_003, 5_000)) // and so are 3001 to 3003
  answer()
  await eventually(() => feed.end() === 5_000)
  assert.deepEqual(asked, [
    [1_000, 1],
    [3_000, 3]
  ])
  assert.deepEqual(seqs(feed.recent(900, 4_100)!), seqs(facts(901, 5_000)))
  feed.close()
})
