/** Protobuf by a schema from a file: values, faults of the file, hostile payloads. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import protobuf from 'protobufjs'
import 'protobufjs/ext/descriptor.js'
import type { Outcome } from '../../src/datapoints.ts'
import { conventions } from '../../src/conventions/conventions.ts'
import { filesOf } from '../../src/normalize/compile-mappings.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import { compileText, mapping, message, reasons, values } from './mappings.ts'

const text = `syntax = "proto3";
package site.v1;
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
message Reading {
  enum State { OFF = 0; ON = 1; }
  double temp_c = 1;
  int64 count = 2;
  uint64 big = 3;
  State state = 4;
  bytes raw = 5;
  map<string, int32> tags = 6;
  repeated Reading children = 7;
  google.protobuf.Timestamp at = 8;
  map<int64, string> longs = 9;
  optional int32 maybe = 10;
  google.protobuf.DoubleValue wrapped = 11;
  repeated sint64 many = 12;
  oneof which { string name = 13; bool flag = 14; }
  google.protobuf.Duration took = 15;
  google.protobuf.Struct more = 16;
  string text = 17;
  float small = 18;
}
message Empty {}
`
const path = './sensors.proto'
const files = { [path]: Buffer.from(text) }
const schema = (type = 'site.v1.Reading', file = path, more = ''): string =>
  `schema: { file: ${file}, type: ${type}${more} }`

const root = protobuf.parse(text, { keepCase: true }).root
for (const name of ['timestamp', 'duration', 'wrappers', 'struct'])
  root.addJSON(protobuf.common.get(`google/protobuf/${name}.proto`)!.nested!)
root.resolveAll()
const Reading = root.lookupType('site.v1.Reading')
/** By the library, from the JSON that Protobuf has. */
const encode = (given: Record<string, unknown>): Buffer =>
  Buffer.from(Reading.encode(Reading.fromObject(given)).finish())

const one = (
  payload: Uint8Array,
  lines: string[] = ['decoder: protobuf', schema()],
  more: Parameters<typeof message>[2] = {}
): Outcome =>
  compileText(mapping('topic: x/{device}', ...lines), { files: { ...files, ...descriptors } }).normalize(
    message('x/a', payload, more),
    null
  ).outcome

const set = root.toDescriptor('proto3')
const descriptors = { './sensors.desc': set.$type.encode(set).finish() }

test('every kind of field', () => {
  const payload = encode({
    temp_c: 21.5,
    count: '-9007199254740993',
    big: '18446744073709551615',
    state: 'ON',
    raw: Buffer.from('fffe', 'hex'),
    tags: { b: -1, a: 2 },
    children: [{ temp_c: 1, raw: Buffer.from([1]) }, {}],
    at: { seconds: 1_795_521_599, nanos: 500_000_000 },
    longs: { '-9007199254740993': 'x', '5': 'y' },
    maybe: 0,
    wrapped: { value: 0 },
    many: [-1, 2, '-9223372036854775808'],
    name: 'n',
    took: { seconds: 2, nanos: 500_000_000 },
    more: {
      fields: {
        n: { nullValue: 0 },
        d: { numberValue: 1.5 },
        s: { stringValue: 's' },
        b: { boolValue: true },
        l: { listValue: { values: [{ numberValue: 1 }] } },
        o: { structValue: { fields: { x: { numberValue: 2 } } } }
      }
    },
    text: 'äö',
    small: 0.5
  })
  const expected = {
    'a temp_c': 21.5,
    'a count': -9_007_199_254_740_993n,
    'a big': 18_446_744_073_709_551_615n,
    'a state': 'ON',
    'a raw': { bytes: 'fffe' },
    'a tags.b': -1,
    'a tags.a': 2,
    'a children': { json: '[{"temp_c":1,"raw":"AQ=="},{}]' },
    'a at': '2026-11-24T11:59:59.5Z',
    'a longs.-9007199254740993': 'x',
    'a longs.5': 'y',
    'a maybe': 0,
    'a wrapped': 0,
    'a many': { json: '[-1,2,-9223372036854775808]' },
    'a name': 'n',
    'a took': 2.5,
    'a more.n': null,
    'a more.d': 1.5,
    'a more.s': 's',
    'a more.b': true,
    'a more.l': { json: '[1]' },
    'a more.o.x': 2,
    'a text': 'äö',
    'a small': 0.5
  }
  assert.deepEqual([values(one(payload)), reasons(one(payload))], [expected, []])
  const described = one(payload, ['decoder: protobuf', schema(undefined, './sensors.desc')])
  assert.deepEqual([values(described), reasons(described)], [expected, []])
  assert.deepEqual(values(one(gzipSync(payload))), expected)
  const timed = one(payload, [
    'decoder: protobuf',
    schema(),
    'timestamp: { select: at }',
    'metrics: [{ name: t, value: temp_c }]'
  ])
  assert.deepEqual(
    [timed.datapoints[0]!.clock, timed.datapoints[0]!.observedAt],
    ['device', Date.UTC(2026, 10, 24, 11, 59, 59, 500)]
  )
})

test('by content type, where the mapping has a schema', () => {
  const payload = encode({ temp_c: 21.5 })
  for (const contentType of [
    'application/protobuf',
    'application/x-protobuf; messageType="x"',
    'application/vnd.google.protobuf'
  ])
    assert.deepEqual(values(one(payload, [schema()], { properties: { contentType } })), { 'a temp_c': 21.5 })
  assert.deepEqual(values(one(payload, [schema()])), { 'a value': { bytes: payload.toString('hex') } })
})

test('what is not sent is not invented, unless the mapping asks for defaults', () => {
  assert.deepEqual([values(one(encode({}))), reasons(one(encode({})))], [{}, []])
  assert.deepEqual(values(one(encode({ temp_c: 0, maybe: 0, flag: false }))), {
    'a maybe': 0,
    'a flag': false
  })
  assert.deepEqual(
    values(
      one(encode({ children: [{}] }), ['decoder: protobuf', schema(undefined, path, ', defaults: true')])
    ),
    {
      'a temp_c': 0,
      'a count': 0,
      'a big': 0,
      'a state': 'OFF',
      'a raw': { bytes: '' },
      'a text': '',
      'a small': 0,
      'a children': { json: '[{"temp_c":0,"count":0,"big":0,"state":"OFF","raw":"","text":"","small":0}]' }
    }
  )
})

test('an enum has numbers that its schema does not know; fields that it does not know are left out', () => {
  assert.deepEqual(values(one(Buffer.from('2007', 'hex'))), { 'a state': 7 })
  assert.deepEqual(values(one(Buffer.from('a006 07 a206 01 00'.replaceAll(' ', ''), 'hex'))), {})
})

test('hostile payloads end soon', () => {
  const nested = (levels: number): Buffer => {
    let payload = Buffer.alloc(0)
    for (let level = 0; level < levels; level++)
      payload = Buffer.from(protobuf.Writer.create().uint32(0x3a).bytes(payload).finish())
    return payload
  }
  const begun = performance.now()
  const memory = process.memoryUsage().rss
  const table: Array<[payload: Buffer, reason: string]> = [
    [nested(3_000), 'too_deep'],
    [Buffer.alloc(100_000, 0x23), 'too_deep'],
    [Buffer.alloc(100_000, 0xff), 'malformed_binary'],
    [Buffer.from('hello world'), 'malformed_binary'],
    [Buffer.from('09 0000'.replaceAll(' ', ''), 'hex'), 'malformed_binary'],
    [Buffer.from('2affffffff0f', 'hex'), 'malformed_binary'],
    [Buffer.from('8a0101ff', 'hex'), 'malformed_binary'],
    [Buffer.alloc(4 * 2 ** 20 + 2, '3a00', 'hex'), 'value_too_large']
  ]
  for (const [payload, reason] of table) {
    const outcome = one(payload)
    assert.deepEqual([values(outcome), reasons(outcome)], [{}, [reason]], payload.toString('hex', 0, 10))
  }
  assert.deepEqual(reasons(one(nested(40))), [])
  assert.match(
    one(Buffer.alloc(4 * 2 ** 20 + 2, '3a00', 'hex')).rejections[0]!.detail,
    /^Protobuf of more than/
  )
  // Two million messages, which are more than a datapoint may have
  assert.deepEqual(reasons(one(Buffer.alloc(4 * 2 ** 20, '3a00', 'hex'))), ['value_too_large'])
  assert.ok(performance.now() - begun < 30_000)
  assert.ok(process.memoryUsage().rss - memory < 2_000 * 2 ** 20)
  const proto = encode({ tags: { constructor: 1 } })
  assert.deepEqual(values(one(proto)), { 'a tags.constructor': 1 })
  assert.deepEqual(values(one(Buffer.from('320d0a095f5f70726f746f5f5f1005', 'hex'))), {
    'a tags.__proto__': 5
  })
  assert.equal(({} as Record<string, unknown>)['tags'], undefined)
})

test('the file is named by the document, and its content is a part of the meaning', () => {
  const document = mapping('topic: x/{device}', 'decoder: protobuf', schema())
  assert.deepEqual(filesOf(document, conventions), [path])
  assert.deepEqual(filesOf('mappings: [1, {schema: 5}, {schema: {file: 7}}]', conventions), [])
  const hash = (content: string): string =>
    compileText(document, { files: { [path]: Buffer.from(content) } }).hash
  assert.equal(hash(text), hash(text))
  assert.notEqual(hash(text), hash(text.replace('temp_c', 'temp_f')))
  const plain = compileText(mapping('topic: x/{device}', 'decoder: cbor'))
  assert.notEqual(plain.hash, compileText(mapping('topic: x/{device}', 'decoder: msgpack')).hash)
})

const faults: Array<
  [
    name: string,
    lines: string[],
    content: Uint8Array | Error | undefined,
    said: RegExp,
    fix: RegExp,
    line: number
  ]
> = [
  ['no schema', ['decoder: protobuf'], undefined, /Nothing tells the messages/, /schema: \{/, 2],
  [
    'a schema for JSON',
    ['decoder: json', schema()],
    files[path],
    /schema is for decoder protobuf/,
    /remove schema/,
    5
  ],
  [
    'no file',
    ['decoder: protobuf', schema()],
    undefined,
    /cannot be read: it is not there/,
    /beside rialto/,
    5
  ],
  [
    'a file that cannot be read',
    ['decoder: protobuf', schema()],
    new Error('EACCES: no'),
    /cannot be read: EACCES/,
    /beside rialto/,
    5
  ],
  [
    'no text of Protobuf',
    ['decoder: protobuf', schema()],
    Buffer.from('syntax = "proto3"; message A { foo bar }'),
    /cannot be used: illegal token.*line 1/,
    /protoc/,
    5
  ],
  [
    'a type that is not there',
    ['decoder: protobuf', schema()],
    Buffer.from('syntax = "proto3"; message A { B b = 1; }'),
    /no such Type or Enum 'B'/,
    /Mend the file/,
    5
  ],
  [
    'an import',
    ['decoder: protobuf', schema()],
    Buffer.from('syntax = "proto3"; import "other.proto"; message A {}'),
    /it imports other\.proto/,
    /include_imports/,
    5
  ],
  [
    'another message',
    ['decoder: protobuf', schema('site.v1.Readin')],
    files[path],
    /has no message site\.v1\.Readin/,
    /Did you mean site\.v1\.Reading\?/,
    5
  ],
  [
    'an enum',
    ['decoder: protobuf', schema('site.v1.Reading.State')],
    files[path],
    /has no message/,
    /site\.v1\.Reading/,
    5
  ],
  [
    'no type',
    ['decoder: protobuf', `schema: { file: ${path} }`],
    files[path],
    /The schema has no type/,
    /type: site/,
    5
  ],
  [
    'no file named',
    ['decoder: protobuf', 'schema: { type: A }'],
    undefined,
    /The schema has no file/,
    /file:/,
    5
  ],
  [
    'another key',
    ['decoder: protobuf', `schema: { file: ${path}, type: site.v1.Reading, typ: A }`],
    files[path],
    /no key "typ"/,
    /type/,
    5
  ],
  [
    'no schema but text',
    ['decoder: protobuf', 'schema: ./sensors.proto'],
    undefined,
    /no mapping of keys/,
    /file:/,
    5
  ],
  ['another compression', ['compression: zip'], undefined, /cannot be "zip"/, /zlib|gzip/, 4],
  [
    'a module of your own',
    ['decoder: ./mine.mjs', 'compression: gzip'],
    undefined,
    /compression does not go with a decoder of your own/,
    /Remove compression/,
    5
  ]
]

for (const [name, lines, content, said, fix, line] of faults)
  test(`fault: ${name}`, () => {
    assert.throws(
      () =>
        compileText(mapping('topic: x/{device}', ...lines), {
          files: content === undefined ? {} : { [path]: content },
          modules: { './mine.mjs': { hash: 'x', decode: () => ({ facts: {} }) } }
        }),
      (error: unknown) => {
        assert.ok(error instanceof MappingsError)
        const found = error.faults.find((fault) => said.test(fault.message))
        assert.ok(found, error.message)
        assert.match(found.fix, fix)
        assert.equal(found.line, line, error.message)
        return true
      }
    )
  })

test('a file that is no set of descriptors', () => {
  for (const content of ['hello world', '', '\x0a\x03abc'])
    assert.throws(
      () =>
        compileText(mapping('topic: x/{device}', 'decoder: protobuf', schema('A', './a.desc')), {
          files: { './a.desc': Buffer.from(content) }
        }),
      MappingsError
    )
})
