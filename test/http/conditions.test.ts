import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Conditions } from '../../src/http/conditions.ts'
import {
  checkConditions,
  isNotModified,
  toContentEtag,
  toEtag,
  toListEtag
} from '../../src/http/conditions.ts'
import { readPrefer } from '../../src/http/prefer.ts'
import type { TopicState } from '../../src/model.ts'

const retained = { seq: 7, retained: {} } as TopicState
const cleared = { seq: 8, retained: null } as TopicState

for (const [headers, state, holds] of [
  [{}, null, true],
  [{ 'if-match': '"7"' }, retained, true],
  [{ 'if-match': '"1", "7"' }, retained, true],
  [{ 'if-match': '"6"' }, retained, false],
  [{ 'if-match': '7' }, retained, false],
  [{ 'if-match': 'W/"7"' }, retained, false], // strong comparison (RFC 9110 section 13.1.1)
  [{ 'if-match': '"7"' }, null, false],
  [{ 'if-match': '*' }, retained, true],
  [{ 'if-match': '*' }, cleared, false],
  [{ 'if-match': '*' }, null, false],
  [{ 'if-none-match': '*' }, retained, false],
  [{ 'if-none-match': '*' }, cleared, true],
  [{ 'if-none-match': '*' }, null, true],
  [{ 'if-match': '"7"', 'if-none-match': '*' }, retained, false]
] satisfies Array<[Conditions, TopicState | null, boolean]>) {
  test(`${JSON.stringify(headers)} ${holds ? 'holds' : 'fails'} for ${state?.seq ?? 'an unknown topic'}`, () => {
    const check = (): void => checkConditions(headers, state)
    if (holds) check()
    else assert.throws(check, { code: 'precondition_failed' })
  })
}

for (const [header, expected] of [
  [undefined, false],
  ['"7"', true],
  ['W/"7"', true],
  ['"6", "7"', true],
  ['*', true],
  ['"6"', false]
] as const) {
  test(`If-None-Match: ${header} ${expected ? 'needs no' : 'needs an'} answer`, () => {
    assert.equal(isNotModified(header, toEtag(retained)), expected)
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
