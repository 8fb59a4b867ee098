import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { encode as encodeCbor } from 'cborg'
import fc from 'fast-check'
import { values } from '../../src/conventions/values/convention.ts'
import { CommandFault } from '../../src/normalize/convention.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import { create } from './create.ts'
import { render } from './plain-command.ts'
import { hex, normalizer } from './say.ts'

const say = normalizer('conventions: [values]')
const typed = (contentType: string) => ({ properties: { contentType } })

interface Fixture {
  id: string
  topic: string
  convention: string
  utf8?: string
  hex?: string
}
const fixtures = (
  JSON.parse(readFileSync(new URL('payloads.json', import.meta.url), 'utf8')) as Fixture[]
).filter(({ convention }) => ['text', 'bytes', 'mqtt'].includes(convention))

test('the fixtures', () => {
  for (const { id, topic, utf8, hex: bytes } of fixtures) {
    const payload = utf8 === undefined ? hex(bytes ?? '') : Buffer.from(utf8)
    const { datapoints, rejections } = say(topic, payload)
    assert.deepEqual(rejections, [], id)
    const at = topic.lastIndexOf('/')
    const expected = `${topic.slice(0, at)} ${topic.slice(at + 1)}`
    if (payload.length === 0) assert.deepEqual(datapoints, [], id)
    else assert.ok(datapoints[0]!.startsWith(`${expected} `), `${id} ${datapoints[0]}`)
  }
  assert.equal(fixtures.length, 5)
})

test('numbers, words, text and bytes', () => {
  const table: Array<[payload: string | Buffer, value: string]> = [
    ['21.5', '21.5'],
    ['-0.5e1', '-5'],
    ['+.5', '0.5'],
    [' 5. \n', '5'],
    ['9007199254740993', '9007199254740993'],
    ['00123', '"00123"'],
    ['0x10', '"0x10"'],
    ['NaN', '"NaN"'],
    ['21,5', '"21,5"'],
    ['21.5°C', '"21.5°C"'],
    ['true', 'true'],
    ['false', 'false'],
    ['null', 'null'],
    ['ON', '"ON"'],
    ['"quoted"', '"quoted"'],
    [' ', '" "'],
    [hex('fffe00'), '0xfffe00'],
    [hex('00'), '"\\u0000"'],
    [gzipSync('21.5'), '21.5']
  ]
  for (const [payload, value] of table) {
    const { datapoints, rejections } = say('lab/oven/t', payload)
    assert.deepEqual([datapoints, rejections], [[`lab/oven t ${value}`], []], String(payload))
  }
  assert.deepEqual(say('lab/t', '21.5', typed('text/plain')).datapoints, ['lab t "21.5"'])
  assert.deepEqual(say('lab/t', '21.5', typed('application/octet-stream')).datapoints, ['lab t 0x32312e35'])
  assert.deepEqual(say('lab/t', encodeCbor(21.5), typed('application/cbor')).datapoints, ['lab t 21.5'])
})

test('words are booleans only where that is asked for', () => {
  const asked = normalizer('conventions: [values: { booleans: true }]')
  for (const [word, value] of [
    ['ON', 'true'],
    ['on', 'true'],
    ['Off', 'false'],
    [' OFF\n', 'false'],
    ['True', 'true'],
    ['1', '1'],
    ['0', '0'],
    ['open', '"open"']
  ] as const) {
    assert.deepEqual(asked('a/b', word).datapoints, [`a b ${value}`], word)
    if (/[a-z]/i.test(word))
      assert.deepEqual(say('a/b', word).datapoints, [`a b ${JSON.stringify(word)}`], word)
  }
})

test('objects and lists are left to the next; of topics, those that are asked for', () => {
  const both = normalizer('conventions: [values, json]\nautomatic: true')
  assert.equal(both('a/b', '{"x":1}').outcome.mapping, 'json')
  assert.equal(both('a/b', '[1]').outcome.mapping, 'automatic')
  assert.equal(both('a/b', encodeCbor({ x: 1 }), typed('application/cbor')).outcome.mapping, 'json')
  assert.equal(both('a/b', '5').outcome.mapping, 'values')
  // One level has no metric
  assert.equal(both('uptime', '5').outcome.mapping, 'automatic')
  assert.deepEqual(both('rialto/1/status', 'online').datapoints, [])
  assert.equal(say('$SYS/uptime', '5').outcome.mapping, null)
  const own = normalizer('conventions: [values: { topics: ["home/{device}/{metric+}"] }]')
  assert.deepEqual(own('home/lamp/light/level', '5').datapoints, ['lamp light/level 5'])
  assert.equal(own('x/lamp/light', '5').outcome.mapping, null)
})

test('what says nothing, and what cannot be read', () => {
  for (const more of [{}, { kind: 'cleared' as const }]) {
    const { datapoints, rejections } = say('a/b', '', more)
    assert.deepEqual([datapoints, rejections], [[], []])
  }
  assert.deepEqual(say('a/b', 'hello', typed('application/json')).rejections, ['malformed_json'])
  assert.deepEqual(say('a/b', '1e400').datapoints, [])
  assert.deepEqual(say('a/b', '1e400').rejections, ['number_out_of_range'])
  assert.deepEqual(say('a//b', '5').datapoints, ['a/ b 5'])
  assert.deepEqual(say('/b', '5').rejections, ['invalid_device'])
  assert.deepEqual(say('a/', '5').rejections, ['invalid_metric'])
  assert.deepEqual(say('a/b', gzipSync('5').subarray(0, -1)).rejections, ['not_decompressed'])
  assert.deepEqual(say('a/b', '5').outcome.devices, ['a'])
  assert.deepEqual(normalizer('conventions: [values: { offlineAfter: 5m }]')('a/b', '5').presence, [
    'a online seen'
  ])
})

test('commands', () => {
  const options = { topics: ['{device+}/{metric}'], commandTopic: '{device}/{metric}/set' }
  const target = {
    device: 'lab/lamp',
    topic: 'lab/lamp/state',
    captures: { device: 'lab/lamp', metric: 'state' }
  }
  assert.deepEqual(render(values, options, target, { metric: 'power', value: 'ON' }), {
    topic: 'lab/lamp/power/set',
    payload: 'ON',
    qos: 1,
    correlation: null,
    effect: { metric: 'power', value: 'ON' }
  })
  const effect = (value: unknown, more = {}): unknown => {
    const rendered = render(values, { ...options, ...more }, target, { metric: 'm', value })
    // What the device repeats is what was expected
    const told = normalizer(`conventions: [values: ${JSON.stringify(more)}]`)('lab/lamp/m', rendered.payload)
    assert.deepEqual(
      told.outcome.datapoints.map(({ metric }) => metric),
      [rendered.effect!.metric]
    )
    return [rendered.payload, rendered.effect!.value, told.datapoints[0]!.replace('lab/lamp m ', '')]
  }
  assert.deepEqual(effect(21.5), ['21.5', 21.5, '21.5'])
  assert.deepEqual(effect('21.50'), ['21.50', 21.5, '21.5'])
  assert.deepEqual(effect('true'), ['true', true, 'true'])
  assert.deepEqual(effect(false), ['false', false, 'false'])
  assert.deepEqual(effect(18_446_744_073_709_551_615n), [
    '18446744073709551615',
    18_446_744_073_709_551_615n,
    '18446744073709551615'
  ])
  assert.deepEqual(effect('ON', { booleans: true }), ['ON', true, 'true'])
  for (const metric of ['', 'a+b', '#', 'a\u0001', 5])
    assert.throws(
      () => render(values, options, target, { metric, value: 1 }),
      (error: unknown) => error instanceof CommandFault && error.parameter === 'metric'
    )
  assert.deepEqual(create(values).commands, [])
  const seen = normalizer('conventions: [values: { commandTopic: "{device}/{metric}/set" }]')
  const command = seen('lab/lamp/power/set', 'ON')
  assert.deepEqual([command.datapoints, command.outcome.mapping], [[], 'values'])
  assert.deepEqual(seen('lab/lamp/power', 'ON').datapoints, ['lab/lamp power "ON"'])
})

test('options that cannot be meant', () => {
  for (const [options, said] of [
    ['topics: ["a/{device}"]', /does not tell the metric/],
    ['topics: ["a/{metric}"]', /does not tell the device/],
    ['commandTopic: "{room}/set"', /There is no \{room\} here/],
    ['booleans: maybe', /true nor false/]
  ] as const)
    assert.throws(
      () => normalizer(`conventions: [values: { ${options} }]`),
      (error: unknown) => error instanceof MappingsError && said.test(error.message)
    )
})

test('any bytes at all end well', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.constantFrom(undefined, 'application/cbor', 'application/msgpack'),
      (payload, contentType) => {
        const { outcome } = say('a/b', payload, contentType === undefined ? {} : typed(contentType))
        assert.ok(!outcome.rejections.some(({ reason }) => reason === 'decoder_failed'))
        assert.ok(outcome.datapoints.length <= 1)
      }
    ),
    { numRuns: 3_000 }
  )
})
