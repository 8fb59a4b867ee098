/** Facts that were read from the table last: who comes a little later finds them here. */

import type { Fact, Seq } from '../model.ts'
import { bytesOf } from './ring.ts'

/** All facts with from < seq <= to, but for those that retention took. */
export interface Chunk {
  from: Seq
  to: Seq
  facts: readonly Fact[]
}

/** Whether it goes on behind `after`. */
export const covers = ({ from, to }: Chunk, after: Seq): boolean => from <= after && after < to

export class ChunkCache {
  readonly #bytesMax: number
  /** The one used last is at the end. */
  #chunks: Array<{ chunk: Chunk; bytes: number }> = []
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get(after: Seq): Chunk | null {
    const at = this.#chunks.findLastIndex(({ chunk }) => covers(chunk, after))
    if (at < 0) return null
    const [found] = this.#chunks.splice(at, 1)
    this.#chunks.push(found!)
    return found!.chunk
  }

  add(chunk: Chunk): void {
    const bytes = chunk.facts.reduce((sum, fact) => sum + bytesOf(fact), 0)
    this.#chunks.push({ chunk, bytes })
    this.#bytes += bytes
    while (this.#bytes > this.#bytesMax) this.#bytes -= this.#chunks.shift()!.bytes
  }

  clear(): void {
    this.#chunks = []
    this.#bytes = 0
  }
}
