import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareTexts } from '../../src/predicate/text-order.ts'

test('texts are ordered by code points, halves that stand alone among them', () => {
  const unit = fc.constantFrom('a', 'b', '\ud800', '\ud83d', '\udc00', '\ude00', '\ue000', '\uffff')
  const text = fc.array(unit, { maxLength: 5 }).map((units) => units.join(''))
  const points = (of: string): number[] => Array.from(of, (point) => point.codePointAt(0)!)
  fc.assert(
    fc.property(text, text, (a, b) => {
      const [inA, inB] = [points(a), points(b)]
      const at = inA.findIndex((point, index) => point !== inB[index])
      const expected = at === -1 ? inA.length - inB.length : inA[at]! - (inB[at] ?? -1)
      assert.equal(Math.sign(compareTexts(a, b)), Math.sign(expected))
    }),
    { numRuns: 20_000 }
  )
})
