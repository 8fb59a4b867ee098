/** How large a state is said to be: never less than it takes to store it, and not much more. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeState } from '../../src/normalize/exact-json.ts'
import { stateBytes } from '../../src/normalize/state-bytes.ts'

/** What is not text takes more room in memory than in JSON: numbers, and objects themselves. */
const countParts = (value: unknown): number =>
  typeof value === 'string'
    ? 0
    : typeof value === 'object' && value !== null
      ? 1 + Object.values(value).reduce((sum: number, part) => sum + 1 + countParts(part), 0)
      : 1

test('at least what it takes as JSON, and little more', () => {
  const leaf = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.bigInt(),
    fc.boolean(),
    fc.constant(null)
  )
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('value'), { maxLength: 5 }),
      fc.dictionary(fc.string({ unit: 'binary' }), tie('value'), { maxKeys: 5 })
    )
  }))
  fc.assert(
    fc.property(value, (state) => {
      const stored = encodeState(state as object).length
      const said = stateBytes(state)
      assert.ok(said >= stored, `${said} for ${stored}`)
      assert.ok(said <= stored + 32 * countParts(state), `${said} for ${stored}`)
    })
  )
})

test('what is shared is measured once', () => {
  const large = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`name${index}`, index]))
  const before = stateBytes({ large })
  assert.equal(stateBytes({ large, more: 1 }) - before, '"more":,'.length + 24)
})
