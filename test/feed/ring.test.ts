import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ring } from '../../src/feed/ring.ts'
import type { Fact } from '../../src/model.ts'

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
