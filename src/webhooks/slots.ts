/** Places for what is under way at once; whoever waits longest is next. */

export interface Slots {
  /** Runs `work` when there is a place. Rejects with the signal's reason when it aborts before. */
  run<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result>
}

export function createSlots(max: number): Slots {
  const waiting = new Set<() => void>()
  let taken = 0

  async function take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (taken < max) return void taken++
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        waiting.delete(enter)
        reject(signal.reason as Error)
      }
      const enter = (): void => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
      waiting.add(enter)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** The place goes to the next one, or is free. */
  function leave(): void {
    const [next] = waiting
    if (next === undefined) return void taken--
    waiting.delete(next)
    next()
  }

  return {
    async run(work, signal) {
      await take(signal)
      try {
        return await work()
      } finally {
        leave()
      }
    }
  }
}
