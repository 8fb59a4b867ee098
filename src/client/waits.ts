/** How long to wait before something is tried again. */

/** Resolves after `ms`, or at once when `signal` aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done)
  })
}

/** The first wait after a failure, ms; doubled with each that follows, up to the longest. */
const waitMsMin = 250
const waitMsMax = 15_000

/** ms after so many failures in a row; a part of it is chance, so that clients do not come back all at once. */
export const backoffMs = (failures: number): number =>
  Math.min(waitMsMax, waitMsMin * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2)
