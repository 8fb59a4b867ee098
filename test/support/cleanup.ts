/** What is to be ended with the test file, the newest first; outside of tests, as in benchmarks, by `endAll`. */

const ends: Array<() => unknown> = []

export function atEnd(end: () => unknown): void {
  ends.unshift(end)
}

export async function endAll(): Promise<void> {
  const faults: unknown[] = []
  for (const end of ends.splice(0)) {
    try {
      await end()
    } catch (error) {
      faults.push(error) // what else was started is ended all the same
    }
  }
  if (faults.length > 0) throw new AggregateError(faults, `Not ended: ${faults.map(String).join('; ')}`)
}

if (process.env['NODE_TEST_CONTEXT'] !== undefined) (await import('node:test')).after(endAll)
