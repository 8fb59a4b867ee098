import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { encode as encodeCbor } from 'cborg'
import fc from 'fast-check'
import { senml } from '../../src/conventions/senml/convention.ts'
import { CommandFault } from '../../src/normalize/convention.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import { create } from './create.ts'
import { render } from './plain-command.ts'
import type { Said } from './say.ts'
import { hex, normalizer } from './say.ts'

const typed = (contentType: string) => ({ properties: { contentType } })
const byType = normalizer('conventions: [senml]')
const say = (records: unknown, topic = 's/1'): Said =>
  byType(topic, JSON.stringify(records), typed('application/senml+json'))
const onTopics = normalizer('conventions: [senml: { topics: ["s/{device}", "plain/#"] }]')

interface Fixture {
  id: string
  topic: string
  utf8: string
  expect?: Array<{ n: string; t: number; u: string; v: number }>
}
const fixtures = (
  JSON.parse(readFileSync(new URL('payloads.json', import.meta.url), 'utf8')) as Fixture[]
).filter(({ id }) => id.startsWith('senml'))

test('the fixtures', () => {
  assert.deepEqual(
    fixtures.map(({ topic, utf8 }) => byType(topic, utf8, typed('application/senml+json')).datapoints),
    [
      ['urn:dev:ow:10e2073a01080063 value 23.1 [Cel]'],
      [
        'urn:dev:ow:10e2073a0108006 voltage 120.1 [V] (2010-06-08T18:01:16.001Z)',
        'urn:dev:ow:10e2073a0108006 current 1.2 [A] (2010-06-08T18:01:11.001Z)',
        'urn:dev:ow:10e2073a0108006 current 1.3 [A] (2010-06-08T18:01:12.001Z)',
        'urn:dev:ow:10e2073a0108006 current 1.7 [A] (2010-06-08T18:01:16.001Z)'
      ].map((line) => line.replace(/ \(.*/, ''))
    ]
  )
  // They are sixteen years old here, and no device's word is believed that far back
  const at = Date.UTC(2010, 5, 8, 18, 2)
  const { outcome } = byType('s/1', fixtures[1]!.utf8, { ...typed('application/senml+json'), receivedAt: at })
  assert.deepEqual(
    outcome.datapoints.map(({ device, metric, observedAt, clock, unit, number }) => ({
      n: `${device}:${metric}`,
      t: observedAt / 1_000,
      u: unit,
      v: number,
      clock
    })),
    fixtures[1]!.expect!.map((record) => ({ ...record, clock: 'device' }))
  )
})

test('examples of RFC 8428, section 5.1', () => {
  assert.deepEqual(
    say([
      { bn: 'urn:dev:ow:10e2073a01080063:', n: 'temp', u: 'Cel', v: 23.1 },
      { n: 'label', vs: 'Machine Room' },
      { n: 'open', vb: false },
      { n: 'nfv-reader', vd: 'aGkgCg' }
    ]).datapoints,
    [
      'urn:dev:ow:10e2073a01080063 temp 23.1 [Cel]',
      'urn:dev:ow:10e2073a01080063 label "Machine Room"',
      'urn:dev:ow:10e2073a01080063 open false',
      'urn:dev:ow:10e2073a01080063 nfv-reader 0x6869200a'
    ]
  )
  assert.deepEqual(
    say([
      { bn: 'urn:dev:ow:10e2073a01080063', bt: 1_795_521_000, bu: '%RH', v: 20 },
      { u: 'lon', v: 24.30621 },
      { u: 'lat', v: 60.07965 },
      { t: 60, v: 20.3 },
      { u: '%EL', t: 150, v: 98 }
    ]).datapoints,
    [
      'urn:dev:ow:10e2073a01080063 value 20 [%RH] (2026-11-24T11:50:00.000Z)',
      'urn:dev:ow:10e2073a01080063 value 24.30621 [lon] (2026-11-24T11:50:00.000Z)',
      'urn:dev:ow:10e2073a01080063 value 60.07965 [lat] (2026-11-24T11:50:00.000Z)',
      'urn:dev:ow:10e2073a01080063 value 20.3 [%RH] (2026-11-24T11:51:00.000Z)',
      'urn:dev:ow:10e2073a01080063 value 98 [%EL] (2026-11-24T11:52:30.000Z)'
    ]
  )
  // A record that has a base only, and bases that change one by one
  assert.deepEqual(
    say([
      { bn: 'urn:dev:ow:1:' },
      { n: 'temp', u: 'Cel', v: 23.1 },
      { bn: 'urn:dev:ow:2:', bt: 1_795_521_000 },
      { n: 'temp', u: 'Cel', v: 24 },
      { bu: 'Cel', bn: 'urn:dev:ow:1:', n: 'x', v: 1 }
    ]).datapoints,
    [
      'urn:dev:ow:1 temp 23.1 [Cel]',
      'urn:dev:ow:2 temp 24 [Cel] (2026-11-24T11:50:00.000Z)',
      'urn:dev:ow:1 x 1 [Cel] (2026-11-24T11:50:00.000Z)'
    ]
  )
})

/** RFC 8428, section 6. */
const dump = hex(
  '87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120050067766f6c7461676501615602fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302fb3ff4cccccccccccda3006763757272656e74062202fb3ff6666666666666a3006763757272656e74062102f93e00a3006763757272656e74062002fb3ff999999999999aa3006763757272656e74060002fb3ffb333333333333'
)

test('CBOR: the dump of RFC 8428, by content type, and on topics by its first byte', () => {
  const receivedAt = Date.UTC(2010, 5, 8, 18, 2)
  const device = 'urn:dev:ow:10e2073a0108006'
  const expected = [
    `${device} voltage 120.1 [V] (2010-06-08T18:01:16.001Z)`,
    ...['11', '12', '13', '14', '15', '16'].map(
      (second, index) =>
        `${device} current ${[1.2, 1.3, 1.4, 1.5, 1.6, 1.7][index]} [A] (2010-06-08T18:01:${second}.001Z)`
    )
  ]
  const told = byType('any/topic', dump, { ...typed('application/senml+cbor'), receivedAt })
  assert.deepEqual([told.datapoints, told.rejections], [expected, []])
  assert.deepEqual(onTopics('plain/x', dump, { receivedAt }).datapoints, expected)
  assert.deepEqual(onTopics('plain/x', gzipSync(dump), { receivedAt }).datapoints, expected)
  // Decimal fractions, which section 6 allows; a data value is bytes
  assert.deepEqual(
    byType('x', hex('81a3006161 02c48221196ab3 0161 4b'.replaceAll(' ', '')), typed('application/senml+cbor'))
      .datapoints,
    ['x a 273.15 [K]']
  )
  assert.deepEqual(byType('x', hex('81a20061610842fffe'), typed('application/senml+cbor')).datapoints, [
    'x a 0xfffe'
  ])
  assert.deepEqual(
    byType('x', hex('81a20061610268ffffffffffffffff'), typed('application/senml+cbor')).rejections,
    ['not_utf8']
  )
  assert.deepEqual(
    byType('x', hex('81a2006161021bffffffffffffffff'), typed('application/senml+cbor')).datapoints,
    ['x a 18446744073709551615']
  )
})

test('streams: a list may be cut at its ends', () => {
  const stream = (text: string) => byType('x', text, typed('application/sensml+json'))
  for (const text of [
    '[{"n":"a","v":1},{"n":"b","v":2}]',
    '[{"n":"a","v":1},{"n":"b","v":2},\n',
    '{"n":"a","v":1},{"n":"b","v":2}]',
    ',{"n":"a","v":1},{"n":"b","v":2}'
  ]) {
    const { datapoints, rejections } = stream(text)
    assert.deepEqual([datapoints, rejections], [['x a 1', 'x b 2'], []], text)
  }
  assert.deepEqual(stream('[{"n":"a","v":1},{"n":"b"').rejections, ['malformed_json'])
  const cbor = (text: string) => byType('x', hex(text), typed('application/sensml+cbor')).datapoints
  assert.deepEqual(cbor('9fa20061610201'), ['x a 1'])
  assert.deepEqual(cbor('9fa20061610201ff'), ['x a 1'])
  assert.deepEqual(byType('x', hex('9fa20061610201'), typed('application/senml+cbor')).rejections, [
    'malformed_binary'
  ])
  assert.deepEqual(byType('x', '{"n":"a","v":1}', typed('application/senml+json')).rejections, [
    'wrong_shape'
  ])
})

test('which device, and which metric', () => {
  const table: Array<[bn: string, n: string, told: string]> = [
    ['urn:dev:ow:10e2073a01080063:', 'voltage', 'urn:dev:ow:10e2073a01080063 voltage'],
    ['urn:dev:ow:10e2073a01080063', '', 'urn:dev:ow:10e2073a01080063 value'],
    ['', 'urn:dev:ow:10e2073a01080063', 'urn:dev:ow:10e2073a01080063 value'],
    ['', 'urn:dev:ow:10e2073a01080063:voltage', 'urn:dev:ow:10e2073a01080063 voltage'],
    ['urn:dev:mac:0024befffe804ff1_', 'temp', 'urn:dev:mac:0024befffe804ff1 temp'],
    ['urn:dev:os:32473-12.3:', 'a:b', 'urn:dev:os:32473-12.3 a:b'],
    ['urn:dev:mac:0024befffe804ff1/', 'room1/temp', 'urn:dev:mac:0024befffe804ff1 room1/temp'],
    [
      'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6:',
      'temp',
      'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6 temp'
    ],
    ['urn:imei:350112345678901', '', 'urn:imei:350112345678901 value'],
    ['sensor1/', 'temp', 'sensor1 temp'],
    ['sensor1-', '_temp', 'sensor1 temp'],
    ['kitchen', 'temp', 'kitchen temp'],
    ['a:b', '', 'a b'],
    ['', 'house/kitchen/temp', 'house/kitchen temp'],
    ['', 'kitchen:temp', 'kitchen temp'],
    ['', 'temp', 's/1 temp'],
    ['', 'living_room-temp', 's/1 living_room-temp'],
    ['kitchen/', '', 's/1 kitchen/'],
    ['', 'urn:dev:ow', 'urn:dev ow']
  ]
  for (const [bn, n, told] of table)
    assert.deepEqual(
      say([{ ...(bn !== '' && { bn }), ...(n !== '' && { n }), v: 1 }]).datapoints,
      [`${told} 1`],
      `${bn} ${n}`
    )
  const captured: Array<[name: string, told: string]> = [
    ['urn:dev:ow:1a:temp', '1a temp'],
    ['1a/temp', '1a temp'],
    ['1a', '1a value'],
    ['urn:dev:ow:1a', '1a value'],
    ['urn:dev:ow:1ab:temp', '1a urn:dev:ow:1ab:temp'],
    ['x1a:temp', '1a x1a:temp'],
    ['temp', '1a temp']
  ]
  for (const [n, told] of captured)
    assert.deepEqual(onTopics('s/1a', [{ n, v: 1 }]).datapoints, [`${told} 1`], n)
})

test('times: from receipt below 2^28, in either direction, to the millisecond', () => {
  const at = (bt: number | undefined, t: number | undefined): string =>
    say([{ n: 'a', v: 1, ...(bt !== undefined && { bt }), ...(t !== undefined && { t }) }]).datapoints[0]!
  assert.equal(at(undefined, undefined), 's/1 a 1')
  assert.equal(at(undefined, 0), 's/1 a 1')
  assert.equal(at(undefined, -5), 's/1 a 1 (2026-11-24T11:59:55.000Z)')
  assert.equal(at(-60, -5.0015), 's/1 a 1 (2026-11-24T11:58:54.999Z)')
  assert.equal(at(undefined, 30), 's/1 a 1 (2026-11-24T12:00:30.000Z)')
  assert.equal(at(1_795_521_600, -0.25), 's/1 a 1 (2026-11-24T11:59:59.750Z)')
  assert.equal(at(1.7955216e9, undefined), 's/1 a 1 (2026-11-24T12:00:00.000Z)')
  // 2^28 is in 1978, and not believed; one second less is eight years ahead, and neither
  const clock = (t: number): string => say([{ n: 'a', v: 1, t }]).outcome.datapoints[0]!.clock
  assert.deepEqual([clock(2 ** 28), clock(2 ** 28 - 1)], ['behind', 'ahead'])
  const far = say([{ n: 'a', v: 1, t: 1e300 }])
  assert.deepEqual([far.datapoints, far.rejections], [['s/1 a 1'], ['invalid_timestamp']])
})

test('values: with their base, exact, and sums', () => {
  const told = (...records: object[]): string[] => say(records).datapoints
  assert.deepEqual(told({ n: 'a', bv: 20, v: 3.5 }, { n: 'b', t: -1 }), [
    's/1 a 23.5',
    's/1 b 20 (2026-11-24T11:59:59.000Z)'
  ])
  assert.deepEqual(told({ n: 'a', bv: 20, vs: 'x' }), ['s/1 a "x"'])
  assert.deepEqual(told({ n: 'a', u: 'W', v: 5, s: 100 }), ['s/1 a 5 [W]', 's/1 a.sum 100 [W*s]'])
  assert.deepEqual(told({ n: 'a', u: 'W', bs: 1_000, s: 100 }), ['s/1 a.sum 1100 [W*s]'])
  assert.deepEqual(told({ n: 'a', bs: 1_000, v: 1 }), ['s/1 a 1', 's/1 a.sum 1000'])
  assert.deepEqual(told({ n: 'a', bs: 1_000, vb: true }), ['s/1 a true'])
  assert.deepEqual(told({ n: 'a', v: 0 }, { n: 'b', vb: false }, { n: 'c', vs: '' }, { n: 'd', vd: '' }), [
    's/1 a 0',
    's/1 b false',
    's/1 c ""',
    's/1 d 0x'
  ])
  const text =
    '[{"n":"a","bv":1,"v":9007199254740993},{"n":"b","bv":0,"v":18446744073709551615},{"n":"c","bv":9007199254740993,"v":0.5}]'
  assert.deepEqual(byType('x', text, typed('application/senml+json')).datapoints, [
    'x a 9007199254740994',
    'x b 18446744073709551615',
    'x c 9007199254740992'
  ])
})

test('what is wrong with a record leaves the others; what is wrong with the pack leaves none', () => {
  const good = { n: 'good', v: 1 }
  const records: Array<[record: unknown, detail: RegExp]> = [
    [5, /record 1 is no object/],
    [null, /record 1 is no object/],
    [[good], /record 1 is no object/],
    [{ n: 'a' }, /has no value/],
    [{ v: 1 }, /has no name/],
    [{ n: 'a', v: 1, vs: 'x' }, /has 2 values: v, vs/],
    [{ n: 'a', vb: true, vd: 'aa' }, /has 2 values: vb, vd/],
    [{ n: 'a', v: '1' }, /v is not a number/],
    [{ n: 'a', v: null }, /v is not a number/],
    [{ n: 'a', vs: 1 }, /vs is not text/],
    [{ n: 'a', vb: 1 }, /vb is not a boolean/],
    [{ n: 'a', vd: 'a+/b' }, /vd is not base64url/],
    [{ n: 'a', vd: 5 }, /vd is not base64url/],
    [{ n: 5, v: 1 }, /n is not text/],
    [{ n: 'a', v: 1, u: 5 }, /u is not text/],
    [{ n: 'a', v: 1, t: '5' }, /t is not a number/],
    [{ n: 'a', v: 1, ut: 'x' }, /ut is not a number/],
    [{ n: 'a', s: [] }, /s is not a number/],
    [{ n: 'a b', v: 1 }, /characters that no name has/],
    [{ n: 'ä', v: 1 }, /characters that no name has/],
    [{ n: ':a', v: 1 }, /characters that no name has/],
    [{ n: 'a\n', v: 1 }, /characters that no name has/],
    [{ n: 'x'.repeat(3_000), v: 1 }, /too long/]
  ]
  for (const [record, detail] of records) {
    const said = say([record, good])
    assert.deepEqual(
      [said.datapoints, said.rejections],
      [['s/1 good 1'], ['wrong_shape']],
      JSON.stringify(record)
    )
    assert.match(said.outcome.rejections[0]!.detail, detail)
  }
  const packs: Array<[records: unknown[], detail: RegExp]> = [
    [[good, { bver: 11 }], /version 11/],
    [[{ ...good, bver: 10.5 }], /version 10.5/],
    [[good, { n: 'a', v: 1, must_: 5 }], /record 2 has the field must_/],
    [[{ must_: 5 }, good], /must_/]
  ]
  for (const [pack, detail] of packs) {
    const said = say(pack)
    assert.deepEqual([said.datapoints, said.rejections], [[], ['wrong_shape']], JSON.stringify(pack))
    assert.match(said.outcome.rejections[0]!.detail, detail)
  }
  assert.deepEqual(say([{ ...good, bver: 10, other: 1, _x: 2, bextra: {} }]).datapoints, ['s/1 good 1'])
  assert.deepEqual(say([{ ...good, bver: 5 }]).rejections, [])
  const base = say([good, { bn: 5 }, { n: 'b', v: 1 }])
  assert.deepEqual(base.datapoints, ['s/1 good 1'])
  assert.match(base.outcome.rejections[0]!.detail, /bn is not text/)
  const named = byType(
    'x',
    '[{"n":"a","v":1,"constructor":1,"__proto__x":{"v":5},"toString":2}]',
    typed('application/senml+json')
  )
  assert.deepEqual([named.datapoints, named.rejections], [['x a 1'], []])
  // It ends in _, too
  assert.deepEqual(
    byType('x', '[{"n":"a","v":1,"__proto__":{"v":5}}]', typed('application/senml+json')).rejections,
    ['wrong_shape']
  )
  assert.deepEqual(byType('x', '[{"n":"a","v":NaN}]', typed('application/senml+json')).rejections, [
    'malformed_json'
  ])
  assert.deepEqual(byType('x', '', typed('application/senml+json')).rejections, ['empty_payload'])
  assert.deepEqual(byType('x', '', typed('application/senml+cbor')).rejections, ['empty_payload'])
  assert.deepEqual(say({ n: 'a', v: 1 }).rejections, ['wrong_shape'])
  assert.deepEqual(say([]).datapoints, [])
})

test('what is no SenML is left to the next; a topic of its own is all SenML', () => {
  const both = normalizer('conventions: [senml: { topics: ["s/#"] }]\nautomatic: true')
  assert.equal(both('a/b', '[{"n":"a","v":1}]').outcome.mapping, 'automatic')
  assert.equal(both('a/b', '{"a":1}', typed('application/json')).outcome.mapping, 'automatic')
  assert.equal(both('a/b', '[{"n":"a","v":1}]', typed('application/senml+json')).outcome.mapping, 'senml')
  assert.equal(
    both('a/b', '[{"n":"a","v":1}]', typed('Application/SenML+JSON; charset=utf-8')).outcome.mapping,
    'senml'
  )
  assert.deepEqual(both('s/x', 'hello').rejections, ['malformed_json'])
  assert.deepEqual(both('s/x', '', { kind: 'cleared' }).rejections, [])
  assert.deepEqual(both('s/x', gzipSync('[]').subarray(0, -2)).rejections, ['not_decompressed'])
  assert.deepEqual(onTopics('s/1a', [{ n: 'temp', v: 1 }]).outcome.devices, ['1a'])
})

test('presence', () => {
  const watched = normalizer('conventions: [senml: { offlineAfter: 5m }]')
  assert.deepEqual(watched('x', '[{"n":"urn:dev:ow:1:t","v":1}]', typed('application/senml+json')).presence, [
    'urn:dev:ow:1 online seen'
  ])
  assert.deepEqual(say([{ n: 'a', v: 1 }]).presence, [])
})

test('commands', () => {
  const options = { topics: ['sensors/{device}'], commandTopic: 'actuators/{device}' }
  const target = { device: 'lamp', topic: 'sensors/lamp', captures: { device: 'lamp' } }
  assert.deepEqual(render(senml, options, target, { name: 'on', value: true }), {
    topic: 'actuators/lamp',
    payload: '[{"n":"on","vb":true}]',
    qos: 1,
    contentType: 'application/senml+json',
    correlation: null,
    effect: { metric: 'on', value: true }
  })
  const named = { device: 'urn:dev:ow:1', topic: 'x', captures: {} }
  const full = render(senml, options, named, {
    baseName: 'urn:dev:ow:1:',
    name: 'set',
    value: 21.5,
    unit: 'Cel'
  })
  assert.deepEqual(
    [full.topic, full.payload, full.effect],
    [
      'actuators/urn:dev:ow:1',
      '[{"bn":"urn:dev:ow:1:","n":"set","u":"Cel","v":21.5}]',
      { metric: 'set', value: 21.5 }
    ]
  )
  assert.equal(render(senml, options, target, { name: 'x', value: 'eco' }).payload, '[{"n":"x","vs":"eco"}]')
  assert.equal(
    render(senml, options, target, { name: 'x', value: 18_446_744_073_709_551_615n }).payload,
    '[{"n":"x","v":18446744073709551615}]'
  )
  for (const [wrong, parameter] of [
    [{ name: 'a b', value: 1 }, 'name'],
    [{ name: '', value: 1 }, 'name'],
    [{ name: 'a', baseName: 5, value: 1 }, 'name'],
    [{ name: 'a', value: null }, 'value'],
    [{ name: 'a', value: {} }, 'value']
  ] as const)
    assert.throws(
      () => render(senml, options, target, wrong),
      (error: unknown) => error instanceof CommandFault && error.parameter === parameter
    )
  assert.throws(
    () => render(senml, options, { ...target, device: 'a#' }, { name: 'a', value: 1 }),
    CommandFault
  )
  assert.deepEqual(create(senml).commands, [])
  // Ours and those of others are no measurements
  const seen = normalizer('conventions: [senml: { commandTopic: "actuators/{device}" }]')
  const actuation = seen('actuators/lamp', '[{"n":"on","vb":true}]', typed('application/senml+json'))
  assert.deepEqual([actuation.datapoints, actuation.rejections, actuation.outcome.mapping], [[], [], 'senml'])
  assert.throws(() => normalizer('conventions: [senml: { commandTopic: "a/{room}" }]'), MappingsError)
  assert.throws(() => normalizer('conventions: [senml: { commandTopic: "a/{device" }]'), MappingsError)
})

test('many records end soon, in bounds', () => {
  const begun = performance.now()
  const many = say(Array.from({ length: 20_000 }, () => ({ n: 'a', v: 1 })))
  assert.deepEqual([many.datapoints.length, many.rejections], [10_000, ['too_many_datapoints']])
  const wrong = say(Array.from({ length: 100_000 }, () => ({ n: ':', v: 1 })))
  assert.deepEqual([wrong.datapoints, wrong.rejections], [[], ['wrong_shape']])
  const separators = say([
    { bn: `a${'-'.repeat(1_900)}b` },
    ...Array.from({ length: 10_000 }, () => ({ n: `${'-'.repeat(100)}a`, v: 1 }))
  ])
  assert.ok(separators.rejections.length > 0)
  const long = say([
    { bn: 'x'.repeat(1_000_000) },
    ...Array.from({ length: 10_000 }, () => ({ n: 'a', v: 1 }))
  ])
  assert.deepEqual([long.datapoints, long.rejections], [[], ['wrong_shape']])
  assert.deepEqual(byType('x', Buffer.alloc(100_000, 0x81), typed('application/senml+cbor')).rejections, [
    'too_deep'
  ])
  assert.deepEqual(byType('x', '['.repeat(100_000), typed('application/senml+json')).rejections, [
    'malformed_json'
  ])
  assert.ok(performance.now() - begun < 30_000)
})

/** As section 4.6 says: the resolved pack means what the pack meant. */
test('resolved records are the records; JSON and CBOR are the same', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/)
  const number = fc.oneof(
    fc.integer({ min: -1_000, max: 1_000 }),
    fc.double({ min: -1e6, max: 1e6, noNaN: true }).filter((value) => value !== 0)
  )
  const base = fc.record(
    {
      bn: name.map((text) => `urn:dev:ow:${text}:`),
      bt: fc.integer({ min: -100, max: 100 }),
      bu: name,
      bv: fc.integer()
    },
    { requiredKeys: [] }
  )
  const value = fc.oneof(
    number.map((v) => ({ v })),
    name.map((vs) => ({ vs })),
    fc.boolean().map((vb) => ({ vb }))
  )
  const record = fc
    .tuple(base, name, fc.option(fc.integer({ min: -100, max: 100 }), { nil: undefined }), value)
    .map(([bases, n, t, told]) => ({ ...bases, n, ...(t !== undefined && { t }), ...told }))
  const numbers: Record<string, number> = {
    bver: -1,
    bn: -2,
    bt: -3,
    bu: -4,
    bv: -5,
    bs: -6,
    n: 0,
    u: 1,
    v: 2,
    vs: 3,
    vb: 4,
    s: 5,
    t: 6,
    ut: 7,
    vd: 8
  }
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 8 }), (records) => {
      const pack = records as Array<Record<string, unknown>>
      let bases: Record<string, unknown> = {}
      const resolved = pack.map((one) => {
        bases = {
          ...bases,
          ...Object.fromEntries(Object.entries(one).filter(([key]) => key.startsWith('b')))
        }
        const { n, t, v, vs, vb } = one
        const unit = bases['bu']
        return {
          n: `${(bases['bn'] as string | undefined) ?? ''}${n as string}`,
          t: ((bases['bt'] as number | undefined) ?? 0) + ((t as number | undefined) ?? 0),
          ...(unit !== undefined && { u: unit }),
          ...(v !== undefined && { v: (v as number) + ((bases['bv'] as number | undefined) ?? 0) }),
          ...(vs !== undefined && { vs }),
          ...(vb !== undefined && { vb })
        }
      })
      const told = say(pack)
      assert.deepEqual(told.rejections, [])
      assert.equal(told.datapoints.length, pack.length)
      assert.deepEqual(told.datapoints, say(resolved).datapoints)
      const cbor = encodeCbor(
        pack.map((one) => new Map(Object.entries(one).map(([key, member]) => [numbers[key], member])))
      )
      assert.deepEqual(byType('s/1', cbor, typed('application/senml+cbor')).datapoints, told.datapoints)
    }),
    { numRuns: 1_000 }
  )
})
