/** Reads the texts of `where`, `sort` and `fields` from left to right, and says where one is wrong. Pure. */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'

export type PredicateLimits = Pick<
  Limits,
  | 'whereCharsMax'
  | 'whereTermsMax'
  | 'whereDepthMax'
  | 'whereListItemsMax'
  | 'pathSegmentsMax'
  | 'fieldsMax'
  | 'sortKeyCharsMax'
>

/** RFC 8259 section 7. */
const jsonString = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"/y
const foundCharsMax = 20

export class Scanner {
  readonly text: string
  readonly limits: PredicateLimits
  /** Name of the argument, for faults. */
  readonly #pointer: string
  readonly #example: string
  #at = 0

  /** Throws Problem query_too_complex. */
  constructor(text: string, limits: PredicateLimits, pointer: string, example: string) {
    this.text = text
    this.limits = limits
    this.#pointer = pointer
    this.#example = example
    if (text.length > limits.whereCharsMax) throw this.tooMuch(`at most ${limits.whereCharsMax} characters`)
  }

  get ended(): boolean {
    this.#skipSpaces()
    return this.#at >= this.text.length
  }

  /** Where the next token begins, behind spaces. */
  get at(): number {
    this.#skipSpaces()
    return this.#at
  }

  /** What a sticky expression finds here, which is gone past; null where it finds nothing. */
  take(token: RegExp): string | null {
    this.#skipSpaces()
    return this.takeHere(token)
  }

  /** The same, where no space may stand. */
  takeHere(token: RegExp): string | null {
    token.lastIndex = this.#at
    const found = token.exec(this.text)?.[0] ?? null
    if (found !== null) this.#at += found.length
    return found
  }

  /** One character; null where another one stands. */
  takeOne(characters: string): string | null {
    this.#skipSpaces()
    const found = this.text[this.#at]
    if (found === undefined || !characters.includes(found)) return null
    this.#at++
    return found
  }

  /** A JSON string; null where none begins. Throws Problem where one begins and does not end. */
  takeString(): string | null {
    this.#skipSpaces()
    if (this.text[this.#at] !== '"') return null
    const found = this.takeHere(jsonString)
    if (found === null) throw this.fault('a JSON string that ends with a double quote')
    return JSON.parse(found) as string
  }

  /** The fault that something else was expected here, or at another place. */
  fault(expected: string, at = this.at): Problem {
    const rest = Array.from(this.text.slice(at, at + 2 * foundCharsMax))
    const found =
      rest.length === 0
        ? 'the end'
        : rest.slice(0, foundCharsMax).join('') + (rest.length > foundCharsMax ? '...' : '')
    const detail = `at character ${at + 1}: expected ${expected}, found ${found}; an example: ${this.#example}`
    return this.#problem('invalid_value', detail)
  }

  tooMuch(bound: string): Problem {
    return this.#problem('query_too_complex', bound)
  }

  #problem(code: 'invalid_value' | 'query_too_complex', detail: string): Problem {
    return new Problem(code, `${this.#pointer}: ${detail}`, [{ pointer: this.#pointer, detail }])
  }

  #skipSpaces(): void {
    while (this.#at < this.text.length && ' \t\r\n'.includes(this.text[this.#at]!)) this.#at++
  }
}
