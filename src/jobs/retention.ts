/** Keeps the journal's partitions ahead of the head and drops those past their limits; clears what has expired. */

import type { Logger } from 'pino'
import type { Limits } from '../limits.ts'
import type { Stats } from '../stats.ts'
import type { Store } from '../store/store.ts'

export interface RetentionJob {
  /** One round, as the timer does it. */
  runOnce(): Promise<void>
  start(): void
  stop(): Promise<void>
}

/** In a slot of its own per instance; two instances at once do no harm, since every step can be repeated. */
export function createRetentionJob(parts: {
  store: Store
  auditKeepSeconds: number
  limits: Limits
  stats: Stats
  log: Logger
}): RetentionJob {
  const { store, auditKeepSeconds, limits, stats, log } = parts
  let timer: NodeJS.Timeout | null = null
  let running: Promise<void> | null = null

  async function runOnce(): Promise<void> {
    await store.partitions.makeAhead()
    const moved = await store.retention.assignTopics()
    if (moved > 0) log.info({ topics: moved }, 'Topics came to other classes of retention')
    const dropped = await store.partitions.dropExpired()
    stats.partitionsDropped += dropped.length
    if (dropped.length > 0) log.info({ partitions: dropped }, 'Dropped partitions past their retention')
    await store.batches.forgetFinished()
    await store.commands.forgetFinal()
    await store.audit.forget(auditKeepSeconds)
    await store.forgetExpiredKeys(limits.idempotencyKeyHours)
    await store.keys.forgetEnded()
    stats.retentionDoneSeconds = Date.now() / 1_000
  }

  return {
    runOnce,
    start() {
      timer = setInterval(() => {
        // Two rounds at once would wait for one another's rows
        running ??= runOnce()
          .catch((error: unknown) => {
            stats.retentionFailures++
            log.warn({ err: error }, 'Retention could not run; trying again later')
          })
          .finally(() => (running = null))
      }, limits.retentionCheckMs)
    },
    async stop() {
      if (timer !== null) clearInterval(timer)
      await running
    }
  }
}
