/** A value of rialto.yaml with its place: read as what it should be, or a fault that says what to do. */

import type { Node, Pair } from 'yaml'
import { isMap, isScalar, isSeq } from 'yaml'
import type { FaultList, Path } from './mapping-faults.ts'
import { suggest } from './mapping-faults.ts'

export class Entry {
  readonly node: Node | null
  readonly path: Path
  readonly #offset: number
  readonly #faults: FaultList

  constructor(node: Node | null, offset: number, path: Path, faults: FaultList) {
    this.node = node
    this.path = path
    this.#offset = node?.range?.[0] ?? offset
    this.#faults = faults
  }

  get line(): number {
    return this.#faults.line(this.#offset)
  }

  fault(message: string, fix: string): null {
    this.#faults.add(this.#offset, this.path, message, fix)
    return null
  }

  /** For messages: what the value is called. */
  get #name(): string {
    const last = this.path.at(-1)
    return last === undefined ? 'The document' : typeof last === 'number' ? `Item ${last + 1}` : last
  }

  get isMap(): boolean {
    return isMap(this.node)
  }

  /** A mapping without keys. */
  get isEmpty(): boolean {
    return isMap(this.node) && this.node.items.length === 0
  }

  get isList(): boolean {
    return isSeq(this.node)
  }

  /** The members, all of them known; null and a fault if it is none. `example` shows what was expected. */
  map(known: readonly string[], example: string): Map<string, Entry> | null {
    if (!isMap(this.node))
      return this.fault(`${this.#name} is no mapping of keys to values`, `Write for instance ${example}`)
    const members = new Map<string, Entry>()
    for (const pair of this.node.items as Array<Pair<Node, Node | null>>) {
      const name = isScalar(pair.key) ? String(pair.key.value) : ''
      const offset = pair.key.range?.[0] ?? this.#offset
      const path = [...this.path, name]
      if (known.includes(name)) members.set(name, new Entry(pair.value, offset, path, this.#faults))
      else
        this.#faults.add(offset, path, `There is no key ${JSON.stringify(name)} here`, suggest(name, known))
    }
    return members
  }

  /** The members, whatever their names are. */
  all(example: string): Map<string, Entry> | null {
    const names = isMap(this.node)
      ? this.node.items.map(({ key }) => (isScalar(key) ? String(key.value) : ''))
      : []
    return this.map(names, example)
  }

  /** As JSON has it. */
  json(): unknown {
    return this.node?.toJSON() ?? null
  }

  /** What stands under this key, where it is a mapping that has it. No fault. */
  member(key: string): Entry | undefined {
    const pairs = isMap(this.node) ? (this.node.items as Array<Pair<Node, Node | null>>) : []
    const pair = pairs.find((one) => isScalar(one.key) && one.key.value === key)
    if (pair === undefined) return undefined
    return new Entry(pair.value, pair.key.range?.[0] ?? this.#offset, [...this.path, key], this.#faults)
  }

  /** A mapping with one key: its name, known or not, and its value. */
  only(known: readonly string[], example: string): { name: string; value: Entry } | null {
    const pairs = isMap(this.node) ? (this.node.items as Array<Pair<Node, Node | null>>) : []
    const name = isScalar(pairs[0]?.key) ? String(pairs[0].key.value) : ''
    if (pairs.length !== 1 || name === '')
      return this.fault(`${this.#name} is not one name with its options`, `Write for instance ${example}`)
    if (!known.includes(name))
      return this.fault(`There is no convention ${JSON.stringify(name)}`, suggest(name, known))
    const { key, value } = pairs[0]!
    return {
      name,
      value: new Entry(value, key.range?.[0] ?? this.#offset, [...this.path, name], this.#faults)
    }
  }

  list(example: string): Entry[] | null {
    if (!isSeq(this.node)) return this.fault(`${this.#name} is no list`, `Write for instance ${example}`)
    return this.node.items.map(
      (item, index) => new Entry(item as Node | null, this.#offset, [...this.path, index], this.#faults)
    )
  }

  /** Text that is not empty. Numbers and truth values are taken as they are written. */
  text(example: string): string | null {
    if (isScalar(this.node)) {
      const { value, source } = this.node
      const text = typeof value === 'string' ? value : (source ?? String(value))
      if (value !== null && text !== '') return text
      return this.fault(`${this.#name} is empty`, `Write for instance ${example}`)
    }
    if (this.node === null) return this.fault(`${this.#name} is empty`, `Write for instance ${example}`)
    return this.fault(
      `${this.#name} is no text`,
      this.isMap ? `Put text that begins with { in quotes: ${example}` : `Write for instance ${example}`
    )
  }

  boolean(): boolean | null {
    if (isScalar(this.node) && typeof this.node.value === 'boolean') return this.node.value
    return this.fault(`${this.#name} is neither true nor false`, 'Write true or false')
  }

  /** A number above 0. */
  positive(max: number, example: string): number | null {
    const value = isScalar(this.node) ? this.node.value : null
    if (typeof value === 'number' && value > 0 && value <= max) return value
    return this.fault(
      `${this.#name} is no number above 0${max === Number.MAX_VALUE ? '' : `, up to ${max}`}`,
      `Write for instance ${example}`
    )
  }

  oneOf<T extends string>(values: readonly T[]): T | null {
    const text = this.text(values[0]!)
    if (text === null) return null
    if ((values as readonly string[]).includes(text)) return text as T
    return this.fault(`${this.#name} cannot be ${JSON.stringify(text)}`, suggest(text, values))
  }

  /** `5m`, as seconds. */
  duration(secondsMax: number): number | null {
    const text = this.text('5m')
    if (text === null) return null
    const match = /^(\d{1,9}) ?(s|m|h|d)$/.exec(text)
    if (match === null)
      return this.fault(
        `${JSON.stringify(text)} is no duration`,
        'Write a number and s, m, h or d: 90s, 5m, 2h, 1d'
      )
    const seconds = Number(match[1]) * { s: 1, m: 60, h: 3_600, d: 86_400 }[match[2] as 's' | 'm' | 'h' | 'd']
    if (seconds >= 1 && seconds <= secondsMax) return seconds
    return this.fault(
      `${this.#name} is not from 1s to ${secondsMax / 86_400}d`,
      'Write a duration between them'
    )
  }

  /** A list of words. */
  words(example: string): string[] | null {
    const words = this.list(example)?.map((item) => item.text(example)) ?? null
    if (words === null || words.includes(null)) return null
    if (words.length === 0) return this.fault(`${this.#name} has no word`, `Write for instance ${example}`)
    return words as string[]
  }
}
