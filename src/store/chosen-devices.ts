/** Devices by their names and by what holds of them, all at once: for what is done to each of them. */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access } from '../model.ts'
import type { NamePattern } from '../predicate/name-pattern.ts'
import type { Predicate } from '../predicate/predicate.ts'
import { int8Array } from './binary.ts'
import type { Pool } from './database.ts'
import { deviceIdsWhere } from './devices-where.ts'
import { currentProjection } from './projected-rows.ts'
import { nameCondition } from './series.ts'

export interface DevicesChoice {
  /** Any of these; none: every device. */
  devices: readonly NamePattern[]
  /** Asked of DeviceItemView, as devices are now; null: all. */
  where: Predicate | null
}

export interface ChosenDevice {
  device: string
  /** By which it is known. */
  topic: string
}

export async function chooseDevices(
  parts: { pool: Pool; limits: Limits },
  access: Access,
  { devices, where }: DevicesChoice
): Promise<ChosenDevice[]> {
  const { pool, limits } = parts
  const values: unknown[] = [limits.searchRowsMax + 1]
  const condition =
    where === null
      ? nameCondition('d', devices, values)
      : `d.id = any ($${values.push(int8Array(await deviceIdsWhere(parts, access, { devices, where })))}::int8[])`
  const { rows } = await pool.query<ChosenDevice>(
    `select d.name as device, t.name as topic from devices d join topics t on t.id = d.topic_id
     where d.projection_id = ${currentProjection} and d.seq > 0 and ${condition} limit $1`,
    values
  )
  if (rows.length > limits.searchRowsMax) {
    const detail = `are more than ${limits.searchRowsMax}: name fewer`
    throw new Problem('query_too_complex', `devices ${detail}`, [{ pointer: '/devices', detail }])
  }
  return rows.filter(({ topic }) => access.mayRead(topic))
}
