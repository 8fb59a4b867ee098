/** Server-Sent Events, in whatever pieces they come. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createSseReader } from '../../src/client/sse.ts'

test('fields, comments and line ends are as the standard says', () => {
  const reader = createSseReader()
  const text = [
    ':a comment',
    'retry: 2000',
    'retry: soon',
    '',
    'id: 1',
    'event: state',
    'data: {"a":1}',
    '',
    'data:first',
    'data: second',
    'data',
    '',
    'event: nothing',
    '',
    'id: with\0null',
    'data:  two blanks',
    'unknown: field',
    '',
    'data: not ended'
  ].join('\n')
  assert.deepEqual(reader.push(text), [
    { id: '1', event: 'state', data: '{"a":1}' },
    { id: null, event: 'message', data: 'first\nsecond\n' },
    { id: null, event: 'message', data: ' two blanks' }
  ])
  assert.equal(reader.retryMs(), 2000)
})

test('the same text is the same events, however it is cut, with each of the three line ends', () => {
  const line = fc.oneof(
    fc.constantFrom('', '', ':x', 'data', 'id: 7', 'event: state', 'retry: 5'),
    fc.string({ maxLength: 8 }).map((text) => `data: ${text.replaceAll(/[\r\n]/g, '')}`)
  )
  const lines = fc.array(fc.tuple(line, fc.constantFrom('\n', '\r', '\r\n')), { maxLength: 30 })
  fc.assert(
    fc.property(lines, fc.array(fc.nat({ max: 200 }), { maxLength: 20 }), (all, cuts) => {
      const text = all.map(([one, end]) => one + end).join('')
      // CR and LF that two lines ended with are one end where they meet: compared with the text that is not cut
      const whole = createSseReader()
      const expected = whole.push(text)
      const cut = createSseReader()
      const places = [...cuts.map((at) => at % (text.length + 1)), text.length].toSorted((a, b) => a - b)
      let from = 0
      const found = places.flatMap((to) => {
        const piece = text.slice(from, to)
        from = to
        return cut.push(piece)
      })
      assert.deepEqual(found, expected)
      assert.equal(cut.retryMs(), whole.retryMs())
    }),
    { numRuns: 2_000 }
  )
})
