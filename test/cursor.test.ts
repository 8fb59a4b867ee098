import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createCursors } from '../src/cursor.ts'
import type { Problem } from '../src/errors.ts'

const cursors = createCursors('journal', Buffer.from('key'))
const head = { seq: 1_000, at: 0, horizon: 10 }
const codeOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    return (error as Problem).code
  }
  return 'none'
}

test('what is encoded comes back', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10, max: 1_000 }),
      fc.nat(),
      fc.array(fc.maxSafeNat(), { maxLength: 3 }),
      (seq, id, list) => {
        assert.equal(cursors.decode(cursors.encode(seq), head), seq)
        assert.deepEqual(cursors.decodePosition(cursors.encodeInSnapshot(seq, id), head), {
          seq,
          snapshotTopicId: id
        })
        assert.deepEqual(cursors.decodePage('topics', cursors.encodePage('topics', list)), list)
      }
    )
  )
})

test('a changed bit, another key, another journal, another alphabet: not a cursor of ours', () => {
  const token = cursors.encode(500)
  for (let at = 0; at < token.length; at++) {
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
    assert.equal(
      codeOf(() => cursors.decode(changed, head)),
      'cursor_invalid'
    )
  }
  for (const other of [
    createCursors('other', Buffer.from('key')),
    createCursors('journal', Buffer.from('other'))
  ]) {
    assert.equal(
      codeOf(() => other.decode(token, head)),
      'cursor_invalid'
    )
  }
  for (const nonsense of ['', '0', `${token}=`, `${token} `, 'x'.repeat(1_000)]) {
    assert.equal(
      codeOf(() => cursors.decode(nonsense, head)),
      'cursor_invalid'
    )
  }
})

test('ahead of the head, behind the horizon, or of another kind: each says so', () => {
  assert.equal(
    codeOf(() => cursors.decode(cursors.encode(1_001), head)),
    'cursor_ahead'
  )
  assert.equal(
    codeOf(() => cursors.decode(cursors.encode(9), head)),
    'cursor_expired'
  )
  assert.equal(
    codeOf(() => cursors.decode(cursors.encodePage('topics', [500]), head)),
    'cursor_kind'
  )
  assert.equal(
    codeOf(() => cursors.decodePage('topics', cursors.encode(500))),
    'cursor_kind'
  )
  assert.equal(
    codeOf(() => cursors.decodePage('topics', cursors.encodePage('messages', [5]))),
    'cursor_kind'
  )
})
