/** AirVantage: every shape of its data, its tasks and acks, and what becomes of broken ones. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import { encode } from 'cborg'
import fc from 'fast-check'
import { Members, membersOf, readMembers, toPlain } from '../../src/conventions/airvantage/members.ts'
import { Facts } from '../../src/conventions/facts.ts'
import { defaultLimits } from '../../src/limits.ts'
import { receivedAt } from '../normalize/mappings.ts'
import { hex, normalizer } from './say.ts'
import type { Said } from './say.ts'

interface Fixture {
  id: string
  convention: string
  topic: string
  utf8?: string
  hex?: string
}

const fixtures = new Map(
  (JSON.parse(readFileSync(new URL('payloads.json', import.meta.url), 'utf8')) as Fixture[])
    .filter(({ convention }) => convention.startsWith('airvantage'))
    .map((fixture) => [fixture.id, fixture])
)

const document = 'conventions: [airvantage]'
const data = 'G1/messages/json'

/** One message to a normalizer of its own. */
const say = (topic: string, payload: string | Uint8Array | object, text = document): Said =>
  normalizer(text)(topic, payload)

function sayFixture(id: string): Said {
  const { topic, utf8, hex: bytes } = fixtures.get(id)!
  return say(topic, utf8 ?? hex(bytes!))
}

const B6 = '00000000B6AF4A9D'
/** Ten years before receipt is the limit of what is believed, so that times of 2012 are kept as receipt. */
const believed = (said: Said): string[] =>
  said.outcome.datapoints.map(({ observedAt, clock }) => `${clock} ${observedAt - receivedAt}`)

const outcomeOf = ({ datapoints, rejections }: Said): string[][] => [datapoints, rejections]

test('every fixture has its expected result', () => {
  const seen: Record<string, string[]> = {}
  for (const id of fixtures.keys()) {
    const { datapoints, rejections, responses } = sayFixture(id)
    seen[id] = [
      ...datapoints,
      ...rejections.map((reason) => `rejected ${reason}`),
      ...responses.map(({ correlation, ok }) => `${correlation} ${ok}`)
    ]
  }
  assert.deepEqual(seen, {
    'av-a-dupkey': [
      `${B6} machine.temperature 23.2`,
      `${B6} machine.humidity 70`,
      `${B6} machine.temperature 24.5`,
      `${B6} machine.temperature 22.9`,
      `${B6} machine.threshold 30`
    ],
    'av-b-untimestamped': [`${B6} machine.temperature 23.2`, `${B6} machine.humidity 70`],
    'av-c-array': [`${B6} machine.temperature 42.2`, `${B6} machine.temperature 42.3`],
    'av-e-seconds': [`${B6} machine.temperature "23.2"`],
    'av-f-nullts': [`${B6} temperature 21.5`],
    'av-g-quoted': [`${B6} counter "7"`],
    'av-ts': [
      `${B6} x 0`,
      `${B6} y 2`,
      `${B6} z 0`,
      `${B6} lat 49.455177`,
      `${B6} long 0.537743`,
      `${B6} speed 100`,
      `${B6} x 0`,
      `${B6} y 3`,
      `${B6} z 0`,
      `${B6} lat 49.455177`,
      `${B6} long 0.537743`,
      `${B6} speed 98.4`
    ],
    'av-tsz': [
      `${B6} x 0`,
      `${B6} y 2`,
      `${B6} z 0`,
      `${B6} lat 49.455177`,
      `${B6} long 0.537743`,
      `${B6} speed 100`,
      `${B6} x 0`,
      `${B6} y 3`,
      `${B6} z 0`,
      `${B6} lat 49.455177`,
      `${B6} long 0.537743`,
      `${B6} speed 98.4`
    ],
    'av-task-read': [
      `${B6} task {"uid":"3c12547b613740adb686271bdc8f097c","timestamp":1348836320188,"read":["machine.temperature"]} event`,
      `${B6} task {"uid":"8006cc58ba2141f69161a78f1bfdea1d","timestamp":1348836320566,"write":[{"machine.threshold":25}]} event`
    ],
    'av-task-command': [
      `${B6} task {"uid":"59976b814d0b45d1b12371e66fc87d1f","timestamp":1445527665027,"command":{"id":"home.BedRoom1","params":{"Light":true,"Shutters":true}}} event`
    ],
    'av-task-invalid-json': ['rejected malformed_json'],
    'av-ack-ok': [
      `${B6} response {"correlation":"59976b814d0b45d1b12371e66fc87d1f","ok":true,"detail":null,"value":null} event`,
      '59976b814d0b45d1b12371e66fc87d1f true'
    ],
    'av-cloud-comm': [
      'f89476adad3b4cad97b1ac0a8fe1bf44 int.variable.path 984',
      'f89476adad3b4cad97b1ac0a8fe1bf44 double.variable.path 985.32',
      'f89476adad3b4cad97b1ac0a8fe1bf44 string.variable.path "value"'
    ]
  })
})

test('the times of the fixtures are those that they have', () => {
  // Received soon after they were measured, so that they are believed
  const at = (id: string, now: number): number[] => {
    const { topic, utf8, hex: bytes } = fixtures.get(id)!
    return normalizer(document)(topic, utf8 ?? hex(bytes!), { receivedAt: now }).outcome.datapoints.map(
      ({ observedAt }) => observedAt
    )
  }
  const t = 1_349_907_137_000
  assert.deepEqual(at('av-a-dupkey', t + 60_000), [t, t, t + 1_000_000, t + 2_000_000, t])
  assert.deepEqual(at('av-b-untimestamped', t), [t, t])
  assert.deepEqual(at('av-c-array', 1_416_324_570_000), [1_416_324_560_869, 1_416_324_560_869])
  assert.deepEqual(at('av-e-seconds', t + 60_000), [t])
  assert.deepEqual(at('av-f-nullts', t), [t])
  assert.deepEqual(at('av-g-quoted', 1_426_939_850_000), [1_426_939_843_000])
  const ts = 1_412_320_402_000
  const rows = [...Array<number>(6).fill(ts), ...Array<number>(6).fill(ts + 100)]
  assert.deepEqual(at('av-ts', ts + 60_000), rows)
  assert.deepEqual(at('av-tsz', ts + 60_000), rows)
  assert.deepEqual(at('av-task-read', 1_348_836_330_000), [1_348_836_320_188, 1_348_836_320_566])
  // Of 14 digits is the year 2414 in milliseconds: told apart, and not believed
  assert.deepEqual(
    sayFixture('av-cloud-comm').outcome.datapoints.map(({ clock }) => clock),
    ['ahead', 'ahead', 'ahead']
  )
})

test('no datapoint is lost where a name stands twice, wherever it does', () => {
  assert.deepEqual(
    say(data, '{"1795521599000":{"a":1,"a":2,"b":{"c":3,"c":4}},"a":5,"a":6,"1795521599000":{"a":7}}')
      .datapoints,
    [
      'G1 a 1 (2026-11-24T11:59:59.000Z)',
      'G1 a 2 (2026-11-24T11:59:59.000Z)',
      'G1 b.c 3 (2026-11-24T11:59:59.000Z)',
      'G1 b.c 4 (2026-11-24T11:59:59.000Z)',
      'G1 a 5',
      'G1 a 6',
      'G1 a 7 (2026-11-24T11:59:59.000Z)'
    ]
  )
  const twice = say(
    data,
    '[{"a":[{"timestamp":1795521599000,"value":1}],"a":[{"timestamp":1795521600000,"value":2}]}]'
  )
  assert.deepEqual(twice.datapoints, [
    'G1 a 1 (2026-11-24T11:59:59.000Z)',
    'G1 a 2 (2026-11-24T12:00:00.000Z)'
  ])
  assert.deepEqual(twice.rejections, [])
  // Integers are exact on this way as well, and in what is kept as JSON
  assert.deepEqual(
    say(data, '{"a":9007199254740993,"a":-9007199254740993,"b":[9007199254740993],"c":1.5e3,"d":-0}')
      .datapoints,
    ['G1 a 9007199254740993', 'G1 a -9007199254740993', 'G1 b [9007199254740993]', 'G1 c 1500', 'G1 d 0']
  )
})

test('where the last of two is all that can be kept, it is said', () => {
  const cases: Array<[string, string, string]> = [
    [data, '[{"a":[{"timestamp":null,"value":1,"value":2}]}]', 'G1 a 2'],
    [data, '{"a":[{"b":1,"b":2}]}', 'G1 a [{"b":2}]'],
    ['G1/tasks/json', '[{"uid":"x","uid":"y"}]', 'G1 task {"uid":"y"} event'],
    [
      'G1/acks/json',
      '[{"uid":"x","status":"OK","status":"ERROR"}]',
      'G1 response {"correlation":"x","ok":false,"detail":null,"value":null} event'
    ],
    [
      'OperationStateChange',
      '{"name":"event.operation.state.change","content":{"a":1,"a":2}}',
      'airvantage operation.state.change {"a":2} event'
    ]
  ]
  for (const [topic, payload, datapoint] of cases)
    assert.deepEqual(outcomeOf(say(topic, payload)), [[datapoint], ['duplicate_keys']])
})

test('a number that no double holds costs that datapoint alone', () => {
  const said = say(data, '{"a":1e400,"b":2,"c":[1e400]}')
  assert.deepEqual(said.datapoints, ['G1 b 2'])
  assert.deepEqual(said.rejections, ['number_out_of_range'])
})

test('all shapes may be mixed', () => {
  assert.deepEqual(
    say(data, [
      { '1795521599000': { a: 1 }, b: 2, c: [{ timestamp: 1_795_521_598, value: 3 }, { value: 4 }] },
      { d: { timestamp: '1795521597000', value: 'x' }, e: null, f: true, g: [1, 2], h: {}, i: [] }
    ]).datapoints,
    [
      'G1 a 1 (2026-11-24T11:59:59.000Z)',
      'G1 b 2',
      'G1 c 3 (2026-11-24T11:59:58.000Z)',
      'G1 c 4',
      'G1 d "x" (2026-11-24T11:59:57.000Z)',
      'G1 e null',
      'G1 f true',
      'G1 g [1,2]',
      'G1 h {}',
      'G1 i []'
    ]
  )
  // Shapes H and I, as the samples of Legato and Android send them
  assert.deepEqual(
    say(data, '{"1795521599777":{"room.temperature": 20.1, "room.humidity": 52.3 }}').datapoints,
    [
      'G1 room.temperature 20.1 (2026-11-24T11:59:59.777Z)',
      'G1 room.humidity 52.3 (2026-11-24T11:59:59.777Z)'
    ]
  )
  assert.deepEqual(
    say(
      data,
      '[{"_RSSI":[{"timestamp":1795521599123,"value":-71}],"_LATITUDE":[{"timestamp":1795521599123,"value":43.6}],"phone.alarm":[{"timestamp":1795521599123,"value":true}]}]'
    ).datapoints,
    [
      'G1 _RSSI -71 (2026-11-24T11:59:59.123Z)',
      'G1 _LATITUDE 43.6 (2026-11-24T11:59:59.123Z)',
      'G1 phone.alarm true (2026-11-24T11:59:59.123Z)'
    ]
  )
})

test('a number is a timestamp where it can be one, and a path elsewhere', () => {
  assert.deepEqual(say(data, { '40001': { a: 1 }, '123456789': 2, '1795521599000': 3 }).datapoints, [
    'G1 40001.a 1',
    'G1 123456789 2',
    'G1 1795521599000 3'
  ])
  const at = (key: string): string[] => believed(say(data, { [key]: { a: 1 } }))
  assert.deepEqual(at('1795521599'), ['device -1000'])
  assert.deepEqual(at('1795521599000'), ['device -1000'])
  assert.deepEqual(at('1795521599000000'), ['device -1000'])
  assert.deepEqual(at('1795521599000000000'), ['device -1000'])
  assert.deepEqual(at('17955215990000'), ['ahead 0'])
})

test('the time is that of receipt where none is given, and where none can be read', () => {
  for (const timestamp of [null, '', ' '])
    assert.deepEqual(outcomeOf(say(data, [{ a: [{ timestamp, value: 1 }] }])), [['G1 a 1'], []])
  for (const timestamp of [true, {}, [], 'yesterday', '12:00']) {
    const said = say(data, [{ a: [{ timestamp, value: 1 }] }])
    assert.deepEqual(said.datapoints, ['G1 a 1'])
    assert.deepEqual(said.rejections, ['invalid_timestamp'])
  }
  assert.deepEqual(say(data, [{ a: [{ timestamp: '2026-11-24T11:59:59Z', value: 1 }] }]).datapoints, [
    'G1 a 1 (2026-11-24T11:59:59.000Z)'
  ])
  assert.deepEqual(believed(say(data, [{ a: [{ timestamp: 0, value: 1 }] }])), ['behind 0'])
})

test('the good parts of data are kept', () => {
  const said = say(data, [1, { a: [{ value: 1 }, { timestamp: 1 }, 2, null] }, [], null, 'x', { b: 2 }])
  assert.deepEqual(said.datapoints, ['G1 a 1', 'G1 b 2'])
  assert.deepEqual(said.rejections, ['wrong_shape'])
  assert.match(said.outcome.rejections[0]!.detail, /and 6 more/)
  const reasons = (payload: string | Uint8Array): string[] => say(data, payload).rejections
  assert.deepEqual(reasons(''), ['empty_payload'])
  for (const payload of ['[]', '{}', '[{}]', '{"1795521599000":{}}', '5', '"x"', 'null', 'true'])
    assert.deepEqual(reasons(payload), ['wrong_shape'], payload)
  for (const payload of [
    '{"a":1,}',
    '{a:1}',
    '{"a":1 /* one */}',
    '// x\n{"a":1}',
    '{"a":NaN}',
    '{"a":1',
    '{"a":1,"a":2,}'
  ])
    assert.deepEqual(reasons(payload), ['malformed_json'], payload)
  assert.deepEqual(reasons(hex('fffe00')), ['not_utf8'])
  assert.deepEqual(reasons(`${'['.repeat(10_000)}${']'.repeat(10_000)}`), ['too_deep'])
  assert.deepEqual(reasons(`{"a":1,"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`), ['too_deep'])
  assert.deepEqual(say(data, '\ufeff{"a":1,"a":2}').datapoints, ['G1 a 1', 'G1 a 2'])
  assert.deepEqual(say(data, '\ufeff{"a":9007199254740993}').datapoints, ['G1 a 9007199254740993'])
})

test('objects are paths, to five levels', () => {
  assert.deepEqual(say(data, { a: { b: { c: { d: { e: { f: 1 } } } } }, g: { value: 3 } }).datapoints, [
    'G1 a.b.c.d.e {"f":1}',
    'G1 g.value 3'
  ])
  assert.deepEqual(say(data, '{"a":{"b":{"c":{"d":{"e":{"f":1,"f":2}}}}},"a":1}').datapoints, [
    'G1 a.b.c.d.e {"f":2}',
    'G1 a 1'
  ])
})

test('names of prototypes are names', () => {
  const said = say(
    data,
    '{"__proto__":{"admin":true},"constructor":1,"constructor":2,"toString":[{"__proto__":3,"value":4}]}'
  )
  assert.deepEqual(said.datapoints, [
    'G1 __proto__.admin true',
    'G1 constructor 1',
    'G1 constructor 2',
    'G1 toString 4'
  ])
  assert.deepEqual(say(data, '{"a":[{"__proto__":1,"__proto__":2}]}').datapoints, ['G1 a [{"__proto__":2}]'])
  assert.equal(({} as { admin?: boolean }).admin, undefined)
})

test('without a name that stands twice, both ways of reading are the same', () => {
  const read = (text: string): unknown => {
    const facts = new Facts()
    return readMembers(
      {
        topic: data,
        captures: {},
        kind: 'message',
        payload: Buffer.from(text),
        properties: null,
        receivedAt,
        device: null
      },
      facts
    )
  }
  fc.assert(
    fc.property(fc.json({ noUnicodeString: false, maxDepth: 6 }), (text) => {
      // The second member with the same name makes all be read by the other way
      const members = read(`{"x":${text},"x":0}`)
      assert.ok(members instanceof Members)
      assert.deepEqual(
        toPlain(membersOf(members)![0]![1]),
        read(`[${text}]`) && (read(`[${text}]`) as unknown[])[0]
      )
    })
  )
})

test('values in quotes are what they say, if the option says so', () => {
  const quoted = '{"a":"7","b":"23.2","c":"true","d":"00123","e":"9007199254740993","f":"idle","g":""}'
  assert.deepEqual(say(data, quoted, 'conventions: [airvantage: { unquote: true }]').datapoints, [
    'G1 a 7',
    'G1 b 23.2',
    'G1 c true',
    'G1 d "00123"',
    'G1 e 9007199254740993',
    'G1 f "idle"',
    'G1 g ""'
  ])
  assert.deepEqual(say(data, '{"a":"7"}').datapoints, ['G1 a "7"'])
})

// Time series

const series = (h: unknown, f: unknown, s: unknown): Uint8Array => encode({ h, f, s })
const ts = (payload: Uint8Array): Said => say('G1/messages/ts', payload)
const now = receivedAt - 10_000

test('text, booleans and nulls of a time series', () => {
  // The vendor's fixture of mixed types, from 2014
  const mixed = hex(
    'a3616883736d616368696e652e74656d70657261747572656c6d616368696e652e646f6f726d6d616368696e652e6c6162656c616684fb3ff0000000000000fb4024000000000000fb0000000000000000fb000000000000000061738c1b00000148d4db1a5018ebf56469646c651903e8f6f4f61901f424f66372756e'
  )
  const said = normalizer(document)('G1/messages/ts', mixed, { receivedAt: 1_412_320_500_000 })
  assert.deepEqual(said.datapoints, [
    'G1 machine.temperature 23.5 (2014-10-03T07:13:22.000Z)',
    'G1 machine.door true (2014-10-03T07:13:22.000Z)',
    'G1 machine.label "idle" (2014-10-03T07:13:22.000Z)',
    'G1 machine.door false (2014-10-03T07:13:23.000Z)',
    'G1 machine.temperature 23 (2014-10-03T07:13:23.500Z)',
    'G1 machine.label "run" (2014-10-03T07:13:23.500Z)'
  ])
  assert.deepEqual(said.rejections, [])
})

test('differences add up as they were encoded, and a null does not begin anew', () => {
  const rows = [now, null, ...Array.from({ length: 9 }, () => [1000, 1]).flat()]
  assert.deepEqual(
    ts(series(['a'], [1, 10], rows)).outcome.datapoints.map(({ number }) => number),
    // Not 0.1 + 0.1 + 0.1, which is 0.30000000000000004
    [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
  )
  assert.deepEqual(ts(series(['a', 'b'], [1, 1, 1], [now, 5, 7, 1000, null, 1, 1000, 2, null])).datapoints, [
    'G1 a 5 (2026-11-24T11:59:50.000Z)',
    'G1 b 7 (2026-11-24T11:59:50.000Z)',
    'G1 b 8 (2026-11-24T11:59:51.000Z)',
    'G1 a 7 (2026-11-24T11:59:52.000Z)'
  ])
})

test('integers beyond 2^53 stay exact, and floats are floats', () => {
  const big = 9_007_199_254_740_993n
  assert.deepEqual(ts(series(['a'], [1, 1], [now, big, 0, 2, 0, -big, 0, 1e300])).datapoints, [
    'G1 a 9007199254740993 (2026-11-24T11:59:50.000Z)',
    'G1 a 9007199254740995 (2026-11-24T11:59:50.000Z)',
    'G1 a 2 (2026-11-24T11:59:50.000Z)',
    'G1 a 1e+300 (2026-11-24T11:59:50.000Z)'
  ])
  assert.deepEqual(
    ts(series(['a'], [1, 1], [now, Number.MAX_SAFE_INTEGER, 0, 2, 0, -2])).outcome.datapoints.map(
      ({ type }) => type
    ),
    ['number', 'integer', 'number']
  )
})

test('any series that is encoded by the rule is decoded as it was', () => {
  const cell = fc.oneof(fc.constant(null), fc.integer({ min: -1e9, max: 1e9 }))
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }).chain((paths) =>
        fc.record({
          factors: fc.array(fc.constantFrom(1, 10, 100, 1e6), { minLength: paths, maxLength: paths }),
          rows: fc.array(fc.array(cell, { minLength: paths, maxLength: paths }), { maxLength: 20 })
        })
      ),
      ({ factors, rows }) => {
        const last = factors.map(() => 0)
        const samples = rows.flatMap((row, index) => [
          index === 0 ? now : 7,
          ...row.map((value, column) => {
            if (value === null) return null
            const delta = value - last[column]!
            last[column] = value
            return delta
          })
        ])
        const expected = rows.flatMap((row, index) =>
          row.flatMap((value, column) =>
            value === null ? [] : [[`p${column}`, value / factors[column]!, now + 7 * index]]
          )
        )
        const paths = factors.map((_, column) => `p${column}`)
        const { outcome } = ts(series(paths, [1, ...factors], samples))
        assert.deepEqual(
          outcome.datapoints.map(({ metric, number, observedAt }) => [metric, number, observedAt]),
          expected.map(([path, value, at]) => [path, value === 0 ? 0 : value, at])
        )
      }
    )
  )
})

test('what is no time series is rejected, and says why', () => {
  const row = [now, 1]
  const broken: Array<[string, Uint8Array, RegExp]> = [
    ['no CBOR', hex('ff'), /break/],
    ['truncated', series(['a'], [1, 1], row).subarray(0, -1), /CBOR/],
    ['bytes behind it', Buffer.concat([series(['a'], [1, 1], row), hex('00')]), /CBOR/],
    ['a list', encode([1]), /no map/],
    ['no samples', encode({ h: ['a'], f: [1, 1] }), /no list "s"/],
    ['no paths', series([], [1], []), /no paths/],
    ['a path that is none', series([1], [1, 1], row), /path is no text/],
    ['a factor too few', series(['a'], [1], row), /1 paths have 1 factors/],
    ['a factor too many', series(['a'], [1, 1, 1], row), /1 paths have 3 factors/],
    ['a factor that is none', series(['a'], [1, null], row), /factor is no number/],
    ['a factor that is infinite', series(['a'], [1, Infinity], row), /factor is no number/],
    ['a timestamp without factor', series(['a'], [0, 1], row), /timestamp is 0/],
    ['half a row', series(['a'], [1, 1], [now, 1, 1000]), /3 samples are no rows of 2/],
    ['a list in a list', series(['a'], [1, 1], [now, [1]]), /nested/],
    ['a map in a list', series(['a'], [1, 1], [now, { a: 1 }]), /nested/],
    ['a tag', Buffer.concat([hex('a3616881616161668201016173c1'), encode(row)]), /tag/],
    ['a name twice', Buffer.concat([hex('a3616881616161688161616173'), encode(row)]), /repeat map key/],
    ['an integer longer than it has to be', hex('a361688161616166820101617382180101'), /CBOR/],
    ['depth', Buffer.from(`${'81'.repeat(100_000)}00`, 'hex'), /nested/],
    ['tags', Buffer.from(`${'c1'.repeat(100_000)}00`, 'hex'), /tag/],
    ['a length that is not there', hex('9a7fffffff'), /CBOR/]
  ]
  for (const [what, payload, detail] of broken) {
    const said = ts(payload)
    assert.deepEqual(said.rejections, ['wrong_shape'], what)
    assert.match(said.outcome.rejections[0]!.detail, detail, what)
    assert.deepEqual(said.datapoints, [], what)
  }
  assert.deepEqual(ts(new Uint8Array()).rejections, ['empty_payload'])
  assert.deepEqual(say('G1/messages/tsz', new Uint8Array()).rejections, ['empty_payload'])
})

test('samples that are no values cost their datapoint alone', () => {
  const said = ts(
    series(['a', 'b'], [1, 1, 0], [now, NaN, 'x', 0, Infinity, 5, 0, 3, true, 0, hex('00'), null])
  )
  assert.deepEqual(said.datapoints, [
    'G1 b "x" (2026-11-24T11:59:50.000Z)',
    'G1 a 3 (2026-11-24T11:59:50.000Z)',
    'G1 b true (2026-11-24T11:59:50.000Z)'
  ])
  assert.deepEqual(said.rejections, ['wrong_shape'])
  assert.match(said.outcome.rejections[0]!.detail, /and 3 more/)
  const untimed = ts(series(['a'], [1, 1], [null, 1, 'x', 1, now, 1]))
  assert.deepEqual(untimed.datapoints, ['G1 a 1', 'G1 a 2', 'G1 a 3 (2026-11-24T11:59:50.000Z)'])
  assert.deepEqual(untimed.rejections, ['invalid_timestamp'])
})

test('lists of indefinite length are read as others', () => {
  const said = ts(hex('bf61689f6161ff61669f0101ff61739f1b000001a20d6d32f001ffff'))
  assert.deepEqual(said.datapoints, ['G1 a 1 (2026-11-24T11:59:50.000Z)'])
})

test('compressed series are zlib, whole, and bounded', () => {
  const tsz = (payload: Uint8Array): Said => say('G1/messages/tsz', payload)
  const plain = series(['a'], [1, 1], [now, 1])
  const packed = deflateSync(plain, { level: 9 })
  assert.deepEqual(tsz(packed).datapoints, ['G1 a 1 (2026-11-24T11:59:50.000Z)'])
  const bomb = deflateSync(Buffer.alloc(defaultLimits.decompressedBytesMax + 1))
  assert.ok(bomb.length < 20_000)
  const wrong = Buffer.from(packed)
  wrong[wrong.length - 1]! ^= 1
  const broken: Array<[string, Uint8Array, RegExp]> = [
    ['not compressed', plain, /header/],
    ['gzip', gzipSync(plain), /zlib data/],
    ['truncated', packed.subarray(0, -5), /unexpected end/],
    ['another checksum', wrong, /check/],
    ['bytes behind it', Buffer.concat([packed, hex('0000')]), /2 bytes stand behind/],
    ['a bomb', bomb, /more than 16777216/],
    ['twice', Buffer.concat([packed, packed]), /stand behind/]
  ]
  for (const [what, payload, detail] of broken) {
    const said = tsz(payload)
    assert.deepEqual(said.rejections, ['wrong_shape'], what)
    assert.match(said.outcome.rejections[0]!.detail, detail, what)
    assert.deepEqual(said.datapoints, [], what)
  }
})

test('a series that compresses well loses nothing: it is measured by what it was', () => {
  const rows = Array.from({ length: 9_000 }, () => [1, 0]).flat()
  const packed = deflateSync(series(['temperature'], [1, 1], [now, 1, ...rows.slice(2)]), { level: 9 })
  assert.ok(packed.length < 1_000, `${packed.length}`)
  const said = say('G1/messages/tsz', packed)
  assert.deepEqual([said.outcome.datapoints.length, said.rejections], [9_000, []])
})

test('a message brings ten thousand datapoints, and work ends there', () => {
  const nulls = deflateSync(encode({ h: ['a'], f: [1, 1], s: [now, ...Array<null>(2_000_001).fill(null)] }))
  assert.match(say('G1/messages/tsz', nulls).outcome.rejections[0]!.detail, /more than 1000000 items/)
  const many = { a: Array.from({ length: 20_000 }, (_, value) => ({ value })) }
  for (const said of [
    say(data, many),
    say(data, [many, many]),
    say(data, Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`p${index}`, index]))),
    say(
      'G1/tasks/json',
      Array.from({ length: 20_000 }, () => ({ uid: 'x' }))
    ),
    say(
      'G1/acks/json',
      Array.from({ length: 20_000 }, () => ({ uid: 'x', status: 'OK' }))
    ),
    say('G1/messages/ts', series(['a'], [1, 1], Array.from({ length: 20_000 }, () => [0, 1]).flat()))
  ]) {
    assert.equal(said.datapoints.length, 10_000)
    assert.ok(said.rejections.includes('too_many_datapoints'))
  }
})

// Tasks, acks, trace lines

test('an ack answers its uid, several of them in one message', () => {
  const said = say(
    'G1/acks/json',
    '[{"uid": "a1", "status" : "OK"},{"uid": "b2", "status" : "ERROR", "message" : "unknown command"},{"uid":"c3","status":"BUSY"}]'
  )
  assert.deepEqual(said.responses, [
    { device: 'G1', correlation: 'a1', ok: true },
    { device: 'G1', correlation: 'b2', ok: false },
    { device: 'G1', correlation: 'c3', ok: null }
  ])
  assert.deepEqual(
    said.datapoints[1],
    'G1 response {"correlation":"b2","ok":false,"detail":"unknown command","value":null} event'
  )
  assert.deepEqual(said.rejections, ['wrong_shape'])
  assert.deepEqual(say('G1/acks/json', { uid: 'a1', status: 'OK' }).responses, [
    { device: 'G1', correlation: 'a1', ok: true }
  ])
  for (const payload of [
    '[{"status":"OK"}]',
    '[{"uid":7,"status":"OK"}]',
    '[{"uid":"","status":"OK"}]',
    '["a1"]',
    '7'
  ]) {
    assert.deepEqual(say('G1/acks/json', payload).rejections, ['wrong_shape'], payload)
    assert.deepEqual(say('G1/acks/json', payload).responses, [], payload)
  }
})

test('tasks are events, and not heard from the device', () => {
  const run = normalizer('conventions: [airvantage: { offlineAfter: 90s }]')
  const said = run('G1/tacks/json', { uid: 'a', timestamp: 1_795_521_599_000, read: ['x'] })
  assert.deepEqual(said.datapoints, [
    'G1 task {"uid":"a","timestamp":1795521599000,"read":["x"]} (2026-11-24T11:59:59.000Z) event'
  ])
  assert.deepEqual(said.outcome.devices, [])
  assert.deepEqual(said.presence, [])
  const told = run(data, { a: 1 })
  assert.deepEqual(told.outcome.devices, ['G1'])
  assert.deepEqual(told.presence, ['G1 online seen'])
  assert.deepEqual(say('G1/tasks/json', '[{"uid":"a","timestamp":"soon"},5]').rejections, [
    'invalid_timestamp',
    'wrong_shape'
  ])
  assert.deepEqual(say('G1/tasks/json', '').rejections, ['empty_payload'])
})

test('trace lines are events of the device, or of the platform', () => {
  assert.deepEqual(say('errors', 'No such system').datapoints, ['airvantage errors "No such system" event'])
  assert.deepEqual(say('G1/errors', 'x').outcome.devices, [], 'AirVantage says it, not the device')
  assert.deepEqual(say('errors', 'x').outcome.devices, ['airvantage'])
  assert.deepEqual(say('G1/errors', 'line 1\nline 2').datapoints, ['G1 errors "line 1\\nline 2" event'])
  assert.deepEqual(
    say('trace/G1', 'x', 'conventions: [airvantage: { errors: ["trace/{device}"], platform: av }]')
      .datapoints,
    ['G1 errors "x" event']
  )
  assert.deepEqual(say('errors', 'x', 'conventions: [airvantage: { platform: av }]').datapoints, [
    'av errors "x" event'
  ])
  assert.deepEqual(say('errors', hex('ff')).rejections, ['not_utf8'])
  assert.deepEqual(say('errors', '').rejections, ['empty_payload'])
})

test('what AirVantage hands on', () => {
  const said = say('MonitoringData', {
    name: 'event.system.incoming.communication',
    date: receivedAt,
    content: {
      'system.id': 's1',
      'message.id': 'm1',
      '1795521599000': { a: 1, b: 'x' },
      '1795521600000': { a: 2 }
    }
  })
  assert.deepEqual(said.datapoints, [
    's1 a 1 (2026-11-24T11:59:59.000Z)',
    's1 b "x" (2026-11-24T11:59:59.000Z)',
    's1 a 2 (2026-11-24T12:00:00.000Z)'
  ])
  assert.deepEqual(said.rejections, [])
  const other = { 'system.id': 's1', '1795521599000': { a: 1 }, other: { b: 2 } }
  assert.deepEqual(
    outcomeOf(say('MonitoringData', { name: 'event.system.incoming.communication', content: other })),
    [['s1 a 1 (2026-11-24T11:59:59.000Z)'], ['wrong_shape']]
  )
  const content = { 'operation.uid': 'o', 'operation.state.new': 'FINISHED' }
  assert.deepEqual(
    say('OperationStateChange', { name: 'event.operation.state.change', date: 1_795_521_599_000, content })
      .datapoints,
    [
      'airvantage operation.state.change {"operation.uid":"o","operation.state.new":"FINISHED"} (2026-11-24T11:59:59.000Z) event'
    ]
  )
  const alert = { 'system.id': 's1', 'rule.name': 'hot' }
  const heard = (name: string, given: object): string[] =>
    say('MonitoringData', { name, content: given }).outcome.devices
  assert.deepEqual(heard('event.alert.rule.triggered', alert), [], 'AirVantage says it of the device')
  assert.deepEqual(heard('event.operation.state.change', content), ['airvantage'])
  assert.deepEqual(heard('event.system.incoming.communication', other), ['s1'])
  assert.deepEqual(say('MonitoringData', { name: 'event.alert.rule.triggered', content: alert }).datapoints, [
    's1 alert.rule.triggered {"system.id":"s1","rule.name":"hot"} event'
  ])
  for (const payload of [
    '{}',
    '[]',
    '5',
    '{"name":"event.x"}',
    '{"name":"event.x","content":[]}',
    '{"name":"other","content":{}}',
    '{"name":5,"content":{}}',
    '{"name":"event.system.incoming.communication","content":{}}',
    '{"name":"event.system.incoming.communication","content":{"system.id":7,"1795521599000":{"a":1}}}',
    '{"name":"event.system.incoming.communication","content":{"system.id":"s1"}}',
    '{"name":"event.system.incoming.communication","content":{"system.id":"s1","other":{"a":1}}}'
  ]) {
    assert.deepEqual(say('MonitoringData', payload).rejections, ['wrong_shape'], payload)
    assert.deepEqual(say('MonitoringData', payload).datapoints, [], payload)
  }
})

test('presence by words, where a topic for it is named', () => {
  const text =
    'conventions: [airvantage: { availability: ["status/{device}"], online: [up], offline: [down, lost] }]'
  const run = normalizer(text)
  assert.deepEqual(run('status/G1', 'up\n').presence, ['G1 online availability'])
  assert.deepEqual(run('status/G1', 'lost').presence, ['G1 offline availability'])
  assert.deepEqual(run('status/G1', '', { kind: 'cleared' }).presence, ['G1 unknown availability'])
  assert.deepEqual(run('status/G1', 'online').rejections, ['unknown_presence'])
  assert.deepEqual(run('status/G1', '').rejections, ['unknown_presence'])
  assert.deepEqual(run('status/G1', hex('ff')).rejections, ['not_utf8'])
  assert.throws(
    () => normalizer('conventions: [airvantage: { availability: [status] }]'),
    /status does not name a device/
  )
})

test('a prefix stands before all topics', () => {
  const run = normalizer('conventions: [airvantage: { prefix: av/eu, availability: ["{device}/status"] }]')
  assert.deepEqual(run('av/eu/G1/messages/json', { a: 1 }).datapoints, ['G1 a 1'])
  assert.deepEqual(run('av/eu/errors', 'x').datapoints, ['airvantage errors "x" event'])
  assert.deepEqual(run('av/eu/G1/status', 'online').presence, ['G1 online availability'])
  assert.equal(run('G1/messages/json', { a: 1 }).outcome.mapping, null)
})

test('a retained message that is gone says nothing', () => {
  const run = normalizer(document)
  for (const topic of [
    'G1/messages/json',
    'G1/messages/ts',
    'G1/messages/tsz',
    'G1/tasks/json',
    'G1/acks/json',
    'errors',
    'MonitoringData'
  ]) {
    const said = run(topic, '', { kind: 'cleared' })
    assert.deepEqual(
      [said.datapoints, said.presence, said.rejections, said.responses],
      [[], [], [], []],
      topic
    )
  }
})
