import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { encode as encodeMsgPack } from '@msgpack/msgpack'
import { encode as encodeCbor } from 'cborg'
import fc from 'fast-check'
import { json } from '../../src/conventions/json/convention.ts'
import { CommandFault } from '../../src/normalize/convention.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import { create } from './create.ts'
import { countDecoded, render } from './plain-command.ts'
import { normalizer } from './say.ts'

const say = normalizer('conventions: [json]')
const typed = (contentType: string) => ({ properties: { contentType } })

interface Fixture {
  id: string
  topic: string
  convention: string
  utf8?: string
  hex?: string
}
const fixtures = JSON.parse(readFileSync(new URL('payloads.json', import.meta.url), 'utf8')) as Fixture[]
const bytesOf = ({ utf8, hex }: Fixture): Buffer =>
  utf8 === undefined ? Buffer.from(hex!, 'hex') : Buffer.from(utf8)

test('the fixtures', () => {
  const told = Object.fromEntries(
    fixtures
      .filter(({ convention }) => convention === 'json' || convention === 'gzip-json')
      .map((fixture) => {
        const { datapoints, rejections } = say(fixture.topic, bytesOf(fixture))
        return [fixture.id, [...datapoints, ...rejections]]
      })
  )
  const gzip = fixtures.find(({ convention }) => convention === 'gzip-json')!
  assert.deepEqual(told, {
    'json-nul': ['x/json a "\\u0000"'],
    'json-lone-surrogate': ['x/json a "\\ud800"'],
    'json-proto': ['x/json __proto__.admin true'],
    'json-bom': ['x/json a 1'],
    [gzip.id]: [
      `${gzip.topic} temperature 21.5`,
      `${gzip.topic} humidity 40`,
      `${gzip.topic} on true`,
      `${gzip.topic} tag "äö"`
    ]
  })
  assert.equal(({} as Record<string, unknown>)['admin'], undefined)
})

test('members are metrics by their path', () => {
  assert.deepEqual(
    say(
      'lab/oven',
      '{"t":180.5,"door":{"open":false},"zones":[1,{"a":2}],"n":null,"big":18446744073709551615,"e":{},"d":{"1":{"2":{"3":{"4":{"5":6}}}}}}'
    ).datapoints,
    [
      'lab/oven t 180.5',
      'lab/oven door.open false',
      'lab/oven zones [1,{"a":2}]',
      'lab/oven n null',
      'lab/oven big 18446744073709551615',
      'lab/oven e {}',
      'lab/oven d.1.2.3.4 {"5":6}'
    ]
  )
  assert.deepEqual(say('x', '{}').datapoints, [])
})

test('what is no object is left to the next', () => {
  const both = normalizer('conventions: [json]\nautomatic: true')
  for (const payload of ['5', 'true', 'null', '"x"', '[{"a":1}]', 'ON', '', '21,5', 'text {']) {
    assert.equal(both('a/b', payload).outcome.mapping, 'automatic', payload)
    const alone = say('a/b', payload)
    assert.deepEqual([alone.datapoints, alone.rejections], [[], []], payload)
  }
  assert.equal(both('a/b', Buffer.from([0xff, 0x00])).outcome.mapping, 'automatic')
  assert.equal(both('a/b', '{"a":1}').outcome.mapping, 'json')
  assert.equal(both('a/b', '{"a":1}', { kind: 'cleared' }).outcome.mapping, 'automatic')
  for (const topic of ['rialto/1/status', 'rialto/1/responses/x', '$SYS/x'])
    assert.equal(say(topic, '{"a":1}').datapoints.length, 0, topic)
})

test('what should be an object and is none is rejected', () => {
  for (const [payload, reason] of [
    ['{"a":1', 'malformed_json'],
    [" {'a':1}", 'malformed_json'],
    ['{"a":NaN}', 'malformed_json'],
    ['{"a":1e400}', 'number_out_of_range']
  ] as const)
    assert.deepEqual(say('a/b', payload).rejections, [reason], payload)
  const twice = say('a/b', '{"a":1,"a":2}')
  assert.deepEqual([twice.datapoints, twice.rejections], [['a/b a 2'], ['duplicate_keys']])
  assert.deepEqual(say('a/b', 'hello', typed('application/json')).rejections, ['malformed_json'])
  assert.deepEqual(say('a/b', gzipSync('{"a":1}').subarray(0, -1)).rejections, ['not_decompressed'])
  assert.deepEqual(say('a/b', Buffer.from([0xa1]), typed('application/cbor')).rejections, [
    'malformed_binary'
  ])
  assert.deepEqual(say('a/b', { a: 1, '': 2, '\u0001': 3 }).rejections, ['invalid_metric'])
})

test('other encodings, by content type and magic number', () => {
  const given = { t: 21.5, raw: Uint8Array.of(255), list: [Uint8Array.of(1)] }
  const expected = ['a/b t 21.5', 'a/b raw 0xff', 'a/b list ["AQ=="]']
  assert.deepEqual(
    say('a/b', encodeCbor(given), typed('application/cbor')).datapoints.toSorted(),
    expected.toSorted()
  )
  assert.deepEqual(say('a/b', encodeMsgPack(given), typed('application/msgpack')).datapoints, expected)
  assert.deepEqual(say('a/b', gzipSync('{"t":1}')).datapoints, ['a/b t 1'])
  // By its size when it was no longer compressed
  const many = Object.fromEntries(Array.from({ length: 9_000 }, (_, index) => [`member${index}`, 0]))
  const zipped = say('d'.repeat(200), gzipSync(JSON.stringify(many), { level: 9 }))
  assert.deepEqual([zipped.datapoints.length, zipped.rejections], [9_000, []])
})

test('the member that is the time', () => {
  const timed = normalizer('conventions: [json: { timestamp: ts, topics: ["x/{device}"] }]')
  assert.deepEqual(timed('x/a', '{"ts":1795521599,"t":1}').datapoints, ['a t 1 (2026-11-24T11:59:59.000Z)'])
  assert.deepEqual(timed('x/a', '{"t":1,"ts":"2026-11-24T11:59:59.5Z"}').datapoints, [
    'a t 1 (2026-11-24T11:59:59.500Z)'
  ])
  const wrong = timed('x/a', '{"ts":"soon","t":1}')
  assert.deepEqual([wrong.datapoints, wrong.rejections], [['a ts "soon"', 'a t 1'], ['invalid_timestamp']])
  assert.deepEqual(timed('x/a', '{"ts":null,"t":1}').datapoints, ['a ts null', 'a t 1'])
  assert.deepEqual(timed('x/a', '{"t":{"ts":5}}').datapoints, ['a t.ts 5'])
  assert.equal(timed('y/a', '{"t":1}').outcome.mapping, null)
})

test('presence', () => {
  const watched = normalizer('conventions: [json: { offlineAfter: 5m }]')
  assert.deepEqual(watched('a/b', '{"t":1}').presence, ['a/b online seen'])
})

test('commands', () => {
  const options = { topics: ['{device+}'], commandTopic: '{device}/set' }
  const target = { device: 'lab/lamp', topic: 'lab/lamp', captures: { device: 'lab/lamp' } }
  assert.deepEqual(render(json, options, target, { value: { on: true } }), {
    topic: 'lab/lamp/set',
    payload: '{"on":true}',
    qos: 1,
    contentType: 'application/json',
    correlation: null,
    effect: { metric: 'on', value: true }
  })
  assert.equal(render(json, options, target, { value: { a: 1, b: 2 } }).effect, null)
  assert.equal(render(json, options, target, { value: { a: { b: 2 } } }).effect, null)
  assert.equal(render(json, options, target, { value: {} }).effect, null)
  assert.throws(() => render(json, options, target, { value: 5 }), CommandFault)
  assert.throws(() => render(json, options, { ...target, device: 'a/+' }, { value: {} }), CommandFault)
  assert.deepEqual(create(json).commands, [])
  const seen = normalizer('conventions: [json: { commandTopic: "{device}/set" }]')
  const command = seen('lab/lamp/set', '{"on":true}')
  assert.deepEqual([command.datapoints, command.outcome.mapping], [[], 'json'])
  assert.deepEqual(seen('lab/lamp', '{"on":true}').datapoints, ['lab/lamp on true'])
  const narrow = normalizer(
    'conventions: [json: { topics: ["home/{device}/#"], commandTopic: "home/{device}/set" }]'
  )
  assert.deepEqual(narrow('home/a/b/set', '{"x":1}').datapoints, ['a x 1'])
  assert.deepEqual(narrow('home/a/set', '{"x":1}').datapoints, [])
})

test('options that cannot be meant', () => {
  for (const [options, said] of [
    ['topics: ["a/{room}"]', /does not tell the device/],
    ['commandTopic: "{room}/set"', /There is no \{room\} here/],
    ['commandTopic: "{device/set"', /brace/],
    ['commandTopic: "x{device}/set"', /whole level/]
  ] as const)
    assert.throws(
      () => normalizer(`conventions: [json: { ${options} }]`),
      (error: unknown) => error instanceof MappingsError && said.test(error.message)
    )
})

test('any bytes at all end well', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc.json().map((text) => Buffer.from(text))
      ),
      (payload) => {
        const { outcome } = say('a/b', payload)
        assert.ok(!outcome.rejections.some(({ reason }) => reason === 'decoder_failed'))
      }
    ),
    { numRuns: 3_000 }
  )
  for (const payload of ['{'.repeat(200_000), `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`])
    assert.equal(say('a/b', payload).rejections.length, 1)
  const members = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`m${index}`, 1]))
  assert.equal(countDecoded(json, 'd', JSON.stringify(members)), 10_001)
  const wide = say(
    'a/b',
    JSON.stringify(Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`m${index}`, 1])))
  )
  assert.deepEqual([wide.datapoints.length, wide.rejections], [10_000, ['too_many_datapoints']])
})
