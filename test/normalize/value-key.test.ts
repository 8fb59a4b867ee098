/** Keys are the same exactly where values are: as a command has them, and as a datapoint stores them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultLimits } from '../../src/limits.ts'
import { createCorrelator } from '../../src/normalize/correlate.ts'
import { parseExact, writeExact } from '../../src/normalize/exact-json.ts'
import { keyOfValue, toKey } from '../../src/normalize/value-key.ts'
import { isUnfit, toValue } from '../../src/normalize/values.ts'

const stored = (value: unknown): string => {
  const kept = toValue(value, 2 ** 20, false)
  assert.ok(!isUnfit(kept), JSON.stringify(kept))
  return keyOfValue(kept)
}

test('numbers are equal by value, and to nothing else', () => {
  for (const [a, b] of [
    [21, 21.0],
    [-0, 0],
    [2 ** 53, 2n ** 53n],
    [1e21, 10n ** 21n],
    [parseExact('9007199254740993'), 9007199254740993n],
    [
      { a: 1, b: [1.5, null] },
      { b: [1.5, null], a: 1 }
    ]
  ]) {
    assert.equal(toKey(a), toKey(b))
    assert.equal(stored(a), toKey(b))
    assert.equal(stored(b), toKey(a))
  }
  const all = [
    21,
    '21',
    true,
    1,
    'true',
    null,
    'null',
    [],
    {},
    [21],
    2n ** 53n + 1n,
    2 ** 53,
    { a: 21 },
    'ON',
    'on'
  ]
  const bytes = [Uint8Array.of(1, 2), 'AQI=', 'bytes:AQI=']
  for (const values of [all, bytes])
    assert.equal(new Set(values.map(toKey)).size, values.length, JSON.stringify(values.map(toKey)))
})

test('property: what a datapoint stores has the key of what was asked for', () => {
  const json = fc.jsonValue({ maxDepth: 4 })
  const value = fc.oneof(
    json,
    fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }),
    fc.uint8Array(),
    fc.double({ noNaN: true, noDefaultInfinity: true })
  )
  fc.assert(
    fc.property(value, (one) => {
      assert.equal(stored(one), toKey(one))
      if (!(one instanceof Uint8Array)) assert.equal(toKey(parseExact(writeExact(one, 2 ** 20))), toKey(one))
    })
  )
  fc.assert(
    fc.property(json, json, (a, b) => {
      const same = toKey(a) === toKey(b)
      const deepSame = (() => {
        try {
          assert.deepEqual(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)))
          return true
        } catch {
          return false
        }
      })()
      assert.equal(same, deepSame)
    })
  )
})

test('long values have short keys, which differ where they do', () => {
  const [a, b] = ['x'.repeat(10_000), `${'x'.repeat(9_999)}y`]
  assert.ok(toKey(a).length < 100)
  assert.notEqual(toKey(a), toKey(b))
  assert.equal(stored(a), toKey(a))
})

test('an expression finds what correlates in JSON, text, and what the content type says', () => {
  const correlate = createCorrelator(defaultLimits)
  const said = (payload: string | Uint8Array, contentType?: string) =>
    correlate({
      payload: Buffer.from(payload),
      properties: contentType === undefined ? null : { contentType }
    })
  const ack = said('{"id": 7, "re": {"uid": "x"}, "none": null}')
  assert.equal(ack('id'), toKey(7))
  assert.equal(ack('re.uid'), toKey('x'))
  assert.equal(ack('none'), null)
  assert.equal(ack('other'), null)
  assert.equal(ack('((('), null)
  assert.equal(ack('lower(id)'), null)
  assert.equal(said('[{"uid":"a"},{"uid":"b"}]')('[-1].uid'), toKey('b'))
  assert.equal(said('{"id": 9007199254740993}')('id'), toKey(9007199254740993n))
  assert.equal(said(Uint8Array.from([0xa1, 0x62, 0x69, 0x64, 0x07]), 'application/cbor')('id'), toKey(7))
  assert.equal(said('7')('@'), toKey(7))
  for (const nothing of ['', '{"id"', '\xff']) assert.equal(said(Buffer.from(nothing, 'latin1'))('id'), null)
})
