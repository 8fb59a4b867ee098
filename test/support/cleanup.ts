/** What is to be ended with the test file, the newest first; outside of tests, as in benchmarks, by `endAll`. */

const ends: Array<() => unknown> = []

export function atEnd(end: () => unknown): void {
  ends.unshift(end)
}

export async function endAll(): Promise<void> {
  for (const end of ends.splice(0)) await end()
}

if (process.env['NODE_TEST_CONTEXT'] !== undefined) (await import('node:test')).after(endAll)
