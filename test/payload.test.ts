import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PayloadFormat } from '../src/payload.ts'
import { decodePayload } from '../src/payload.ts'

test('content type, then JSON, then a strict number, then text, then bytes', () => {
  const table: Array<[string | Buffer, PayloadFormat, unknown]> = [
    ['', 'empty', null],
    ['{"a":1}', 'json', { a: 1 }],
    ['[1,2]', 'json', [1, 2]],
    ['"text"', 'json', 'text'],
    ['null', 'json', null],
    ['23.5', 'number', 23.5],
    [' -1e3 ', 'number', -1_000],
    ['1e400', 'number', null],
    ['9007199254740993', 'number', 9007199254740992],
    ['true', 'boolean', true],
    ['ON', 'text', 'ON'],
    ['00123', 'text', '00123'],
    ['NaN', 'text', 'NaN'],
    ['0x1F', 'text', '0x1F'],
    ['{"a":1', 'text', '{"a":1'],
    ['\ufeff{"a":1}', 'json', { a: 1 }],
    ['{"a":"\\u0000\\ud800"}', 'json', { a: '\0\ud800' }],
    [`${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'text', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    [`${'['.repeat(100)}${']'.repeat(100)}`, 'json', JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`)],
    [Buffer.from([0xff, 0xfe, 0]), 'binary', null],
    [Buffer.from([0]), 'text', '\0']
  ]
  for (const [given, format, value] of table) {
    const payload = typeof given === 'string' ? Buffer.from(given) : given
    const decoded = decodePayload(payload, null)
    assert.deepEqual([decoded.format, decoded.value], [format, value], String(given).slice(0, 40))
    assert.equal(decoded.text, format === 'binary' ? null : payload.toString())
  }
})

test('the content type goes first', () => {
  const of = (contentType: string, text: string): PayloadFormat =>
    decodePayload(Buffer.from(text), { contentType }).format
  assert.equal(of('text/plain; charset=utf-8', '23'), 'text')
  assert.equal(of('application/octet-stream', '23'), 'binary')
  assert.equal(of('image/png', 'x'), 'binary')
  assert.equal(of('application/json', '{}'), 'json')
  assert.equal(of('application/vnd.x+json', '{}'), 'json')
  assert.equal(of('something/else', '23'), 'number')
})

test('any bytes decode to something, and nothing is polluted', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), fc.json().map(Buffer.from)), (bytes) => {
      const { format, value, text } = decodePayload(bytes, null)
      assert.doesNotThrow(() => JSON.stringify(value))
      if (format === 'json') assert.deepEqual(value, JSON.parse(text!))
    }),
    { numRuns: 2_000 }
  )
  decodePayload(Buffer.from('{"__proto__":{"admin":true}}'), null)
  assert.equal(({} as { admin?: boolean }).admin, undefined)
})
