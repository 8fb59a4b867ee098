/** A map that lets go of what was put in first when it has too many entries, or these too many bytes. */

export class BoundedMap<Key, Value> {
  readonly #entriesMax: number
  readonly #bytesMax: number
  readonly #entries = new Map<Key, { value: Value; bytes: number }>()
  #bytes = 0

  constructor(entriesMax: number, bytesMax = Infinity) {
    this.#entriesMax = entriesMax
    this.#bytesMax = bytesMax
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key)?.value
  }

  /** What is larger than all may be is not kept. */
  set(key: Key, value: Value, bytes = 0): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0
    this.#entries.delete(key)
    this.#entries.set(key, { value, bytes })
    this.#bytes += bytes
    if (this.#entries.size <= this.#entriesMax && this.#bytes <= this.#bytesMax) return
    for (const [oldest, entry] of this.#entries) {
      this.#entries.delete(oldest)
      this.#bytes -= entry.bytes
      if (this.#entries.size <= this.#entriesMax && this.#bytes <= this.#bytesMax) return
    }
  }

  clear(): void {
    this.#entries.clear()
    this.#bytes = 0
  }
}
