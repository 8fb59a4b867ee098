import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Problem } from '../../src/errors.ts'
import { readTimeRange } from '../../src/http/time-range.ts'

for (const [text, expected] of [
  ['2026-03-14T09:26:53Z', '2026-03-14T09:26:53.000Z'],
  ['2026-03-14T09:26:53.589Z', '2026-03-14T09:26:53.589Z'],
  ['2026-03-14T09:26:53.5+05:30', '2026-03-14T03:56:53.500Z'],
  ['2026-03-14T00:00:00-00:00', '2026-03-14T00:00:00.000Z'],
  ['2024-02-29T23:59:59.999Z', '2024-02-29T23:59:59.999Z'],
  ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00.000Z'],
  // What is kept has whole milliseconds, so that nothing lies between these
  ['2026-03-14T09:26:53.589000Z', '2026-03-14T09:26:53.589Z'],
  ['2026-03-14T09:26:53.589001Z', '2026-03-14T09:26:53.590Z'],
  ['2026-03-14T09:26:59.9990000001Z', '2026-03-14T09:27:00.000Z'],
  ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
  ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59.000Z']
] as const) {
  test(`${text} is an instant, as from and as to`, () => {
    const at = Date.parse(expected)
    assert.deepEqual(readTimeRange({ from: text, to: text }), { from: at, to: at })
  })
}

for (const text of [
  '',
  '2026',
  '2026-03-14',
  '2026-03-14T09:26Z',
  '2026-03-14T09:26:53',
  '2026-03-14 09:26:53Z',
  '2026-03-14t09:26:53z',
  '2026-03-14T24:00:00Z',
  '2026-03-14T09:60:00Z',
  '2026-03-14T09:26:60Z',
  '2026-02-30T00:00:00Z',
  '2025-02-29T00:00:00Z',
  '2100-02-29T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-00-01T00:00:00Z',
  '2026-01-00T00:00:00Z',
  '2026-01-01T00:00:00+24:00',
  '0000-06-01T00:00:00Z',
  '0001-01-01T00:00:00+01:00',
  '+012026-03-14T09:26:53Z',
  '1773480413',
  'now'
]) {
  test(`${text || 'nothing'} is no time`, () => {
    assert.throws(
      () => readTimeRange({ to: text }, '/'),
      ({ code, errors }: Problem) => code === 'invalid_value' && errors[0]?.pointer === '/to'
    )
  })
}

test('a range is open where it is not given, and does not end before it begins', () => {
  assert.deepEqual(readTimeRange({}), { from: null, to: null })
  assert.throws(
    () => readTimeRange({ from: '2026-01-02T00:00:00Z', to: '2026-01-01T23:59:59Z' }),
    ({ errors }: Problem) => errors[0]?.pointer === 'to'
  )
})
