/**
 * Takes messages out of the database, a bounded number at a time: their rows of the journal stay, so that it stays dense,
 * and say nothing but that they were forgotten; and all that is known only by them goes.
 */

import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import { factKinds } from '../model.ts'
import { int8Array } from './binary.ts'
import type { Pool, PoolClient } from './database.ts'
import { inTransaction } from './projected-facts.ts'
import type { StoredAttributes } from './projected-rows.ts'
import { markHours } from './roll-marks.ts'

/** What was forgotten, so far. */
export interface ForgottenCounts {
  messages: number
  datapoints: number
  devices: number
  topics: number
}

export interface ForgetParts {
  pool: Pool
  limits: Limits
  counts: ForgottenCounts
  principal: string
  /** Of the client; null: not known. */
  address: string | null
}

const blank = `kind = ${factKinds.forgotten}, topic_id = null, received_at = null, packet_id = null, session_id = null,
  qos = null, retain = null, dup = null, command_id = null, payload = null, properties = null, detail = null`

/** The caller has a transaction, and holds the lock of rollups, then those of the projections. */
export async function forgetMessages(
  client: PoolClient,
  counts: ForgottenCounts,
  seqs: readonly Seq[]
): Promise<void> {
  const values = [int8Array(seqs)]
  await markHours(client, seqs)
  const { rowCount: datapoints } = await client.query(
    `delete from datapoints where projection_id in (select id from projections) and seq = any ($1::int8[])`,
    values
  )
  await client.query(
    `delete from rejections where projection_id in (select id from projections) and seq = any ($1::int8[])`,
    values
  )
  await client.query('delete from decoder_state where seq = any ($1::int8[])', values)
  await client.query('delete from carried_facts where seq = any ($1::int8[])', values)
  const { rows } = await client.query<{ topic_id: number }>(blankSql, values)
  counts.datapoints += datapoints ?? 0
  counts.messages += rows.length
  const topics = [...new Set(rows.map(({ topic_id }) => topic_id))]
  await client.query(resetStatesSql, [int8Array(topics), ...values])
}

// By both parts of the key, since no index begins with the seq
const blankSql = `
  with meant as materialized (
    select j.retention_class, j.seq, j.topic_id from unnest($1::int8[]) as u (seq)
    cross join retention_classes c join journal j on j.retention_class = c.id and j.seq = u.seq
    where j.topic_id is not null
  ), blanked as (
    update journal j set ${blank} from meant m where j.retention_class = m.retention_class and j.seq = m.seq
  )
  select topic_id from meant`

/** A topic whose state is a copy of one of these has none, until its next message. */
const resetStatesSql = `
  update topic_state set seq = 0, message_seq = null, received_at = null, retained_seq = null, retained_received_at = null,
    expires_at = null, confirmed_at = null, qos = null, retained_qos = null, retain = null, dup = null,
    retained_known = false, payload = null, properties = null, retained_payload = null, retained_properties = null,
    tombstone = null
  where topic_id = any ($1::int8[]) and (message_seq = any ($2::int8[]) or retained_seq = any ($2::int8[])
    or (tombstone -> 'previous' ->> 'seq')::int8 = any ($2::int8[]) or (tombstone ->> 'seq')::int8 = any ($2::int8[]))`

/** Facts of presence name devices and topics. They are found by looking at all facts of the system, in windows of the journal. */
export async function forgetPresence(
  { pool, limits }: ForgetParts,
  member: 'device' | 'topic',
  name: string
): Promise<void> {
  const { rows } = await pool.query<{ seq: Seq; horizon: Seq }>(
    'select seq, horizon from journal_head where shard = 0'
  )
  const { seq, horizon } = rows[0]!
  for (let from = horizon; from < seq; from += limits.pageRowsScannedMax) {
    await pool.query(
      `update journal set ${blank} where retention_class = 0 and seq > $1 and seq <= $2
         and case when kind = ${factKinds.presence} then detail ->> '${member}' = $3 else false end`,
      [from, from + limits.pageRowsScannedMax, name]
    )
  }
}

/** Attributes of devices carry the message that said so; those of messages that were forgotten go. */
export async function forgetAttributes({ pool, limits }: ForgetParts): Promise<void> {
  for (let after: number | null = 0; after !== null;) {
    const from: number = after
    after = await inTransaction(pool, async (client) => {
      await client.query('select from projections order by id for no key update')
      const { rows } = await client.query<{ id: number; attributes: StoredAttributes }>(
        'select id, attributes from devices where id > $1 and attributes is not null order by id limit $2',
        [from, limits.forgetRowsPerStepMax]
      )
      const seqs = rows.flatMap(({ attributes }) => Object.values(attributes).map(([seq]) => seq))
      const gone = await forgottenAmong(client, seqs)
      for (const { id, attributes } of rows) {
        const kept = Object.entries(attributes).filter(([, [seq]]) => !gone.has(seq))
        if (kept.length === Object.keys(attributes).length) continue
        const json = JSON.stringify(Object.fromEntries(kept))
        await client.query('update devices set attributes = $2 where id = $1', [id, json])
      }
      return rows.at(-1)?.id ?? null
    })
  }
}

async function forgottenAmong(client: PoolClient, seqs: readonly Seq[]): Promise<Set<Seq>> {
  const { rows } = await client.query<{ seq: Seq }>(
    `select u.seq from unnest($1::int8[]) as u (seq) cross join retention_classes c
     join journal j on j.retention_class = c.id and j.seq = u.seq where j.kind = ${factKinds.forgotten}`,
    [int8Array([...new Set(seqs)])]
  )
  return new Set(rows.map(({ seq }) => seq))
}
