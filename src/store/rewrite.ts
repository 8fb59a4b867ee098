/** Writes messages of a redrive again, in place of what was written of them before. */

import type { Redriven } from '../datapoints.ts'
import type { Fact, Seq } from '../model.ts'
import type { ProjectionGuard } from './append-projected.ts'
import { byteaArray, int8Array } from './binary.ts'
import type { Pool, PoolClient } from './database.ts'
import { refreshLatest } from './latest.ts'
import { lockProjections } from './presence.ts'
import type { ProjectedMessage, ProjectionStore } from './projected.ts'
import { OutrunError } from './projected.ts'
import { appendFacts, inTransaction } from './projected-facts.ts'
import { hashName } from './projection-ids.ts'
import { lockRollups } from './roll-lock.ts'
import { markHours } from './roll-marks.ts'
import type { ChunkWriter } from './write-chunk.ts'

export function createRewriter(
  pool: Pool,
  writer: ChunkWriter
): Pick<ProjectionStore, 'rewrite' | 'announceRedriven'> {
  return {
    rewrite: (id, redrive, chunk, accepted) =>
      writer.attempt(id, (version) =>
        inTransaction(pool, async (client) => {
          await lockRollups(client)
          await lockProjections(client, [id])
          const { rowCount } = await client.query(advanceSql, [
            redrive,
            chunk.from,
            chunk.to,
            chunk.messages.length,
            accepted
          ])
          if (rowCount === 0) throw new OutrunError()
          const seqs = chunk.messages.map(({ seq }) => seq)
          await markHours(client, seqs)
          const touched = await removeDatapoints(client, id, seqs)
          const facts = await writer.put(client, id, chunk, lockedGuard(version), {
            facts: true,
            repeatable: false
          })
          if (facts === null) throw new StaleIdsError()
          await markHours(client, seqs)
          await refreshMetrics(client, id, touched, chunk.messages)
          return [...facts, ...(await tell(client, redrive, seqs))]
        }).catch((error: unknown) => {
          if (error instanceof StaleIdsError) return null
          throw error
        })
      ),

    announceRedriven: (redrive, retired, current, { after, limit }) =>
      inTransaction(pool, async (client) => {
        await lockProjections(client, [retired, current])
        const { rows } = await client.query<{ seq: Seq }>(acceptedSql, [retired, current, after, limit])
        const seqs = rows.map(({ seq }) => seq)
        const last = seqs.at(-1) ?? null
        // In the same transaction as the fact, so that a restart goes on behind it
        await client.query('update redrives set last_seq = coalesce($2, last_seq) where id = $1', [
          redrive,
          last
        ])
        return { last, accepted: seqs.length, facts: await tell(client, redrive, seqs) }
      })
  }
}

/** Undoes the transaction, to begin again with the ids there are now. */
class StaleIdsError extends Error {}

const tell = async (client: PoolClient, redrive: string, seqs: Seq[]): Promise<Fact[]> =>
  seqs.length === 0 ? [] : appendFacts(client, 'datapoints', [{ redrive, seqs } satisfies Redriven])

const advanceSql = `
  update redrives set last_seq = $3, messages = messages + $4, accepted = accepted + $5
  where id = $1 and last_seq = $2 and state in ('pending', 'running')`

const lockedGuard = (version: number): ProjectionGuard => ({
  name: 'redriven',
  sql: `select id from projections where id = $1 and version = $4 and $2::int8 = $3::int8`,
  values: [0, 0, version]
})

/** Ids of the metrics that lose some. */
async function removeDatapoints(
  client: PoolClient,
  projection: number,
  seqs: readonly Seq[]
): Promise<number[]> {
  await client.query('delete from rejections where projection_id = $1 and seq = any ($2::int8[])', [
    projection,
    int8Array(seqs)
  ])
  const { rows } = await client.query<{ metric_id: number }>(
    `with gone as (
       delete from datapoints where projection_id = $1 and seq = any ($2::int8[]) returning metric_id
     ) select distinct metric_id from gone`,
    [projection, int8Array(seqs)]
  )
  return rows.map((row) => row.metric_id)
}

/** Metrics whose latest datapoint was one of these show the greatest there is now, or go. */
async function refreshMetrics(
  client: PoolClient,
  projection: number,
  metrics: readonly number[],
  messages: readonly ProjectedMessage[]
): Promise<void> {
  const seqs = messages.map(({ seq }) => seq)
  // Its place may be taken by another value, so it is found anew in any case
  const { rows } = await client.query<{ id: number }>(
    'select id from metrics where id = any ($1::int8[]) and latest_seq = any ($2::int8[])',
    [int8Array(metrics), int8Array(seqs)]
  )
  if (rows.length === 0) return
  const ids = rows.map(({ id }) => id)
  await refreshLatest(client, ids)
  const { rows: removed } = await client.query<{ device_id: number }>(removeMetricsSql, [
    int8Array(ids),
    projection
  ])
  if (removed.length === 0) return
  await client.query('update projections set version = version + 1 where id = $1', [projection])
  // A device that these messages alone seemed to speak of, by a mapping that was wrong
  const named = messages.flatMap(({ devices, datapoints, presence, attributes }) => [
    ...devices,
    ...[...datapoints, ...presence, ...attributes].map(({ device }) => device)
  ])
  await client.query(removeDevicesSql, [
    int8Array(removed.map((row) => row.device_id)),
    int8Array(seqs),
    byteaArray([...new Set(named)].map(hashName))
  ])
}

const removeMetricsSql = `
  delete from metrics m where m.id = any ($1::int8[]) and not exists (
    select from datapoints p where p.metric_id = m.id and p.projection_id = $2)
  returning device_id`

const removeDevicesSql = `
  delete from devices d where id = any ($1::int8[]) and message_seq = any ($2::int8[])
    and name_hash <> all ($3::bytea[]) and presence_seq = 0
    and not exists (select from metrics where device_id = d.id)`

const acceptedSql = `
  select distinct seq from rejections r where projection_id = $1 and seq > $3
    and not exists (select from rejections c where c.projection_id = $2 and c.seq = r.seq)
  order by seq limit $4`
