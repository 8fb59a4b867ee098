import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProblemCode } from '../../src/errors.ts'
import { Problem } from '../../src/errors.ts'
import { defaultLimits } from '../../src/limits.ts'
import { readFields } from '../../src/predicate/fields.ts'
import { readPath } from '../../src/predicate/path.ts'
import { readPredicate } from '../../src/predicate/predicate.ts'
import { readSort } from '../../src/predicate/sort.ts'

const item = {
  topic: 'plant/1',
  seq: '12',
  receivedAt: '2026-03-14T09:00:00.000Z',
  expiresAt: null,
  payload: { temperature: 22, mode: 'on', list: [1, 'x'], seq: '9', 'my key': 1, at: 'noon', none: null },
  retained: null,
  tombstone: { at: '2026-03-14T09:00:00.000Z', previous: { seq: '9', payload: { seq: 9 } } }
}

const refusal = (run: () => unknown): { code: ProblemCode; message: string } => {
  try {
    run()
  } catch (error) {
    if (error instanceof Problem) return error
  }
  throw new Error('not refused')
}

test('what the functions say', () => {
  const table: Array<[string, boolean]> = [
    ['gt(payload/temperature,21.5)', true],
    ['gt(payload/temperature,"21.5")', false],
    ['and(gt(payload/temperature,21.5),not(in(payload/mode,"auto","off")))', true],
    [' or ( eq ( payload/mode , "off" ) , lt ( payload/temperature , 1e2 ) ) ', true],
    ['eq(payload/none,null)', true],
    ['eq(payload/nothing,null)', false],
    ['ne(payload/nothing,1)', true],
    ['exists(payload/none)', true],
    ['exists(payload/nothing)', false],
    ['exists(payload/list/1)', true],
    ['exists(payload/list/length)', false],
    ['exists(payload/mode/0)', false],
    ['eq("payload/my key",1)', true],
    ['prefix(topic,"plant/")', true],
    ['prefix(payload/temperature,"2")', false],
    ['prefix(receivedAt,"2026-03")', true],
    ['gt(seq,9)', true],
    ['gt(seq,"9")', true],
    ['gt(payload/seq,"10")', true],
    ['eq(payload/seq,9)', false],
    ['eq(tombstone/previous/seq,9)', true],
    ['eq(tombstone/previous/payload/seq,9)', true],
    ['eq(receivedAt,"2026-03-14T10:00:00+01:00")', true],
    ['ge(tombstone/at,"2026-03-14T09:00:00.0001Z")', false],
    ['eq(payload/at,"noon")', true],
    ['eq(expiresAt,null)', true],
    ['eq(retained/receivedAt,null)', false]
  ]
  for (const [where, expected] of table)
    assert.equal(readPredicate(where, defaultLimits).test(item), expected, where)
})

test('paths that a predicate looks at', () => {
  const { paths, text } = readPredicate('or(eq(a~1b/~01,1),not(exists("c/d e")))', defaultLimits)
  assert.equal(text, 'or(eq(a~1b/~01,1),not(exists("c/d e")))')
  assert.deepEqual(paths, [
    ['a/b', '~1'],
    ['c', 'd e']
  ])
})

test('what is wrong is told with its place, what was expected, and an example', () => {
  const table: Array<[string, number, RegExp]> = [
    ['', 1, /one of eq, ne, .* found the end/],
    ['payload.temperature > 21', 1, /one of eq/],
    ['and()', 5, /one of eq/],
    ['AND(exists(a))', 1, /one of eq/],
    ['like(a,"b")', 1, /one of eq, .* found like\(a,"b"\);/],
    ['eq(a)', 5, /a comma and a value/],
    ['eq(a,b)', 6, /text in double quotes/],
    ["eq(a,'b')", 6, /text in double quotes/],
    ['eq(a,01)', 6, /a number/],
    ['eq(a,+1)', 6, /a number/],
    ['eq(a,1e999)', 6, /a number that a double holds/],
    ['eq(a,1,2)', 7, /the \) of eq\(/],
    ['eq(a,{})', 6, /a number/],
    ['gt(a,null)', 6, /which have an order/],
    ['gt(receivedAt,5)', 15, /RFC 3339/],
    ['gt(receivedAt,"2026-02-30T00:00:00Z")', 15, /RFC 3339/],
    ['in(seq,1,-1,"x")', 13, /whole number/],
    ['eq(seq,1.5)', 8, /whole number/],
    ['eq(seq,"9999999999999999")', 8, /whole number/],
    ['prefix(a,1)', 10, /text in double quotes/],
    ['eq("a,1)', 4, /ends with a double quote/],
    ['eq(/payload,1)', 4, /without a slash/],
    ['eq(a~2,1)', 4, /RFC 6901/],
    ['eq("",1)', 4, /a path/],
    ['eq(ä,1)', 4, /double quotes/],
    ['not(exists(a),exists(b))', 14, /the \) of not\(/],
    ['exists(a) exists(b)', 11, /the end, found exists\(b\)/]
  ]
  for (const [where, at, expected] of table) {
    const { code, message } = refusal(() => readPredicate(where, defaultLimits))
    assert.equal(code, 'invalid_value', where)
    assert.ok(message.startsWith(`where: at character ${at}: expected `), `${where}: ${message}`)
    assert.match(message, expected)
    assert.ok(readPredicate(message.split('an example: ')[1]!, defaultLimits), 'the example is one')
  }
})

test('each bound holds what it says, and one more is too much', () => {
  const nested = (depth: number): string => `${'not('.repeat(depth - 1)}exists(a)${')'.repeat(depth - 1)}`
  const terms = (count: number): string => `and(${'exists(a),'.repeat(count - 2)}exists(a))`
  const list = (count: number): string => `in(a${',1'.repeat(count)})`
  const chars = (count: number): string => `eq(a,"${'x'.repeat(count - 8)}")`
  const path = (segments: number): string => `exists(a${'/a'.repeat(segments - 1)})`
  const table: Array<[(count: number) => string, number, string]> = [
    [nested, defaultLimits.whereDepthMax, 'functions within one another'],
    [terms, defaultLimits.whereTermsMax, 'functions'],
    [list, defaultLimits.whereListItemsMax, 'values'],
    [chars, defaultLimits.whereCharsMax, 'characters'],
    [path, defaultLimits.pathSegmentsMax, 'names']
  ]
  for (const [write, max, what] of table) {
    readPredicate(write(max), defaultLimits)
    const { code, message } = refusal(() => readPredicate(write(max + 1), defaultLimits))
    assert.equal(code, 'query_too_complex')
    assert.match(message, new RegExp(`at most ${max} ${what}`))
  }
  const { fieldsMax } = defaultLimits
  assert.equal(readFields([`a${',a'.repeat(fieldsMax - 2)}`, 'b'], defaultLimits).paths.length, fieldsMax)
  assert.equal(
    refusal(() => readFields([`a${',a'.repeat(fieldsMax - 2)}`, 'b', 'c'], defaultLimits)).code,
    'query_too_complex'
  )
  for (const read of [
    (text: string) => readPath(text, 'path', defaultLimits),
    (text: string) => readSort(text, defaultLimits),
    (text: string) => readFields([text], defaultLimits)
  ]) {
    read('x'.repeat(defaultLimits.whereCharsMax))
    assert.equal(refusal(() => read('x'.repeat(defaultLimits.whereCharsMax + 1))).code, 'query_too_complex')
  }
})
