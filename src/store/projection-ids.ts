/**
 * Ids of a projection's devices and metrics by name, and which topics there are. They are remembered as they were in one
 * version of the projection; whoever deletes devices, metrics or topics raises the version in the same transaction, and a
 * write that was prepared under another one is refused, and prepared again.
 */

import { createHash } from 'node:crypto'
import type { Limits } from '../limits.ts'
import { textArray, byteaArray, int8Array } from './binary.ts'
import type { Pool } from './database.ts'
import { NameCache } from './name-cache.ts'

export const hashName = (name: string): Buffer => createHash('sha256').update(name).digest()

export interface MetricKey {
  deviceId: number
  metric: string
}

export interface ProjectionIds {
  /** Null: there is no such projection. */
  version(): Promise<number | null>
  /** The version is another one now: what is remembered may be gone. */
  clear(): void
  /** Those of the topics that are there, and not forgotten. */
  livingTopics(ids: readonly number[]): Promise<Set<number>>
  /** Registers those that are new, invisible until they are written first. In the order of `names`. */
  devices(names: readonly string[]): Promise<number[]>
  metrics(keys: readonly MetricKey[]): Promise<number[]>
}

export function createProjectionIds(pool: Pool, limits: Limits, projection: number): ProjectionIds {
  const bounds = {
    entriesMax: limits.projectedNamesCachedMax,
    bytesMax: limits.projectedNamesCachedBytesMax
  }
  let version: number | null = null
  let topics = new NameCache<true>(bounds)
  let devices = new NameCache<number>(bounds)
  let metrics = new NameCache<number>(bounds)

  return {
    async version() {
      if (version !== null) return version
      const { rows } = await pool.query<{ version: number }>(
        'select version from projections where id = $1',
        [projection]
      )
      return (version = rows[0]?.version ?? null)
    },
    clear() {
      version = null
      topics = new NameCache(bounds)
      devices = new NameCache(bounds)
      metrics = new NameCache(bounds)
    },
    async livingTopics(ids) {
      const unknown = [...new Set(ids)].filter((id) => topics.get(String(id)) === undefined)
      const living = new Set(ids.filter((id) => topics.get(String(id)) !== undefined))
      if (unknown.length > 0) {
        const { rows } = await pool.query<{ id: number }>({
          name: 'living_topics',
          text: `select id from topics where id = any ($1::int8[]) and name <> ''`,
          values: [int8Array(unknown)]
        })
        for (const { id } of rows) {
          living.add(id)
          topics.remember(String(id), true)
        }
      }
      return living
    },
    devices: (names) =>
      resolve(
        devices,
        names,
        (name) => name,
        async (missing) => {
          const { rows } = await pool.query<{ id: number; hash: Buffer }>({
            name: 'register_devices',
            text: registerDevicesSql,
            values: [projection, textArray(missing), byteaArray(missing.map(hashName))]
          })
          return new Map(rows.map(({ id, hash }) => [hash.toString('hex'), id]))
        },
        (name) => hashName(name).toString('hex')
      ),
    metrics: (keys) =>
      resolve(
        metrics,
        keys,
        keyOf,
        async (missing) => {
          const { rows } = await pool.query<{ id: number; device_id: number; hash: Buffer }>({
            name: 'register_metrics',
            text: registerMetricsSql,
            values: [
              int8Array(missing.map(({ deviceId }) => deviceId)),
              textArray(missing.map(({ metric }) => metric)),
              byteaArray(missing.map(({ metric }) => hashName(metric)))
            ]
          })
          return new Map(rows.map(({ id, device_id, hash }) => [`${device_id} ${hash.toString('hex')}`, id]))
        },
        ({ deviceId, metric }) => `${deviceId} ${hashName(metric).toString('hex')}`
      )
  }
}

const keyOf = ({ deviceId, metric }: MetricKey): string => `${deviceId} ${metric}`

async function resolve<Key>(
  cache: NameCache<number>,
  keys: readonly Key[],
  nameOf: (key: Key) => string,
  register: (missing: readonly Key[]) => Promise<Map<string, number>>,
  identify: (key: Key) => string
): Promise<number[]> {
  const names = keys.map(nameOf)
  const found = new Map<string, number>()
  const unknown = new Map<string, Key>()
  for (const [index, name] of names.entries()) {
    const id = cache.get(name)
    if (id === undefined) unknown.set(name, keys[index]!)
    else found.set(name, id)
  }
  // Another instance may register one after our snapshot was taken: the next round sees it
  while (unknown.size > 0) {
    const ids = await register([...unknown.values()])
    for (const [name, key] of unknown) {
      const id = ids.get(identify(key))
      if (id === undefined) continue
      found.set(name, id)
      unknown.delete(name)
    }
  }
  for (const name of names) cache.remember(name, found.get(name)!)
  return names.map((name) => found.get(name)!)
}

// As with topics: ids are taken by new names alone, in one order, so that instances wait for one another
const registerDevicesSql = `
  with given as (
    select name, hash from unnest($2::text[], $3::bytea[]) as u (name, hash)
  ), added as (
    insert into devices (projection_id, name, name_hash) select $1, name, hash from given
    where not exists (select from devices where projection_id = $1 and name_hash = hash) order by hash
    on conflict (projection_id, name_hash) do nothing
    returning id, name_hash as hash
  )
  select id, hash from added
  union all
  select id, name_hash from devices where projection_id = $1 and name_hash in (select hash from given)`

const registerMetricsSql = `
  with given as (
    select device_id, name, hash from unnest($1::int8[], $2::text[], $3::bytea[]) as u (device_id, name, hash)
  ), added as (
    insert into metrics (device_id, name, name_hash) select device_id, name, hash from given g
    where not exists (select from metrics m where m.device_id = g.device_id and m.name_hash = g.hash)
    order by device_id, hash
    on conflict (device_id, name_hash) do nothing
    returning id, device_id, name_hash as hash
  )
  select id, device_id, hash from added
  union all
  select m.id, m.device_id, m.name_hash from given g
  join metrics m on m.device_id = g.device_id and m.name_hash = g.hash`
