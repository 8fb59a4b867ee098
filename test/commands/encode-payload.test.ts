/** Payloads in other bytes than JSON: what others read in them is what was given. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode as readMsgPack } from '@msgpack/msgpack'
import { decode as readCbor } from 'cborg'
import { encodePayload } from '../../src/commands/encode-payload.ts'

const edges = [0, 0x17, 0x20, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff]
const numbers = [...edges, 0x8000_0000, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER]
const lengths = [0, 1, 15, 16, 23, 24, 31, 32, 255, 256, 65_535, 65_536]

const values: Array<[what: string, value: unknown]> = [
  ['null, true and false', [null, true, false]],
  ['integers at every change of length', numbers.flatMap((one) => [one, -one || 0, -one - 1])],
  ['numbers that are no safe integers', [0.1, -1.5, 1e300, 5e-324, 2 ** 53, 2 ** 64, -(2 ** 63)]],
  ...lengths.map((length): [string, unknown] => [`a text of ${length} bytes`, 'x'.repeat(length)]),
  ...lengths.map((length): [string, unknown] => [`a list of ${length}`, Array.from({ length }, () => 1)]),
  ...lengths
    .filter((length) => length < 65_536)
    .map((length): [string, unknown] => [
      `an object of ${length}`,
      Object.fromEntries(Array.from({ length }, (_, index) => [`k${index}`, index]))
    ]),
  ['texts of several bytes a character', ['é', '€', '😀'.repeat(9)]],
  ['members in their order', { b: 1, aa: { z: [], a: {} }, a: 2 }]
]

for (const [what, value] of values) {
  test(`${what}, as CBOR and as MessagePack`, () => {
    assert.equal(JSON.stringify(readCbor(encodePayload(value, 'cbor'))), JSON.stringify(value))
    const msgpack = encodePayload(value, 'msgpack')
    assert.equal(JSON.stringify(readMsgPack(msgpack)), JSON.stringify(value))
  })
}

test('what is nested too deeply is refused, not a crash', () => {
  let deep: unknown = 1
  for (let depth = 0; depth < 100_000; depth++) deep = [deep]
  for (const encoding of ['json', 'cbor', 'msgpack'] as const)
    assert.throws(() => encodePayload(deep, encoding), {
      code: 'invalid_value',
      message: /nested too deeply/
    })
})

test('a name that objects have of themselves is a name', () => {
  const value: unknown = JSON.parse('{"__proto__":1,"constructor":2}')
  assert.equal(encodePayload(value, 'msgpack').toString('latin1'), '\x82\xa9__proto__\x01\xabconstructor\x02')
  assert.equal(encodePayload(value, 'cbor').toString('latin1'), '\xa2i__proto__\x01kconstructor\x02')
})
