import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Datapoint, MetricType } from '../../src/datapoints.ts'
import { toDatapointView } from '../../src/device-views.ts'
import { datapointColumns, toDatapointCells, toLine } from '../../src/history/exchange.ts'
import type { LineBounds } from '../../src/history/import-line.ts'
import { readCells, readHeader, readMembers } from '../../src/history/import-line.ts'
import type { LineFault } from '../../src/history/import-value.ts'
import { readImported, writeImported } from '../../src/history/imported.ts'
import { defaultLimits } from '../../src/limits.ts'
import { anyDatapoint, lastAt } from './any-datapoint.ts'

const bounds: LineBounds = { ...defaultLimits, now: lastAt }
const members = { device: 'd', metric: 'm', observedAt: '2026-03-14T08:00:00Z', value: 1 }

const bytes = (text: string): Buffer => Buffer.from(text)

const ofPlace = ({ seq: _seq, n: _n, ...rest }: Datapoint) => ({
  ...rest,
  exact: rest.exact && Buffer.from(rest.exact)
})

test('what export writes as NDJSON is read without loss', () => {
  fc.assert(
    fc.property(anyDatapoint, fc.option(fc.string()), (given, cursor) => {
      const line = JSON.stringify(toLine(toDatapointView(given), cursor))
      assert.deepEqual(readMembers(JSON.parse(line), bounds), ofPlace(given))
    }),
    { numRuns: 2_000 }
  )
})

test('what export writes as CSV is read without loss', () => {
  const header = readHeader(datapointColumns)
  fc.assert(
    fc.property(anyDatapoint, fc.option(fc.string()), (given, cursor) => {
      const cells = toDatapointCells(toDatapointView(given), cursor).map((cell) => cell ?? '')
      assert.deepEqual(readCells(header, cells, bounds), ofPlace(given))
    }),
    { numRuns: 2_000 }
  )
})

test('what the journal keeps is read as it was written', () => {
  fc.assert(
    fc.property(fc.array(anyDatapoint, { minLength: 1 }), (given) => {
      const all = given.map((one) => {
        const { topic: _topic, ...rest } = ofPlace(one)
        return { ...rest, device: 'd\u2028"' }
      })
      assert.deepEqual(readImported(writeImported('d\u2028"', all)), all)
    })
  )
})

test('what a later version wrote is not guessed at', () => {
  assert.throws(() => readImported(bytes('{"v":2,"device":"d"}\n[]')), /version 2/)
})

test('only the needed members: the rest is as documented', () => {
  assert.deepEqual(readMembers(members, bounds), {
    device: 'd',
    metric: 'm',
    type: 'number',
    number: 1,
    exact: null,
    observedAt: Date.parse('2026-03-14T08:00:00Z'),
    receivedAt: Date.parse('2026-03-14T08:00:00Z'),
    unit: null,
    quality: null,
    role: 'historical',
    clock: 'device',
    topic: 'rialto/import'
  })
})

const typeOf = (given: object): [MetricType, unknown] => {
  const { type, number, exact } = readMembers({ ...members, ...given }, bounds)
  return [type, exact === null ? number : Buffer.from(exact).toString()]
}

for (const [given, expected] of [
  [{ value: null }, ['null', null]],
  [{ value: 'x' }, ['text', 'x']],
  [{ value: '' }, ['text', '']],
  [{ value: true }, ['boolean', 1]],
  [{ value: { a: [1] } }, ['json', '{"a":[1]}']],
  [{ value: 7, type: 'integer' }, ['number', 7]],
  [{ value: 9007199254740992, valueText: '9007199254740993' }, ['integer', '9007199254740993']],
  [{ value: undefined, valueText: '9007199254740993', type: 'integer' }, ['integer', '9007199254740993']],
  [{ value: undefined, valueText: '1.50', type: 'number' }, ['number', 1.5]],
  [{ value: undefined, valueBase64: 'AAE=' }, ['bytes', '\0\u0001']],
  [{ value: null, valueText: '1e999', type: 'json' }, ['json', '1e999']],
  [{ value: 'a', type: 'json' }, ['json', '"a"']],
  [{ value: '\0' }, ['text', '\0']]
] as const) {
  test(`${JSON.stringify(given)} is ${expected.join(' ')}`, () => assert.deepEqual(typeOf(given), expected))
}

for (const [cell, type, expected] of [
  ['1', '', ['number', 1]],
  ['-1.5e3', '', ['number', -1500]],
  ['01', '', ['text', '01']],
  ['true', '', ['text', 'true']],
  ['', '', ['null', null]],
  ['', 'text', ['text', '']],
  ['1', 'text', ['text', '1']],
  ['true', 'boolean', ['boolean', 1]],
  ['9007199254740993', '', ['integer', '9007199254740993']],
  ['9007199254740993', 'number', ['number', 9007199254740992]],
  ['=1+1', '', ['text', '=1+1']]
] as const) {
  test(`a cell ${JSON.stringify(cell)} of type ${type || 'unknown'} is ${expected.join(' ')}`, () => {
    const names = ['device', 'metric', 'observedAt', 'value', 'type']
    const read = readCells(names, ['d', 'm', members.observedAt, cell, type], bounds)
    assert.deepEqual(
      [read.type, read.exact === null ? read.number : Buffer.from(read.exact).toString()],
      expected
    )
  })
}

for (const [given, member, code, detail] of [
  [[], '', 'invalid_value', /object/],
  ['x', '', 'invalid_value', /object/],
  [null, '', 'invalid_value', /object/],
  [{ ...members, extra: 1 }, 'extra', 'unknown_field', /not known/],
  [{ ...members, device: undefined }, 'device', 'invalid_value', /missing/],
  [{ ...members, device: '' }, 'device', 'invalid_value', /empty/],
  [{ ...members, device: 5 }, 'device', 'invalid_value', /text/],
  [{ ...members, device: 'x'.repeat(1_025) }, 'device', 'invalid_value', /longer/],
  [{ ...members, metric: 'a\0' }, 'metric', 'invalid_value', /control/],
  [{ ...members, metric: '\ud800' }, 'metric', 'invalid_value', /surrogate/],
  [{ ...members, unit: '' }, 'unit', 'invalid_value', /empty/],
  [{ ...members, observedAt: undefined }, 'observedAt', 'invalid_value', /missing/],
  [{ ...members, observedAt: 'yesterday' }, 'observedAt', 'invalid_value', /RFC 3339/],
  [{ ...members, observedAt: 1_700_000_000 }, 'observedAt', 'invalid_value', /text/],
  [{ ...members, observedAt: '2026-02-30T00:00:00Z' }, 'observedAt', 'invalid_value', /RFC 3339/],
  [{ ...members, observedAt: '1969-12-31T23:59:59Z' }, 'observedAt', 'invalid_value', /1970/],
  [{ ...members, observedAt: '2026-03-14T10:00:01Z' }, 'observedAt', 'invalid_value', /ahead/],
  [{ ...members, receivedAt: '2027-01-01T00:00:00Z' }, 'receivedAt', 'invalid_value', /ahead/],
  [{ ...members, role: 'latest' }, 'role', 'invalid_value', /state, event, historical/],
  [{ ...members, clock: 'toString' }, 'clock', 'invalid_value', /device, received/],
  [{ ...members, type: 'float' }, 'type', 'invalid_value', /number/],
  [{ ...members, topic: 'a/#' }, 'topic', 'invalid_value', /wildcards/],
  [{ ...members, topic: 'a\0' }, 'topic', 'invalid_value', /NUL/],
  [{ ...members, topic: '' }, 'topic', 'invalid_value', /character/],
  [{ ...members, value: undefined }, 'value', 'invalid_value', /missing/],
  [{ ...members, value: 'x', type: 'number' }, 'value', 'invalid_value', /text/],
  [{ ...members, value: 1, type: 'text' }, 'value', 'invalid_value', /number/],
  [{ ...members, value: 2 ** 60, type: 'integer' }, 'value', 'invalid_value', /valueText/],
  [{ ...members, value: 1.5, type: 'integer' }, 'value', 'invalid_value', /valueText/],
  [{ ...members, value: 2, valueText: '3' }, 'valueText', 'invalid_value', /another value/],
  [{ ...members, value: 'a', valueText: 'b' }, 'valueText', 'invalid_value', /another value/],
  [{ ...members, value: { a: 1 }, valueText: '{"a":2}' }, 'valueText', 'invalid_value', /another value/],
  [{ ...members, value: null, valueText: '{', type: 'json' }, 'value', 'invalid_value', /not JSON/],
  [{ ...members, value: null, valueBase64: '!!' }, 'valueBase64', 'invalid_value', /base64/],
  [{ ...members, value: '\ud800' }, 'value', 'invalid_value', /surrogate/],
  [{ ...members, type: 'bytes' }, 'valueBase64', 'invalid_value', /missing/],
  [{ ...members, value: 'x'.repeat(1024 * 1024 + 1) }, 'value', 'invalid_value', /bytes/],
  [JSON.parse('{"__proto__":1}'), '__proto__', 'unknown_field', /not known/]
] as const) {
  test(`${JSON.stringify(given).slice(0, 110)} is refused`, () => {
    assert.throws(
      () => readMembers(given, bounds),
      (error: LineFault) => {
        assert.deepEqual([error.name, error.member, error.code], ['LineFault', member, code])
        return detail.test(error.message)
      }
    )
  })
}

for (const [names, member, detail] of [
  [['device', 'metric', 'observedAt'], 'value', /missing/],
  [['device', 'metric', 'observedAt', 'value', 'device'], 'device', /twice/],
  [['device', 'metric', 'observedAt', 'value', 'colour'], 'colour', /column/],
  [['device', 'metric', 'observedAt', 'value', 'valueText'], 'valueText', /column/],
  [['Device', 'metric', 'observedAt', 'value'], 'Device', /column/]
] as const) {
  test(`a header ${names.join()} is refused`, () => {
    assert.throws(
      () => readHeader(names),
      (error: LineFault) => error.member === member && detail.test(error.message)
    )
  })
}

test('a row of another length is refused', () => {
  assert.throws(() => readCells(['device', 'value'], ['a'], bounds), /1 cells, and the header 2/)
})
