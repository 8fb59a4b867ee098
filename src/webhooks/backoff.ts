/** How long is waited after a failed delivery. Pure. */

import type { Limits } from '../limits.ts'
import type { Millis } from '../model.ts'

const jitter = 0.1

/**
 * Doubles with each failure, up to the longest wait; `chance` (0 to 1) makes it a tenth more or less, so that webhooks which
 * failed together do not come again together. What the receiver asks for (`retryAfter`, null: nothing) is kept up to the
 * longest wait.
 */
export function waitAfter(
  failures: number,
  retryAfter: Millis | null,
  chance: number,
  { webhookRetryMsMin, webhookRetryMsMax }: Pick<Limits, 'webhookRetryMsMin' | 'webhookRetryMsMax'>
): Millis {
  const doubled = Math.min(webhookRetryMsMin * 2 ** (failures - 1), webhookRetryMsMax)
  const wait = doubled * (1 - jitter + 2 * jitter * chance)
  return Math.round(Math.max(wait, Math.min(retryAfter ?? 0, webhookRetryMsMax)))
}
