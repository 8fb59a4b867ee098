/** Those who ask while a read is under way are answered together by the next one. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBatch } from '../../src/feed/batch.ts'

test('one read at a time, and one for all who came meanwhile', async () => {
  const reads: number[][] = []
  const ends: Array<() => void> = []
  const load = createBatch(async (keys: readonly number[]) => {
    reads.push([...keys])
    await new Promise<void>((resolve) => ends.push(resolve))
    return new Map(keys.filter((key) => key !== 4).map((key) => [key, key * 10]))
  })
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  const first = [load(1), load(2), load(1)]
  await turn()
  const second = [load(3), load(4)]
  await turn()
  const third = load(3)
  await turn()
  assert.deepEqual(reads, [[1, 2]])
  ends[0]!()
  assert.deepEqual(await Promise.all(first), [10, 20, 10])
  await turn()
  assert.deepEqual(reads, [
    [1, 2],
    [3, 4]
  ])
  ends[1]!()
  assert.deepEqual(await Promise.all([...second, third]), [30, undefined, 30])
})

test('a read that fails is told to those who wait for it, and to nobody else', async () => {
  let fails = true
  const load = createBatch(async (keys: readonly number[]) => {
    if (fails) throw new Error('away')
    return new Map(keys.map((key) => [key, key]))
  })
  await assert.rejects(load(1), /away/)
  fails = false
  assert.equal(await load(1), 1)
})
