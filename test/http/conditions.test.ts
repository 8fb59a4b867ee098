import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConditionAsk } from '../../src/commands/condition.ts'
import type { Conditions } from '../../src/http/conditions.ts'
import {
  conditionText,
  isNotModified,
  readConditions,
  toContentEtag,
  toEtag,
  toListEtag
} from '../../src/http/conditions.ts'
import { readPrefer } from '../../src/http/prefer.ts'

const state = { seq: 7 }

for (const [headers, expected] of [
  [{}, { match: null, none: false }],
  [{ 'if-match': '"7"' }, { match: [7], none: false }],
  [{ 'if-match': '"1", "7"' }, { match: [1, 7], none: false }],
  [{ 'if-match': '7' }, { match: [], none: false }],
  [{ 'if-match': 'W/"7"' }, { match: [], none: false }], // strong comparison (RFC 9110 section 13.1.1)
  [{ 'if-match': 'W/"7", "8"' }, { match: [8], none: false }],
  [{ 'if-match': '"7.kXw0e1u2Qm-Abc_9"' }, { match: [], none: false }],
  [{ 'if-match': '"99999999999999999999"' }, { match: [], none: false }],
  [{ 'if-match': '' }, { match: [], none: false }],
  [{ 'if-match': '*' }, { match: '*', none: false }],
  [{ 'if-none-match': '*' }, { match: null, none: true }],
  [
    { 'if-match': '"7"', 'if-none-match': '*' },
    { match: [7], none: true }
  ]
] satisfies Array<[Conditions, ConditionAsk]>) {
  test(`${JSON.stringify(headers)} of what is published`, () => {
    assert.deepEqual(readConditions(headers), expected)
  })
}

test('what is published cannot be on the condition that a state is another one', () => {
  assert.throws(() => readConditions({ 'if-none-match': '"7"' }), { code: 'invalid_value' })
})

test('the same request with another condition is another request', () => {
  const texts = [{}, { 'if-match': '*' }, { 'if-none-match': '*' }, { 'if-match': '"1"' }].map(conditionText)
  assert.equal(new Set(texts).size, 4)
  assert.equal(texts[0], '')
})

for (const [header, expected] of [
  [undefined, false],
  ['"7"', true],
  ['W/"7"', true],
  ['"6", "7"', true],
  ['*', true],
  ['"6"', false]
] as const) {
  test(`If-None-Match: ${header} ${expected ? 'needs no' : 'needs an'} answer`, () => {
    assert.equal(isNotModified(header, toEtag(state)), expected)
  })
}

for (const [header, waitSeconds, applied] of [
  [undefined, null, null],
  ['', null, null],
  ['wait=10', 10, 'wait=10'],
  ['wait="10"', 10, 'wait=10'],
  ['Wait = 3; strict', 3, 'wait=3'],
  ['respond-async, wait=10', 10, 'wait=10'],
  ['return=minimal, respond-async', 0, 'respond-async'],
  ['wait=600', 60, 'wait=60'],
  ['wait=0', 0, 'wait=0'],
  ['wait=-1', null, null],
  ['wait=soon', null, null],
  ['await=5', null, null]
] as const) {
  test(`Prefer: ${header}`, () => {
    assert.deepEqual(readPrefer(header, 60), { waitSeconds, applied })
  })
}

test('what is normalized again is another version, although its seq is the same', () => {
  const etag = toContentEtag(7, { presence: 'online' })
  assert.ok(isNotModified(etag, toContentEtag(7, { presence: 'online' })))
  assert.ok(!isNotModified(etag, toContentEtag(7, { presence: 'offline' })))
  assert.ok(!isNotModified(etag, toContentEtag(8, { presence: 'online' })))
})

test('the version of a list is weak, and that of its items in their order', () => {
  const etag = toListEtag(['1', '2'])
  assert.match(etag, /^W\/"[\w-]{16}"$/)
  assert.ok(isNotModified(etag, toListEtag(['1', '2'])))
  for (const other of [['2', '1'], ['12'], ['1', '2', ''], []])
    assert.ok(!isNotModified(etag, toListEtag(other)), JSON.stringify(other))
})
