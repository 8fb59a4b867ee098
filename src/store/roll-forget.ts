/** Takes rollups of topics that are forgotten, and of metrics that are not there any more. */

import type { Limits } from '../limits.ts'
import type { Pool, PoolClient } from './database.ts'
import { inTransaction } from './projected-facts.ts'
import { levelNumbers, startSql } from './roll-fold.ts'
import { lockRollups } from './roll-lock.ts'

interface Parts {
  pool: Pool
  limits: Pick<Limits, 'forgetRowsPerStepMax'>
}

/**
 * Of a topic whose datapoints are gone. Rows that are of it alone go; those of several topics go as well, and are rolled
 * up anew from what is left: where retention took the others' datapoints, they say less than they did.
 */
export async function forgetRollups(parts: Parts, topicId: number): Promise<void> {
  for (;;) {
    const left = await inTransaction(parts.pool, async (client) => {
      await lockRollups(client)
      const { rows } = await client.query<{ metric_id: number }>(
        'select metric_id from metric_topics where topic_id = $1 limit 1',
        [topicId]
      )
      const metric = rows[0]?.metric_id
      if (metric === undefined) return false
      // In one transaction: else a row that was rolled up anew meanwhile would be taken again
      await inSteps(client, forgetSql, [metric, topicId, parts.limits.forgetRowsPerStepMax])
      await client.query('delete from metric_topics where metric_id = $1 and topic_id = $2', [
        metric,
        topicId
      ])
      return true
    })
    if (!left) break
  }
  await dropOrphans(parts)
}

/** What is rolled up of metrics that were deleted: `metric_topics` knows them until all else is gone. */
export async function dropOrphans({ pool, limits }: Parts): Promise<void> {
  for (;;) {
    const { rows } = await pool.query<{ metric_id: number }>(orphansSql, [limits.forgetRowsPerStepMax])
    for (const { metric_id } of rows)
      await inTransaction(pool, async (client) => {
        await lockRollups(client)
        await inSteps(client, dropSql, [metric_id, limits.forgetRowsPerStepMax])
        await client.query('delete from metric_topics where metric_id = $1', [metric_id])
      })
    if (rows.length > 0) continue
    const { rowCount } = await pool.query(marksSql, [limits.forgetRowsPerStepMax])
    if (rowCount === 0) return
  }
}

/** Repeats a statement that returns its rows until there are no more. */
async function inSteps(client: PoolClient, sql: string, values: readonly unknown[]): Promise<void> {
  while (((await client.query(sql, [...values])).rowCount ?? 0) > 0);
}

const someSql = (condition: string, limit: string): string => `
  delete from rollups where (level, metric_id, start) in (
    select level, metric_id, start from rollups
    where level = any ('{${levelNumbers.join(',')}}') and metric_id = $1 ${condition} limit ${limit}
  )`

const forgetSql = `
  with gone as (
    ${someSql('and (topic_id = $2 or topic_id is null)', '$3')} returning metric_id, start, topic_id
  ), marked as (
    insert into rollup_marks (metric_id, start)
    select distinct metric_id, ${startSql('hour', 'start')} from gone where topic_id is null
    on conflict do nothing
  )
  select from gone`

const dropSql = `${someSql('', '$2')} returning 1`

const orphansSql = `
  select distinct metric_id from metric_topics t
  where not exists (select from metrics m where m.id = t.metric_id) limit $1`

const marksSql = `
  delete from rollup_marks where (metric_id, start) in (
    select metric_id, start from rollup_marks k
    where not exists (select from metrics m where m.id = k.metric_id) limit $1)`
