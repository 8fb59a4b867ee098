/** Waits for a condition, never for a time. A check that does not answer counts as one that does not hold. */
export async function eventually<T>(
  check: () => Promise<T | false | null | undefined> | T | false | null | undefined,
  { withinMs = 20_000, everyMs = 20, what = 'the condition' } = {}
): Promise<T> {
  const begun = Date.now()
  let last: unknown
  while (Date.now() - begun <= withinMs) {
    try {
      const result = await within(check(), withinMs - (Date.now() - begun))
      if (result !== false && result !== null && result !== undefined) return result
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
  throw new Error(`${what} did not hold within ${withinMs} ms`, { cause: last })
}

async function within<T>(promise: Promise<T> | T, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), Math.max(ms, 1))
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
