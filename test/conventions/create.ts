/** A convention with options as rialto.yaml gives them, and the defaults of the others. */

import assert from 'node:assert/strict'
import type { Convention, ConventionParts } from '../../src/normalize/convention.ts'

export function create(convention: Convention, given: Record<string, unknown> = {}): ConventionParts {
  const value = (name: string): unknown => {
    assert.ok(Object.hasOwn(convention.options, name), `no option ${name}`)
    return given[name] ?? convention.options[name]!.default
  }
  return convention.create({
    text: (name) => value(name) as string | null,
    texts: (name) => (value(name) as readonly string[] | null) ?? [],
    flag: (name) => value(name) as boolean,
    seconds: (name) => value(name) as number | null,
    file: (name) => value(name) as Uint8Array | null
  })
}
