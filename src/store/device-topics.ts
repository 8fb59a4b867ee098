/** Topics by which devices are known: of what was heard from them, and of datapoints of their metrics. */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { NamePattern } from '../predicate/name-pattern.ts'
import type { Pool } from './database.ts'
import { filterCondition } from './filter-sql.ts'
import { currentProjection } from './projected-rows.ts'
import { nameCondition } from './series.ts'

/**
 * Ids of those that one of the filters matches; no filter: all. A topic that is not the newest of a metric is known when its
 * datapoints are rolled up. Throws Problem query_too_complex where there are more than `sortTopicsMax`.
 */
export async function topicsOfDevices(
  pool: Pool,
  { sortTopicsMax }: Pick<Limits, 'sortTopicsMax'>,
  devices: readonly NamePattern[],
  filters: readonly string[]
): Promise<number[]> {
  const values: unknown[] = [sortTopicsMax + 1]
  const { rows } = await pool.query<{ id: number }>(
    `with found as materialized (
       select d.id, d.topic_id from devices d
       where d.projection_id = ${currentProjection} and d.seq > 0 and ${nameCondition('d', devices, values)}
     )
     select t.id from topics t where t.name <> '' and ${filterCondition(filters, values)} and t.id in (
       select topic_id from found
       union select m.topic_id from found d join metrics m on m.device_id = d.id
       union select r.topic_id from found d join metrics m on m.device_id = d.id
         join metric_topics r on r.metric_id = m.id
     ) limit $1`,
    values
  )
  if (rows.length > sortTopicsMax) {
    const detail = `These devices have more than ${sortTopicsMax} topics: name fewer of them, or filter by topic`
    throw new Problem('query_too_complex', detail, [{ pointer: 'device', detail }])
  }
  return rows.map(({ id }) => id)
}
