/** The map that conventions remember with: as Map is, whatever the names are; what was there before is not changed. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { emptyMap, entriesOf, get, isEmpty, set, without } from '../../src/conventions/shared-map.ts'
import type { SharedMap } from '../../src/conventions/shared-map.ts'

test('names of the language are names', () => {
  for (const name of ['constructor', '__proto__', 'toString', '']) {
    assert.equal(get(emptyMap, name), undefined)
    const map = set(emptyMap as SharedMap<number>, name, 1)
    assert.equal(get(map, name), 1)
    assert.deepEqual([...entriesOf(map)], [[name, 1]])
    assert.ok(isEmpty(without(map, name)))
  }
})

test('as Map is', () => {
  const name = fc.oneof(fc.constantFrom('constructor', '__proto__'), fc.string(), fc.nat(300).map(String))
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.option(fc.nat())), { maxLength: 200, size: 'max' }), (steps) => {
      const expected = new Map<string, number>()
      let map: SharedMap<number> = emptyMap
      for (const [key, value] of steps) {
        const before = JSON.stringify(map)
        const next = value === null ? without(map, key) : set(map, key, value)
        assert.equal(JSON.stringify(map), before)
        map = next
        if (value === null) expected.delete(key)
        else expected.set(key, value)
      }
      assert.deepEqual(new Map(entriesOf(map)), expected)
      for (const [key] of steps) assert.equal(get(map, key), expected.get(key))
      assert.equal(isEmpty(map), expected.size === 0)
    })
  )
})
