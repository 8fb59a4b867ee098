/** JSON bodies, read without guessing: UTF-8 (RFC 8259 section 8.1), nothing dropped, not deeper than can be walked. */

import { isUtf8 } from 'node:buffer'
import { Problem } from '../errors.ts'

export function parseJson(body: Buffer): unknown {
  if (body.length === 0) return null // some clients declare JSON and send nothing
  if (!isUtf8(body)) throw new Problem('malformed_json', 'The body is not UTF-8')
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (error) {
    throw new Problem('malformed_json', (error as Error).message, [], { cause: error })
  }
}

/** What is nested deeper would exhaust the stack of JSON.stringify, here or in a reader. */
const depthMax = 100

/** One text for every way to write the same value: keys sorted, no blanks. Throws Problem invalid_value. */
export function toCanonicalJson(value: unknown, depth = 0): string {
  if (depth > depthMax)
    throw new Problem('invalid_value', `The body is nested deeper than ${depthMax} levels`)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((item) => toCanonicalJson(item, depth + 1)).join()}]`
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${toCanonicalJson(member, depth + 1)}`).join()}}`
}
