/**
 * The connection that lives outside the pool: hears that the journal has grown, and holds the lock that tells other
 * instances that this one lives. Both belong to a database session, so it bypasses a PgBouncer (DATABASE_DIRECT_URL).
 */

import type pg from 'pg'
import type { Logger } from 'pino'
import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import { connectDirectly } from './database.ts'

/** First key of our advisory locks: "rial". */
const lockSpace = 0x7269616c

export interface Listener {
  /** Tries to take the lock of a session; it is freed when this process ends, however it ends. */
  tryLock(sessionId: number): Promise<boolean>
  unlock(sessionId: number): Promise<void>
  close(): Promise<void>
}

/** `onHead` is a hint: the journal has come to this seq, or further; null after a time of deafness. */
export async function openListener(parts: {
  url: string
  limits: Limits
  log: Logger
  onHead: (seq: Seq | null) => void
}): Promise<Listener> {
  const { url, limits, log, onHead } = parts
  let client: pg.Client | null = null
  let closed = false
  /** Locks that are ours, as far as the server lives: when it restarts, they are taken again. */
  const held = new Set<number>()

  async function lock(connection: pg.Client, sessionId: number): Promise<boolean> {
    const { rows } = await connection.query<{ taken: boolean }>(
      'select pg_try_advisory_lock($1, $2) as taken',
      [lockSpace, sessionId]
    )
    if (rows[0]!.taken) held.add(sessionId)
    else held.delete(sessionId)
    return rows[0]!.taken
  }

  async function connect(): Promise<void> {
    const fresh = await connectDirectly(url, limits)
    fresh.on('notification', (notification) => onHead(Number(notification.payload)))
    fresh.on('end', () => {
      client = null
      if (!closed) void reconnect()
    })
    await fresh.query('listen rialto_journal')
    for (const sessionId of held) await lock(fresh, sessionId)
    client = fresh
  }

  async function reconnect(): Promise<void> {
    while (!closed && client === null) {
      await new Promise((resolve) => setTimeout(resolve, limits.databaseRetryMs))
      await connect().then(
        () => onHead(null),
        (error: unknown) => log.debug({ err: error }, 'Cannot listen yet')
      )
    }
    if (closed) await client?.end()
  }

  await connect()
  return {
    async tryLock(sessionId) {
      if (client === null) return false
      return held.has(sessionId) || lock(client, sessionId)
    },
    async unlock(sessionId) {
      if (held.delete(sessionId))
        await client?.query('select pg_advisory_unlock($1, $2)', [lockSpace, sessionId])
    },
    async close() {
      closed = true
      await client?.end()
    }
  }
}
