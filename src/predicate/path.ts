/** Paths into an item as it is answered: JSON pointers (RFC 6901) without the slash at the beginning. Pure. */

import type { PredicateLimits } from './scanner.ts'
import { Scanner } from './scanner.ts'

/** Names of members, outermost first; at least one. */
export type Path = readonly string[]

const bare = /[A-Za-z0-9_$~/.:@+-]+/y
const index = /^(?:0|[1-9]\d*)$/

/** A text that is one path and no more. Throws Problem invalid_value or query_too_complex. */
export function readPath(text: string, pointer: string, limits: PredicateLimits): Path {
  const scanner = new Scanner(text, limits, pointer, 'payload/temperature')
  const path = takePath(scanner)
  if (!scanner.ended) throw scanner.fault('the end of the path')
  return path
}

/** The path that stands next in a text. Throws Problem invalid_value or query_too_complex. */
export function takePath(scanner: Scanner): Path {
  const { at } = scanner
  const text = scanner.takeString() ?? scanner.takeHere(bare)
  if (text === null || text === '')
    throw scanner.fault(
      'a path; one with other characters than A-Za-z0-9_$~/.:@+- stands in double quotes',
      at
    )
  if (text.startsWith('/')) throw scanner.fault('a path without a slash at its beginning', at)
  if (/~(?![01])/.test(text))
    throw scanner.fault('a path with ~0 for ~ and ~1 for / in a name (RFC 6901)', at)
  const segments = text.split('/')
  const { pathSegmentsMax } = scanner.limits
  if (segments.length > pathSegmentsMax) throw scanner.tooMuch(`a path has at most ${pathSegmentsMax} names`)
  // In this order: ~01 is ~1 (RFC 6901 section 4)
  return segments.map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** What is there: own members of objects, and elements of arrays by number; undefined where there is nothing. */
export function valueAt(item: unknown, path: Path): unknown {
  let value = item
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return undefined
    if (!Object.hasOwn(value, name) || (Array.isArray(value) && !index.test(name))) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}
