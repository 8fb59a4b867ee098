/** How long to wait before the next attempt. */

import type { Limits } from '../limits.ts'

/** Doubles up to the limit, with jitter, so that many clients of a broker that restarts do not come all at once. */
export function nextDelay(
  lastMs: number,
  { reconnectDelayMsMin, reconnectDelayMsMax }: Limits,
  random: () => number = Math.random
): number {
  const next = Math.min(reconnectDelayMsMax, Math.max(reconnectDelayMsMin, lastMs * 2))
  return next * (0.75 + random() * 0.25)
}
