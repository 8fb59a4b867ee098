/** Facts that the projector appends by a connection of its own, last in its transaction. */

import type { Fact, FactKind, Seq } from '../model.ts'
import { factKinds } from '../model.ts'
import { durable } from './append-projected.ts'
import { jsonArray } from './binary.ts'
import type { Pool, PoolClient } from './database.ts'

export const toAppendedFact = (kind: FactKind, row: { seq: Seq; at: Date; detail: unknown }): Fact => ({
  seq: row.seq,
  at: row.at.getTime(),
  kind,
  topicId: null,
  topic: null,
  message: null,
  commandId: null,
  detail: row.detail
})

export async function appendFacts(
  client: PoolClient,
  kind: FactKind,
  details: readonly unknown[]
): Promise<Fact[]> {
  if (details.length === 0) return []
  const { rows } = await client.query<{ base: Seq; at: Date }>({
    name: 'append_projected_facts',
    text: appendSql,
    values: [details.length, factKinds[kind], jsonArray(details)]
  })
  const { base, at } = rows[0]!
  return details.map((detail, index) => toAppendedFact(kind, { seq: base + index + 1, at, detail }))
}

/** Runs in one transaction, on one connection; what it throws undoes all. */
export async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    client.release()
    return result
  } catch (error) {
    // A connection in an unknown state is not given to the next; the server rolls back when it ends
    client.release(true)
    throw error
  }
}

const appendSql = `
with head as (
  update journal_head set seq = seq + $1, at = greatest(at, clock_timestamp()) where shard = 0
  returning seq - $1 as base, at
),
journaled as (
  insert into journal (seq, at, retention_class, kind, detail)
  select base + n, at, 0, $2::int2, detail from head, unnest($3::json[]) with ordinality as u (detail, n)
)
select base, at, pg_notify('rialto_journal', (base + $1)::text), ${durable} from head`
