import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { MessageProperties } from '../src/model.ts'
import type { PayloadFault, PayloadFormat } from '../src/payload.ts'
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

test('what the value does not say, or was said to be and is not, has a code; the text is exact', () => {
  const json = { contentType: 'application/json' }
  const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`
  const latin1 = Buffer.from('caf\xe9', 'latin1')
  const table: Array<[string | Buffer, MessageProperties | null, PayloadFault | null, unknown?]> = [
    // Nobody said that it is text
    [latin1, null, null, null],
    [latin1, { contentType: 'image/png' }, null, null],
    [latin1, { payloadFormatIndicator: 0 }, null, null],
    [latin1, { payloadFormatIndicator: 1 }, 'not_utf8', null],
    [latin1, { payloadFormatIndicator: 1, contentType: 'application/cbor' }, 'not_utf8', null],
    [latin1, { contentType: 'text/plain; charset=iso-8859-1' }, 'not_utf8', null],
    [latin1, json, 'not_utf8', null],
    [latin1, { contentType: 'Application/Vnd.x+JSON ; v=1' }, 'not_utf8', null],
    // Truncated, overlong, surrogate: not UTF-8 either
    [Buffer.from([0xe2, 0x82]), json, 'not_utf8', null],
    [Buffer.from([0xc0, 0x80]), json, 'not_utf8', null],
    [Buffer.from([0xed, 0xa0, 0x80]), json, 'not_utf8', null],
    ['', json, null, null],
    ['{"a":1', json, 'malformed_json', '{"a":1'],
    ['NaN', { contentType: 'application/vnd.x+json' }, 'malformed_json', 'NaN'],
    ['NaN', null, null, 'NaN'],
    ['{"a":1', { contentType: 'text/plain' }, null, '{"a":1'],
    [deep(100), json, null, JSON.parse(deep(100))],
    [deep(101), null, 'too_deep', deep(101)],
    [deep(100_000), json, 'too_deep', deep(100_000)],
    [
      '{"a":'.repeat(101) + '1' + '}'.repeat(101),
      null,
      'too_deep',
      '{"a":'.repeat(101) + '1' + '}'.repeat(101)
    ],
    ['['.repeat(100_000), null, null, '['.repeat(100_000)],
    ['['.repeat(100_000), json, 'malformed_json', '['.repeat(100_000)],
    [JSON.stringify(deep(1_000)), null, null, deep(1_000)],
    ['1e400', null, 'number_out_of_range', null],
    ['-1e400', null, 'number_out_of_range', null],
    ['9'.repeat(400), null, 'number_out_of_range', null],
    ['{"t":21,"a":[{"b":1e100000}]}', null, 'number_out_of_range', null],
    ['{"a":1e308}', null, null, { a: 1e308 }],
    ['{"a":null}', null, null, { a: null }],
    ['{"a":1,"a":2}', null, 'duplicate_keys', { a: 2 }],
    ['{"a":1,"\\u0061":2}', null, 'duplicate_keys', { a: 2 }],
    ['[{"x":{"a":1,"b":2,"a":3}}]', null, 'duplicate_keys', [{ x: { a: 3, b: 2 } }]],
    ['{"__proto__":1,"__proto__":2}', null, 'duplicate_keys', JSON.parse('{"__proto__":2}')],
    ['{"__proto__":{"a:b":":{}"},"constructor":":"}', null, null, undefined],
    ['{"a":{"a":1},"b":{"a":1}}', null, null, { a: { a: 1 }, b: { a: 1 } }],
    ['[":",{"":""}]', null, null, [':', { '': '' }]],
    // Legal, and exact: JSON escapes it again
    ['"\\ud800"', null, null, '\ud800']
  ]
  for (const [given, properties, fault, value] of table) {
    const payload = typeof given === 'string' ? Buffer.from(given) : given
    const decoded = decodePayload(payload, properties)
    const what = `${String(given).slice(0, 40)} as ${JSON.stringify(properties)}`
    assert.equal(decoded.fault, fault, what)
    if (value !== undefined) assert.deepEqual(decoded.value, value, what)
    if (decoded.text !== null) assert.deepEqual(Buffer.from(decoded.text), payload, what)
  }
})

test('exactly JSON with a name twice, or a number too large, has a fault', () => {
  const { tree } = fc.letrec<{ tree: { text: string; fault: boolean } }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean()).map((one) => ({
        text: JSON.stringify(one),
        fault: false
      })),
      fc.constantFrom('1e309', '-2E+999').map((text) => ({ text, fault: true })),
      fc.array(tie('tree')).map((items) => ({
        text: `[ ${items.map(({ text }) => text).join(' , ')}]`,
        fault: items.some(({ fault }) => fault)
      })),
      fc
        .array(fc.tuple(fc.oneof(fc.string(), fc.constantFrom('a', '__proto__', '1', ':')), tie('tree')))
        .map((entries) => ({
          text: `{${entries.map(([name, { text }]) => `${JSON.stringify(name)} :${text}`).join(',')}}`,
          fault:
            entries.some(([, { fault }]) => fault) ||
            new Set(entries.map(([name]) => name)).size < entries.length
        }))
    )
  }))
  fc.assert(
    fc.property(tree, ({ text, fault }) => {
      const decoded = decodePayload(Buffer.from(text), null)
      assert.equal(decoded.fault !== null, fault, text)
      if (decoded.fault !== 'number_out_of_range') assert.deepEqual(decoded.value, JSON.parse(text))
    }),
    { numRuns: 2_000 }
  )
})

test('any bytes decode to something, and nothing is polluted', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), fc.json().map(Buffer.from)), (bytes) => {
      const { format, value, text, fault } = decodePayload(bytes, null)
      assert.doesNotThrow(() => JSON.stringify(value))
      if (format === 'json' && fault !== 'number_out_of_range') assert.deepEqual(value, JSON.parse(text!))
    }),
    { numRuns: 2_000 }
  )
  decodePayload(Buffer.from('{"__proto__":{"admin":true}}'), null)
  assert.equal(({} as { admin?: boolean }).admin, undefined)
})
