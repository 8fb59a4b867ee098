/**
 * Ends the service's parts, within bounded time. First those that only one instance does, so that another one takes them over;
 * then, after the time that load balancers have to notice, all others, against the direction in which data flows.
 */

import type { Logger } from 'pino'
import type { Limits } from './limits.ts'

interface Stoppable {
  stop(): Promise<void>
}

interface Closable {
  close(): Promise<void>
}

interface Leading {
  dispatcher: Stoppable
  leader: Stoppable
  host: { leader: Stoppable } | null
  limits: Limits
  log: Logger
}

/** These write their last to the journal, and a database that is away must not keep the process from ending. */
export async function handOver({ dispatcher, leader, host, limits, log }: Leading): Promise<void> {
  const { flushMsMax, closeStepMsMax } = limits
  const end = ending(log)
  await Promise.all([
    end('commands', dispatcher.stop(), flushMsMax),
    end('ingest', leader.stop(), flushMsMax + closeStepMsMax),
    end('sparkplug', Promise.resolve(host?.leader.stop()), flushMsMax + closeStepMsMax)
  ])
}

/** Waits no longer than that for a part, and says so. */
const ending =
  (log: Logger) =>
  (part: string, ended: Promise<unknown>, msMax: number): Promise<void> =>
    atMost(msMax, ended, () => log.warn({ part }, 'Does not end by itself; going on without it'))

/** After `handOver`. */
export async function closeInOrder(parts: {
  http: Closable
  keyring: Stoppable
  deviceTopics: { close(): void }
  retention: Stoppable
  rollup: Stoppable
  webhooks: Stoppable
  projection: Stoppable
  batchRunner: Stoppable
  answers: Stoppable
  publisher: Closable
  effects: { close(): void }
  running: ReadonlyArray<Promise<void>>
  feed: { close(): void }
  store: Closable
  limits: Limits
  log: Logger
}): Promise<void> {
  const {
    http,
    keyring,
    retention,
    rollup,
    webhooks,
    projection,
    batchRunner,
    answers,
    publisher,
    running,
    feed,
    store,
    limits,
    log
  } = parts
  const within = ending(log)
  const end = (part: string, ended: Promise<unknown>): Promise<void> =>
    within(part, ended, limits.closeStepMsMax)
  await end('http', http.close())
  await Promise.all([
    end('keys', keyring.stop()),
    end('retention', retention.stop()),
    end('rollups', rollup.stop()),
    end('webhooks', webhooks.stop()),
    end('projection', projection.stop()),
    end('batches', batchRunner.stop()),
    end('answers', answers.stop())
  ])
  parts.deviceTopics.close()
  parts.effects.close()
  await end(
    'publisher',
    publisher.close().then(() => Promise.all(running))
  )
  feed.close()
  await end('store', store.close())
}

/** Waits for `promise`, but no longer. It goes on, but nobody waits for it. */
async function atMost(ms: number, promise: Promise<unknown>, onLate: () => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      onLate()
      resolve()
    }, ms)
  })
  promise.catch(() => {}) // may fail later
  try {
    await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
