/** Reads what the broker retains whenever a connection is made, until it has succeeded or the connection ends. */

import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Limits } from '../limits.ts'
import type { Broker, QoS } from '../model.ts'
import type { Connection } from '../mqtt/connection.ts'
import { openSnapshot } from '../mqtt/snapshot.ts'
import type { Stats } from '../stats.ts'
import type { Lease } from '../store/sessions.ts'
import type { Store } from '../store/store.ts'
import type { SnapshotStatus } from '../service-status.ts'
import { toTime } from '../views.ts'
import { expire, reconcile, sweep } from './retained.ts'

export interface SnapshotsParts {
  broker: Broker
  filters: readonly string[]
  qos: QoS
  statusTopic: string
  store: Store
  lease: Lease
  limits: Limits
  stats: Stats
  log: Logger
}

export interface Snapshots {
  /** Reads on behalf of this connection; whatever was being read for another ends. */
  begin(connection: Connection): void
  /** Everything retained is known, so that what we do not hold is not there. Never so on 3.1.1. */
  known(): boolean
  status(): SnapshotStatus
  stop(): Promise<void>
}

/** Of a session that leaves this to another one. */
export const noSnapshots: Snapshots = {
  begin: () => {},
  known: () => false,
  status: () => ({ state: 'unread', at: null, reason: null }),
  stop: async () => {}
}

export function createSnapshots(parts: SnapshotsParts): Snapshots {
  const { limits, log } = parts
  let status: SnapshotStatus = { state: 'unread', at: null, reason: null }
  let running: Promise<void> = Promise.resolve()
  let ending = new AbortController()
  let known = false

  async function attempts(connection: Connection, signal: AbortSignal): Promise<void> {
    let delayMs = limits.snapshotRetryMsMin
    let incomplete = 0
    while (incomplete < limits.snapshotsIncompleteMax && !signal.aborted) {
      status = { ...status, state: 'reading' }
      const at = toTime(Date.now())
      try {
        const reason = await attemptOnce(parts, connection, signal)
        known = reason === null && connection.version === 5
        status = { state: reason === null ? 'known' : 'incomplete', at, reason }
        if (reason === null) return
        incomplete++ // as it will be the next time, if the broker is one that never replays through wildcards
      } catch (error) {
        if (signal.aborted) return
        status = { ...status, state: 'incomplete', reason: (error as Error).message }
      }
      log.warn({ reason: status.reason }, 'What the broker retains could not be read whole')
      await delay(delayMs, null, { signal }).catch(() => {})
      delayMs = Math.min(delayMs * 2, limits.snapshotRetryMsMax)
    }
  }

  return {
    begin(connection) {
      ending.abort()
      const mine = (ending = new AbortController())
      void connection.ended.then(() => mine.abort())
      running = running.then(() => attempts(connection, mine.signal))
    },
    known: () => known,
    status: () => status,
    async stop() {
      ending.abort()
      await running
    }
  }
}

/** Returns why nothing may be concluded from what did not come, or null. */
async function attemptOnce(
  parts: SnapshotsParts,
  connection: Connection,
  signal: AbortSignal
): Promise<string | null> {
  const { store, lease, stats, filters, log } = parts
  const since = (await store.journal.head()).seq
  const asking = { store, lease, stats, since, askedAt: Date.now() }
  let messages = 0
  const snapshot = await openSnapshot({
    broker: parts.broker,
    version: connection.version,
    clientId: `${lease.clientId}-s`, // 23 characters at most, where a broker takes no more [MQTT-3.1.3-5]
    qos: parts.qos,
    statusTopic: parts.statusTopic,
    limits: parts.limits,
    onBatch: (batch) => {
      messages += batch.length
      return reconcile(asking, batch)
    },
    signal
  })
  try {
    const complete = await snapshot.readAll(filters)
    if (!complete) {
      return 'the broker did not replay our own retained status through a wildcard, so what it does not send may be there'
    }
    await expire(store, lease, stats)
    const swept = await sweep(asking, filters, snapshot.findMissing)
    await snapshot.linger()
    log.info({ messages, swept }, 'Read what the broker retains')
    return swept === null ? 'the broker stopped answering for retained messages' : null
  } finally {
    await snapshot.close()
  }
}
