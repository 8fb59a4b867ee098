/** What the steps of the embedded Postgres share: places, binaries, who runs them, bounds, the log. */

import { constants } from 'node:fs'
import * as fs from 'node:fs/promises'
import type { Logger } from 'pino'

export const embeddedPostgresLimits = {
  /** A service takes up to 11. */
  connectionsMax: 100,
  /** How long a postmaster that a killed Rialto left behind may take to shut down. */
  previousMsMax: 10_000,
  /** Crash recovery replays `max_wal_size` at most. */
  readyMsMax: 120_000,
  /** A fast shutdown that takes longer is made an immediate one; the next start recovers. */
  stopMsMax: 8_000,
  logBytesMax: 10 * 1024 * 1024,
  portAttemptsMax: 5
}

export type EmbeddedPostgresLimits = typeof embeddedPostgresLimits

export type EmbeddedLog = Pick<Logger, 'info' | 'warn' | 'error'>

/** What the platform's npm package exports. */
export interface Binaries {
  initdb: string
  postgres: string
  pg_ctl: string
}

/** As whom the binaries run, because Postgres refuses to run as root. */
export interface Runner {
  prefix: string[]
  as: { uid?: number; gid?: number }
}

/** Everything that the steps below share: the places, the binaries, who runs them, the bounds. */
export interface Site {
  home: string
  /** Holds the cluster and its password; appears whole, by one rename, or not at all. */
  cluster: string
  logFile: string
  binaries: Binaries
  runner: Runner
  limits: EmbeddedPostgresLimits
  log: EmbeddedLog
}

export const windows = process.platform === 'win32'

export async function boundLog({ logFile, limits }: Site): Promise<void> {
  const { size } = await fs.stat(logFile).catch(() => ({ size: 0 }))
  if (size > limits.logBytesMax) await fs.truncate(logFile).catch(() => {})
}

export const logSize = async ({ logFile }: Site): Promise<number> =>
  (await fs.stat(logFile).catch(() => ({ size: 0 }))).size

export async function logTail({ logFile }: Site, from: number): Promise<string> {
  const text = await fs.readFile(logFile).catch(() => Buffer.alloc(0))
  return text.subarray(from).toString().trimEnd().split('\n').slice(-15).join('\n')
}

/** Makes the rename itself durable; Windows knows no such thing. */
export async function syncDirectory(path: string): Promise<void> {
  if (windows) return
  const directory = await fs.open(path, constants.O_RDONLY)
  await directory.sync().finally(() => directory.close())
}

export const exists = (path: string): Promise<boolean> =>
  fs.access(path).then(
    () => true,
    () => false
  )

export const unless =
  (code: string) =>
  (error: NodeJS.ErrnoException): void => {
    if (error.code !== code) throw error
  }

export function inUse({ home }: Site, cause?: unknown, pid?: number): Error {
  const who = pid === undefined ? '' : ` (its Postgres is process ${pid})`
  const advice = 'stop it, or set RIALTO_DATA_DIR to another directory'
  return new Error(`Another Rialto uses this data directory, ${home}${who}: ${advice}`, { cause })
}
