/** What datapoints come to in a minute, an hour and a day (decision 0015): written here alone. */

import type { Seq } from '../model.ts'
import type { Pool, PoolClient } from './database.ts'
import { toTrouble } from './database.ts'
import type { Chunk } from './roll-chunk.ts'
import { addChunk, nextChunk, periodsOf } from './roll-chunk.ts'
import { addLate } from './roll-late.ts'
import { lockRollups } from './roll-lock.ts'
import { createRollupPartitions } from './roll-partitions.ts'

export interface Rolled {
  /** Datapoints of the current projection are rolled up to here; 0: there is none. */
  rolled: Seq
  /** How many were rolled up by this step. */
  datapoints: number
  /** There was more than one step may take. */
  more: boolean
}

export interface Rollups {
  /**
   * Rolls up at most `limit` datapoints, or one message that has more, of the current projection or of one that is being
   * built: in one transaction, exactly once, also where several do it at once. Rejects where the database is away.
   */
  advance(limit: number): Promise<Rolled>
}

interface Position {
  id: number
  state: string
  rolled_seq: Seq
  done_seq: Seq
}

export function createRollups(pool: Pool): Rollups {
  const partitions = createRollupPartitions(pool)

  /** In a transaction of its own, that holds the lock. */
  async function step<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect()
    try {
      // A step that a crash takes back is done again, so nobody need wait for the disk
      await client.query('begin; set local synchronous_commit = off; set local jit = off')
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

  /** One chunk; null where there is none. Makes the partitions that are missing, once. */
  async function roll(limit: number): Promise<{ chunk: Chunk; datapoints: number } | null> {
    for (let attempt = 1; ; attempt++) {
      let chunk: Chunk | null = null
      try {
        return await step(async (client) => {
          chunk = await choose(client, limit)
          return chunk && { chunk, datapoints: await add(client, chunk) }
        })
      } catch (error) {
        if (chunk === null || toTrouble(error) !== 'partition' || attempt > 1) throw error
        await partitions.makeFor(await periodsOf(pool, chunk))
      }
    }
  }

  return {
    async advance(limit) {
      const done = await roll(limit)
      const positions = await positionsOf(pool)
      return {
        rolled: positions.find(({ state }) => state === 'current')?.rolled_seq ?? 0,
        datapoints: done?.datapoints ?? 0,
        more: positions.some(({ rolled_seq, done_seq }) => rolled_seq < done_seq)
      }
    }
  }
}

async function positionsOf(client: Pool | PoolClient): Promise<Position[]> {
  const { rows } = await client.query<Position>(
    `select id, state, rolled_seq, done_seq from projections where state in ('building', 'current') order by id`
  )
  return rows
}

async function choose(client: PoolClient, limit: number): Promise<Chunk | null> {
  for (const { id, rolled_seq, done_seq } of await positionsOf(client)) {
    const chunk = await nextChunk(client, { projection: id, from: rolled_seq, to: done_seq, limit })
    if (chunk !== null) return chunk
  }
  return null
}

async function add(client: PoolClient, chunk: Chunk): Promise<number> {
  const { datapoints, late } = await addChunk(client, chunk)
  await addLate(client, chunk, late)
  const { rowCount } = await client.query(
    `update projections set rolled_seq = $3 where id = $1 and rolled_seq = $2 and state in ('building', 'current')`,
    [chunk.projection, chunk.from, chunk.to]
  )
  // It was dropped meanwhile
  if (rowCount === 0) throw new Error(`Projection ${chunk.projection} is not there any more`)
  return datapoints
}
