/** Topics by which devices are known: of what was heard from them, and of datapoints of their metrics. */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { NamePattern } from '../predicate/name-pattern.ts'
import type { Pool } from './database.ts'
import { filterCondition } from './filter-sql.ts'
import { findRolled, isNearlyRolled } from './find-series.ts'
import { nameCondition } from './series.ts'

/**
 * Ids of those that one of the filters matches; no filter: all. Where more than `seriesNotRolledFactsMax` messages are not
 * rolled up yet, a topic that is not the newest of a metric is known when it is. Throws Problem query_too_complex where there
 * are more than `sortTopicsMax`.
 */
export async function topicsOfDevices(
  pool: Pool,
  limits: Pick<Limits, 'sortTopicsMax' | 'seriesNotRolledFactsMax'>,
  devices: readonly NamePattern[],
  filters: readonly string[]
): Promise<number[]> {
  const { sortTopicsMax } = limits
  const current = await findRolled(pool)
  if (current === null) return []
  const values: unknown[] = [sortTopicsMax + 1, current.id, current.rolled_seq]
  const isNear = `${isNearlyRolled(current, limits)}`
  const { rows } = await pool.query<{ id: number }>(
    `with found as materialized (
       select d.id, d.topic_id from devices d
       where d.projection_id = $2 and d.seq > 0 and ${nameCondition('d', devices, values)}
     )
     select t.id from topics t where t.name <> '' and ${filterCondition(filters, values)} and t.id in (
       select topic_id from found
       union select m.topic_id from found d join metrics m on m.device_id = d.id
       union select r.topic_id from found d join metrics m on m.device_id = d.id
         join metric_topics r on r.metric_id = m.id
       union select p.topic_id from datapoints p join metrics m on m.id = p.metric_id
         where ${isNear} and p.projection_id = $2 and p.seq > $3 and m.device_id in (select id from found)
     ) limit $1`,
    values
  )
  if (rows.length > sortTopicsMax) {
    const detail = `These devices have more than ${sortTopicsMax} topics: name fewer of them, or filter by topic`
    throw new Problem('query_too_complex', detail, [{ pointer: 'device', detail }])
  }
  return rows.map(({ id }) => id)
}
