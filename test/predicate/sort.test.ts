import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultLimits } from '../../src/limits.ts'
import type { SortKey } from '../../src/predicate/sort.ts'
import { compareKeys, readSort, sortKeyOf } from '../../src/predicate/sort.ts'
import { value } from './items.ts'

const a = readSort('a', defaultLimits)

test('one path, and the reverse', () => {
  const keyCharsMax = defaultLimits.sortKeyCharsMax
  assert.deepEqual(readSort('-receivedAt', defaultLimits), {
    path: ['receivedAt'],
    descending: true,
    keyCharsMax
  })
  assert.deepEqual(readSort('"-x"', defaultLimits), { path: ['-x'], descending: false, keyCharsMax })
  assert.deepEqual(readSort('-"-x"', defaultLimits), { path: ['-x'], descending: true, keyCharsMax })
  for (const [text, fault] of [
    ['', /sort: at character 1: expected a path/],
    ['-', /at character 2: expected a path/],
    ['a,b', /at character 2: expected the end/]
  ] as const)
    assert.throws(() => readSort(text, defaultLimits), fault)
})

test('nothing, null, false, true, numbers, texts, others; numbers by size, texts by code points', () => {
  const inOrder = [
    {},
    { a: null },
    { a: false },
    { a: true },
    { a: -1e300 },
    { a: 9 },
    { a: 10 },
    { a: '' },
    { a: '10' },
    { a: '9' },
    { a: 'z' },
    { a: 'é' },
    { a: '\uffff' },
    { a: '\ud83d\ude00' },
    { a: [] }
  ]
  for (const [at, item] of inOrder.entries())
    for (const [after, other] of inOrder.entries())
      assert.equal(Math.sign(compareKeys(sortKeyOf(item, a), sortKeyOf(other, a))), Math.sign(at - after))
  assert.equal(compareKeys(sortKeyOf({ a: [] }, a), sortKeyOf({ a: { b: 1 } }, a)), 0)
})

test('positions and times are sorted by what they are', () => {
  const bySeq = readSort('seq', defaultLimits)
  assert.ok(compareKeys(sortKeyOf({ seq: '9' }, bySeq), sortKeyOf({ seq: '10' }, bySeq)) < 0)
  const byTime = readSort('retained/receivedAt', defaultLimits)
  const of = (receivedAt: string) => sortKeyOf({ retained: { receivedAt } }, byTime)
  assert.ok(compareKeys(of('2026-03-14T10:00:00.000+01:00'), of('2026-03-14T09:00:00.001Z')) < 0)
  assert.ok(compareKeys(sortKeyOf({ retained: null }, byTime), of('2026-03-14T09:00:00Z')) < 0)
})

test('an order of all values, which survives JSON', () => {
  const key = value.map((given) => sortKeyOf({ a: given }, a))
  // -0 is 0
  const sign = (x: SortKey, y: SortKey): number => Math.sign(compareKeys(x, y)) + 0
  fc.assert(
    fc.property(key, key, key, (x, y, z) => {
      for (const other of [x, y, z])
        assert.equal(sign(x, JSON.parse(JSON.stringify(other)) as SortKey), sign(x, other))
      assert.equal(sign(x, y), 0 - sign(y, x))
      if (sign(x, y) <= 0 && sign(y, z) <= 0) assert.ok(sign(x, z) <= 0)
    }),
    { numRuns: 3_000 }
  )
})

test('of a long text, its first characters', () => {
  const short = readSort('a', { ...defaultLimits, sortKeyCharsMax: 3 })
  const table: Array<[string, string]> = [
    ['abc', 'abc'],
    ['abcd', 'abc'],
    ['😀😀😀', '😀😀😀'],
    ['😀😀😀😀', '😀😀😀'],
    ['a😀b😀', 'a😀b']
  ]
  for (const [given, expected] of table) assert.deepEqual(sortKeyOf({ a: given }, short), [5, expected])
})
