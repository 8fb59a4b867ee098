/** CPU time of what runs in this process; a machine that is shared changes it less than the time on the clock. */

/** Microseconds of each of so many runs. */
export function cpuMicroseconds(times: number, run: (index: number) => void): number {
  const begun = process.cpuUsage()
  for (let index = 0; index < times; index++) run(index)
  const { user, system } = process.cpuUsage(begun)
  return (user + system) / times
}

export const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!
