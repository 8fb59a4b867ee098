/** Looks at what may have changed elsewhere: one after the other, and not too often, however many ask for it. */

export interface Looks {
  /** Resolves after a look that began after this call. */
  now(): Promise<void>
  /** The same, and bounded: no more often than once in `msMin`, for all who ask together. */
  soon(): Promise<void>
  /** Nothing begins any more; whoever waits is let go. */
  stop(): void
}

export function createLooks<Found extends { revision: number }>(parts: {
  /** null: nothing has changed since this revision. */
  read: (known: number | null) => Promise<Found | null>
  take: (found: Found) => void
  msMin: number
}): Looks {
  let revision: number | null = null
  let running: Promise<void> = Promise.resolve()
  /** The one that waits for `running`: whoever asks before it begins shares it. */
  let next: Promise<void> | null = null
  let delayed: Promise<void> | null = null
  let beganAt = 0
  let letGo: (() => void) | null = null
  let stopped = false

  async function look(): Promise<void> {
    if (stopped) return
    beganAt = performance.now()
    const found = await parts.read(revision)
    if (found === null || stopped) return
    revision = found.revision
    parts.take(found)
  }

  function now(): Promise<void> {
    if (next !== null) return next
    const own = running
      .catch(() => {}) // whoever asked for it was told
      .then(() => {
        next = null
        running = own
        return look()
      })
    next = own
    return own
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      letGo = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  return {
    now,
    soon() {
      delayed ??= pause(beganAt + parts.msMin - performance.now()).then(() => {
        delayed = null
        return now()
      })
      return delayed
    },
    stop() {
      stopped = true
      letGo?.()
    }
  }
}
