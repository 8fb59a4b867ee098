/** Reads devices and their metrics, as the current projection has them. */

import type { Device, Metric, Presence } from '../datapoints.ts'
import { presences } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { Access } from '../model.ts'
import type { ChosenDevice, DevicesChoice } from './chosen-devices.ts'
import { chooseDevices } from './chosen-devices.ts'
import type { Pool } from './database.ts'
import type { DeviceRow, MetricRow } from './projected-rows.ts'
import { currentProjection, deviceColumns, metricColumns, toDevice, toMetric } from './projected-rows.ts'
import { hashName } from './projection-ids.ts'
import type { AsOf } from './as-of.ts'
import type { SearchPage } from './search.ts'
import type { DevicesSearch, DeviceWithMetrics } from './search-devices.ts'
import { searchDevices } from './search-devices.ts'
import type { ReadSourceTopics } from './source-topics.ts'
import { createSourceTopics } from './source-topics.ts'

export interface DevicesAsk {
  /** Id of the last device, exclusive, in the direction of `order`. */
  after: number | null
  limit: number
  order: 'asc' | 'desc'
  presence?: Presence
}

export interface DevicePage {
  items: Device[]
  /** Id to go on from; null at the end. Items may be few, or none, before that. */
  next: number | null
}

export interface MetricPage {
  items: Metric[]
  next: number | null
}

export interface Devices {
  /** In the order of their ids, or the reverse: new devices come last. */
  page(access: Access, ask: DevicesAsk): Promise<DevicePage>
  /** As `States.search`. Ids are of the projection that was current: those of another one go on nowhere. */
  search(access: Access, ask: DevicesSearch): Promise<SearchPage<DeviceWithMetrics>>
  byName(access: Access, name: string): Promise<Device | null>
  /** Topics that they are known by, whoever may read these. */
  sourceTopics: ReadSourceTopics
  /**
   * Those of the names asked for that may be read and that the predicate holds of, in no order. Throws Problem query_too_complex where there are more to look at than `searchRowsMax`.
   */
  chosen(access: Access, ask: DevicesChoice): Promise<ChosenDevice[]>
  /** Metrics of a device by the name of it, in the order of their ids. */
  metrics(access: Access, device: string, ask: { after: number | null; limit: number }): Promise<MetricPage>
}

export function createDevices(pool: Pool, limits: Limits, asOf: Pick<AsOf, 'devices' | 'latest'>): Devices {
  return {
    async page(access, ask) {
      const { limit, order } = ask
      const [following, start] = order === 'asc' ? ['>', 0] : ['<', Number.MAX_SAFE_INTEGER]
      const after = ask.after ?? start
      const window = `select * from devices where projection_id = ${currentProjection} and id ${following} $1
        order by id ${order}`
      const { kind, columns } = deviceColumns(access)
      const { rows } = await pool.query<DeviceRow>({
        name: `devices_${order}_${kind}`,
        text: `select ${columns} from (${window} limit $2) d join topics t on t.id = d.topic_id
               where d.seq > 0 and ($3::int2 is null or d.presence = $3) order by d.id ${order} limit $4`,
        values: [
          after,
          limits.pageRowsScannedMax,
          ask.presence === undefined ? null : presences[ask.presence],
          limit
        ]
      })
      const items = rows.filter((row) => access.mayRead(row.topic)).map((row) => toDevice(row, access))
      if (rows.length === limit) return { items, next: rows.at(-1)!.id }
      const end = await pool.query<{ id: number }>({
        name: `devices_end_${order}`,
        text: `select id from (${window} offset $2 limit 1) as last`,
        values: [after, limits.pageRowsScannedMax - 1]
      })
      return { items, next: end.rows[0]?.id ?? null }
    },

    search: (access, ask) => searchDevices({ pool, limits, asOf }, access, ask),

    sourceTopics: createSourceTopics(pool, limits),

    async byName(access, name) {
      const { kind, columns } = deviceColumns(access)
      const { rows } = await pool.query<DeviceRow>({
        name: `device_by_name_${kind}`,
        text: `select ${columns} from devices d join topics t on t.id = d.topic_id
               where d.projection_id = ${currentProjection} and d.name_hash = $1 and d.seq > 0`,
        values: [hashName(name)]
      })
      const row = rows[0]
      return row === undefined || !access.mayRead(row.topic) ? null : toDevice(row, access)
    },

    chosen: (access, ask) => chooseDevices({ pool, limits }, access, ask),

    async metrics(access, device, { after, limit }) {
      const { rows } = await pool.query<MetricRow>({
        name: 'metrics',
        text: `select ${metricColumns} from devices d join metrics m on m.device_id = d.id
               join topics t on t.id = m.topic_id
               where d.projection_id = ${currentProjection} and d.name_hash = $1 and m.id > $2 and m.seq > 0
               order by m.id limit $3`,
        values: [hashName(device), after ?? 0, limit]
      })
      return {
        items: rows.filter((row) => access.mayRead(row.topic)).map(toMetric),
        next: rows.length < limit ? null : rows.at(-1)!.id
      }
    }
  }
}
