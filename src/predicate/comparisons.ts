/** What the comparisons of `where` mean. Typed: values of two types are neither equal nor before one another. Pure. */

import { compareTexts } from './text-order.ts'

export type Literal = number | string | boolean | null

/** Whether a value is so; undefined where there is none. */
export type Comparison = (value: unknown) => boolean

/** With one literal. */
export const comparisons = {
  eq: (literal) => (value) => value === literal,
  /** Not eq, so true where there is nothing. */
  ne: (literal) => (value) => value !== literal,
  gt: (literal) => ordered(literal, (sign) => sign > 0),
  ge: (literal) => ordered(literal, (sign) => sign >= 0),
  lt: (literal) => ordered(literal, (sign) => sign < 0),
  le: (literal) => ordered(literal, (sign) => sign <= 0)
} satisfies Record<string, (literal: Literal) => Comparison>

export type ComparisonName = keyof typeof comparisons

export const isComparison = (name: string): name is ComparisonName => Object.hasOwn(comparisons, name)

/** gt, ge, lt and le, which take numbers and texts only. */
export const isOrdered = (name: string): boolean => isComparison(name) && name !== 'eq' && name !== 'ne'

function ordered(literal: Literal, holds: (sign: number) => boolean): Comparison {
  if (typeof literal === 'number') return (value) => typeof value === 'number' && holds(value - literal)
  return (value) =>
    typeof value === 'string' && typeof literal === 'string' && holds(compareTexts(value, literal))
}
