/** Waits for a condition, never for a time. */
export async function eventually<T>(
  check: () => Promise<T | false | null | undefined> | T | false | null | undefined,
  { withinMs = 20_000, everyMs = 20, what = 'the condition' } = {}
): Promise<T> {
  const deadline = Date.now() + withinMs
  let last: unknown
  for (;;) {
    try {
      const result = await check()
      if (result !== false && result !== null && result !== undefined) return result
      last = result
    } catch (error) {
      last = error
    }
    if (Date.now() > deadline) {
      throw new Error(`${what} did not hold within ${withinMs} ms`, {
        cause: last instanceof Error ? last : undefined
      })
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
