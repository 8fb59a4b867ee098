import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Problem } from '../../src/errors.ts'
import { readNamePattern } from '../../src/predicate/name-pattern.ts'

const limits = { nameBytesMax: 100 }
const read = (text: string) => readNamePattern(text, limits, 'device')

test('a star is any run of characters, and a backslash makes the next one itself', () => {
  const table: Array<[pattern: string, name: string, matches: boolean]> = [
    ['press-3', 'press-3', true],
    ['press-3', 'press-33', false],
    ['press-*', 'press-', true],
    ['press-*', 'press-33', true],
    ['*', 'anything/at all', true],
    ['*/temperature', 'a/b/temperature', true],
    ['a*b*c', 'a--b--c', true],
    ['a*b*c', 'abbc', true],
    ['a*b*c', 'ac', false],
    ['ab*ba', 'aba', false],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['a\\\\*', 'a\\b', true],
    ['100%', '100%', true],
    ['_*', 'a', false]
  ]
  for (const [pattern, name, matches] of table)
    assert.equal(read(pattern).test(name), matches, `${pattern} and ${name}`)
  assert.equal(read('a\\*b').exact, 'a*b')
  assert.equal(read('a*b').exact, null)
})

test('it matches as a regular expression made of it does', () => {
  const character = fc.constantFrom('a', 'b', '*', '\\', '%', '_', '.', '\n', '😀')
  const text = fc.array(character, { minLength: 1, maxLength: 8 }).map((all) => all.join(''))
  fc.assert(
    fc.property(text, text, (pattern, name) => {
      if (/(?<!\\)(\\\\)*\\$/.test(pattern)) {
        assert.throws(() => read(pattern), Problem)
        return
      }
      const source = pattern.replace(/\\([^])|(\*)|([^])/gu, (_, escaped, star, other) =>
        star === undefined ? (escaped ?? other).replace(/[\\^$.|?*+()[\]{}]/g, '\\$&') : '[^]*'
      )
      assert.equal(read(pattern).test(name), new RegExp(`^(?:${source})$`, 'u').test(name))
    }),
    { numRuns: 2_000 }
  )
})

test('what is empty, too long, or ends within an escape is refused with what to do', () => {
  for (const text of ['', 'a'.repeat(101), 'a\\'])
    assert.throws(
      () => read(text),
      (error) => error instanceof Problem && error.code === 'invalid_value'
    )
})
