/**
 * Stops batches of which too many commands fail, and notes those that are finished. Everything is asked of the database
 * each time, and each step can be repeated: whoever leads next goes on wherever this one ended. Publishing is the
 * dispatcher's; of a batch that has ended it publishes nothing for the first time (store/append-commands.ts).
 */

import type { Logger } from 'pino'
import { stopReason } from '../command-batch.ts'
import type { CommandBatch } from '../command-batch.ts'
import type { Feed } from '../feed/feed.ts'
import type { Limits } from '../limits.ts'
import type { Store } from '../store/store.ts'
import { moves } from './lifecycle.ts'

export interface BatchRunner {
  /** A command may have become final. */
  wake(): void
  run(): Promise<void>
  stop(): Promise<void>
}

interface Parts {
  store: Pick<Store, 'batches' | 'commands'>
  feed: Pick<Feed, 'hint'>
  limits: Limits
}

export function createBatchRunner(
  parts: Parts & {
    /** Only the instance that holds the lease looks. */
    leading: () => boolean
    log: Logger
  }
): BatchRunner {
  const { store, limits, log, leading } = parts
  let running: Promise<void> = Promise.resolve()
  let stopped = false
  let woken = false
  let wakeUp: (() => void) | null = null

  async function look(batch: CommandBatch): Promise<void> {
    const { id, counts, final, accepted, state, reason } = batch
    const why = stopReason(batch)
    if (why !== null) {
      if (!(await store.batches.end(id, 'stopped', why))) return
      log.warn({ batchId: id, reason: why }, 'A batch is stopped')
      return cancelRest(parts, id, why)
    }
    const isOver = state === 'stopped' || state === 'cancelled'
    // Whoever ended it did not come to the end of it
    if (isOver && (counts.scheduled ?? 0) + (counts.pending ?? 0) > 0) return cancelRest(parts, id, reason!)
    if (final === accepted) await store.batches.finish(batch)
  }

  async function round(): Promise<void> {
    for (const batch of await store.batches.open(limits.batchesOpenMax))
      if (!stopped && leading()) await look(batch)
  }

  /** `wakeable`: ends as soon as there is something to look at. */
  function rest(ms: number, wakeable: boolean): Promise<void> {
    if (stopped || (wakeable && woken)) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        wakeUp = null
        resolve()
      }
      const timer = setTimeout(end, ms)
      wakeUp = () => {
        if (wakeable || stopped) end()
      }
    })
  }

  async function work(): Promise<void> {
    while (!stopped) {
      woken = false
      const begun = performance.now()
      if (leading())
        await round().catch((error: unknown) => log.debug({ err: error }, 'Cannot look at batches'))
      const took = performance.now() - begun
      // Counting a hundred thousand commands takes its time, and the database has other work
      await rest(Math.max(limits.batchCheckMsMin, took * limits.batchCheckRestTimes), false)
      await rest(limits.commandPollMs, true)
    }
  }

  return {
    wake() {
      woken = true
      wakeUp?.()
    },
    run: () => (running = work()),
    async stop() {
      stopped = true
      wakeUp?.()
      await running
    }
  }
}

/**
 * Cancels what is not being published, in steps, each a transaction. What was lost on the way to the broker may be there:
 * of that, nobody can say that it was cancelled, but it is not published again.
 */
export async function cancelRest({ store, feed, limits }: Parts, id: string, reason: string): Promise<void> {
  for (let after = 0; ;) {
    const step = await store.batches.left(id, after, limits.batchCancelCommandsMax)
    if (step.length === 0) return
    const moved = await store.commands.move(
      step.map(({ id: commandId, attempts }) => {
        const event = attempts === 0 ? 'cancel' : 'abandon'
        return {
          id: commandId,
          event,
          ...moves(event),
          // Being published since, and lost again, it is another one by now: the next look is for that
          ofAttempt: attempts,
          attempt: false,
          brokerReasonCode: null,
          reason: attempts === 0 ? reason : `${reason}; it may have been published before`
        }
      })
    )
    if (moved.size > 0) feed.hint(null)
    after = step.at(-1)!.seq
  }
}
