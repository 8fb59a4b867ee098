/** Forgets a device: in all projections, with the messages that its datapoints came from. */

import type { Seq } from '../model.ts'
import { int8Array } from './binary.ts'
import type { PoolClient } from './database.ts'
import { forgetRest, lockAllProjections, takeName } from './forget-topic.ts'
import type { ForgetParts } from './forget-messages.ts'
import { forgetAttributes, forgetMessages, forgetPresence } from './forget-messages.ts'
import { inTransaction } from './projected-facts.ts'
import { hashName } from './projection-ids.ts'
import { dropOrphans } from './roll-forget.ts'
import { lockRollups } from './roll-lock.ts'

/**
 * False: there is no such device. The audit knows from the beginning, so that nothing goes without an entry when a crash
 * interrupts it; how much has gone stands there when all has.
 */
export async function forgetDevice(parts: ForgetParts, name: string): Promise<boolean> {
  const { pool } = parts
  const { rows } = await pool.query<{ id: number }>(
    'select id from devices where projection_id in (select id from projections) and name_hash = $1',
    [hashName(name)]
  )
  const ids = rows.map(({ id }) => id)
  if (ids.length === 0) return false
  const { rows: entries } = await pool.query<{ id: number }>(
    `insert into audit (principal, action, subject, detail, address) values ($1, 'forget', $2, '{}', $3) returning id`,
    [parts.principal, `device ${name}`, parts.address]
  )
  // With a topic of its own goes what was not projected yet, too
  for (const topic of await topicsOf(parts, ids)) {
    if (await servesOthers(parts, topic.id, ids)) continue
    const id = await takeName(parts, topic.name)
    if (id !== null) await forgetRest(parts, id, topic.name)
  }
  for (;;) if ((await forgetSome(parts, ids)) === 0) break
  await forgetPresence(parts, 'device', name)
  await forgetAttributes(parts)
  await inTransaction(pool, async (client) => {
    await lockRollups(client)
    await lockAllProjections(client)
    // What came since the last step
    while ((await forgetFew(parts, client, ids)) > 0);
    const { rowCount } = await client.query(
      `with gone as (delete from devices where id = any ($1::int8[]) returning projection_id)
       select from gone join projections p on p.id = projection_id where p.state = 'current'`,
      [ids]
    )
    parts.counts.devices += rowCount ?? 0
    const counts = JSON.stringify(parts.counts)
    await client.query('update audit set detail = $2 where id = $1', [entries[0]!.id, counts])
  })
  await dropOrphans(parts)
  return true
}

async function topicsOf({ pool }: ForgetParts, devices: readonly number[]) {
  const { rows } = await pool.query<{ id: number; name: string }>(
    `select id, name from topics where name <> '' and id in (
       select topic_id from metrics where device_id = any ($1::int8[])
       union select topic_id from devices where id = any ($1::int8[])
     ) order by id`,
    [devices]
  )
  return rows
}

/** Looks at all messages of the topic, a bounded number at a time. */
async function servesOthers(
  { pool, limits }: ForgetParts,
  topic: number,
  devices: readonly number[]
): Promise<boolean> {
  const { rows } = await pool.query<{ serves: boolean }>(
    `select exists (select from metrics where topic_id = $1 and device_id <> all ($2::int8[]))
       or exists (select from devices where topic_id = $1 and id <> all ($2::int8[])) as serves`,
    [topic, devices]
  )
  if (rows[0]!.serves) return true
  let after: Seq = 0
  for (;;) {
    const { rows: messages } = await pool.query<{ seq: Seq }>(
      'select seq from journal where topic_id = $1 and seq > $2 order by seq limit $3',
      [topic, after, limits.forgetRowsPerStepMax]
    )
    if (messages.length === 0) return false
    after = messages.at(-1)!.seq
    const { rows: others } = await pool.query(
      `select from datapoints p join metrics m on m.id = p.metric_id
       where p.projection_id in (select id from projections) and p.seq = any ($1::int8[])
         and m.device_id <> all ($2::int8[]) limit 1`,
      [int8Array(messages.map(({ seq }) => seq)), devices]
    )
    if (others.length > 0) return true
  }
}

/** Messages of topics that serve others, too: as many as a step may take. */
const forgetSome = (parts: ForgetParts, devices: readonly number[]): Promise<number> =>
  inTransaction(parts.pool, async (client) => {
    await lockRollups(client)
    await client.query('select from projections order by id for no key update')
    return forgetFew(parts, client, devices)
  })

async function forgetFew(
  parts: ForgetParts,
  client: PoolClient,
  devices: readonly number[]
): Promise<number> {
  const { rows } = await client.query<{ seq: Seq }>(
    `with few as materialized (
       select p.projection_id, p.seq, p.n from metrics m, lateral (
         select * from datapoints where metric_id = m.id limit $2
       ) as p where m.device_id = any ($1::int8[]) limit $2
     ), gone as (
       delete from datapoints p using few s
       where p.projection_id = s.projection_id and p.seq = s.seq and p.n = s.n returning p.seq
     ) select seq from gone`,
    [devices, parts.limits.forgetRowsPerStepMax]
  )
  parts.counts.datapoints += rows.length
  await forgetMessages(client, parts.counts, [...new Set(rows.map(({ seq }) => seq))])
  return rows.length
}
