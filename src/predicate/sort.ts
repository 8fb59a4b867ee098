/** `sort`: the order of a list by what is at a path. Pure. */

import { meaningOf, toComparable } from './meaning.ts'
import type { Path } from './path.ts'
import { takePath, valueAt } from './path.ts'
import type { PredicateLimits } from './scanner.ts'
import { Scanner } from './scanner.ts'
import { compareTexts } from './text-order.ts'

export interface Sort {
  readonly path: Path
  readonly descending: boolean
  /** As much of a text as it is ordered by. */
  readonly keyCharsMax: number
}

/**
 * The place of an item in the order, as JSON: nothing, null, false, true, numbers, texts, others. Bounded, so that it
 * fits into a page token.
 */
export type SortKey = readonly [0 | 1 | 2 | 3 | 6] | readonly [4, number] | readonly [5, string]

/**
 * One path, with `-` before it for the reverse. `pointer`: name of the argument, for faults. Throws Problem invalid_value
 * or query_too_complex.
 */
export function readSort(text: string, limits: PredicateLimits, pointer = 'sort'): Sort {
  const scanner = new Scanner(text, limits, pointer, '-payload/temperature')
  const descending = scanner.takeOne('-') !== null
  const path = takePath(scanner)
  if (!scanner.ended) throw scanner.fault('the end, since a list is sorted by one path')
  return { path, descending, keyCharsMax: limits.sortKeyCharsMax }
}

export function sortKeyOf(item: unknown, { path, keyCharsMax }: Sort): SortKey {
  const value = toComparable(valueAt(item, path), meaningOf(path))
  switch (typeof value) {
    case 'undefined':
      return [0]
    case 'boolean':
      return [value ? 3 : 2]
    case 'number':
      return [4, value]
    case 'string':
      return [5, firstChars(value, keyCharsMax)]
    default:
      return [value === null ? 1 : 6]
  }
}

/** Negative: `a` is before `b` when the order is ascending. */
export function compareKeys(a: SortKey, b: SortKey): number {
  if (a[0] === 4 && b[0] === 4) return a[1] - b[1]
  if (a[0] === 5 && b[0] === 5) return compareTexts(a[1], b[1])
  return a[0] - b[0]
}

/** Of code points, none of which has more than two units. */
const firstChars = (text: string, max: number): string =>
  text.length <= max
    ? text
    : Array.from(text.slice(0, 2 * max))
        .slice(0, max)
        .join('')
