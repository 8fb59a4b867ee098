/**
 * Each append carries a guard: the row of our session or of our instance, with the number of this append. It matches
 * only once, so that a COMMIT whose answer was lost is not repeated; and only under our epoch, so that an instance
 * that has lost the lease changes nothing.
 */

/** The row that an append must find as we left it. */
export interface Guard {
  /** The common table expression `guard`, of parameters $1 (number of this append), $2 (id) and, for a session, $3 (epoch). */
  sql: string
  /** Finds the row again after an unknown outcome: parameters $1 (id) and, for a session, $2 (epoch). */
  readSql: string
  key: readonly (string | number)[]
  /** Number of the last append under this guard. */
  batch: number
}

export const sessionGuard = (sessionId: number, epoch: number, batch: number): Guard => ({
  sql: `guard as (
    update sessions set batch = $1 where id = $2 and epoch = $3 and batch = $1 - 1 returning id)`,
  readSql: 'select batch from sessions where id = $1 and epoch = $2',
  key: [sessionId, epoch],
  batch
})

export const instanceGuard = (instanceId: string): Guard => ({
  sql: `guard as (
    update instances set batch = $1, seen_at = now() where id = $2 and batch = $1 - 1 returning id)`,
  readSql: 'select batch from instances where id = $1',
  key: [instanceId],
  batch: 0
})
