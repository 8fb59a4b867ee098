/** Puts topics in their classes of retention after these have changed: in batches, while others append. */

import type { Limits } from '../limits.ts'
import { int2Array, int8Array } from './binary.ts'
import type { Pool } from './database.ts'
import { createPartitionDdl } from './partition-ddl.ts'
import { inTransaction } from './projected-facts.ts'
import { compileClasses, readClasses } from './retention-classes.ts'

type AssignLimits = Pick<
  Limits,
  'assignTopicsPerStepMax' | 'ddlLockMsMax' | 'ddlStatementMsMax' | 'ddlAttemptsMax' | 'ddlPauseMs'
>

/** Returns how many came to another class. Two instances at once share the work. */
export async function assignTopics(pool: Pool, limits: AssignLimits): Promise<number> {
  let moved = 0
  for (let after = await place(pool); after !== null; after = await place(pool)) {
    // Whoever registers topics by the classes of before has begun already: let it end
    if (after === 0) await createPartitionDdl(pool, limits).run('lock table topics in share mode')
    moved += await step(pool, limits, after)
  }
  return moved
}

async function place(pool: Pool): Promise<number | null> {
  const { rows } = await pool.query<{ after: number | null }>(
    'select class_topic_id as after from journal_head where shard = 0'
  )
  return rows[0]!.after
}

/** The lock on the head is held while the rows of these topics are written, so that no fact comes in between. */
async function step(pool: Pool, limits: AssignLimits, after: number): Promise<number> {
  const { rows } = await pool.query<{ id: number; name: string; retention_class: number; forgets: number }>(
    `select t.id, t.name, t.retention_class, h.forgets
     from (select * from journal_head where shard = 0) h left join topics t on t.id > $1
     order by t.id limit $2`,
    [after, limits.assignTopicsPerStepMax]
  )
  const classOf = compileClasses(await readClasses(pool))
  const topics = rows.filter(({ id }) => id !== null)
  const changed = topics
    .filter(({ name }) => name !== '')
    .map((topic) => ({ ...topic, to: classOf(topic.name) }))
    .filter(({ retention_class, to }) => retention_class !== to)
  const next = topics.length < limits.assignTopicsPerStepMax ? null : topics.at(-1)!.id
  return inTransaction(pool, async (client) => {
    // Classes that were changed since are another number of forgets
    const { rowCount } = await client.query(
      `update journal_head set class_topic_id = $3, forgets = forgets + $4
       where shard = 0 and class_topic_id = $1 and forgets = $2`,
      [after, rows[0]!.forgets, next, changed.length > 0 ? 1 : 0]
    )
    if (rowCount === 0 || changed.length === 0) return 0
    await client.query(moveSql, [
      int8Array(changed.map(({ id }) => id)),
      int2Array(changed.map(({ to }) => to))
    ])
    return changed.length
  })
}

const moveSql = `
  with given as (
    select id, class, (select seq from journal_head where shard = 0) as seq
    from unnest($1::int8[], $2::int2[]) as u (id, class)
  ), left_behind as (
    update retention_classes set changed_seq = seq from (
      select distinct t.retention_class, seq from given join topics t on t.id = given.id
    ) as was where was.retention_class = retention_classes.id
  )
  update topics t set retention_class = given.class, class_seq = given.seq from given where t.id = given.id`
