/** Numbers that a seed tells: the same seed gives the same faults in the same order. */

export interface Random {
  /** From 0 to below 1. */
  next(): number
  between(least: number, most: number): number
  pick<Item>(items: readonly Item[]): Item
  /** Hands out the items in random order, all of them before any comes again. */
  deal<Item>(items: readonly Item[]): () => Item
}

/** mulberry32; `seed` from 0 to 2^32 - 1. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const random: Random = {
    next() {
      state = (state + 0x6d2b79f5) >>> 0
      let mixed = Math.imul(state ^ (state >>> 15), state | 1)
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
    },
    between: (least, most) => least + random.next() * (most - least),
    pick: (items) => items[Math.floor(random.next() * items.length)]!,
    deal(items) {
      let left: (typeof items)[number][] = []
      return () => {
        if (left.length === 0) left = [...items]
        return left.splice(Math.floor(random.next() * left.length), 1)[0]!
      }
    }
  }
  return random
}
