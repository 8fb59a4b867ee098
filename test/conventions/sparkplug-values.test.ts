/** Sparkplug's data types: what is on the wire, and what becomes of it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { datatypes } from '../../src/conventions/sparkplug/datatypes.ts'
import { encodePayload } from '../../src/conventions/sparkplug/payload.ts'
import { hex, normalizer } from './say.ts'
import { metric, payload } from './sparkplug-messages.ts'
import type { DatatypeName } from './sparkplug-messages.ts'

const time = '(2026-11-24T11:59:59.000Z)'

/** What a birth with this one metric says, in the words of say.ts: a value, or the reason and why. */
function read(type: DatatypeName | number, wire: object): string {
  const datatype = typeof type === 'number' ? type : datatypes[type]
  const said = normalizer('conventions: [sparkplug]')(
    'spBv1.0/G1/NBIRTH/E1',
    payload(0, [{ name: 'x', datatype, ...wire }])
  )
  assert.deepEqual(said.presence, ['G1/E1 online birth'])
  if (said.rejections.length > 0) return `${said.rejections.join()}: ${said.outcome.rejections[0]!.detail}`
  return said.datapoints[0]!.replace(/^G1\/E1 x /, '').replace(` ${time}`, '')
}

const bytes = (text: string): object => ({ bytesValue: hex(text.replaceAll(/[ ,]|0x/g, '')) })

test('integers are two’s complement of their own width, or of the field’s', () => {
  const cases: Array<[DatatypeName, object, string]> = [
    ['Int8', { intValue: 251 }, '-5'],
    ['Int8', { intValue: 4294967291 }, '-5'],
    ['Int8', { intValue: 127 }, '127'],
    ['Int8', { intValue: 128 }, '-128'],
    ['Int16', { intValue: 0x8ad0 }, '-30000'],
    ['Int16', { intValue: 4294937296 }, '-30000'],
    ['Int16', { intValue: 30000 }, '30000'],
    ['Int32', { intValue: 4294967291 }, '-5'],
    ['Int32', { intValue: 2147483647 }, '2147483647'],
    ['Int32', { longValue: 4294967291 }, '-5'],
    ['Int32', { longValue: 2n ** 64n - 5n }, '-5'],
    ['Int64', { longValue: 2n ** 64n - 1n }, '-1'],
    ['Int64', { longValue: 2n ** 63n }, '-9223372036854775808'],
    ['Int64', { longValue: 2n ** 53n + 1n }, '9007199254740993'],
    ['Int64', { intValue: 7 }, '7'],
    ['UInt8', { intValue: 250 }, '250'],
    ['UInt8', { intValue: 4294967295 }, '255'],
    ['UInt16', { intValue: 52360 }, '52360'],
    ['UInt32', { intValue: 4294967295 }, '4294967295'],
    ['UInt32', { longValue: 4294967295 }, '4294967295'],
    ['UInt32', { longValue: 2n ** 64n - 1n }, '4294967295'],
    ['UInt64', { longValue: 2n ** 64n - 1n }, '18446744073709551615'],
    ['UInt64', { longValue: 2 ** 53 - 1 }, '9007199254740991'],
    // Wider than the type: as it came
    ['Int8', { intValue: 300 }, '300'],
    ['UInt8', { intValue: 300 }, '300'],
    ['Int16', { intValue: 70000 }, '70000']
  ]
  for (const [type, wire, value] of cases)
    assert.equal(read(type, wire), value, `${type} ${Object.values(wire).join()}`)
})

test('numbers, booleans, texts and times', () => {
  assert.equal(read('Float', { floatValue: 12.1 }), '12.100000381469727')
  assert.equal(read('Float', { doubleValue: 0.1 }), '0.1')
  assert.equal(read('Double', { doubleValue: -0.1 }), '-0.1')
  assert.equal(read('Double', { intValue: 3 }), '3')
  assert.equal(read('Double', { doubleValue: NaN }), 'null quality=NaN')
  assert.equal(read('Float', { floatValue: -Infinity }), 'null quality=-Infinity')
  assert.equal(read('Boolean', { booleanValue: false }), 'false')
  assert.equal(read('Boolean', { intValue: 1 }), 'true')
  assert.equal(read('String', { stringValue: 'a\0é' }), JSON.stringify('a\0é'))
  assert.equal(read('Text', { stringValue: '' }), '""')
  assert.equal(
    read('UUID', { stringValue: '1b4e28ba-2fa1-11d2-883f-0016d3cca427' }),
    '"1b4e28ba-2fa1-11d2-883f-0016d3cca427"'
  )
  assert.equal(read('DateTime', { longValue: 1486144502122 }), '"2017-02-03T17:55:02.122Z"')
  assert.equal(read('DateTime', { longValue: 2n ** 64n - 1n }), '"1969-12-31T23:59:59.999Z"')
  assert.match(
    read('DateTime', { longValue: 2n ** 62n }),
    /^number_out_of_range: "x": 4611686018427387904 milliseconds/
  )
  assert.equal(read('Bytes', bytes('00ff')), '0x00ff')
  assert.equal(read('File', bytes('')), '0x')
})

test('arrays, by the examples of the specification', () => {
  const cases: Array<[DatatypeName, string, string]> = [
    ['Int8Array', '0xEF, 0x7B', '[-17,123]'],
    ['Int16Array', '0xD0, 0x8A, 0x30, 0x75', '[-30000,30000]'],
    ['Int32Array', '0xFF, 0xFF, 0xFF, 0xFF, 0xFA, 0xAF, 0xCB, 0x12', '[-1,315338746]'],
    [
      'Int64Array',
      '0xCE, 0x06, 0x72, 0xAC, 0x18, 0x9C, 0xBA, 0xC4, 0xC4, 0xBA, 0x9C, 0x18, 0xAC, 0x72, 0x06, 0xCE',
      '[-4270929666821191986,-3601064768563266876]'
    ],
    ['UInt8Array', '0x17, 0xFA', '[23,250]'],
    ['UInt16Array', '0x1E, 0x00, 0x88, 0xCC', '[30,52360]'],
    ['UInt32Array', '0x34, 0x00, 0x00, 0x00, 0x49, 0xFB, 0x55, 0xC4', '[52,3293969225]'],
    [
      'UInt64Array',
      '0x34, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xD9, 0x9E, 0x02, 0xD1, 0xB2, 0x76, 0x37, 0xE4',
      '[52,16444743074749521625]'
    ],
    // These two, and the last, are printed otherwise there; the rule above them is little-endian, and eight bytes
    [
      'FloatArray',
      '0xA4, 0x70, 0x9D, 0x3F, 0x98, 0xAE, 0xB2, 0x42',
      '[1.2300000190734863,89.34100341796875]'
    ],
    ['DoubleArray', '0xD7, 0xA2, 0x05, 0x68, 0x5B, 0xB5, 0x28, 0x40', '[12.354213]'],
    [
      'BooleanArray',
      '0x0C, 0x00, 0x00, 0x00, 0x34, 0xDF',
      '[false,false,true,true,false,true,false,false,true,true,false,true]'
    ],
    ['StringArray', '0x41, 0x42, 0x43, 0x00, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x00', '["ABC","hello"]'],
    ['StringArray', '0x00, 0x00, 0x41', '["","","A"]'],
    ['DateTimeArray', '0xC7, 0xD0, 0x90, 0x75, 0x24, 0x01, 0x00, 0x00', '["2009-10-21T05:27:55.335Z"]'],
    ['FloatArray', '0x00, 0x00, 0xC0, 0x7F', '[null]'],
    ['Int32Array', '', '[]'],
    ['BooleanArray', '0x00, 0x00, 0x00, 0x00', '[]'],
    ['StringArray', '', '[]']
  ]
  for (const [type, packed, value] of cases) assert.equal(read(type, bytes(packed)), value, type)
})

test('arrays that are none', () => {
  for (const type of ['Int16Array', 'UInt32Array', 'Int64Array', 'DoubleArray', 'DateTimeArray'] as const)
    assert.match(read(type, bytes('000001')), /^wrong_shape: "x": 3 bytes are no whole number of items/)
  assert.match(read('BooleanArray', bytes('0100')), /begins with a count/)
  assert.match(read('BooleanArray', bytes('ffffffff00')), /of 4294967295 items in 1 bytes/)
  assert.match(
    read('Int8Array', { bytesValue: new Uint8Array(2 ** 20) }),
    /^value_too_large: "x": 1048576 items/
  )
  assert.match(read('StringArray', { bytesValue: new Uint8Array(2 ** 20 + 1) }), /^value_too_large/)
  assert.match(read('DateTimeArray', bytes('00000000000000 40')), /^number_out_of_range/)
  assert.match(read('Int8Array', { stringValue: '[1]' }), /It is Int8Array, and comes as string_value/)
})

test('a DataSet is columns, types and rows', () => {
  const columns = ['i', 'l', 'u', 'f', 'b', 's', 't']
  const types = [3, 4, 8, 9, 11, 12, 13]
  const row = [
    { intValue: 4294967291 },
    { longValue: 2n ** 64n - 1n },
    { longValue: 2n ** 64n - 1n },
    { floatValue: NaN },
    { booleanValue: false },
    { stringValue: 'x' },
    { longValue: 0 }
  ]
  const datasetValue = {
    numOfColumns: 7,
    columns,
    types,
    rows: [{ elements: row }, { elements: [{}] }, { elements: [{ stringValue: '5' }] }]
  }
  assert.equal(
    read('DataSet', { datasetValue }),
    '{"columns":["i","l","u","f","b","s","t"],"types":["Int32","Int64","UInt64","Float","Boolean","String","DateTime"],' +
      '"rows":[[-5,-1,18446744073709551615,null,false,"x","1970-01-01T00:00:00.000Z"],[null],[null]]}'
  )
  assert.equal(
    read('DataSet', { datasetValue: { rows: [{ elements: [{ intValue: 5 }] }] } }),
    '{"columns":[],"types":[],"rows":[[5]]}'
  )
})

test('what comes as something else than its type is rejected, and is no other’s fault', () => {
  const said = normalizer('conventions: [sparkplug]')(
    'spBv1.0/G1/NBIRTH/E1',
    payload(0, [
      ...(Object.entries(datatypes) as Array<[DatatypeName, number]>)
        .filter(([name]) => name !== 'Template')
        .map(([name, datatype]) => ({
          name,
          datatype,
          ...(['String', 'Text', 'UUID'].includes(name) ? { floatValue: 1 } : { stringValue: 'x' })
        })),
      metric('good', 'Int32', 1)
    ])
  )
  assert.deepEqual(said.datapoints, [`G1/E1 good 1 ${time}`])
  assert.match(
    said.outcome.rejections[0]!.detail,
    /^"Int8": It is Int8, and comes as string_value \(and 32 more/
  )
})

/** Values that fit each type, as they are shown. */
const fitting: Record<string, fc.Arbitrary<unknown>> = {
  Int8: fc.integer({ min: -128, max: 127 }),
  Int16: fc.integer({ min: -32768, max: 32767 }),
  Int32: fc.integer(),
  Int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  UInt8: fc.integer({ min: 0, max: 255 }),
  UInt16: fc.integer({ min: 0, max: 65535 }),
  UInt32: fc.integer({ min: 0, max: 4294967295 }),
  UInt64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  Float: fc.float({ noNaN: true, noDefaultInfinity: true }),
  Double: fc.double({ noNaN: true, noDefaultInfinity: true }),
  Boolean: fc.boolean(),
  String: fc.string(),
  Text: fc.string({ unit: 'grapheme' }),
  UUID: fc.uuid(),
  DateTime: fc
    .date({
      min: new Date('0000-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true
    })
    .map((date) => date.toISOString())
}

/** Digits of integers as they are; a float beyond 2^53 may be written in more ways than one, and -0 is 0. */
const same = (name: string, shown: string): unknown =>
  name === 'Float' || name === 'Double'
    ? JSON.parse(shown, (_, value: unknown) => (value === 0 ? 0 : value))
    : shown

const digits = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `digits:${value}` : value)
const show = (value: unknown): string => JSON.stringify(value, digits).replaceAll(/"digits:(-?\d+)"/g, '$1')

for (const [name, arbitrary] of Object.entries(fitting)) {
  const texts = fc.string().filter((text) => !text.includes('\0'))
  const check = (type: string, values: fc.Arbitrary<unknown>): void =>
    fc.assert(
      fc.property(values, (value) => {
        const shown = read(type as DatatypeName, metric('x', type as DatatypeName, value))
        assert.deepEqual(same(name, shown), same(name, show(value)))
      })
    )
  test(`every value of ${name} is written and read again as it is`, () => check(name, arbitrary))
  if (Object.hasOwn(datatypes, `${name}Array`))
    test(`every ${name}Array is written and read again as it is`, () =>
      check(`${name}Array`, fc.array(name === 'String' ? texts : arbitrary)))
}

test('fields that are not known are passed over', () => {
  const known = encodePayload({ seq: 3, metrics: [metric('x', 'Int32', 1)] })
  // Field 19 of the payload, as an extension would have it
  const said = normalizer('conventions: [sparkplug]')(
    'spBv1.0/G1/NBIRTH/E1',
    Buffer.concat([known, hex('9a0103616263')])
  )
  assert.deepEqual(said.datapoints, ['G1/E1 x 1'])
})
