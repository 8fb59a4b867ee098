/**
 * The only way into the journal: a queue, first in, first out. One append is in Postgres at a time; the next is encoded
 * meanwhile and issued only after that COMMIT, and a retry keeps its place. (Two uncommitted appends on the wire invert order
 * when the first fails, and then an older set of QoS 2 identifiers overwrites a newer one.) Those of commands are small, and
 * somebody waits for each: what waits of them is stored with the first that waits, in one transaction.
 */

import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Stats } from '../stats.ts'
import type { Pool, PoolClient } from './database.ts'
import { toTrouble } from './database.ts'
import type { Entry, Outcome, Statement } from './append-entry.ts'
import { GivenUpError, prepareOnce, unlessGivenUp } from './append-entry.ts'
import { createTogether } from './append-together.ts'
import type { Guard } from './guard.ts'

export type { Statement } from './append-entry.ts'
export { GivenUpError } from './append-entry.ts'

/** Another instance took the session over: whoever gets this must drop its connection to the broker. */
export class FencedError extends Error {
  constructor() {
    super('The session was taken over by another instance')
    this.name = 'FencedError'
  }
}

export interface AppendQueue {
  /**
   * `prepare` may start at once; the statement is issued when its turn comes. Once `signal` aborts, the append ends with
   * GivenUpError, wherever it is: nobody can tell then whether it was committed.
   */
  push<Row>(
    guard: Guard,
    prepare: () => Promise<Statement>,
    options: { patient: boolean; ahead?: boolean; signal?: AbortSignal }
  ): Promise<Outcome<Row>>
  /** False while the database does not take appends. */
  healthy(): boolean
  /** Appends that wait for their turn. */
  waiting(): number
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
    const connected = await connection()
    const begun = performance.now()
    const result = await connected.query<never>({
      ...statement,
      values: [number, ...entry.guard.key, ...statement.values]
    })
    stats.commitTook((performance.now() - begun) / 1_000)
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
        } else if (trouble === 'partition')
          await parts
            .makePartitions()
            .catch((e: unknown) => log.error({ err: e }, 'Cannot make partitions ahead'))
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

  const runTogether = createTogether({
    connection,
    drop,
    pauseAfter: (error) => pauseAfter(error, undefined),
    isClosed: () => closed,
    stats
  })

  /** The first that waits, and what may be stored with it: one of ingest, and of commands what waits. */
  function next(): Entry[] {
    const group: Entry[] = []
    for (const entry of queue) {
      if (group.length === limits.appendsTogetherMax) break
      if (entry.ahead || group.every(({ ahead }) => ahead)) group.push(entry)
    }
    for (const entry of group) queue.splice(queue.indexOf(entry), 1)
    return group
  }

  async function drain(): Promise<void> {
    for (let group = next(); group.length > 0; group = next()) {
      if (group.length > 1 && healthy && (await runTogether(group))) continue
      queue.unshift(...group.slice(1))
      await run(group[0]!)
    }
    running = null
  }

  return {
    push(guard, prepare, { patient, ahead = false, signal }) {
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
          ahead,
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
    waiting: () => queue.length,
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

const databaseUnavailable = (cause: unknown): Problem =>
  new Problem('database_unavailable', 'Nothing was accepted; try again in a moment', [], { cause })
