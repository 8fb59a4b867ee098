import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createCursors } from '../src/cursor.ts'
import type { Problem } from '../src/errors.ts'
import { defaultLimits } from '../src/limits.ts'
import { readSort, sortKeyOf } from '../src/predicate/sort.ts'

const key = Buffer.from('key')
const cursors = createCursors([{ id: 'journal', beganSeq: 0 }], key)
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
      fc.record({ until: fc.maxSafeNat(), after: fc.maxSafeNat() }, { noNullPrototype: true }),
      (seq, id, place) => {
        assert.equal(cursors.decode(cursors.encode(seq), head), seq)
        assert.deepEqual(cursors.decodePosition(cursors.encode(seq), head), {
          seq,
          part: 0,
          snapshotTopicId: null
        })
        assert.deepEqual(cursors.decodePosition(cursors.encodeInSnapshot(seq, id), head), {
          seq,
          part: 0,
          snapshotTopicId: id
        })
        assert.deepEqual(cursors.decodePage('topics', cursors.encodePage('topics', place)), place)
      }
    )
  )
})

test('a place in a list may be several numbers, also before 1970; and a token has as many as it was given', () => {
  const number = fc.integer({ min: -8_640_000_000_000_000, max: 8_640_000_000_000_000 })
  fc.assert(
    fc.property(fc.array(number, { minLength: 1, maxLength: 5 }), fc.maxSafeNat(), (after, until) => {
      const token = cursors.encodePage('datapoints', { until, after })
      assert.deepEqual(cursors.decodeKeyedPage('datapoints', token, after.length), { until, after })
      for (const other of [after.length - 1, after.length + 1]) {
        assert.equal(
          codeOf(() => cursors.decodeKeyedPage('datapoints', token, other)),
          'cursor_kind'
        )
      }
    })
  )
})

test('page tokens that were given out before places had several numbers still say the same', () => {
  // Written by the release before: list "topics", until 500, after 7, key "key", journal "journal"
  const token = 'AoHda3dGGs7zmW1WCAAAAAAAAAH0AAAAAAAAAAdDQGiJiv-nrvssEbg'
  assert.deepEqual(cursors.decodePage('topics', token), { until: 500, after: 7 })
})

test('a page token shows nobody where an item stands that its reader may not read', () => {
  const [observedAt, seq, n] = [Date.parse('2026-03-14T09:26:53.589Z'), 81_985_529_216, 3]
  const word = Buffer.alloc(8)
  const inside = (token: string, number: number): boolean => {
    word.writeBigInt64BE(BigInt(number))
    return Buffer.from(token, 'base64url').includes(word)
  }
  const keyed = cursors.encodePage('datapoints', { until: 500, after: [observedAt, seq, n] })
  assert.deepEqual(
    [observedAt, seq].filter((number) => inside(keyed, number)),
    []
  )
  const key = sortKeyOf({ a: 'secret' }, readSort('a', defaultLimits))
  const searched = cursors.encodeSearchPage('topics', { until: 500, place: { id: 7, key }, projection: 0 })
  assert.ok(!Buffer.from(searched, 'base64url').includes('secret'))
  // The same place is the same token, so that the version of a page is that of what it tells
  assert.equal(cursors.encodePage('datapoints', { until: 500, after: [observedAt, seq, n] }), keyed)
})

test('a place in a list that is sorted carries its key, whatever is in it, and stays short', () => {
  const sort = readSort('a', defaultLimits)
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 150 }), fc.constant('\ud800'.repeat(150)))
  const key = fc.option(
    fc.oneof(
      text.map((a) => sortKeyOf({ a }, sort)),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((a) => sortKeyOf({ a }, sort)),
      fc.constantFrom({}, { a: null }, { a: true }, { a: [] }).map((item) => sortKeyOf(item, sort))
    )
  )
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), fc.maxSafeNat(), key, (until, id, projection, given) => {
      const token = cursors.encodeSearchPage('list', { until, place: { id, key: given }, projection })
      const back = cursors.decodeSearchPage('list', token)
      assert.equal(JSON.stringify(back), JSON.stringify({ until, place: { id, key: given }, projection }))
      // A key of 100 characters, each of which JSON may write with six
      assert.ok(token.length <= 1_000, `${token.length} characters`)
    })
  )
})

test('page tokens of lists with and without keys are not those of one another, even of lists with one name', () => {
  const keyed = cursors.encodePage('list', { until: 500, after: [1, 2] })
  const searched = cursors.encodeSearchPage('list', {
    until: 500,
    place: { id: 1, key: null },
    projection: 2
  })
  for (const run of [
    () => cursors.decodeSearchPage('list', keyed),
    () => cursors.decodeSearchPage('other', searched),
    () => cursors.decodeKeyedPage('list', searched, 2),
    () => cursors.decodePage('list', searched),
    () => cursors.decode(searched, head)
  ])
    assert.equal(codeOf(run), 'cursor_kind')
  assert.equal(
    codeOf(() => cursors.decodeSearchPage('list', cursors.encode(500))),
    'cursor_kind'
  )
  const restored = createCursors(
    [
      { id: 'journal', beganSeq: 0 },
      { id: 'next', beganSeq: 499 }
    ],
    key
  )
  assert.equal(
    codeOf(() => restored.decodeSearchPage('list', searched)),
    'cursor_ahead'
  )
})

test('of a fact that was seen in part: which part; a whole fact has the cursor that it always had', () => {
  const part = fc.integer({ min: 1, max: 2 ** 40 })
  fc.assert(
    fc.property(fc.integer({ min: 10, max: 999 }), part, (seq, number) => {
      const token = cursors.encode(seq, number)
      assert.deepEqual(cursors.decodePosition(token, head), { seq, part: number, snapshotTopicId: null })
      assert.equal(cursors.encode(seq, 0), cursors.encode(seq))
    })
  )
  assert.equal(cursors.encode(500), 'AYHda3cAAAAAAAAAAfQPfhT0vZ4WTh6A5wg')
  assert.equal(cursors.encodeInSnapshot(500, 7), 'AYHda3cAAAAAAAAAAfQAAAAAAAAAB4TAgMJntiGB9Jw_bQ')
})

test('a fact that was seen in part has to be there: behind the head, or in a journal restored without it, it is not', () => {
  assert.equal(
    codeOf(() => cursors.decodePosition(cursors.encode(head.seq, 1), head)),
    'cursor_ahead'
  )
  const restored = createCursors(
    [
      { id: 'journal', beganSeq: 0 },
      { id: 'next', beganSeq: 500 }
    ],
    key
  )
  assert.equal(
    codeOf(() => restored.decodePosition(cursors.encode(499, 1), head)),
    'none'
  )
  assert.equal(
    codeOf(() => restored.decodePosition(cursors.encode(500), head)),
    'none'
  )
  assert.equal(
    codeOf(() => restored.decodePosition(cursors.encode(500, 1), head)),
    'cursor_ahead'
  )
})

test('a changed bit, another key, another alphabet: not a cursor of ours', () => {
  const token = cursors.encode(500)
  for (let at = 0; at < token.length; at++) {
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
    assert.equal(
      codeOf(() => cursors.decode(changed, head)),
      'cursor_invalid'
    )
  }
  const other = createCursors([{ id: 'journal', beganSeq: 0 }], Buffer.from('other'))
  assert.equal(
    codeOf(() => other.decode(token, head)),
    'cursor_invalid'
  )
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
    codeOf(() => cursors.decode(cursors.encodePage('topics', { until: 500, after: 1 }), head)),
    'cursor_kind'
  )
  assert.equal(
    codeOf(() => cursors.decodePage('topics', cursors.encode(500))),
    'cursor_kind'
  )
  assert.equal(
    codeOf(() => cursors.decodePage('topics', cursors.encodePage('messages', { until: 5, after: 1 }))),
    'cursor_kind'
  )
})

test('a cursor of an earlier journal is good up to where any later one began, of an unknown one never', () => {
  const later = { seq: 900, at: 0, horizon: 0 }
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 1_000 }), { minLength: 1, maxLength: 5 }),
      fc.nat({ max: 900 }),
      fc.nat({ max: 5 }),
      (begins, seq, at) => {
        const journals = [0, ...begins].map((beganSeq, index) => ({ id: `journal ${index}`, beganSeq }))
        const of = at % journals.length
        const then = createCursors(journals.slice(0, of + 1), key)
        const now = createCursors(journals, key)
        // What the journal means: fact s of journal n is still there unless a later one began before s
        const same = journals.slice(of + 1).every(({ beganSeq }) => seq <= beganSeq)
        const expected = same ? 'none' : 'cursor_ahead'
        assert.equal(
          codeOf(() => now.decode(then.encode(seq), later)),
          expected
        )
        assert.equal(
          codeOf(() => now.decodePosition(then.encodeInSnapshot(seq, 5), later)),
          expected
        )
        assert.equal(
          codeOf(() => now.decodePage('list', then.encodePage('list', { until: seq, after: 5_000 }))),
          expected
        )
        const lost = createCursors([...journals, { id: 'lost', beganSeq: 0 }], key)
        assert.equal(
          codeOf(() => now.decode(lost.encode(seq), later)),
          'cursor_ahead'
        )
        assert.equal(
          codeOf(() => now.decodePage('list', lost.encodePage('list', { until: seq, after: 0 }))),
          'cursor_ahead'
        )
      }
    )
  )
})
