/** What datapoints come to in a minute, an hour and a day (decision 0015): written here alone. */

import type { RollupLevel } from '../history/levels.ts'
import type { Limits } from '../limits.ts'
import type { Millis, Seq } from '../model.ts'
import type { Pool, PoolClient } from './database.ts'
import { toTrouble } from './database.ts'
import { markedPeriods, rollMarked } from './roll-anew.ts'
import type { Chunk } from './roll-chunk.ts'
import { addChunk, nextChunk, periodsOf } from './roll-chunk.ts'
import { addLate } from './roll-late.ts'
import type { CarriedOver } from './roll-carry.ts'
import { carriesOver, createCarrier, positionsOf } from './roll-carry.ts'
import { dropOrphans } from './roll-forget.ts'
import { lockRollups } from './roll-lock.ts'
import { createRollupPartitions } from './roll-partitions.ts'

export interface Rolled {
  /** Datapoints of the current projection are rolled up to here; 0: there is none. */
  rolled: Seq
  /** How many were rolled up by this step. */
  datapoints: number
  /** There may be more than one step could take. */
  more: boolean
}

export interface Rollups {
  /**
   * Rolls up at most `limit` datapoints, or one message that has more, of the current projection or of one that is being
   * built: in one transaction, exactly once, also where several do it at once. Rejects where the database is away.
   */
  advance(limit: number): Promise<Rolled>
  /** Whether a projection that was replaced has rollups that its successor cannot have: it is not dropped before. */
  carriesOver(projection: number): Promise<boolean>
  /** Carries them over, for about `ms`: of the oldest that has told its last. Does nothing where both are not as far. */
  carryOver(ms: Millis): Promise<CarriedOver>
  /**
   * Deletes what is past how long it is kept, and what is of metrics that are there no more; returns the names of the
   * partitions that were dropped. In bounded steps that can be repeated.
   */
  tidy(now: Millis): Promise<string[]>
}

/** For how many datapoints of a step one marked hour counts. */
const datapointsPerMark = 250
const partitionAttemptsMax = 3

export function createRollups(pool: Pool, limits: Limits): Rollups {
  const partitions = createRollupPartitions(pool, limits)

  /** In a transaction of its own, that holds the lock. */
  async function step<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect()
    try {
      await client.query(stepSql)
      await lockRollups(client)
      const result = await work(client)
      await client.query('commit')
      client.release()
      return result
    } catch (error) {
      client.release(true)
      throw error
    }
  }

  const carrier = createCarrier(pool, step)

  /** Makes the partitions that turn out to be missing, and does it again. */
  async function withPartitions<T>(
    needed: () => Promise<ReadonlyArray<{ level: RollupLevel; at: Millis }>>,
    work: (client: PoolClient) => Promise<T>
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await step(work)
      } catch (error) {
        if (toTrouble(error) !== 'partition' || attempt === partitionAttemptsMax) throw error
        await partitions.makeFor(await needed())
      }
    }
  }

  /** One chunk, of the first that has one; returns its datapoints. */
  async function roll(limit: number): Promise<number> {
    let chunk: Chunk | null = null
    return withPartitions(
      async () => (chunk === null ? [] : periodsOf(pool, chunk)),
      async (client) => {
        for (const position of await positionsOf(client)) {
          chunk = await nextChunk(client, position, limit)
          if (chunk !== null) return add(client, chunk)
        }
        return 0
      }
    )
  }

  /** Marked hours; true where there may be more of them. */
  async function rollAnew(limit: number): Promise<boolean> {
    const hoursMax = Math.max(1, Math.floor(limit / datapointsPerMark))
    let more = false
    for (const { id } of await positionsOf(pool)) {
      const done = await withPartitions(
        () => markedPeriods(pool, id, hoursMax),
        async (client) => {
          const now = (await positionsOf(client)).find((position) => position.id === id)
          return now === undefined
            ? 0
            : rollMarked(client, { projection: id, rolled: now.rolled_seq, limit: hoursMax })
        }
      )
      more ||= done === hoursMax
    }
    return more
  }

  return {
    async advance(limit) {
      const datapoints = await roll(limit)
      const marked = await rollAnew(limit)
      const positions = await positionsOf(pool)
      return {
        rolled: positions.find(({ state }) => state === 'current')?.rolled_seq ?? 0,
        datapoints,
        more: marked || positions.some(({ rolled_seq, done_seq }) => rolled_seq < done_seq)
      }
    },
    carriesOver: (projection) => carriesOver(pool, projection),
    carryOver: carrier.carry,
    async tidy(now) {
      await dropOrphans({ pool, limits })
      return partitions.dropPast(now)
    }
  }
}

// A step that a crash takes back is done again, so nobody need wait for the disk
const stepSql = `begin; set local synchronous_commit = off; set local jit = off; set local work_mem = '64MB'`

async function add(client: PoolClient, chunk: Chunk): Promise<number> {
  const { datapoints, late } = await addChunk(client, chunk)
  await addLate(client, chunk, late)
  const { rowCount } = await client.query(
    `update projections set rolled_seq = $3 where id = $1 and rolled_seq = $2
       and (state in ('building', 'current') or switched_at is not null)`,
    [chunk.projection, chunk.from, chunk.to]
  )
  // It was dropped meanwhile
  if (rowCount === 0) throw new Error(`Projection ${chunk.projection} is not there any more`)
  return datapoints
}
