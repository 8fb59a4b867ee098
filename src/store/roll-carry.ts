/**
 * What a projection that was replaced knows of datapoints that are gone, its successor cannot know: it read the journal
 * from the horizon on. Such rows become those of the metric of the same name of the same device, each in place of what the
 * successor has of the period. Until that is done, the successor is rolled up no further than its predecessor came, so
 * that both say what came up to the same message.
 */

import type { Millis, Seq } from '../model.ts'
import type { Pool, PoolClient } from './database.ts'
import type { Position } from './roll-chunk.ts'
import { foldColumns, levelNumbers } from './roll-fold.ts'
import { replaceSql } from './roll-late.ts'
import { anyHorizonSql, goneSql } from './roll-marks.ts'

export interface CarriedOver {
  /** The projection that has nothing left to give, and can be dropped; null: there is none. */
  projection: number | null
  /** Metrics whose rows were carried over, and those that the successor does not have. */
  carried: number
  lost: number
}

const nothing: CarriedOver = { projection: null, carried: 0, lost: 0 }

/** A statement copies no more rows than that. */
const rowsPerStatement = 10_000

/** A retired projection that was current is still rolled up, and its successor no further. */
export async function positionsOf(client: Pool | PoolClient): Promise<Position[]> {
  const { rows } = await client.query<Position>(
    `select p.id, p.state, p.rolled_seq, least(p.done_seq, (
       select min(done_seq) from projections r
       where r.state = 'retired' and r.switched_at is not null and r.id < p.id
     )) as done_seq
     from projections p
     where p.state in ('building', 'current') or (p.state = 'retired' and p.switched_at is not null) order by p.id`
  )
  return rows
}

/** Whether it has rows whose datapoints are gone, as far as can be told at once. */
export async function carriesOver(pool: Pool, projection: number): Promise<boolean> {
  const { rows } = await pool.query<{ carries: boolean }>(
    `select ${anyHorizonSql} > 0 and exists (
       select from projections where id = $1 and state = 'retired' and switched_at is not null
     ) and exists (
       select from metric_topics t join metrics m on m.id = t.metric_id join devices d on d.id = m.device_id
       where d.projection_id = $1
     ) as carries`,
    [projection]
  )
  return rows[0]!.carries
}

export interface Carrier {
  /** Goes on for about `ms`. */
  carry(ms: Millis): Promise<CarriedOver>
}

/** `step` runs in a transaction that holds the lock of rollups. */
export function createCarrier(
  pool: Pool,
  step: <T>(work: (client: PoolClient) => Promise<T>) => Promise<T>
): Carrier {
  let at = { projection: 0, metric: 0, carried: 0, lost: 0 }

  return {
    async carry(ms) {
      const begun = performance.now()
      const { rows } = await pool.query<{ id: number; done_seq: Seq }>(toldSql)
      const from = rows[0]
      if (from === undefined) return nothing
      if (at.projection !== from.id) at = { projection: from.id, metric: 0, carried: 0, lost: 0 }
      while (performance.now() - begun < ms) {
        const pair = await step(async (client) => {
          const to = await successorOf(client, from.id, from.done_seq)
          if (to === null) return null
          const next = await nextMetric(client, from.id, to, at.metric)
          if (next?.successor != null) await copy(client, next.id, next.successor)
          return next ?? 'none'
        })
        if (pair === null) return nothing
        if (pair === 'none') return { projection: from.id, carried: at.carried, lost: at.lost }
        at.metric = pair.id
        if (pair.successor === null) at.lost++
        else at.carried++
      }
      return nothing
    }
  }
}

const toldSql = `
  select id, done_seq from projections
  where state = 'retired' and switched_at is not null and told order by id limit 1`

/** Null while one of the two is not rolled up to where they parted, or has hours to be rolled up anew. */
async function successorOf(client: PoolClient, projection: number, doneSeq: Seq): Promise<number | null> {
  const positions = await positionsOf(client)
  const [from, to] = positions.filter(({ id, state }) => id >= projection && state !== 'building')
  if (from?.id !== projection || to === undefined) return null
  if (from.rolled_seq !== doneSeq || to.rolled_seq !== doneSeq) return null
  const { rowCount } = await client.query(
    `select from rollup_marks k join metrics m on m.id = k.metric_id join devices d on d.id = m.device_id
     where d.projection_id in ($1, $2) limit 1`,
    [from.id, to.id]
  )
  return rowCount === 0 ? to.id : null
}

async function nextMetric(
  client: PoolClient,
  projection: number,
  to: number,
  after: number
): Promise<{ id: number; successor: number | null } | null> {
  const { rows } = await client.query<{ id: number; successor: number | null }>(
    `select m.id, s.id as successor from metrics m join devices d on d.id = m.device_id
     left join devices sd on sd.projection_id = $2 and sd.name_hash = d.name_hash
     left join metrics s on s.device_id = sd.id and s.name_hash = m.name_hash
     where d.projection_id = $1 and m.id > $3
       and exists (select from metric_topics t where t.metric_id = m.id)
     order by m.id limit 1`,
    [projection, to, after]
  )
  return rows[0] ?? null
}

async function copy(client: PoolClient, from: number, to: number): Promise<void> {
  for (const level of levelNumbers)
    for (let after: Date | string | null = '-infinity'; after !== null;)
      after = await copySome(client, [from, to, level, after, rowsPerStatement])
  await client.query(
    `insert into metric_topics (metric_id, topic_id) select $2, topic_id from metric_topics where metric_id = $1
     on conflict do nothing`,
    [from, to]
  )
}

/** Where it ended; null: there was nothing more. */
async function copySome(client: PoolClient, values: readonly unknown[]): Promise<Date | null> {
  const { rows } = await client.query<{ start: Date | null }>(copySql, [...values])
  return rows[0]!.start
}

const copySql = `
  with few as materialized (
    select * from rollups r where level = $3 and metric_id = $1 and start > $4 and ${goneSql('r')}
    order by start limit $5
  ), written as (
    insert into rollups (level, metric_id, start, ${foldColumns.join(', ')})
    select level, $2, start, ${foldColumns.join(', ')} from few
    ${replaceSql}
  )
  select max(start) as start from few`
