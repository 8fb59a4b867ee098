/**
 * The connection that lives outside the pool: hears that the journal has grown, and holds the lock that tells other
 * instances that this one lives. Both belong to a database session, so it bypasses a PgBouncer (DATABASE_DIRECT_URL).
 */

import type pg from 'pg'
import type { Logger } from 'pino'
import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import { connectDirectly } from './database.ts'
import { checkNeeds, listenerName } from './schema-needs.ts'

/** Upper half of the keys of our advisory locks: "rial". */
const lockSpace = 0x7269616cn

/** The lock of an epoch of a session: whoever leads in it holds the lock, however it came to lead. */
const lockKey = (sessionId: number, epoch: number): string =>
  ((lockSpace << 32n) | (BigInt(sessionId) << 16n) | BigInt(epoch % 0x1_0000)).toString()

export interface Listener {
  /** Tries to take the lock of an epoch of a session; it is freed when this process ends, however it ends. */
  tryLock(sessionId: number, epoch: number): Promise<boolean>
  unlock(sessionId: number, epoch: number): Promise<void>
  /** Somebody changed keys, or may have. */
  onKeys(hear: () => void): void
  close(): Promise<void>
}

/** `onHead` is a hint: the journal has come to this seq, or further; null after a time of deafness. */
export async function openListener(parts: {
  url: string
  /** The migrations that this version has: a migration that is not for it sees that it runs. */
  migrations: readonly string[]
  limits: Limits
  log: Logger
  onHead: (seq: Seq | null) => void
}): Promise<Listener> {
  const { url, migrations, limits, log, onHead } = parts
  const name = listenerName(migrations.at(-1)!)
  let client: pg.Client | null = null
  let closed = false
  let hearKeys = (): void => {}
  /** Locks that are ours, as far as the server lives: when it restarts, they are taken again. */
  const held = new Set<string>()

  async function lock(connection: pg.Client, key: string): Promise<boolean> {
    const { rows } = await connection.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [
      key
    ])
    if (rows[0]!.taken) held.add(key)
    else held.delete(key)
    return rows[0]!.taken
  }

  async function connect(): Promise<void> {
    const fresh = await connectDirectly(url, limits, name)
    fresh.on('notification', ({ channel, payload }) =>
      channel === 'rialto_keys' ? hearKeys() : onHead(Number(payload))
    )
    fresh.on('end', () => {
      client = null
      if (!closed) void reconnect()
    })
    await fresh.query('listen rialto_journal')
    await fresh.query('listen rialto_keys')
    for (const key of held) await lock(fresh, key)
    client = fresh
  }

  async function reconnect(): Promise<void> {
    while (!closed && client === null) {
      await new Promise((resolve) => setTimeout(resolve, limits.databaseRetryMs))
      await connect().then(
        () => {
          onHead(null)
          hearKeys()
        },
        (error: unknown) => log.debug({ err: error }, 'Cannot listen yet')
      )
    }
    if (closed) await client?.end()
  }

  async function close(): Promise<void> {
    closed = true
    await client?.end()
  }

  await connect()
  try {
    await checkNeeds(client!, migrations)
  } catch (error) {
    await close()
    throw error
  }
  return {
    async tryLock(sessionId, epoch) {
      const key = lockKey(sessionId, epoch)
      if (client === null) return false
      return held.has(key) || lock(client, key)
    },
    async unlock(sessionId, epoch) {
      const key = lockKey(sessionId, epoch)
      if (held.delete(key)) await client?.query('select pg_advisory_unlock($1)', [key])
    },
    onKeys(hear) {
      hearKeys = hear
    },
    close
  }
}
