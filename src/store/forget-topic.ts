/** Forgets a topic. It loses its name first: from then on nobody reads it, and what comes under the name is another topic. */

import { createHash } from 'node:crypto'
import type { Seq } from '../model.ts'
import type { PoolClient } from './database.ts'
import type { ForgetParts } from './forget-messages.ts'
import { forgetAttributes, forgetMessages, forgetPresence } from './forget-messages.ts'
import { refreshLatest } from './latest.ts'
import { inTransaction } from './projected-facts.ts'
import { forgetRollups } from './roll-forget.ts'
import { lockRollups } from './roll-lock.ts'
import { hashTopic } from './topics.ts'

/** Raises their versions, too: who writes to one finds that what he knows is of another time. */
export async function lockAllProjections(client: PoolClient): Promise<void> {
  await client.query('select from projections order by id for no key update')
  await client.query('update projections set version = version + 1')
}

/**
 * The id that the name had; null: there is no such topic. The audit knows from the beginning, so that what a crash
 * interrupts can be finished.
 */
export async function takeName(
  { pool, principal, address }: ForgetParts,
  name: string
): Promise<number | null> {
  return inTransaction(pool, async (client) => {
    await lockAllProjections(client)
    const { rows } = await client.query<{ id: number }>(
      `update topics set name = '', name_hash = sha256(convert_to('forgotten ' || id, 'UTF8')) where name_hash = $1
       returning id`,
      [hashTopic(name)]
    )
    const id = rows[0]?.id
    if (id === undefined) return null
    // Locks in the order of those who carry facts over the horizon, and of appends: the head, then states
    await client.query('delete from carried_facts where topic_id = $1', [id])
    await client.query('update journal_head set forgets = forgets + 1 where shard = 0')
    await client.query('delete from topic_state where topic_id = $1', [id])
    await client.query(
      `insert into audit (principal, action, subject, detail, address) values ($1, 'forget', $2, $3, $4)`,
      [principal, `${subjectPrefix}${name}`, JSON.stringify({ topicId: id }), address]
    )
    return id
  })
}

const subjectPrefix = 'topic '

/** Topics that have lost their name, and not yet all else. */
export async function interrupted({ pool }: ForgetParts): Promise<Array<{ id: number; name: string }>> {
  const { rows } = await pool.query<{ id: number; subject: string }>(
    `select t.id, a.subject from topics t join audit a on (a.detail ->> 'topicId')::int8 = t.id
     where t.name = '' and a.action = 'forget' order by t.id`
  )
  return rows.map(({ id, subject }) => ({ id, name: subject.slice(subjectPrefix.length) }))
}

/** Forgets what there is of a topic whose name was taken. */
export async function forgetRest(parts: ForgetParts, id: number, name: string): Promise<void> {
  const { pool, limits } = parts
  const before = { ...parts.counts }
  const step = limits.forgetRowsPerStepMax
  const steps = async (work: (client: PoolClient) => Promise<number>): Promise<void> => {
    while ((await inTransaction(pool, work)) > 0);
  }
  await steps(async (client) => {
    await lockRollups(client)
    await client.query('select from projections order by id for no key update')
    const { rows } = await client.query<{ seq: Seq }>(
      'select seq from journal where topic_id = $1 limit $2',
      [id, step]
    )
    await forgetMessages(
      client,
      parts.counts,
      rows.map(({ seq }) => seq)
    )
    return rows.length
  })
  // What was carried over the horizon is in the journal no more
  await steps(async (client) => {
    await lockRollups(client)
    const { rowCount } = await client.query(carriedDatapointsSql, [id, step])
    parts.counts.datapoints += rowCount ?? 0
    return rowCount ?? 0
  })
  await steps(async (client) => (await client.query(rejectionsSql, [id, step])).rowCount ?? 0)
  await steps(async (client) => refreshMetrics(parts, client, id, step))
  await steps(async (client) => refreshDevices(parts, client, id, step))
  await forgetRollups(parts, id)
  await forgetPresence(parts, 'topic', name)
  await forgetStates(parts, name)
  await forgetAttributes(parts)
  const { rowCount } = await pool.query(`delete from topics where id = $1 and name = ''`, [id])
  parts.counts.topics += rowCount ?? 0
  const counts = Object.entries(parts.counts).map(([what, count]) => [
    what,
    count - before[what as keyof typeof before]
  ])
  await pool.query(
    `update audit set detail = $2 where action = 'forget' and (detail ->> 'topicId')::int8 = $1`,
    [id, JSON.stringify(Object.fromEntries(counts))]
  )
}

const carriedDatapointsSql = `
  delete from datapoints where (projection_id, seq, n) in (
    select projection_id, seq, n from datapoints where topic_id = $1
      and projection_id in (select id from projections)
      and seq <= (select horizon from journal_head where shard = 0) limit $2)`

const rejectionsSql = `
  delete from rejections where (projection_id, seq, n) in (
    select projection_id, seq, n from rejections where projection_id in (select id from projections)
      and topic_id = $1 limit $2)`

/** Metrics whose greatest datapoint came by the topic show the greatest that is left, or go. */
async function refreshMetrics(
  { counts }: ForgetParts,
  client: PoolClient,
  topicId: number,
  step: number
): Promise<number> {
  await lockRollups(client)
  await lockAllProjections(client)
  const { rows } = await client.query<{ id: number }>('select id from metrics where topic_id = $1 limit $2', [
    topicId,
    step
  ])
  const ids = rows.map(({ id }) => id)
  const { rowCount } = await client.query(
    'delete from datapoints where metric_id = any ($1::int8[]) and topic_id = $2',
    [ids, topicId]
  )
  counts.datapoints += rowCount ?? 0
  await refreshLatest(client, ids)
  await client.query('delete from metrics where id = any ($1::int8[]) and topic_id = $2', [ids, topicId])
  return ids.length
}

/** Devices that were last heard from by the topic: those that have metrics left are known by these, and others go. */
async function refreshDevices(
  { counts }: ForgetParts,
  client: PoolClient,
  topicId: number,
  step: number
): Promise<number> {
  await lockAllProjections(client)
  const { rows } = await client.query<{ id: number; state: string }>(
    `select d.id, p.state from devices d join projections p on p.id = d.projection_id where topic_id = $1 limit $2`,
    [topicId, step]
  )
  const ids = rows.map(({ id }) => id)
  await client.query(
    `update devices d set topic_id = m.topic_id from (
       select distinct on (device_id) device_id, topic_id from metrics where device_id = any ($1::int8[]) and seq > 0
       order by device_id, latest_seq desc
     ) as m where d.id = m.device_id`,
    [ids]
  )
  const { rows: gone } = await client.query<{ id: number }>(
    'delete from devices where id = any ($1::int8[]) and topic_id = $2 returning id',
    [ids, topicId]
  )
  const current = new Set(rows.filter(({ state }) => state === 'current').map(({ id }) => id))
  counts.devices += gone.filter(({ id }) => current.has(id)).length
  return ids.length
}

/** Keys end in the topic, or in its hash where it is long; see normalize/match.ts. */
async function forgetStates({ pool }: ForgetParts, name: string): Promise<void> {
  const hash = createHash('sha256').update(name).digest('hex')
  await pool.query(
    `delete from decoder_state where regexp_replace(key, '^[^/]*/[^/]*/(.*?)(#[0-9a-f]{64})?$', '\\1') in ($1, 'sha256:' || $2)`,
    [name, hash]
  )
}
