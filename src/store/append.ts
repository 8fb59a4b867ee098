/**
 * The only way into the journal: a queue, strictly first in, first out. One append is in Postgres at a time; the next
 * is encoded meanwhile and issued only after that COMMIT, and a retry keeps its place. (Two uncommitted appends on the
 * wire invert order when the first fails, and then an older set of QoS 2 identifiers overwrites a newer one.)
 */

import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Stats } from '../stats.ts'
import type { Pool, PoolClient } from './database.ts'
import { toTrouble } from './database.ts'
import type { Guard } from './guard.ts'

/** Another instance took the session over: whoever gets this must drop its connection to the broker. */
export class FencedError extends Error {
  constructor() {
    super('The session was taken over by another instance')
    this.name = 'FencedError'
  }
}

/** Nobody waits for this append any more. */
export class GivenUpError extends Error {
  constructor() {
    super('The append was given up')
    this.name = 'GivenUpError'
  }
}

export interface Statement {
  /** Prepared once per connection under this name. */
  name: string
  text: string
  /** Without those of the guard, which come first. */
  values: unknown[]
}

/** Rows of the statement; null where the COMMIT happened and its answer was lost. */
export type Outcome<Row> = Row[] | null

interface Entry {
  guard: Guard
  prepare: () => Promise<Statement>
  /** Set once `prepare` has begun, and cleared when it fails, so that it is tried again. */
  prepared: Promise<Statement> | null
  /** Ingest waits as long as it takes; a client's request is told when the database is away. */
  patient: boolean
  signal: AbortSignal | undefined
  resolve: (rows: Outcome<never>) => void
  reject: (error: unknown) => void
}

export interface AppendQueue {
  /**
   * `prepare` may start at once; the statement is issued when its turn comes. Once `signal` aborts, the append ends with
   * GivenUpError, wherever it is: nobody can tell then whether it was committed.
   */
  push<Row>(
    guard: Guard,
    prepare: () => Promise<Statement>,
    options: { patient: boolean; signal?: AbortSignal }
  ): Promise<Outcome<Row>>
  /** False while the database does not take appends. */
  healthy(): boolean
  /** Told whenever it takes none: who waits to push something that is not patient may say so. */
  onAway(tell: (problem: Problem) => void): void
  close(): Promise<void>
}

export function createAppendQueue(parts: {
  pool: Pool
  limits: Limits
  stats: Stats
  log: Logger
  /** Makes the partitions that are missing. */
  makePartitions: () => Promise<void>
  /** Topics were forgotten, so their ids are asked for again. */
  forgetTopicIds: () => void
}): AppendQueue {
  const { pool, limits, stats, log } = parts
  const queue: Entry[] = []
  let running: Promise<void> | null = null
  let client: PoolClient | null = null
  let healthy = true
  let closed = false
  const tellAway: Array<(problem: Problem) => void> = []

  async function connection(): Promise<PoolClient> {
    if (client !== null) return client
    const fresh = await pool.connect()
    // An acknowledged message must survive a crash of Postgres, whatever the server's default says
    await fresh.query(
      `select set_config('synchronous_commit', 'on', false)
       where current_setting('synchronous_commit') in ('off', 'local')`
    )
    return (client = fresh)
  }

  function drop(error: unknown): void {
    client?.release(error instanceof Error ? error : true)
    client = null
  }

  /** Tells whether append `number` was committed although its answer never came. Throws FencedError if it never can be. */
  async function wasCommitted(guard: Guard, number: number): Promise<boolean> {
    const { rows } = await (await connection()).query<{ batch: number }>(guard.readSql, [...guard.key])
    if (rows[0] === undefined || rows[0].batch > number) throw new FencedError()
    return rows[0].batch === number
  }

  async function issue(entry: Entry, number: number): Promise<Outcome<never>> {
    const statement = await prepareOnce(entry)
    const result = await (
      await connection()
    ).query<never>({
      ...statement,
      values: [number, ...entry.guard.key, ...statement.values]
    })
    if (result.rows.length > 0) return result.rows
    if (await wasCommitted(entry.guard, number)) return null
    throw new FencedError()
  }

  async function run(entry: Entry): Promise<void> {
    const number = entry.guard.batch + 1
    for (;;) {
      try {
        const rows = await unlessGivenUp(entry.signal, () => issue(entry, number))
        entry.guard.batch = number
        stats.appends++
        if (!healthy) log.info('The database takes appends again')
        healthy = true
        return entry.resolve(rows)
      } catch (error) {
        if (error instanceof GivenUpError) drop(error)
        if (error instanceof FencedError || error instanceof GivenUpError || closed)
          return entry.reject(error)
        const trouble = toTrouble(error)
        if (trouble === 'data') return entry.reject(error)
        if (trouble === 'topics') {
          parts.forgetTopicIds()
          entry.prepared = null
        } else if (trouble === 'partition') await parts.makePartitions().catch((e: unknown) => log.error(e))
        else await pauseAfter(error, entry.signal)
      }
    }
  }

  async function pauseAfter(error: unknown, signal: AbortSignal | undefined): Promise<void> {
    drop(error)
    stats.appendRetries++
    if (healthy) log.error({ err: error }, 'The database does not take appends; trying again until it does')
    healthy = false
    // Those not yet issued are certainly not committed: their clients may be told at once
    for (const entry of queue.splice(0)) {
      if (entry.patient) queue.push(entry)
      else entry.reject(databaseUnavailable(error))
    }
    for (const tell of tellAway) tell(databaseUnavailable(error))
    try {
      await delay(limits.databaseRetryMs, null, { signal })
    } catch {
      // Given up: the next round says so
    }
  }

  async function drain(): Promise<void> {
    for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) await run(entry)
    running = null
  }

  return {
    push(guard, prepare, { patient, signal }) {
      return new Promise((resolve, reject) => {
        if (closed) return reject(databaseUnavailable(new Error('closing')))
        if (!patient && !healthy) return reject(databaseUnavailable(null))
        if (!patient && queue.length >= limits.appendQueueMax) {
          return reject(new Problem('too_many_requests', 'Too much is being written; try again in a moment'))
        }
        const entry: Entry = {
          guard,
          prepare,
          prepared: null,
          patient,
          signal,
          resolve: resolve as Entry['resolve'],
          reject
        }
        prepareOnce(entry).catch(() => {}) // tried again, and reported, when its turn comes
        queue.push(entry)
        running ??= drain()
      })
    },
    healthy: () => healthy,
    onAway: (tell) => void tellAway.push(tell),
    async close() {
      closed = true
      for (const entry of queue.splice(0)) entry.reject(databaseUnavailable(new Error('closing')))
      await running
      client?.release()
      client = null
    }
  }
}

async function unlessGivenUp<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  if (signal === undefined) return work()
  if (signal.aborted) throw new GivenUpError()
  let giveUp = (): void => {}
  const given = new Promise<never>((_, reject) => {
    giveUp = () => reject(new GivenUpError())
    signal.addEventListener('abort', giveUp)
  })
  try {
    const working = work()
    working.catch(() => {}) // may fail later, when nobody waits any more
    return await Promise.race([working, given])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

function prepareOnce(entry: Entry): Promise<Statement> {
  entry.prepared ??= entry.prepare().catch((error: unknown) => {
    entry.prepared = null
    throw error
  })
  return entry.prepared
}

const databaseUnavailable = (cause: unknown): Problem =>
  new Problem('database_unavailable', 'Nothing was accepted; try again in a moment', [], { cause })
