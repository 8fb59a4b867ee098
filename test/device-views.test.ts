/** Values as clients see them: the best that JSON can say, and beside it what is exact. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Datapoint, Value } from '../src/datapoints.ts'
import { toDatapointView, toPresenceChangeView, toRejectionView, toValueView } from '../src/device-views.ts'
import { toPreviewView, toProjectionView } from '../src/projection/views.ts'

const at = Date.parse('2026-03-14T09:26:53.589Z')
const utf8 = (text: string): Buffer => Buffer.from(text)
const deep = `${'['.repeat(500)}${']'.repeat(500)}`

for (const [what, given, value, valueText, valueBase64] of [
  ['null', { type: 'null', number: null, exact: null }, null, null, null],
  ['a number', { type: 'number', number: 21.5, exact: null }, 21.5, '21.5', null],
  ['a small number', { type: 'number', number: 1e-7, exact: null }, 1e-7, '1e-7', null],
  [
    'an integer beyond 2^53',
    { type: 'integer', number: 9_007_199_254_740_992, exact: utf8('9007199254740993') },
    9_007_199_254_740_992,
    '9007199254740993',
    null
  ],
  ['true', { type: 'boolean', number: 1, exact: null }, true, 'true', null],
  ['false', { type: 'boolean', number: 0, exact: null }, false, 'false', null],
  ['text', { type: 'text', number: null, exact: utf8('häuser 🏠') }, 'häuser 🏠', 'häuser 🏠', null],
  ['no text', { type: 'text', number: null, exact: utf8('') }, '', '', null],
  ['text that looks like JSON', { type: 'text', number: null, exact: utf8('{}') }, '{}', '{}', null],
  ['JSON', { type: 'json', number: null, exact: utf8('{"a":[1, 2]}') }, { a: [1, 2] }, '{"a":[1, 2]}', null],
  [
    'a lone surrogate, as JSON',
    { type: 'json', number: null, exact: utf8('"\\ud800"') },
    '\ud800',
    '"\\ud800"',
    null
  ],
  ['JSON out of range', { type: 'json', number: null, exact: utf8('[1e400]') }, null, '[1e400]', null],
  ['JSON too deep', { type: 'json', number: null, exact: utf8(deep) }, null, deep, null],
  ['what is no JSON', { type: 'json', number: null, exact: utf8('{a}') }, null, '{a}', null],
  [
    'bytes',
    { type: 'bytes', number: null, exact: Uint8Array.of(0, 255) },
    null,
    null,
    Buffer.from([0, 255]).toString('base64')
  ]
] satisfies Array<[string, Value, unknown, string | null, string | null]>) {
  test(`${what} as a value`, () => {
    assert.deepEqual(toValueView(given), { type: given.type, value, valueText, valueBase64 })
  })
}

const datapoint: Datapoint = {
  seq: 41_812,
  n: 1,
  device: 'press-3',
  metric: 'temperature',
  topic: 'plant/press-3',
  type: 'number',
  number: 71.4,
  exact: null,
  observedAt: at - 500,
  receivedAt: at,
  clock: 'device',
  role: 'historical',
  unit: '°C',
  quality: 'good'
}

test('a datapoint tells its place, both of its times, and whose the first is', () => {
  assert.deepEqual(toDatapointView(datapoint), {
    seq: '41812',
    n: 1,
    device: 'press-3',
    metric: 'temperature',
    topic: 'plant/press-3',
    type: 'number',
    value: 71.4,
    valueText: '71.4',
    valueBase64: null,
    unit: '°C',
    quality: 'good',
    observedAt: '2026-03-14T09:26:53.089Z',
    receivedAt: '2026-03-14T09:26:53.589Z',
    clock: 'device',
    role: 'historical'
  })
})

test('a change of presence comes from its fact', () => {
  const detail = { device: 'd', from: 'unknown', to: 'online', source: 'birth', at, topic: 't', more: 1 }
  const fact = { seq: 7, at, kind: 'presence', topicId: null, topic: null, message: null, commandId: null }
  assert.deepEqual(toPresenceChangeView({ ...fact, kind: 'presence', detail }), {
    seq: '7',
    device: 'd',
    from: 'unknown',
    to: 'online',
    source: 'birth',
    at: '2026-03-14T09:26:53.589Z',
    topic: 't'
  })
})

test('a rejection has what was received as long as the journal has it', () => {
  const rejection = {
    seq: 1,
    n: 0,
    topic: 't',
    mapping: 'm',
    reason: 'malformed_json' as const,
    detail: 'Unexpected end',
    receivedAt: at,
    properties: null
  }
  assert.equal(toRejectionView({ ...rejection, payload: utf8('{"a":') }).raw?.payloadText, '{"a":')
  assert.equal(toRejectionView({ ...rejection, payload: null }).raw, null)
})

test('a projection that is being built tells how far it is, from the horizon to where it began', () => {
  const projection = {
    id: 2,
    mappingHash: 'h',
    mappingText: '',
    doneSeq: 1_500,
    targetSeq: 2_000,
    createdAt: at,
    switchedAt: null
  }
  const progress = (state: 'building' | 'current', doneSeq: number, horizon: number): number | null =>
    toProjectionView({ ...projection, state, doneSeq }, horizon).progress
  assert.equal(progress('building', 1_500, 1_000), 0.5)
  assert.equal(progress('building', 900, 1_000), 0)
  assert.equal(progress('building', 2_100, 1_000), 1)
  assert.equal(progress('building', 2_000, 2_000), 1)
  assert.equal(progress('current', 1_500, 1_000), null)
})

test('a preview is JSON, whatever the mapping would remember', () => {
  const { seq: _, ...place } = datapoint
  const view = toPreviewView({
    topic: 't',
    mapping: null,
    captures: {},
    datapoints: [place],
    unchanged: [{ ...place, why: 'It is as the last stored one' }],
    presence: [],
    rejections: [],
    attributes: [{ device: 'd', attributes: { serial: 9_007_199_254_740_993n } }],
    commands: [],
    state: { seen: [9_007_199_254_740_993n, { at: null }] }
  })
  assert.deepEqual(JSON.parse(JSON.stringify(view.state)), { seen: ['9007199254740993', { at: null }] })
  assert.deepEqual(view.attributes, [{ device: 'd', attributes: { serial: '9007199254740993' } }])
  assert.ok(!('seq' in view.datapoints[0]!))
  assert.deepEqual(view.unchanged, [{ ...view.datapoints[0], why: 'It is as the last stored one' }])
})
