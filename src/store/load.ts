/** How busy the store is, for whoever operates it. */

import type { AppendQueue } from './append.ts'
import type { Pool } from './database.ts'

export interface StoreLoad {
  /** Of the pool: open ones, those of them that nobody uses, and whoever waits for one. */
  connections: number
  idleConnections: number
  waitingForConnection: number
  /** Transactions that wait for their turn to be appended. */
  waitingAppends: number
}

export const loadOf = (pool: Pool, queue: AppendQueue): StoreLoad => ({
  connections: pool.totalCount,
  idleConnections: pool.idleCount,
  waitingForConnection: pool.waitingCount,
  waitingAppends: queue.waiting()
})
