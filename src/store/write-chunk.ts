/** Writes chunks of a projection: resolves names, builds the statement, and tells why nothing was written. */

import type { Limits } from '../limits.ts'
import type { Fact } from '../model.ts'
import type { ProjectedRow, ProjectionGuard } from './append-projected.ts'
import { projectedStatement } from './append-projected.ts'
import { int8Array } from './binary.ts'
import type { Pool, PoolClient } from './database.ts'
import { toTrouble } from './database.ts'
import type { Attributes, Folded } from './fold-chunk.ts'
import { foldChunk, mergeAttributes } from './fold-chunk.ts'
import type { ProjectedChunk } from './projected.ts'
import { OutrunError } from './projected.ts'
import { toAppendedFact } from './projected-facts.ts'
import type { StoredAttributes } from './projected-rows.ts'
import type { ProjectionIds } from './projection-ids.ts'
import { createProjectionIds } from './projection-ids.ts'

/** Ids that were remembered are stale again and again: somebody forgets one after another. */
const attemptsMax = 20

export interface ChunkWriter {
  ids(projection: number): ProjectionIds
  forgetIds(projection: number): void
  /** Tries until the ids it knows are those of the version that it writes to, and partitions are there. */
  attempt<T>(projection: number, work: (version: number) => Promise<T | null>): Promise<T>
  /** Null: the guard found nothing. */
  put(
    client: Pool | PoolClient,
    projection: number,
    chunk: ProjectedChunk,
    guard: ProjectionGuard,
    options: { facts: boolean; repeatable: boolean }
  ): Promise<Fact[] | null>
}

export function createChunkWriter(parts: {
  pool: Pool
  limits: Limits
  makePartitions: () => Promise<void>
}): ChunkWriter {
  const { pool, limits, makePartitions } = parts
  const known = new Map<number, ProjectionIds>()

  function ids(projection: number): ProjectionIds {
    const found = known.get(projection) ?? createProjectionIds(pool, limits, projection)
    known.set(projection, found)
    return found
  }

  /** True where it is worth another attempt. */
  async function mend(error: unknown, projection: number): Promise<boolean> {
    if (toTrouble(error) === 'partition') {
      await makePartitions()
      return true
    }
    if ((error as { code?: unknown }).code !== '23503') return false
    ids(projection).clear() // a device that was deleted since
    return true
  }

  return {
    ids,
    forgetIds: (projection) => known.delete(projection),
    async attempt(projection, work) {
      for (let attempt = 1; ; attempt++) {
        try {
          const version = await ids(projection).version()
          if (version === null) throw new OutrunError()
          const result = await work(version)
          if (result !== null) return result
          ids(projection).clear()
          if (attempt === attemptsMax || (await ids(projection).version()) === version)
            throw new OutrunError()
        } catch (error) {
          if (error instanceof OutrunError || attempt === attemptsMax) throw error
          if (!(await mend(error, projection))) throw error
        }
      }
    },
    async put(client, projection, chunk, guard, options) {
      const prepared = await prepare(ids(projection), chunk)
      await addAttributes(client, prepared.folded, prepared.deviceIds)
      const { rows } = await client.query<ProjectedRow>(
        projectedStatement({ projection, ...prepared }, guard, options)
      )
      if (rows.length === 0) return null
      return rows.flatMap(({ seq, at, detail }) =>
        seq === null ? [] : [toAppendedFact('presence', { seq, at: at!, detail })]
      )
    }
  }
}

/** Messages of topics that were forgotten meanwhile are left out, and what decoders learned of them. */
async function prepare(ids: ProjectionIds, chunk: ProjectedChunk) {
  const living = await ids.livingTopics(chunk.messages.map(({ topicId }) => topicId))
  const messages = chunk.messages.filter(({ topicId }) => living.has(topicId))
  const gone = new Set(chunk.messages.filter(({ topicId }) => !living.has(topicId)).map(({ seq }) => seq))
  const states = chunk.states.filter(({ seq }) => !gone.has(seq))
  const folded = foldChunk(messages)
  const deviceIds = await ids.devices(folded.devices.map(({ name }) => name))
  const metricIds = await ids.metrics(
    folded.metrics.map(({ device, name }) => ({ deviceId: deviceIds[device]!, metric: name }))
  )
  return { folded, deviceIds, metricIds, messages, states }
}

/** Attributes are merged by name here, since `json` keeps what `jsonb` refuses; the caller holds the projection's lock. */
async function addAttributes(
  client: Pool | PoolClient,
  folded: Folded,
  deviceIds: readonly number[]
): Promise<void> {
  const numbers = [...folded.devices.keys()].filter((number) => folded.devices[number]!.attributes !== null)
  if (numbers.length === 0) return
  const { rows } = await client.query<{ id: number; attributes: StoredAttributes | null }>({
    name: 'attributes',
    text: 'select id, attributes from devices where id = any ($1::int8[])',
    values: [int8Array(numbers.map((number) => deviceIds[number]!))]
  })
  const stored = new Map(rows.map((row) => [row.id, row.attributes]))
  for (const number of numbers) {
    const device = folded.devices[number]!
    const known: Attributes = new Map(Object.entries(stored.get(deviceIds[number]!) ?? {}))
    device.attributes = mergeAttributes(known, device.attributes!)
  }
}
