import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDecodable, parseQuery } from '../../src/http/query-string.ts'

for (const [text, expected] of [
  ['', {}],
  ['filter=a/+/b', { filter: 'a/+/b' }],
  ['filter=a/%2B/b', { filter: 'a/+/b' }],
  ['filter=a%20b', { filter: 'a b' }],
  ['filter=a&filter=b&filter=c', { filter: ['a', 'b', 'c'] }],
  ['filter=a=b', { filter: 'a=b' }],
  ['filter', { filter: '' }],
  ['filter=', { filter: '' }],
  ['&&filter=%23&', { filter: '#' }],
  ['fil%74er=x', { filter: 'x' }],
  ['__proto__=x', { ['__proto__']: 'x' }],
  ['filter=100%', { filter: '100%' }]
] as const) {
  test(`the query string "${text}"`, () => {
    assert.deepEqual({ ...parseQuery(text) }, { ...expected })
  })
}

test('a percent sign that encodes nothing, or no UTF-8, is told apart', () => {
  assert.deepEqual(['', 'a=%2B', 'a=%', 'a=%2', 'a=%zz', 'a=%ff'].map(isDecodable), [
    true,
    true,
    false,
    false,
    false,
    false
  ])
})
