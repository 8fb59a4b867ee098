/** Compares texts by code points, as Postgres does with collation "C" in UTF-8. Pure. */

/** Negative: `a` is before `b`. JavaScript's own `<` compares code units, and puts U+10000 before U+E000. */
export function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const [unitA, unitB] = [a.charCodeAt(at), b.charCodeAt(at)]
    if (unitA !== unitB) return rank(unitA) - rank(unitB)
  }
  return a.length - b.length
}

/** Surrogates are halves of code points that are behind all others. */
const rank = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit)
