/** `fields`: which members of an item a reader wants. Pure. */

import type { Path } from './path.ts'
import { takePath } from './path.ts'
import type { PredicateLimits } from './scanner.ts'
import { Scanner } from './scanner.ts'

/** By name: a member that is wanted whole is null, else what is wanted of it. */
type Wanted = Map<string, Wanted | null>

export interface Fields {
  readonly paths: readonly Path[]
  readonly wanted: ReadonlyMap<string, Wanted | null>
}

/** Paths with commas between them, in one text or several. Throws Problem invalid_value or query_too_complex. */
export function readFields(texts: readonly string[], limits: PredicateLimits): Fields {
  const paths: Path[] = []
  const wanted: Wanted = new Map()
  for (const text of texts) {
    const scanner = new Scanner(text, limits, 'fields', 'topic,payload/temperature')
    do {
      if (paths.length === limits.fieldsMax) throw scanner.tooMuch(`at most ${limits.fieldsMax} paths`)
      const path = takePath(scanner)
      paths.push(path)
      want(wanted, path)
    } while (scanner.takeOne(','))
    if (!scanner.ended) throw scanner.fault('a comma or the end')
  }
  return { paths, wanted }
}

/**
 * Only the members that are wanted, nested as they were. An array is given whole if a path goes into it, and a null where
 * an object might be stays null; what is not there is left out.
 */
export const pick = (item: object, { wanted }: Fields): Record<string, unknown> =>
  pickOf(item as Record<string, unknown>, wanted)

function pickOf(item: Record<string, unknown>, wanted: Fields['wanted']): Record<string, unknown> {
  const members: Array<[string, unknown]> = []
  for (const [name, within] of wanted) {
    if (!Object.hasOwn(item, name)) continue
    const value = item[name]
    if (within === null || value === null || Array.isArray(value)) members.push([name, value])
    else if (typeof value === 'object') members.push([name, pickOf(value as Record<string, unknown>, within)])
  }
  // Makes own members of all names, __proto__ among them
  return Object.fromEntries(members)
}

function want(wanted: Wanted, path: Path): void {
  const [name, ...rest] = path
  const within = wanted.get(name!)
  if (within === null) return // wanted whole already
  if (rest.length === 0) wanted.set(name!, null)
  else {
    const next: Wanted = within ?? new Map()
    wanted.set(name!, next)
    want(next, rest)
  }
}
