/** Presence that no message says: devices that are silent too long, and those that another projection knows otherwise. */

import type { Fact } from '../model.ts'
import type { PresenceChange, PresenceSource } from '../datapoints.ts'
import { presences } from '../datapoints.ts'
import type { Pool, PoolClient } from './database.ts'
import type { ProjectionStore } from './projected.ts'
import { OutrunError } from './projected.ts'
import { int2Array, int8Array, textArray } from './binary.ts'
import { appendFacts, inTransaction } from './projected-facts.ts'
import { presenceNames } from './projected-rows.ts'

interface ChangedRow {
  id: number
  device: string
  topic: string
  was: number
  presence: number
}

export function createPresenceStore(pool: Pool): Pick<ProjectionStore, 'expire' | 'announce'> {
  return {
    expire: (id, ask) =>
      inTransaction(pool, async (client) => {
        await lockProjections(client, [id])
        const { rows } = await client.query<ChangedRow>({
          name: 'silent_devices',
          text: silentSql,
          values: [id, time(ask.now), time(ask.since), ask.limit]
        })
        const facts = ask.live ? await tell(client, rows, 'timeout', ask.now) : []
        await client.query({
          name: 'expire_devices',
          text: expireSql,
          values: [
            id,
            time(ask.now),
            int8Array(rows.map((row) => row.id)),
            int8Array(rows.map((_, index) => facts[index]?.seq ?? 0))
          ]
        })
        return { expired: rows.length, facts }
      }),

    announce: (retired, current, limit) =>
      inTransaction(pool, async (client) => {
        await lockProjections(client, [retired, current])
        const { rows } = await client.query<ChangedRow & { name_hash: Buffer }>(differingSql, [
          retired,
          current,
          limit
        ])
        // What the retired one told is what has been told now: a repetition goes on behind it
        await client.query(toldSql, [
          retired,
          textArray(rows.map(({ device }) => device)),
          rows.map(({ name_hash }) => name_hash),
          int2Array(rows.map(({ presence }) => presence))
        ])
        const { rows: clock } = await client.query<{ now: Date }>('select now()')
        const facts = await tell(client, rows, 'projection', clock[0]!.now.getTime())
        await client.query(
          'update devices d set seq = greatest(d.seq, u.seq) from unnest($1::int8[], $2::int8[]) as u (id, seq) where d.id = u.id',
          [int8Array(rows.map(({ id }) => id)), int8Array(facts.map(({ seq }) => seq))]
        )
        return { announced: rows.length, facts }
      })
  }
}

const time = (at: number): string => new Date(at).toISOString()

/** Before anything of them is read, so that what is read is what the last writer left. */
export async function lockProjections(client: PoolClient, ids: readonly number[]): Promise<void> {
  const { rowCount } = await client.query(
    'select from projections where id = any ($1::int2[]) order by id for no key update',
    [ids]
  )
  if (rowCount !== new Set(ids).size) throw new OutrunError()
}

const tell = (
  client: PoolClient,
  rows: readonly ChangedRow[],
  source: PresenceSource,
  at: number
): Promise<Fact[]> =>
  appendFacts(
    client,
    'presence',
    rows.map(({ device, was, presence, topic }): PresenceChange => ({
      device,
      from: presenceNames[was]!,
      to: presenceNames[presence]!,
      source,
      at,
      topic
    }))
  )

const silentSql = `
  select d.id, d.name as device, t.name as topic, d.presence as was, ${presences.offline} as presence
  from devices d join topics t on t.id = d.topic_id
  where d.projection_id = $1 and d.seq > 0 and d.presence <> ${presences.offline} and d.offline_after_seconds is not null
    and greatest(d.last_seen_at, $3::timestamptz) + make_interval(secs => d.offline_after_seconds) < $2::timestamptz
  order by d.id limit $4`

// Only what the projection has not read yet may say otherwise
const expireSql = `
  update devices d set seq = greatest(d.seq, u.seq), presence = ${presences.offline}, presence_at = $2::timestamptz,
    presence_source = 'timeout',
    presence_seq = greatest(d.presence_seq, (select done_seq + 1 from projections where id = $1))
  from unnest($3::int8[], $4::int8[]) as u (id, seq) where d.id = u.id`

const differingSql = `
  select d.id, coalesce(d.name, r.name) as device, coalesce(d.name_hash, r.name_hash) as name_hash,
    coalesce(dt.name, rt.name) as topic, coalesce(r.presence, 0) as was, coalesce(d.presence, 0) as presence
  from (select * from devices where projection_id = $2 and seq > 0) d
  full join (select * from devices where projection_id = $1) r on r.name_hash = d.name_hash
  left join topics dt on dt.id = d.topic_id
  left join topics rt on rt.id = r.topic_id
  where coalesce(r.presence, 0) <> coalesce(d.presence, 0)
  order by name_hash limit $3`

const toldSql = `
  insert into devices (projection_id, name, name_hash, presence)
  select $1, * from unnest($2::text[], $3::bytea[], $4::int2[])
  on conflict (projection_id, name_hash) do update set presence = excluded.presence`
