/** Keeps rollups up to date with datapoints, on the instance that leads. */

import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Limits } from '../limits.ts'
import type { Millis } from '../model.ts'
import type { Stats } from '../stats.ts'
import type { Store } from '../store/store.ts'

export interface RollupJob {
  /** There may be something to do. */
  wake(): void
  run(): Promise<void>
  stop(): Promise<void>
}

export function createRollupJob(parts: {
  store: Pick<Store, 'rollups' | 'projections'>
  limits: Limits
  stats: Stats
  log: Logger
  leading: () => boolean
}): RollupJob {
  const { store, limits, stats, log, leading } = parts
  const closing = new AbortController()
  let waking = new AbortController()
  let running = Promise.resolve()
  let healthy = true
  let tidiedAt: Millis = 0
  /** Smaller while steps take long: each keeps partitions from being dropped until it ends. */
  let chunk = limits.rollupChunkDatapointsMax

  async function idle(ms: number): Promise<void> {
    await delay(ms, null, { signal: AbortSignal.any([waking.signal, closing.signal]) }).catch(() => {})
  }

  async function tidy(): Promise<void> {
    const now = Date.now()
    if (now - tidiedAt < limits.retentionCheckMs) return
    const dropped = await store.rollups.tidy(now)
    tidiedAt = now
    if (dropped.length > 0) log.info({ partitions: dropped }, 'Dropped rollups past their retention')
  }

  /** True when there may be more. */
  async function step(): Promise<boolean> {
    const begun = performance.now()
    const { rolled, datapoints, more } = await store.rollups.advance(chunk)
    const took = performance.now() - begun
    stats.rolledDatapoints += datapoints
    stats.rolledSeq = rolled
    if (took > limits.rollupStepMs) chunk = Math.max(Math.floor(chunk / 2), limits.rollupChunkDatapointsMin)
    else if (took < limits.rollupStepMs / 4) chunk = Math.min(chunk * 2, limits.rollupChunkDatapointsMax)
    const { carried, lost, projection } = await store.rollups.carryOver(limits.rollupStepMs)
    if (projection !== null) {
      log.info(
        { projection, metrics: carried, lost },
        'Rollups of before are those of the rebuilt projection'
      )
      await store.projections.drop(projection)
    }
    if (!more) await tidy()
    return more || carried > 0
  }

  async function round(): Promise<void> {
    if (waking.signal.aborted) waking = new AbortController()
    if (!leading()) return idle(limits.rollupEveryMs)
    try {
      const more = await step()
      healthy = true
      if (!more) await idle(limits.rollupEveryMs)
    } catch (error) {
      if (closing.signal.aborted) return
      if (healthy) log.warn({ err: error }, 'Cannot roll up datapoints; trying again')
      healthy = false
      // A step may have been too large for the time that a statement may take
      chunk = Math.max(Math.floor(chunk / 4), limits.rollupChunkDatapointsMin)
      await delay(limits.projectionRetryMs, null, { signal: closing.signal }).catch(() => {})
    }
  }

  return {
    wake: () => waking.abort(),
    run() {
      const work = async (): Promise<void> => {
        while (!closing.signal.aborted) await round()
      }
      return (running = work())
    },
    async stop() {
      closing.abort()
      await running
    }
  }
}
