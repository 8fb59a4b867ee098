/**
 * How many commands are open, without counting them for each request: where 100,000 are open, that takes longer than all
 * else. What other instances accept is seen at the next count, so that all together may exceed the bound by what they
 * accept until then.
 */

import type { Limits } from '../limits.ts'
import type { Millis } from '../model.ts'

export interface OpenCount {
  /** Whether so many more would be too many. Where they are not, they count as open from now on. */
  wouldExceed(more: number): Promise<boolean>
}

export function createOpenCount(parts: {
  count: () => Promise<number>
  limits: Pick<Limits, 'commandsOpenMax' | 'commandsCountedMs'>
  now: () => Millis
}): OpenCount {
  const { count, limits, now } = parts
  let known = 0
  let countedAt = -Infinity
  return {
    async wouldExceed(more) {
      const fresh = now() - countedAt < limits.commandsCountedMs
      // Before one is refused they are counted: some may have ended meanwhile
      if (!fresh || known + more > limits.commandsOpenMax) {
        known = await count()
        countedAt = now()
      }
      if (known + more > limits.commandsOpenMax) return true
      known += more
      return false
    }
  }
}
