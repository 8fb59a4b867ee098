/** CBOR, MessagePack, gzip and zlib: by rule, by content type, by magic number; and never beyond the bounds. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { encode as encodeCbor } from 'cborg'
import { encode as encodeMsgPack } from '@msgpack/msgpack'
import type { Outcome, SourceMessage } from '../../src/datapoints.ts'
import type { CompileTextOptions } from './mappings.ts'
import { compileText, createRunner, mapping, message, reasons, values } from './mappings.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const one = (
  payload: unknown,
  lines: string[],
  more: Partial<SourceMessage> = {},
  options: CompileTextOptions = {}
): Outcome =>
  compileText(mapping('topic: x/{device}', ...lines), options).normalize(message('x/a', payload, more), null)
    .outcome
const automatic = (payload: Uint8Array, contentType?: string, options: CompileTextOptions = {}): Outcome =>
  compileText('automatic: true', options).normalize(
    message('x/a', payload, { properties: contentType === undefined ? null : { contentType } }),
    null
  ).outcome
const cbor = (text: string): Outcome => one(hex(text), ['decoder: cbor', 'metric: m'])
const msgpack = (text: string): Outcome => one(hex(text), ['decoder: msgpack', 'metric: m'])

const fixture = { temperature: 21.5, humidity: 40, on: true, tag: 'äö' }
const told = { 'a temperature': 21.5, 'a humidity': 40, 'a on': true, 'a tag': 'äö' }
const toldAutomatically = Object.fromEntries(
  Object.entries(told).map(([name, value]) => [`x/${name}`, value])
)

interface Fixture {
  id: string
  hex: string
  expect: unknown
}
const fixtures = JSON.parse(
  readFileSync(new URL('../conventions/payloads.json', import.meta.url), 'utf8')
) as Fixture[]
const payloadOf = (id: string): Buffer => {
  const found = fixtures.find((candidate) => candidate.id === id)!
  return hex(found.hex)
}
const gzipFixture = hex(
  '1f8b08000000000002ffab562a49cd2d482d4a2c292d4a55b23232d433d551ca28cdcd4cc92ca954b23231d051cacf53b22a292a4dd5512a494c57b2523abce4f036a55a00ed22818339000000'
)

test('one document in three encodings, by rule, by content type and by magic number', () => {
  const [asCbor, asMsgPack] = [payloadOf('enc-cbor'), payloadOf('enc-msgpack')]
  assert.deepEqual(values(one(asCbor, ['decoder: cbor'])), told)
  assert.deepEqual(values(one(asMsgPack, ['decoder: msgpack'])), told)
  for (const type of ['application/cbor', 'Application/CBOR; x=1', 'application/vnd.acme+cbor']) {
    assert.deepEqual(values(one(asCbor, [], { properties: { contentType: type } })), told, type)
    assert.deepEqual(values(automatic(asCbor, type)), toldAutomatically, type)
  }
  for (const type of ['application/msgpack', 'application/x-msgpack', 'application/vnd.msgpack'])
    assert.deepEqual(values(automatic(asMsgPack, type)), toldAutomatically, type)
  for (const decoder of ['auto', 'json'])
    assert.deepEqual(values(one(gzipFixture, [`decoder: ${decoder}`])), told)
  assert.deepEqual(values(automatic(gzipFixture)), toldAutomatically)
})

test('bytes alone never tell CBOR or MessagePack', () => {
  for (const payload of [payloadOf('enc-cbor'), payloadOf('enc-msgpack')])
    for (const type of [undefined, 'application/octet-stream', 'application/protobuf'])
      assert.deepEqual(values(automatic(payload, type)), { 'x a': { bytes: payload.toString('hex') } })
  assert.deepEqual(values(automatic(hex('31'))), { 'x a': 1 })
})

test('CBOR: every kind of value (RFC 8949, appendix A)', () => {
  const table: Array<[text: string, value: unknown]> = [
    ['00', 0],
    ['1818', 24],
    ['1903e8', 1_000],
    ['1b000000e8d4a51000', 1_000_000_000_000],
    ['1b001fffffffffffff', 9_007_199_254_740_991],
    ['1b0020000000000001', 9_007_199_254_740_993n],
    ['1bffffffffffffffff', 18_446_744_073_709_551_615n],
    ['3bffffffffffffffff', -18_446_744_073_709_551_616n],
    ['3903e7', -1_000],
    ['c249010000000000000000', 18_446_744_073_709_551_616n],
    ['c349010000000000000000', -18_446_744_073_709_551_617n],
    ['c2420100', 256],
    ['c240', 0],
    ['c48221196ab3', 273.15],
    ['c48202183b', 5_900],
    ['c5822003', 1.5],
    ['f90000', 0],
    ['f93c00', 1],
    ['f90001', 5.960464477539063e-8],
    ['fa47c35000', 100_000],
    ['fb3ff199999999999a', 1.1],
    ['f4', false],
    ['f5', true],
    ['f6', null],
    ['f7', null],
    ['6449455446', 'IETF'],
    ['62c3bc', 'ü'],
    ['63efbfbd', '\ufffd'],
    ['7f657374726561646d696e67ff', 'streaming'],
    ['4401020304', { bytes: '01020304' }],
    ['5f42010243030405ff', { bytes: '0102030405' }],
    ['c074323031332d30332d32315432303a30343a30305a', '2013-03-21T20:04:00Z'],
    ['c11a514b67b0', '2013-03-21T20:04:00Z'],
    ['c1fb41d452d9ec200000', '2013-03-21T20:04:00.5Z'],
    ['c1fb7e37e43c8800759c', 1e300],
    ['d818456449455446', { bytes: '6449455446' }],
    ['d82076687474703a2f2f7777772e6578616d706c652e636f6d', 'http://www.example.com'],
    ['d9d9f701', 1],
    ['dbffffffffffffffff01', 1],
    ['80', { json: '[]' }],
    ['8301820203820405', { json: '[1,[2,3],[4,5]]' }],
    ['9f018202039f0405ffff', { json: '[1,[2,3],[4,5]]' }],
    ['a201020304', { json: '{"1":2,"3":4}' }],
    ['bf61610161629f0203ffff', { json: '{"a":1,"b":[2,3]}' }],
    ['a2410101f602', { json: '{"AQ==":1,"null":2}' }],
    ['821bffffffffffffffff4401020304', { json: '[18446744073709551615,"AQIDBA=="]' }]
  ]
  for (const [text, value] of table) {
    const outcome = cbor(text)
    assert.deepEqual([values(outcome), reasons(outcome)], [{ 'a m': value }, []], text)
  }
})

test('MessagePack: every kind of value', () => {
  const table: Array<[text: string, value: unknown]> = [
    ['00', 0],
    ['7f', 127],
    ['e0', -32],
    ['ff', -1],
    ['ccff', 255],
    ['cd0100', 256],
    ['ceffffffff', 4_294_967_295],
    ['cf001fffffffffffff', 9_007_199_254_740_991],
    ['cf0020000000000001', 9_007_199_254_740_993n],
    ['cfffffffffffffffff', 18_446_744_073_709_551_615n],
    ['d080', -128],
    ['d18000', -32_768],
    ['d280000000', -2_147_483_648],
    ['d38000000000000000', -9_223_372_036_854_775_808n],
    ['ca41ac0000', 21.5],
    ['cb4035800000000000', 21.5],
    ['c0', null],
    ['c2', false],
    ['c3', true],
    ['a2c3bc', 'ü'],
    ['d903616263', 'abc'],
    ['da0003616263', 'abc'],
    ['db00000003616263', 'abc'],
    ['c4020102', { bytes: '0102' }],
    ['c500020102', { bytes: '0102' }],
    ['c6000000020102', { bytes: '0102' }],
    ['d6ff514b67b0', '2013-03-21T20:04:00Z'],
    ['d7ff77359400514b67b0', '2013-03-21T20:04:00.5Z'],
    ['c70cff1dcd650000000000514b67b0', '2013-03-21T20:04:00.5Z'],
    ['c70cff00000000ffffffffffffffff', '1969-12-31T23:59:59Z'],
    ['d40501', { bytes: '01' }],
    ['d505 0102', { bytes: '0102' }],
    ['c8000205 0102', { bytes: '0102' }],
    ['90', { json: '[]' }],
    ['92 01 c4020102', { json: '[1,"AQI="]' }],
    ['dc0002 01 02', { json: '[1,2]' }],
    ['dd00000002 01 02', { json: '[1,2]' }],
    ['81 a161 01', { json: '{"a":1}' }],
    ['de0001 a161 01', { json: '{"a":1}' }],
    ['df00000001 a161 01', { json: '{"a":1}' }],
    ['83 05 01 c3 02 c40101 03', { json: '{"5":1,"true":2,"AQ==":3}' }]
  ]
  for (const [text, value] of table) {
    const outcome = msgpack(text)
    assert.deepEqual([values(outcome), reasons(outcome)], [{ 'a m': value }, []], text)
  }
})

test('numbers that no double holds are rejected one by one, and what is good is kept', () => {
  const given = { nan: Number.NaN, infinite: -Infinity, list: [1, Number.NaN], good: 5 }
  for (const [decoder, payload] of [
    ['cbor', encodeCbor(given)],
    ['msgpack', encodeMsgPack(given)]
  ] as const) {
    const outcome = one(payload, [`decoder: ${decoder}`])
    assert.deepEqual([values(outcome), reasons(outcome)], [{ 'a good': 5 }, ['number_out_of_range']], decoder)
    assert.match(outcome.rejections[0]!.detail, /"nan".*and 2 more/)
  }
  assert.deepEqual(reasons(cbor(`c25881${'ff'.repeat(129)}`)), ['number_out_of_range'])
  assert.deepEqual(reasons(cbor(`81c25880${'ff'.repeat(128)}`)), ['number_out_of_range'])
  assert.deepEqual(reasons(cbor(`c35a00100000${'ff'.repeat(2 ** 20)}`)), ['number_out_of_range'])
  assert.deepEqual(reasons(cbor('c4821a7fffffff01')), ['number_out_of_range'])
})

test('what is none is rejected with what is wrong', () => {
  const table: Array<[decoder: string, payload: string, reason: string, detail: RegExp]> = [
    ['cbor', '', 'empty_payload', /empty/],
    ['cbor', '0001', 'malformed_binary', /behind its end/],
    ['cbor', '82 01', 'malformed_binary', /not enough entries/],
    ['cbor', '18', 'malformed_binary', /not enough data/],
    ['cbor', '1c', 'malformed_binary', /minor/],
    ['cbor', 'ff', 'malformed_binary', /break/],
    ['cbor', '81ff', 'malformed_binary', /break/],
    ['cbor', '5f', 'malformed_binary', /without an end/],
    ['cbor', '5f6161ff', 'malformed_binary', /something else/],
    ['cbor', '5f5fff', 'malformed_binary', /something else/],
    ['cbor', 'c1', 'malformed_binary', /tag content/],
    ['cbor', '61ff', 'not_utf8', /UTF-8/],
    ['cbor', '7f61ffff', 'not_utf8', /UTF-8/],
    ['cbor', `7832${'61'.repeat(49)}ff`, 'not_utf8', /UTF-8/],
    ['cbor', 'a1 8101 02', 'wrong_shape', /as a name/],
    ['cbor', 'a1 a10102 02', 'wrong_shape', /as a name/],
    ['cbor', 'e0', 'malformed_binary', /simple/],
    ['msgpack', '', 'empty_payload', /empty/],
    ['msgpack', '0001', 'malformed_binary', /1 bytes stand behind its end/],
    ['msgpack', '9201', 'malformed_binary', /ends in the middle/],
    ['msgpack', 'cb4035', 'malformed_binary', /ends in the middle/],
    ['msgpack', 'c1', 'malformed_binary', /c1/],
    ['msgpack', 'a1ff', 'not_utf8', /UTF-8/],
    ['msgpack', '81 9101 02', 'wrong_shape', /as a name/],
    ['msgpack', 'd6', 'malformed_binary', /ends in the middle/]
  ]
  for (const [decoder, payload, reason, detail] of table) {
    const outcome = one(hex(payload), [`decoder: ${decoder}`, 'metric: m'])
    assert.deepEqual([values(outcome), reasons(outcome)], [{}, [reason]], `${decoder} ${payload}`)
    assert.match(outcome.rejections[0]!.detail, detail)
  }
})

test('a name that stands twice: the last member is taken, and it is said', () => {
  for (const [decoder, payload] of [
    ['cbor', 'a2616101616102'],
    ['cbor', 'bf616101616102ff'],
    ['cbor', 'a2 01 01 6131 02'],
    ['msgpack', '82a16101a16102'],
    ['msgpack', '82 01 01 a131 02']
  ] as const) {
    const outcome = one(hex(payload), [`decoder: ${decoder}`])
    assert.deepEqual(Object.values(values(outcome)), [2], payload)
    assert.deepEqual(reasons(outcome), ['duplicate_keys'], payload)
  }
  assert.deepEqual(reasons(cbor('bf61610161629f0203ffff')), [])
})

test('names of the language are names as any other', () => {
  const before = Object.keys(Object.prototype).length
  const given = hex('a2 695f5f70726f746f5f5f a1 6561646d696e f5 6b636f6e7374727563746f72 01')
  assert.deepEqual(values(one(given, ['decoder: cbor'])), { 'a __proto__.admin': true, 'a constructor': 1 })
  const packed = hex('82 a95f5f70726f746f5f5f 81 a561646d696e c3 ab636f6e7374727563746f72 01')
  assert.deepEqual(values(one(packed, ['decoder: msgpack'])), {
    'a __proto__.admin': true,
    'a constructor': 1
  })
  assert.equal(Object.keys(Object.prototype).length, before)
  assert.equal(({} as Record<string, unknown>)['admin'], undefined)
})

test('nesting, lengths that lie and many small values end soon', () => {
  const deep = (byte: number): Buffer => Buffer.alloc(100_000, byte)
  const hostile: Array<[decoder: string, payload: Buffer, reason: string]> = [
    ['cbor', deep(0x81), 'too_deep'],
    ['cbor', deep(0x9f), 'too_deep'],
    ['cbor', deep(0xa1), 'too_deep'],
    ['cbor', deep(0xbf), 'too_deep'],
    ['cbor', deep(0xc1), 'too_deep'],
    ['cbor', deep(0x5f), 'malformed_binary'],
    ['cbor', hex('9b00ffffffffffffff'), 'malformed_binary'],
    ['cbor', hex('7b00ffffffffffffff'), 'malformed_binary'],
    ['cbor', hex('bbffffffffffffffff'), 'malformed_binary'],
    ['cbor', Buffer.concat([hex('9a00200000'), Buffer.alloc(2 ** 21, 0xa0)]), 'value_too_large'],
    ['cbor', Buffer.concat([Buffer.alloc(2 ** 21, 0xd7), hex('01')]), 'value_too_large'],
    ['msgpack', deep(0x91), 'too_deep'],
    ['msgpack', deep(0x81), 'too_deep'],
    ['msgpack', hex('ddffffffff'), 'malformed_binary'],
    ['msgpack', Buffer.concat(Array.from({ length: 90 }, () => hex('dd01000000'))), 'malformed_binary'],
    ['msgpack', hex('dbffffffff61'), 'malformed_binary'],
    ['msgpack', hex('c6ffffffff61'), 'malformed_binary'],
    ['msgpack', hex('dfffffffff'), 'malformed_binary'],
    ['msgpack', Buffer.concat([hex('dd00200000'), Buffer.alloc(2 ** 21, 0x80)]), 'value_too_large']
  ]
  const begun = performance.now()
  const memory = process.memoryUsage().rss
  for (const [decoder, payload, reason] of hostile) {
    const outcome = one(payload, [`decoder: ${decoder}`, 'metric: m'])
    assert.deepEqual(
      [values(outcome), reasons(outcome)],
      [{}, [reason]],
      `${decoder} ${payload.toString('hex', 0, 9)}`
    )
  }
  assert.ok(performance.now() - begun < 20_000)
  assert.ok(process.memoryUsage().rss - memory < 700 * 2 ** 20)
  assert.deepEqual(values(one(Buffer.concat([deep(0xd7), hex('01')]), ['decoder: cbor', 'metric: m'])), {
    'a m': 1
  })
  // A hundred levels are read, as with JSON; a tag is one, too
  for (const [decoder, level, last] of [
    ['cbor', '81', '80'],
    ['msgpack', '91', '90']
  ] as const) {
    assert.deepEqual(reasons(one(hex(level.repeat(99) + last), [`decoder: ${decoder}`, 'metric: m'])), [])
    assert.deepEqual(reasons(one(hex(`${level.repeat(101)}01`), [`decoder: ${decoder}`, 'metric: m'])), [
      'too_deep'
    ])
  }
})

test('compression by rule, and what is wrong with it', () => {
  const json = Buffer.from('{"t":21.5}')
  const [gzip, zlib, deflate] = [gzipSync(json), deflateSync(json), deflateRawSync(json)]
  const good = { 'a t': 21.5 }
  const table: Array<[compression: string, payload: Uint8Array, said: unknown]> = [
    ['auto', gzip, good],
    ['auto', zlib, good],
    ['auto', json, good],
    ['gzip', gzip, good],
    ['zlib', zlib, good],
    ['deflate', deflate, good],
    ['gzip', Buffer.concat([gzip, gzip.subarray(0, 0)]), good],
    ['none', gzip, 'malformed'],
    ['none', zlib, 'malformed'],
    ['gzip', json, 'not_decompressed'],
    ['gzip', zlib, 'not_decompressed'],
    ['zlib', gzip, 'not_decompressed'],
    ['zlib', deflate, 'not_decompressed'],
    ['deflate', json, 'not_decompressed'],
    ['auto', gzip.subarray(0, -3), 'not_decompressed'],
    ['auto', gzip.subarray(0, 2), 'not_decompressed'],
    ['auto', Buffer.concat([gzip, Buffer.from('tail')]), 'not_decompressed'],
    ['auto', Buffer.concat([gzip, Buffer.alloc(4)]), 'not_decompressed'],
    ['zlib', Buffer.concat([zlib, Buffer.from('tail')]), 'not_decompressed'],
    ['zlib', zlib.subarray(0, -1), 'not_decompressed'],
    ['deflate', Buffer.concat([deflate, Buffer.from('tail')]), 'not_decompressed'],
    ['deflate', deflate.subarray(0, -1), 'not_decompressed']
  ]
  for (const [compression, payload, said] of table) {
    const outcome = one(payload, [`compression: ${compression}`, 'decoder: json'])
    const what = `${compression} ${Buffer.from(payload).toString('hex')}`
    if (typeof said === 'object') assert.deepEqual([values(outcome), reasons(outcome)], [said, []], what)
    else if (said === 'malformed') assert.deepEqual(reasons(outcome), ['not_utf8'], what)
    else assert.deepEqual([values(outcome), reasons(outcome)], [{}, [said]], what)
  }
  // Two members of gzip are one text (RFC 1952 section 2.2)
  const both = Buffer.concat([gzipSync('{"t":'), gzipSync('21.5}')])
  assert.deepEqual(values(one(both, [])), good)
  const tail = one(Buffer.concat([zlib, Buffer.from('tail')]), ['compression: zlib'])
  assert.match(tail.rejections[0]!.detail, /^4 bytes stand behind the end of the zlib data$/)
})

test('what only begins as zlib is what it was', () => {
  const said = (payload: Uint8Array): unknown => Object.values(values(automatic(payload)))[0]
  assert.equal(said(Buffer.from('x\u0001')), 'x\u0001')
  assert.equal(said(Buffer.from('x^2 + y^2')), 'x^2 + y^2')
  const broken = deflateSync('{"t":21.5}').subarray(0, -1)
  assert.deepEqual(said(broken), { bytes: broken.toString('hex') })
  const changed = Buffer.from(deflateSync('{"t":21.5}'))
  changed[changed.length - 1]! ^= 1
  assert.deepEqual(said(changed), { bytes: changed.toString('hex') })
  for (const level of [1, 5, 6, 9]) {
    const payload = deflateSync('21.5', { level })
    assert.deepEqual(values(automatic(payload)), { 'x a': 21.5 }, String(level))
  }
})

test('what is said to be bytes, a picture or an archive is not looked into; what is said to be gzip is', () => {
  const gzip = gzipSync('{"t":21.5}')
  const kept = { 'x a': { bytes: gzip.toString('hex') } }
  for (const type of ['application/octet-stream', 'image/png', 'application/zip'])
    assert.deepEqual(values(automatic(gzip, type)), kept, type)
  assert.deepEqual(values(one(gzip, ['decoder: bytes', 'metric: m'])), {
    'a m': { bytes: gzip.toString('hex') }
  })
  assert.deepEqual(values(one(gzip, ['decoder: bytes', 'compression: gzip', 'metric: m'])), {
    'a m': { bytes: Buffer.from('{"t":21.5}').toString('hex') }
  })
  assert.deepEqual(values(automatic(gzip, 'application/gzip')), { 'x/a t': 21.5 })
  assert.deepEqual(values(automatic(gzip, 'application/json')), { 'x/a t': 21.5 })
  assert.deepEqual(values(automatic(gzipSync(encodeCbor(fixture)), 'application/cbor')), toldAutomatically)
  assert.deepEqual(values(one(gzipSync(encodeMsgPack(fixture)), ['decoder: msgpack'])), told)
  assert.deepEqual(values(one(gzipSync(' 21.5 '), ['decoder: number', 'metric: m'])), { 'a m': 21.5 })
})

test('a bomb is rejected, and what a compressed message says is measured by what it was', () => {
  const limits = { decompressedBytesMax: 100_000, outputBytesMin: 1_000 }
  for (const compress of [gzipSync, deflateSync]) {
    const fits = automatic(compress('x'.repeat(100_000)), undefined, { limits })
    assert.deepEqual(reasons(fits), [])
    const bomb = automatic(compress('x'.repeat(100_001)), undefined, { limits })
    assert.deepEqual([values(bomb), reasons(bomb)], [{}, ['not_decompressed']])
    assert.match(bomb.rejections[0]!.detail, /more than 100000 bytes/)
  }
  const begun = performance.now()
  assert.deepEqual(reasons(automatic(gzipSync(Buffer.alloc(256 * 2 ** 20)))), ['not_decompressed'])
  assert.ok(performance.now() - begun < 20_000)
  // Members that compress well
  const members = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`m${index}`, 0]))
  const whole = automatic(gzipSync(JSON.stringify(members), { level: 9 }), undefined, {
    limits: { outputBytesMin: 1_000, outputBytesPerByteMax: 5 }
  })
  assert.deepEqual([whole.datapoints.length, reasons(whole)], [1_000, []])
  // No more than is decompressed at most, whatever multiplies it
  const times = `[${Array.from({ length: 50 }, () => 'a').join(',')}]`
  const multiplied = one(
    gzipSync(JSON.stringify({ a: 'x'.repeat(10_000) })),
    [`value: "${times}"`, 'metric: m'],
    {},
    { limits }
  )
  assert.deepEqual(reasons(multiplied), ['value_too_large'])
})

test('a document is a document: selected, timed and merged as JSON is', () => {
  const run = createRunner(
    compileText(
      mapping(
        'topic: x/{device}',
        'decoder: cbor',
        'merge: merge',
        'timestamp: { select: at }',
        'metrics:',
        '  - { name: t, value: t }',
        '  - { name: b, value: b }',
        '  - { name: n, value: n }'
      )
    )
  )
  const say = (given: unknown): unknown => values(run(message('x/a', encodeCbor(given))))
  assert.deepEqual(say({ t: 1, b: Uint8Array.of(1, 2), n: 18_446_744_073_709_551_615n }), {
    'a t': 1,
    'a b': 'AQI=',
    'a n': 18_446_744_073_709_551_615n
  })
  assert.deepEqual(say({ t: Number.NaN }), { 'a t': null })
  assert.deepEqual(say({ b: Uint8Array.of(3) }), { 'a b': 'Aw==' })
  // {"at": instant, "t": 1} with tag 1, and the same in MessagePack
  const lines = ['timestamp: { select: at }', 'metrics: [{ name: t, value: t }]']
  for (const [decoder, payload] of [
    ['cbor', 'a2 626174 c1 1a69 24 49 7f 6174 01'],
    ['msgpack', '82 a26174 d6ff 6924497f a174 01']
  ] as const) {
    const outcome = one(hex(payload), [`decoder: ${decoder}`, ...lines])
    assert.deepEqual(
      [outcome.datapoints[0]!.clock, outcome.datapoints[0]!.observedAt],
      ['device', 0x69_24_49_7f * 1_000]
    )
  }
  const asked = one(encodeCbor({ b: Uint8Array.of(1) }), [
    'decoder: cbor',
    'metrics: [{ name: j, value: b, type: json }]'
  ])
  assert.deepEqual(values(asked), { 'a j': { json: '"AQ=="' } })
  const presence = compileText(mapping('topic: x/{device}', 'presence: {}', 'decoder: msgpack', 'value: s'))
  assert.deepEqual(
    presence
      .normalize(message('x/a', encodeMsgPack({ s: 'online' })), null)
      .outcome.presence.map((told) => told.presence),
    ['online']
  )
})
