/** Faults of rialto.yaml, collected: each with its place, and what to do. */

import type { LineCounter } from 'yaml'
import type { MappingFault } from './mapping-set.ts'

export type Path = ReadonlyArray<string | number>

export class FaultList {
  readonly faults: MappingFault[] = []
  readonly #lines: LineCounter
  readonly #faultsMax: number

  constructor(lines: LineCounter, faultsMax: number) {
    this.#lines = lines
    this.#faultsMax = faultsMax
  }

  add(offset: number, path: Path, message: string, fix: string): void {
    if (this.faults.length >= this.#faultsMax) return
    const { line, col } = this.#lines.linePos(offset)
    this.faults.push({
      line: Math.max(line, 1),
      column: Math.max(col, 1),
      pointer: toPointer(path),
      message,
      fix
    })
  }

  line(offset: number): number {
    return this.#lines.linePos(offset).line
  }
}

/** RFC 6901. */
const toPointer = (path: Path): string =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')

/** What was probably meant, as the end of a sentence; else what there is. */
export function suggest(given: string, known: readonly string[]): string {
  const near = known
    .map((name) => ({ name, distance: editDistance(given.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.ceil(name.length / 3))
    .toSorted((a, b) => a.distance - b.distance)[0]
  if (near !== undefined) return `Did you mean ${near.name}?`
  return known.length === 0 ? 'There is none' : `There is ${known.join(', ')}`
}

/** Insertions, deletions and substitutions from one to the other; names are short. */
function editDistance(from: string, to: string): number {
  if (from.length > 64) return from.length
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const substituted = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(substituted, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[to.length]!
}
