/**
 * `where`: which items a reader wants, in function form, such as
 * `and(gt(payload/temperature,21.5),not(in(payload/mode,"auto","off")))`. The same on REST, GraphQL and streams. Pure.
 */

import type { Comparison, Literal } from './comparisons.ts'
import { comparisons, isComparison, isOrdered } from './comparisons.ts'
import type { Meaning } from './meaning.ts'
import { meaningOf, toComparable } from './meaning.ts'
import type { Path } from './path.ts'
import { takePath, valueAt } from './path.ts'
import type { PredicateLimits } from './scanner.ts'
import { Scanner } from './scanner.ts'

export interface Predicate {
  /** As it was given. */
  readonly text: string
  /** All that it looks at. */
  readonly paths: readonly Path[]
  test(item: unknown): boolean
}

type Test = (item: unknown) => boolean

const example = 'and(gt(payload/temperature,21.5),not(in(payload/mode,"auto","off")))'
const functions = 'eq, ne, gt, ge, lt, le, in, exists, prefix, and, or, not'
const word = /[a-z]+/y
/** RFC 8259 section 6, and the words. */
const atom = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![^\s,)])/y

/** `pointer`: name of the argument, for faults. Throws Problem invalid_value, or query_too_complex beyond the bounds. */
export function readPredicate(text: string, limits: PredicateLimits, pointer = 'where'): Predicate {
  const reader = new PredicateReader(new Scanner(text, limits, pointer, example))
  return { text, test: reader.read(), paths: reader.paths }
}

class PredicateReader {
  readonly paths: Path[] = []
  readonly #scanner: Scanner
  #terms = 0

  constructor(scanner: Scanner) {
    this.#scanner = scanner
  }

  read(): Test {
    const test = this.#term(1)
    if (!this.#scanner.ended) throw this.#scanner.fault('the end')
    return test
  }

  #term(depth: number): Test {
    const scanner = this.#scanner
    const { whereDepthMax, whereTermsMax } = scanner.limits
    const { at } = scanner
    const name = scanner.take(word)
    if (name === null || !scanner.takeOne('(')) throw scanner.fault(`one of ${functions} with its (`, at)
    if (depth > whereDepthMax) throw scanner.tooMuch(`at most ${whereDepthMax} functions within one another`)
    if (++this.#terms > whereTermsMax) throw scanner.tooMuch(`at most ${whereTermsMax} functions`)
    const test = this.#called(name, depth, at)
    if (!scanner.takeOne(')')) throw scanner.fault(`the ) of ${name}(`)
    return test
  }

  #called(name: string, depth: number, at: number): Test {
    if (name === 'and' || name === 'or') {
      const tests = [this.#term(depth + 1)]
      while (this.#scanner.takeOne(',')) tests.push(this.#term(depth + 1))
      return name === 'and'
        ? (item) => tests.every((test) => test(item))
        : (item) => tests.some((test) => test(item))
    }
    if (name === 'not') {
      const test = this.#term(depth + 1)
      return (item) => !test(item)
    }
    if (name === 'exists') return this.#value(this.#path(), null, (value) => value !== undefined)
    if (name === 'prefix') {
      const path = this.#path()
      const start = this.#prefix()
      return this.#value(path, null, (value) => typeof value === 'string' && value.startsWith(start))
    }
    if (name !== 'in' && !isComparison(name)) throw this.#scanner.fault(`one of ${functions}`, at)
    const path = this.#path()
    const meaning = meaningOf(path)
    if (name === 'in') {
      const list = new Set<unknown>(this.#list(meaning))
      return this.#value(path, meaning, (value) => list.has(value))
    }
    return this.#value(path, meaning, comparisons[name](this.#literal(meaning, isOrdered(name))))
  }

  #value(path: Path, meaning: Meaning | null, holds: Comparison): Test {
    return meaning === null
      ? (item) => holds(valueAt(item, path))
      : (item) => holds(toComparable(valueAt(item, path), meaning))
  }

  #path(): Path {
    const path = takePath(this.#scanner)
    this.paths.push(path)
    return path
  }

  #prefix(): string {
    this.#comma()
    const { at } = this.#scanner
    const start = this.#scanner.takeString()
    if (start === null) throw this.#scanner.fault('a text in double quotes', at)
    return start
  }

  #list(meaning: Meaning | null): Literal[] {
    const { whereListItemsMax } = this.#scanner.limits
    const list = [this.#literal(meaning, false)]
    while (this.#scanner.takeOne(',')) {
      if (list.length === whereListItemsMax)
        throw this.#scanner.tooMuch(`in(...) takes at most ${whereListItemsMax} values`)
      list.push(this.#item(meaning, false))
    }
    return list
  }

  #literal(meaning: Meaning | null, order: boolean): Literal {
    this.#comma()
    return this.#item(meaning, order)
  }

  #item(meaning: Meaning | null, order: boolean): Literal {
    const scanner = this.#scanner
    const { at } = scanner
    const literal = this.#json()
    if (literal === undefined)
      throw scanner.fault('a number, true, false, null, or a text in double quotes', at)
    if (order && typeof literal !== 'number' && typeof literal !== 'string')
      throw scanner.fault('a number or a text, which have an order', at)
    const comparable = toComparable(literal, meaning)
    if (comparable === undefined) throw scanner.fault(expectedOf[meaning!], at)
    return comparable as Literal
  }

  /** undefined where there is none. */
  #json(): Literal | undefined {
    const { at } = this.#scanner
    const text = this.#scanner.takeString()
    if (text !== null) return text
    const found = this.#scanner.take(atom)
    if (found === null) return undefined
    const value = JSON.parse(found) as number | boolean | null
    if (typeof value === 'number' && !Number.isFinite(value))
      throw this.#scanner.fault('a number that a double holds', at)
    return value
  }

  #comma(): void {
    if (!this.#scanner.takeOne(',')) throw this.#scanner.fault('a comma and a value')
  }
}

const expectedOf: Record<Meaning, string> = {
  seq: 'a whole number, or a text of digits',
  time: 'a time as RFC 3339 writes it, such as "2026-03-14T09:26:53.589Z"'
}
