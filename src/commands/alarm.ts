/** When the dispatcher looks again: at once when it is woken, soon when something may have happened, else in time. */

export interface Alarm {
  /** Something is to be done. */
  wake(): void
  /** Something may be to be done. However often it is said, the next wait lasts `hintMs` at least. */
  hint(): void
  /** Resolves after `ms`, or when it is woken; at once if it was woken since the last wait. */
  wait(ms: number): Promise<void>
}

export function createAlarm({ hintMs }: { hintMs: number }): Alarm {
  let woken = false
  let hinted = false
  let timer: NodeJS.Timeout | undefined
  let ring: (() => void) | null = null
  let begunAt = 0

  const ringWithin = (ms: number): void => {
    clearTimeout(timer)
    timer = setTimeout(() => ring?.(), Math.max(0, ms))
  }
  const afterHint = (): number => begunAt + hintMs - performance.now()

  return {
    wake() {
      woken = true
      ring?.()
    },
    hint() {
      if (hinted) return
      hinted = true
      if (ring !== null) ringWithin(afterHint())
    },
    async wait(ms) {
      begunAt = performance.now()
      await new Promise<void>((resolve) => {
        ring = resolve
        ringWithin(woken ? 0 : hinted ? Math.min(ms, hintMs) : ms)
      })
      clearTimeout(timer)
      ring = null
      woken = hinted = false
    }
  }
}
