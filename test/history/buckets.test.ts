/** Buckets of time: which durations there are, and where buckets begin, also on days with 23, 24.5 or 25 hours. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Problem } from '../../src/errors.ts'
import { boundaries, readBucket } from '../../src/history/buckets.ts'
import { usableLevel } from '../../src/history/levels.ts'
import { defaultLimits } from '../../src/limits.ts'

const refuses = (says: RegExp, pointer: string) => (error: unknown) =>
  error instanceof Problem &&
  error.code === 'invalid_value' &&
  error.errors[0]!.pointer === pointer &&
  says.test(error.message)

for (const [text, says] of [
  ['', /no ISO 8601 duration/],
  ['P', /no ISO 8601 duration/],
  ['PT', /no ISO 8601 duration/],
  ['1h', /no ISO 8601 duration/],
  ['PT0.5H', /no ISO 8601 duration/],
  ['P1DT1H', /no ISO 8601 duration/],
  ['P1W1D', /no ISO 8601 duration/],
  ['-P1D', /no ISO 8601 duration/],
  ['PT1h', /no ISO 8601 duration/],
  ['P0D', /no time at all/],
  ['PT0S', /no time at all/],
  ['P101Y', /longer than 100 years/],
  ['P999999999Y', /longer than 100 years/],
  ['PT7M', /does not divide a day: ask for PT6M40S or PT7M12S/],
  ['PT50M', /ask for PT48M or PT53M20S/],
  ['PT13H', /ask for PT12H or P1D/],
  ['PT25H', /ask for P1D, or for several days/],
  ['PT48H', /ask for P1D, or for several days/]
] as const)
  test(`${text || 'nothing'} is no bucket`, () => {
    assert.throws(() => readBucket(text, 'UTC', defaultLimits), refuses(says, 'bucket'))
  })

for (const tz of ['', '+02:00', 'Europe/Bielefeld', 'Mars', '../etc/passwd'])
  test(`${tz || 'nothing'} is no zone`, () => {
    assert.throws(() => readBucket('P1D', tz, defaultLimits), refuses(/tz is no time zone/, 'tz'))
  })

/** Starts as local times, of which the offset tells which one of two is meant. */
function local(text: string, tz: string, from: string, to: string): string[] {
  const found = boundaries(readBucket(text, tz, defaultLimits), Date.parse(from), Date.parse(to), 1_000)
  const format = new Intl.DateTimeFormat('sv', {
    timeZone: tz,
    dateStyle: 'short',
    timeStyle: 'short'
  })
  return found.map((at) => format.format(at).replace(' ', 'T'))
}

for (const [name, ask, starts] of [
  [
    'days where clocks are set forward',
    ['P1D', 'Europe/Berlin', '2026-03-28T12:00:00Z', '2026-03-30T00:00:00Z'],
    ['2026-03-28T00:00', '2026-03-29T00:00', '2026-03-30T00:00', '2026-03-31T00:00']
  ],
  [
    'six hours of a day of 23',
    ['PT6H', 'Europe/Berlin', '2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z'],
    ['2026-03-29T00:00', '2026-03-29T06:00', '2026-03-29T12:00', '2026-03-29T18:00', '2026-03-30T00:00']
  ],
  [
    'two hours, of which one begins in the gap',
    ['PT2H', 'Europe/Berlin', '2026-03-28T23:00:00Z', '2026-03-29T03:00:00Z'],
    ['2026-03-29T00:00', '2026-03-29T03:00', '2026-03-29T04:00', '2026-03-29T06:00']
  ],
  [
    'the hour that is there twice',
    ['PT1H', 'America/New_York', '2026-11-01T05:00:00Z', '2026-11-01T08:00:00Z'],
    ['2026-11-01T01:00', '2026-11-01T01:00', '2026-11-01T02:00', '2026-11-01T03:00']
  ],
  [
    'hours of a day of 23 and a half, of which the last is half',
    ['PT1H', 'Australia/Lord_Howe', '2026-10-04T10:30:00Z', '2026-10-04T14:00:00Z'],
    ['2026-10-04T21:30', '2026-10-04T22:30', '2026-10-04T23:30', '2026-10-05T00:00', '2026-10-05T01:00']
  ],
  [
    'hours of half an hour beside UTC',
    ['PT1H', 'Asia/Kolkata', '2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z'],
    ['2026-01-01T05:00', '2026-01-01T06:00', '2026-01-01T07:00']
  ],
  [
    'a day that begins at 01:00',
    ['P1D', 'America/Sao_Paulo', '2018-11-03T12:00:00Z', '2018-11-05T00:00:00Z'],
    ['2018-11-03T00:00', '2018-11-04T01:00', '2018-11-05T00:00']
  ],
  [
    'a day that a zone left out',
    ['P1D', 'Pacific/Apia', '2011-12-29T12:00:00Z', '2012-01-01T00:00:00Z'],
    ['2011-12-29T00:00', '2011-12-31T00:00', '2012-01-01T00:00', '2012-01-02T00:00']
  ],
  [
    'weeks, from Monday on',
    ['P1W', 'Europe/Berlin', '2026-03-25T12:00:00Z', '2026-04-01T00:00:00Z'],
    ['2026-03-23T00:00', '2026-03-30T00:00', '2026-04-06T00:00']
  ],
  [
    'quarters',
    ['P3M', 'Europe/Berlin', '2026-02-01T00:00:00Z', '2026-06-30T22:00:00Z'],
    ['2026-01-01T00:00', '2026-04-01T00:00', '2026-07-01T00:00']
  ],
  [
    'two years, counted from 1970',
    ['P2Y', 'UTC', '2027-02-01T00:00:00Z', '2028-01-01T00:00:01Z'],
    ['2026-01-01T00:00', '2028-01-01T00:00', '2030-01-01T00:00']
  ],
  [
    'three days, counted from 1970, before it',
    ['P3D', 'UTC', '1969-12-30T12:00:00Z', '1970-01-02T00:00:00Z'],
    ['1969-12-29T00:00', '1970-01-01T00:00', '1970-01-04T00:00']
  ]
] as const)
  test(name, () => assert.deepEqual(local(ask[0], ask[1], ask[2], ask[3]), starts))

test('more buckets than may be are refused, as many as may be are not', () => {
  const hour = readBucket('PT1H', 'UTC', defaultLimits)
  assert.equal(boundaries(hour, 0, 10 * 3_600_000, 10).length, 11)
  assert.throws(
    () => boundaries(hour, 0, 10 * 3_600_000 + 1, 10),
    (error) =>
      error instanceof Problem &&
      error.code === 'query_too_complex' &&
      /more than 10 buckets: ask for larger ones/.test(error.message)
  )
  assert.throws(() => boundaries(hour, 5, 5, 10), refuses(/to must be after from/, 'to'))
})

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
  'Africa/Casablanca'
]

test('buckets hold the range and increase, and where a bucket is does not depend on what is asked for', () => {
  const texts = ['PT1S', 'PT15M', 'PT1H', 'PT2H', 'PT8H', 'P1D', 'P3D', 'P1W', 'P1M', 'P1Y']
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.constantFrom(...zones),
      fc.integer({ min: -1_000_000_000_000, max: 2_000_000_000_000 }),
      fc.integer({ min: 1, max: 5_000_000 }),
      (text, tz, from, length) => {
        const bucket = readBucket(text, tz, defaultLimits)
        const to = from + length
        const all = boundaries(bucket, from, to, 5_001)
        assert.ok(all[0]! <= from && all[1]! > from && all.at(-1)! >= to && all.at(-2)! < to)
        for (let at = 1; at < all.length; at++) assert.ok(all[at]! > all[at - 1]!)
        for (const at of [0, all.length - 2])
          assert.deepEqual(boundaries(bucket, all[at]!, all[at + 1]!, 1), [all[at], all[at + 1]])
      }
    ),
    { numRuns: 500 }
  )
})

test('the coarsest level whose periods fit', () => {
  const level = (text: string, tz: string, from: string): string | null =>
    usableLevel(
      boundaries(readBucket(text, tz, defaultLimits), Date.parse(from), Date.parse(from) + 10_000_000, 20_000)
    )
  assert.equal(level('P1D', 'UTC', '2026-05-01T00:00:00Z'), 'day')
  assert.equal(level('PT12H', 'UTC', '2026-05-01T12:00:00Z'), 'hour')
  assert.equal(level('P1D', 'Europe/Berlin', '2026-05-01T00:00:00Z'), 'hour')
  assert.equal(level('P1D', 'Asia/Kolkata', '2026-05-01T00:00:00Z'), 'minute')
  assert.equal(level('PT15M', 'UTC', '2026-05-01T00:00:00Z'), 'minute')
  assert.equal(level('PT10S', 'UTC', '2026-05-01T00:00:00Z'), null)
  assert.equal(level('P1D', 'Europe/Berlin', '1890-05-01T00:00:00Z'), null)
})
