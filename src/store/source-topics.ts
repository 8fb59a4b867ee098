/** Topics by which devices are known, for those who may read devices: as the current projection has them. */

import type { Limits } from '../limits.ts'
import type { Pool } from './database.ts'
import { findRolled, isNearlyRolled } from './find-series.ts'
import { hashName } from './projection-ids.ts'

/**
 * Of each of these devices, up to `deviceTopicsMax` topics, the oldest first; absent: nothing is known of it. Where more than
 * `seriesNotRolledFactsMax` messages are not rolled up yet, a topic that is not the newest of a metric is known when it is.
 */
export type ReadSourceTopics = (devices: readonly string[]) => Promise<Map<string, string[]>>

export const createSourceTopics =
  (pool: Pool, limits: Pick<Limits, 'deviceTopicsMax' | 'seriesNotRolledFactsMax'>): ReadSourceTopics =>
  async (devices) => {
    const found = new Map<string, string[]>()
    const current = await findRolled(pool)
    if (current === null) return found
    const near = isNearlyRolled(current, limits)
    const { rows } = await pool.query<{ device: string; topics: string[] }>({
      name: `source_topics_${near}`,
      text: sourcesSql(near),
      values: [
        current.id,
        devices.map(hashName),
        limits.deviceTopicsMax,
        ...(near ? [current.rolled_seq] : [])
      ]
    })
    for (const { device, topics } of rows) found.set(device, topics)
    return found
  }

const sourcesSql = (near: boolean): string => `
  select d.name as device, s.topics from devices d cross join lateral (
    select coalesce(json_agg(name), '[]') as topics from (
      select t.name from topics t where t.name <> '' and t.id in (
        select d.topic_id
        union select m.topic_id from metrics m where m.device_id = d.id
        union select r.topic_id from metrics m join metric_topics r on r.metric_id = m.id where m.device_id = d.id
        ${
          near
            ? `union select p.topic_id from metrics m join datapoints p on p.metric_id = m.id
        where m.device_id = d.id and p.projection_id = $1 and p.seq > $4`
            : ''
        }
      ) order by t.id limit $3
    ) named
  ) s
  where d.projection_id = $1 and d.name_hash = any ($2::bytea[]) and d.seq > 0`
