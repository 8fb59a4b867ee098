/** How many letters two words are apart. Pure. */

/** Insertions, deletions, replacements, and two neighbours swapped; `max` + 1 where there are more than `max`. */
export function editDistance(a: string, b: string, max: number): number {
  if (a === b) return 0
  if (Math.abs(a.length - b.length) > max) return max + 1
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) cost = Math.min(cost, before[j - 2]! + 1)
      row.push(cost)
    }
    if (Math.min(...row) > max) return max + 1
    before = above
    above = row
  }
  return Math.min(above[b.length]!, max + 1)
}

/** So many letters of a word may be wrong, and it is still the same word. */
export const typosMax = (word: string): number => (word.length < 3 ? 0 : word.length < 5 ? 1 : 2)

export type Likeness = 'same' | 'case' | 'typo' | 'other'

/** Whether `b` is what somebody meant who wrote `a`. */
export function likeness(a: string, b: string): Likeness {
  if (a === b) return 'same'
  if (a.toLowerCase() === b.toLowerCase()) return 'case'
  const max = Math.min(typosMax(a), typosMax(b))
  return max > 0 && editDistance(a.toLowerCase(), b.toLowerCase(), max) <= max ? 'typo' : 'other'
}
