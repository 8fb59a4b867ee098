/** Searches devices of the current projection, with the latest datapoints of metrics that are asked for by name. */

import type { Datapoint, Device, Presence } from '../datapoints.ts'
import { presences } from '../datapoints.ts'
import { toDeviceItemView } from '../device-views.ts'
import type { Limits } from '../limits.ts'
import type { Access } from '../model.ts'
import type { Path } from '../predicate/path.ts'
import type { Predicate } from '../predicate/predicate.ts'
import type { AsOf, Instant } from './as-of.ts'
import type { Pool } from './database.ts'
import type { DeviceRow, MetricRow } from './projected-rows.ts'
import { currentProjection, deviceColumns, metricColumns, toDevice, toMetric } from './projected-rows.ts'
import { hashName } from './projection-ids.ts'
import type { Read, SearchAsk, SearchPage, Source } from './search.ts'
import { search } from './search.ts'

export interface DevicesSearch extends SearchAsk {
  presence?: Presence
  /** Asked of DeviceItemView. */
  where: Predicate | null
  /** Names of the metrics to read: all that `where`, `sort` and `fields` name. */
  metrics: readonly string[]
  /** null: as they are now. */
  asOf: Instant | null
}

export interface DeviceWithMetrics {
  device: Device
  /** By name, of those that were asked for and may be read; those without a latest datapoint are absent. */
  metrics: ReadonlyMap<string, Datapoint>
}

export function searchDevices(
  parts: { pool: Pool; limits: Limits; asOf: Pick<AsOf, 'devices' | 'latest'> },
  access: Access,
  ask: DevicesSearch
): Promise<SearchPage<DeviceWithMetrics>> {
  const { pool, limits } = parts
  const { where, sort, order, asOf: instant } = ask
  // What presence was then, the index does not tell
  const presence = instant === null ? ask.presence : undefined
  const looked: Path[] = [...(where?.paths ?? []), ...(sort === null ? [] : [sort.path])]
  const metrics = looked.flatMap(([member, name]) =>
    member === 'metrics' && name !== undefined ? [name] : []
  )
  const whole = { attributes: true, metricCount: true, metrics: [...new Set([...ask.metrics, ...metrics])] }
  const part = {
    attributes: looked.some(([member]) => member === 'attributes'),
    metricCount: looked.some(([member]) => member === 'metricCount'),
    metrics: [...new Set(metrics)]
  }
  const source: Source<DeviceWithMetrics> = {
    what: 'devices',
    following: (after, limit) => following(pool, limits, { after, limit, order, presence }),
    all: () => all(pool, limits, presence),
    async read(ids, what, bytesMax) {
      const wanted = what === 'whole' ? whole : part
      const found = await readDevices(pool, access, ids, wanted, bytesMax)
      if (instant === null) return found
      return then(parts, access, found, ids, { names: wanted.metrics, bytesMax }, instant)
    },
    isWanted: (item) =>
      access.mayRead(item.device.topic) &&
      (ask.presence === undefined || item.device.presence === ask.presence) &&
      (where === null || where.test(toDeviceItemView(item))),
    toView: toDeviceItemView
  }
  return search(source, ask, limits)
}

/** The next in order, of those of which so many are looked at. */
async function following(
  pool: Pool,
  { pageRowsScannedMax }: Limits,
  ask: { after: number | null; limit: number; order: 'asc' | 'desc'; presence: Presence | undefined }
): Promise<{ ids: number[]; next: number | null }> {
  const { limit, order, presence } = ask
  const [beyond, start] = order === 'asc' ? ['>', 0] : ['<', Number.MAX_SAFE_INTEGER]
  const after = ask.after ?? start
  const window = `select id, seq, presence from devices
    where projection_id = ${currentProjection} and id ${beyond} $1 order by id ${order} limit $2`
  const { rows } = await pool.query<{ id: number }>({
    name: `search_devices_${order}`,
    text: `select id from (${window}) d where seq > 0 and ($3::int2 is null or presence = $3)
           order by id ${order} limit $4`,
    values: [after, pageRowsScannedMax, presence === undefined ? null : presences[presence], limit]
  })
  const ids = rows.map((row) => row.id)
  if (ids.length === limit) return { ids, next: ids.at(-1)! }
  const end = await pool.query<{ id: number }>({
    name: `search_devices_end_${order}`,
    text: `select id from (${window}) d offset $2 - 1`,
    values: [after, pageRowsScannedMax]
  })
  return { ids, next: end.rows[0]?.id ?? null }
}

async function all(pool: Pool, limits: Limits, presence: Presence | undefined): Promise<number[] | null> {
  const limit = limits.sortTopicsMax + 1
  const { ids, next } = await following(pool, limits, { after: null, limit, order: 'asc', presence })
  return next === null ? ids : null
}

/** As many as fit in the bytes of attributes and values, and at least one. */
export async function readDevices(
  pool: Pool,
  access: Access,
  ids: readonly number[],
  what: { attributes: boolean; metricCount: boolean; metrics: readonly string[] },
  bytesMax: number
): Promise<Read<DeviceWithMetrics>> {
  if (ids.length === 0) return { rows: [], taken: 0, bytes: 0 }
  const hashes = what.metrics.map(hashName)
  const { kind, columns } = deviceColumns(access, '$3')
  const { rows } = await pool.query<DeviceRow & { n: number; found: number; bytes: number }>({
    name: `search_devices_${kind}`,
    text: devicesSql(columns),
    values: [ids, what.attributes, what.metricCount, hashes, bytesMax]
  })
  const last = rows.at(-1)
  const metrics = new Map(rows.map(({ id }) => [id, new Map<string, Datapoint>()]))
  if (hashes.length > 0) {
    const found = await pool.query<MetricRow & { device_id: number }>({
      name: 'search_devices_metrics',
      text: `select ${metricColumns}, m.device_id from metrics m join devices d on d.id = m.device_id
             join topics t on t.id = m.topic_id
             where m.device_id = any ($1::int8[]) and m.name_hash = any ($2::bytea[]) and m.seq > 0`,
      values: [[...metrics.keys()], hashes]
    })
    for (const row of found.rows) {
      const { name, latest } = toMetric(row)
      if (latest !== null && access.mayRead(row.topic)) metrics.get(row.device_id)!.set(name, latest)
    }
  }
  return {
    rows: rows.map((row) => ({
      id: row.id,
      item: { device: toDevice(row, access), metrics: metrics.get(row.id)! }
    })),
    taken: last !== undefined && rows.length < last.found ? last.n : ids.length,
    bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0)
  }
}

/**
 * The same as they were, without those that were not known. Values of then may be larger than those of now, so a few are
 * read at once, and no more than fit in the bytes.
 */
async function then(
  parts: { asOf: Pick<AsOf, 'devices' | 'latest'>; limits: Pick<Limits, 'searchLatestMax'> },
  access: Access,
  now: Read<DeviceWithMetrics>,
  ids: readonly number[],
  { names, bytesMax }: { names: readonly string[]; bytesMax: number },
  instant: Instant
): Promise<Read<DeviceWithMetrics>> {
  const known = now.rows.map(({ id }) => id)
  if (known.length === 0) return now
  const devices = await parts.asOf.devices(access, known, instant)
  const rows: Read<DeviceWithMetrics>['rows'] = []
  let { bytes } = now
  const step = Math.max(1, Math.floor(parts.limits.searchLatestMax / Math.max(1, names.length)))
  for (let at = 0; at < known.length; at += step) {
    const some = known.slice(at, at + step)
    const latest = names.length === 0 ? null : await parts.asOf.latest(access, some, names, instant)
    for (const id of some) {
      const device = devices.get(id)
      if (device === undefined) continue
      const metrics = latest?.get(id) ?? new Map<string, Datapoint>()
      for (const { exact } of metrics.values()) bytes += exact?.length ?? 0
      // It was heard of then, if no datapoint tells when last
      const lastSeenAt = device.lastSeenAt ?? device.firstSeenAt
      rows.push({ id, item: { device: { ...device, lastSeenAt }, metrics } })
    }
    if (bytes > bytesMax && at + step < known.length)
      return { rows, taken: ids.indexOf(some.at(-1)!) + 1, bytes }
  }
  return { rows, taken: now.taken, bytes }
}

const devicesSql = (columns: string): string => `
  with sized as (
    select n, d.id as device, (case when $2 then coalesce(pg_column_size(attributes), 0) else 0 end + (
      select coalesce(sum(octet_length(latest_exact)), 0) from metrics
      where device_id = d.id and name_hash = any ($4::bytea[])))::int8 as bytes
    from unnest($1::int8[]) with ordinality as asked (id, n) join devices d on d.id = asked.id where seq > 0
  ), counted as (
    select n, device, bytes, count(*) over () as found, sum(bytes) over (
      order by n rows between unbounded preceding and 1 preceding) as before
    from sized
  )
  select ${columns.replace('d.attributes', 'case when $2 then d.attributes end as attributes')}, n, found, bytes
  from counted join devices d on d.id = device join topics t on t.id = d.topic_id
  where before is null or before + bytes <= $5 order by n`
