/** Datapoints with whatever one may have. */

import fc from 'fast-check'
import type { Datapoint } from '../../src/datapoints.ts'
import { clocks, roles } from '../../src/datapoints.ts'

/** None of their times is later. */
export const lastAt = Date.parse('2026-03-14T09:00:00Z')

const name = fc
  .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
  .filter((text) => !/\p{Cc}/u.test(text))
const bytes = (text: string): Buffer => Buffer.from(text)
const value: fc.Arbitrary<Pick<Datapoint, 'type' | 'number' | 'exact'>> = fc.oneof(
  fc.constant({ type: 'null' as const, number: null, exact: null }),
  fc.boolean().map((is) => ({ type: 'boolean' as const, number: is ? 1 : 0, exact: null })),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .map((number) => ({ type: 'number' as const, number: number === 0 ? 0 : number, exact: null })),
  fc
    .bigInt({ min: 2n ** 53n, max: 10n ** 60n })
    .map((digits) => ({ type: 'integer' as const, number: Number(digits), exact: bytes(String(digits)) })),
  fc
    .string({ unit: 'binary' })
    .map((text) => ({ type: 'text' as const, number: null, exact: bytes(text.toWellFormed()) })),
  fc
    .json({ stringUnit: 'grapheme' })
    .map((text) => ({ type: 'json' as const, number: null, exact: bytes(text) })),
  fc.uint8Array().map((exact) => ({ type: 'bytes' as const, number: null, exact: Buffer.from(exact) }))
)
const time = fc.integer({ min: 0, max: lastAt })
export const anyDatapoint: fc.Arbitrary<Datapoint> = fc
  .record({
    device: name,
    metric: name,
    observedAt: time,
    receivedAt: time,
    role: fc.constantFrom(...(Object.keys(roles) as Array<keyof typeof roles>)),
    clock: fc.constantFrom(...(Object.keys(clocks) as Array<keyof typeof clocks>)),
    unit: fc.option(name),
    quality: fc.option(name),
    topic: fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => !/[+#\0]/.test(text)),
    seq: fc.nat(),
    n: fc.nat(),
    value
  })
  .map(({ value: of, ...rest }) => ({ ...rest, ...of }))
