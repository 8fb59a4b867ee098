/** What metrics have as their latest, for those who compare what comes with it. */

import { roles } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import { byteaArray } from './binary.ts'
import type { Pool } from './database.ts'
import type { ProjectionStore } from './projected.ts'
import { roleNames, typeNames } from './projected-rows.ts'
import { hashName } from './projection-ids.ts'

interface Row {
  number: number
  type: number
  latest_role: number
  latest_number: number | null
  latest_observed_at: Date
  latest_quality: string | null
  latest_seq: number
  unit: string | null
  exact: Buffer | null
  exact_bytes: number | null
  topic: string
}

export const createLastStored = (
  pool: Pool,
  { comparedExactBytesMax }: Pick<Limits, 'comparedExactBytesMax'>
): Pick<ProjectionStore, 'lastStored'> => ({
  async lastStored(id, metrics) {
    if (metrics.length === 0) return new Map()
    // Names repeat: of devices from metric to metric, and of metrics from device to device
    const hashes = new Map<string, Buffer>()
    const hashOf = (name: string): Buffer => {
      const known = hashes.get(name) ?? hashName(name)
      hashes.set(name, known)
      return known
    }
    const { rows } = await pool.query<Row>({
      name: 'last_stored',
      text: lastStoredSql,
      values: [
        id,
        byteaArray(metrics.map(({ device }) => hashOf(device))),
        byteaArray(metrics.map(({ metric }) => hashOf(metric))),
        comparedExactBytesMax
      ]
    })
    return new Map(
      rows.map((row) => {
        const { device, metric } = metrics[row.number - 1]!
        return [
          `${device}\0${metric}`,
          {
            type: typeNames[row.type]!,
            role: roleNames[row.latest_role]!,
            number: row.latest_number,
            observedAt: row.latest_observed_at.getTime(),
            quality: row.latest_quality,
            unit: row.unit,
            seq: row.latest_seq,
            exact: row.exact,
            exactBytes: row.exact_bytes ?? 0,
            topic: row.topic
          }
        ]
      })
    )
  }
})

/** A long value is not fetched: its hash tells whether another one is the same. */
const lastStoredSql = `
  select u.number::int4 as number, m.type, m.latest_role, m.latest_number, m.latest_observed_at, m.latest_quality, m.latest_seq,
    m.unit, octet_length(m.latest_exact) as exact_bytes, t.name as topic,
    case when octet_length(m.latest_exact) > $4 then sha256(m.latest_exact) else m.latest_exact end as exact
  from unnest($2::bytea[], $3::bytea[]) with ordinality as u (device_hash, metric_hash, number)
  join devices d on d.projection_id = $1 and d.name_hash = u.device_hash
  join metrics m on m.device_id = d.id and m.name_hash = u.metric_hash
  join topics t on t.id = m.topic_id
  where m.latest_role <> ${roles.historical}`
