/** Devices that a predicate holds of, for lists of what belongs to them. */

import { toDeviceItemView } from '../device-views.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access } from '../model.ts'
import { metricNames } from '../predicate/metric-names.ts'
import type { NamePattern } from '../predicate/name-pattern.ts'
import type { Predicate } from '../predicate/predicate.ts'
import type { Pool } from './database.ts'
import { currentProjection } from './projected-rows.ts'
import { readDevices } from './search-devices.ts'
import { nameCondition } from './series.ts'

/**
 * Ids of the devices of the current projection whose names are asked for, that may be read, and that the predicate holds
 * of now. Throws Problem query_too_complex where there are more to look at than `searchRowsMax` or `searchBytesMax`.
 */
export async function deviceIdsWhere(
  parts: { pool: Pool; limits: Limits },
  access: Access,
  { devices, where }: { devices: readonly NamePattern[]; where: Predicate }
): Promise<number[]> {
  const { pool, limits } = parts
  const { searchRowsMax, searchStepRowsMax, searchBytesMax } = limits
  const values: unknown[] = [searchRowsMax + 1]
  const { rows } = await pool.query<{ id: number }>(
    `select d.id from devices d where d.projection_id = ${currentProjection} and d.seq > 0
       and ${nameCondition('d', devices, values)} order by d.id limit $1`,
    values
  )
  if (rows.length > searchRowsMax) throw tooMuch(`looks at most at ${searchRowsMax} devices`)
  const metrics = metricNames({ where })
  const looksAt = (name: string): boolean => where.paths.some(([member]) => member === name)
  const what = { attributes: looksAt('attributes'), metricCount: looksAt('metricCount'), metrics }
  const found: number[] = []
  for (let [at, bytes] = [0, 0]; at < rows.length;) {
    const ids = rows.slice(at, at + searchStepRowsMax).map(({ id }) => id)
    const read = await readDevices(pool, access, ids, what, searchBytesMax - bytes)
    at += read.taken
    bytes += read.bytes
    if (bytes > searchBytesMax) throw tooMuch(`reads at most ${searchBytesMax} bytes of devices`)
    for (const { id, item } of read.rows)
      if (access.mayRead(item.device.topic) && where.test(toDeviceItemView(item))) found.push(id)
  }
  return found
}

const tooMuch = (bound: string): Problem => {
  const detail = `${bound}: name fewer devices`
  return new Problem('query_too_complex', `where ${detail}`, [{ pointer: 'where', detail }])
}
