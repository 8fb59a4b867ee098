/** Versions of many devices in one read, for those who wait until one of them changes. */

import type { Pool } from './database.ts'
import { currentProjection } from './projected-rows.ts'
import { hashName } from './projection-ids.ts'

/** By name. Absent: nothing is known of it. A device is another one in another projection, at whatever seq. */
export type DeviceVersions = (names: readonly string[]) => Promise<Map<string, string>>

export const createDeviceVersions =
  (pool: Pool): DeviceVersions =>
  async (names) => {
    const { rows } = await pool.query<{ name: string; id: number; seq: number }>({
      name: 'device_versions',
      text: `select name, id, seq from devices
             where projection_id = ${currentProjection} and name_hash = any ($1::bytea[]) and seq > 0`,
      values: [names.map(hashName)]
    })
    return new Map(rows.map(({ name, id, seq }) => [name, `${seq}.${id}`]))
  }
