/** The text of a key: known by its look, and by its checksum when a character of it is wrong. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createKeyId, createKeyText, digestOfKey, isKeyId, readKeyText } from '../../src/access/key-text.ts'

test('a key is read, and has the shape that scanners look for', () => {
  const seen = new Set<string>()
  for (let count = 0; count < 1_000; count++) {
    const id = createKeyId()
    assert.ok(isKeyId(id))
    const text = createKeyText(id)
    assert.match(text, /^rialto_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/)
    assert.deepEqual(readKeyText(text), { id })
    assert.equal(digestOfKey(text).length, 32)
    seen.add(id).add(text)
  }
  assert.equal(seen.size, 2_000)
})

test('a key with another character anywhere, or cut off, or longer, is mistyped', () => {
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  const text = createKeyText(createKeyId())
  const begin = 'rialto_'.length
  fc.assert(
    fc.property(
      fc.integer({ min: begin, max: text.length - 1 }),
      fc.constantFrom(...alphabet.split(''), '_', 'é', ' '),
      (at, other) => {
        fc.pre(text[at] !== other)
        const wrong = text.slice(0, at) + other + text.slice(at + 1)
        assert.equal(readKeyText(wrong), 'mistyped', wrong)
        assert.equal(readKeyText(text.slice(0, at)), 'mistyped')
        assert.equal(readKeyText(text + other), 'mistyped')
      }
    )
  )
})

test('anything else is no key', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(!text.startsWith('rialto_'))
      assert.equal(readKeyText(text), null)
    })
  )
  for (const text of ['', 'Rialto_x', 'eyJhbGciOiJub25lIn0.e30.']) assert.equal(readKeyText(text), null)
})
