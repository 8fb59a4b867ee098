/** So much at once, and the rest in the order in which it came. */

export function createTurns(max: number): <T>(work: () => Promise<T>) => Promise<T> {
  const queue: Array<() => void> = []
  let active = 0
  return async (work) => {
    if (active >= max) await new Promise<void>((resolve) => queue.push(resolve))
    else active++
    try {
      return await work()
    } finally {
      // Whoever is next takes over the place
      const next = queue.shift()
      if (next === undefined) active--
      else next()
    }
  }
}
