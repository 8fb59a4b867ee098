/** What several stories do to the world. */

import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import type { Answer } from '../support/bridge.ts'
import { postJson } from '../support/bridge.ts'
import { eventually } from '../support/eventually.ts'
import { withLimits } from '../support/patched-build.ts'
import type { PostgresProxy } from '../support/postgres-proxy.ts'
import type { Publisher } from './publisher.ts'

/** How long a fault lasts: the fault itself, not a wait for what comes of it. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Until so many more messages have been published. */
export async function untilNext(publisher: Publisher, count: number): Promise<void> {
  const at = publisher.next() + count
  await eventually(() => publisher.next() >= at, { withinMs: 180_000, everyMs: 5, what: `${at} published` })
}

export const command = (url: string): Promise<Answer> =>
  postJson(`${url}/v1/commands`, { topic: 'commands/one', payload: 1 })

/** Another session that locks what every append needs. */
export async function lockJournal(url: string, ms: number): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('begin')
    await client.query('lock table journal in access exclusive mode')
    await pause(ms)
    await client.query('commit')
  } finally {
    await client.end()
  }
}

/** A balloon that takes every byte that is free; what is returned lets it go. */
export async function fillDisk(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, 'balloon')
  const balloon = await open(path, 'w')
  // The last bytes go page by page, so that there is not even room for one
  for (const size of [1_048_576, 4_096]) {
    const block = Buffer.alloc(size)
    const isFull = (error: NodeJS.ErrnoException): boolean => {
      if (error.code === 'ENOSPC') return true
      throw error
    }
    while (!(await balloon.writeFile(block).then(() => false, isFull))) continue
  }
  await balloon.close()
  return () => rm(path)
}

/** A Bind of the ledger's messages (see `payloadOf`), not of an append that only forgets identifiers. */
export const hasMessages = (bind: Buffer): boolean => bind.includes(' . .')

export interface HeldAppend {
  /** It is on its way. */
  sent: Promise<void>
  /** It arrives, and the service hears of its COMMIT. */
  arrive(): void
}

/** The next append that ingest sends does not arrive yet; `onSent` is called in that very moment. */
export function holdAppend(postgres: PostgresProxy, onSent: () => void = () => {}): HeldAppend {
  let sent = (): void => {}
  let arrive = (): void => {}
  const held: HeldAppend = {
    sent: new Promise((resolve) => (sent = resolve)),
    arrive: () => arrive()
  }
  postgres.rule = ({ append, type, direction, bytes }) => {
    // Bind: nothing of it is executed yet
    if (!append || type !== 'B' || direction !== 'toServer' || !hasMessages(bytes)) return 'pass'
    postgres.rule = null
    onSent()
    sent()
    return new Promise((resolve) => (arrive = () => resolve('pass')))
  }
  return held
}

/**
 * A build that comes back soon, however often it is cut off: connections that live only seconds are otherwise made
 * ever more rarely, and taken for the work of another client of the same id.
 */
export const untiring = (): Promise<string> =>
  withLimits({ reconnectDelayMsMax: 1_000, takeoverLivedMsMax: 1 })
