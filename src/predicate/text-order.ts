/** Compares texts by code points, as Postgres does with collation "C" in UTF-8. Pure. */

/** Negative: `a` is before `b`. JavaScript's own `<` compares code units, and puts U+10000 before U+E000. */
export function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  let at = 0
  while (at < length && a.charCodeAt(at) === b.charCodeAt(at)) at++
  if (at === length) return a.length - b.length
  // The first units that differ may be the second halves of code points
  const start = at > 0 && isHigh(a.charCodeAt(at - 1)) ? at - 1 : at
  return a.codePointAt(start)! - b.codePointAt(start)! || a.codePointAt(at)! - b.codePointAt(at)!
}

/** The first half of a surrogate pair, or what stands alone as if it were one. */
const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
