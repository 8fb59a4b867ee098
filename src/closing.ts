/** Ends the service's parts, against the direction in which data flows, within bounded time. */

import type { Logger } from 'pino'
import type { Limits } from './limits.ts'

interface Stoppable {
  stop(): Promise<void>
}

interface Closable {
  close(): Promise<void>
}

export async function closeInOrder(parts: {
  http: Closable
  keyring: Stoppable
  deviceTopics: { close(): void }
  retention: Stoppable
  rollup: Stoppable
  webhooks: Stoppable
  projection: Stoppable
  dispatcher: Stoppable
  batchRunner: Stoppable
  answers: Stoppable
  leader: Stoppable
  host: { leader: Stoppable } | null
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
    dispatcher,
    batchRunner,
    answers,
    leader,
    publisher,
    running,
    feed,
    store,
    limits,
    log
  } = parts
  const end = (part: string, ending: Promise<unknown>, msMax = limits.closeStepMsMax): Promise<void> =>
    atMost(msMax, ending, () => log.warn({ part }, 'Does not end by itself; going on without it'))
  await end('http', http.close())
  // These write their last to the journal, and a database that is away must not keep the process from ending
  await Promise.all([
    end('keys', keyring.stop()),
    end('retention', retention.stop()),
    end('rollups', rollup.stop()),
    end('webhooks', webhooks.stop()),
    end('projection', projection.stop()),
    end('commands', dispatcher.stop(), limits.flushMsMax),
    end('batches', batchRunner.stop()),
    end('answers', answers.stop()),
    end('ingest', leader.stop(), limits.flushMsMax + limits.closeStepMsMax),
    end('sparkplug', Promise.resolve(parts.host?.leader.stop()), limits.flushMsMax + limits.closeStepMsMax)
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
