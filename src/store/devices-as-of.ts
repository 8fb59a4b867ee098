/** Devices at an instant: what is kept of them now, less what came since, and presence as the journal tells it. */

import type { Device, Presence, PresenceChange } from '../datapoints.ts'
import type { Access } from '../model.ts'
import { factKinds } from '../model.ts'
import type { DeviceAsOf, Instant } from './as-of.ts'
import type { AsOfParts } from './metrics-as-of.ts'
import { greatestSql, newestTime } from './metrics-as-of.ts'
import type { DeviceRow } from './projected-rows.ts'
import { currentProjection, deviceColumns, toDevice } from './projected-rows.ts'
import { hashName } from './projection-ids.ts'

interface FoundRow extends DeviceRow {
  message_seq: number
  /** The first change of presence after the instant, and the last one before. */
  after: PresenceChange | null
  before: PresenceChange | null
  /** When its newest datapoint of then was received; read only if it was heard from since. */
  heard_at: Date | null
}

/** See AsOf.device and AsOf.devices. */
export async function devicesAsOf(
  parts: AsOfParts,
  access: Access,
  asked: { name: string } | { ids: readonly number[] },
  instant: Instant
): Promise<Map<number, DeviceAsOf>> {
  const [by, value] = 'name' in asked ? ['name', hashName(asked.name)] : ['ids', asked.ids]
  const { kind, columns } = deviceColumns(access)
  const { rows } = await parts.pool.query<FoundRow>({
    name: `devices_as_of_by_${by}_${kind}`,
    text: devicesSql(
      columns,
      'name' in asked
        ? `d.projection_id = ${currentProjection} and d.name_hash = $4`
        : 'd.id = any ($4::int8[])'
    ),
    values: [instant.seq, newestTime(instant, parts.limits), parts.limits.asOfMetricsMax, value]
  })
  const known = rows.filter((row) => row.first_seen_at.getTime() <= instant.at)
  return new Map(known.map((row) => [row.id, toDeviceAsOf(row, access, instant)]))
}

function toDeviceAsOf(row: FoundRow, access: Access, { seq }: Instant): DeviceAsOf {
  const now = toDevice(row, access)
  const quiet = row.message_seq <= seq
  const attributes = Object.entries(row.attributes ?? {})
  return {
    ...now,
    seq: Math.min(now.seq, seq),
    lastSeenAt: quiet ? now.lastSeenAt : (row.heard_at?.getTime() ?? null),
    ...presenceOf(row, now),
    attributes: Object.fromEntries(
      attributes.filter(([, [said]]) => said <= seq).map(([name, [, value]]) => [name, value])
    ),
    attributesChangedSince: attributes.filter(([, [said]]) => said > seq).map(([name]) => name)
  }
}

function presenceOf(
  row: FoundRow,
  now: Device
): Pick<DeviceAsOf, 'presence' | 'presenceAt' | 'presenceSource'> {
  const { after, before } = row
  if (after === null) {
    const { presence, presenceAt, presenceSource } = now
    return { presence, presenceAt, presenceSource }
  }
  const presence: Presence = after.from
  return { presence, presenceAt: before?.at ?? null, presenceSource: before?.source ?? null }
}

// Of the partitions of the system's class, for the reason told in topics-as-of.ts
const presenceSql = (compare: '>' | '<=', order: 'asc' | 'desc'): string => `
  (select detail from journal_class_0
   where kind = ${factKinds.presence} and (detail ->> 'device') = d.name and seq ${compare} $1 order by seq ${order} limit 1)`

// Parameters: seq, newest time observed, metrics looked at, and what is meant. Metrics that changed last are looked at first
const devicesSql = (columns: string, meant: string): string => `
  select ${columns}, d.message_seq, ${presenceSql('>', 'asc')} as after, ${presenceSql('<=', 'desc')} as before,
    case when d.message_seq > $1 then (
      select max(p.received_at) from (
        select id from metrics where device_id = d.id and metrics.seq > 0 order by latest_seq desc limit $3
      ) as m, lateral (${greatestSql('<>')}) as p
    ) end as heard_at
  from devices d join topics t on t.id = d.topic_id
  where ${meant} and d.seq > 0`
