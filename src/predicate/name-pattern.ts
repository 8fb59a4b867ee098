/** Patterns of names of devices and metrics: `*` is any run of characters, also none. Pure. */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'

export interface NamePattern {
  /** As it was given. */
  text: string
  /** The one name that it means; null where it has a `*`. */
  exact: string | null
  /** For LIKE, with its default escape character. */
  like: string
  test(name: string): boolean
}

/** The name as it is, whatever characters it has. */
export const exactName = (name: string): NamePattern => ({
  text: name.replace(/[\\*]/g, '\\$&'),
  exact: name,
  like: name.replace(/[\\%_]/g, '\\$&'),
  test: (other) => other === name
})

/** `\` makes the next character itself. Throws Problem invalid_value, with the pointer. */
export function readNamePattern(
  text: string,
  limits: Pick<Limits, 'nameBytesMax'>,
  pointer: string
): NamePattern {
  const refuse = (detail: string): Problem =>
    new Problem('invalid_value', `${pointer} ${detail}`, [{ pointer, detail }])
  if (text === '') throw refuse('is empty: name a device or a metric, or leave it out')
  if (Buffer.byteLength(text) > limits.nameBytesMax)
    throw refuse(`is longer than ${limits.nameBytesMax} bytes`)
  if (/(?<!\\)(\\\\)*\\$/.test(text))
    throw refuse('ends with \\, which makes the next character itself: write \\\\ for \\')
  // Runs between the stars, as they are
  const runs: string[] = ['']
  for (const [, escaped, star, other] of text.matchAll(/\\([^])|(\*)|([^])/g))
    if (star !== undefined) runs.push('')
    else runs[runs.length - 1] += escaped ?? other!
  return {
    text,
    exact: runs.length === 1 ? runs[0]! : null,
    like: runs.map((run) => run.replace(/[\\%_]/g, '\\$&')).join('%'),
    test: (name) => matches(name, runs)
  }
}

/** Linear in the name for each run: the first and the last are at the ends, the others wherever they come first. */
function matches(name: string, runs: readonly string[]): boolean {
  const [first, last] = [runs[0]!, runs.at(-1)!]
  if (runs.length === 1) return name === first
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last))
    return false
  let at = first.length
  for (const run of runs.slice(1, -1)) {
    const found = name.indexOf(run, at)
    if (found === -1) return false
    at = found + run.length
  }
  return at <= name.length - last.length
}
