/**
 * Segments that do not follow the row of their period. In this order: one that is before all of it is joined at its
 * beginning; a row is folded anew from the finer level, or from datapoints, where these are all there, which their number
 * tells; and where they are not, it is mixed, as well as can be.
 */

import type { RollupLevel } from '../history/levels.ts'
import { rollupLevels } from '../history/levels.ts'
import { float8Array, int4Array, int8Array, timestampArray } from './binary.ts'
import type { PoolClient } from './database.ts'
import type { Chunk, Segment } from './roll-chunk.ts'
import {
  columnsOf,
  foldColumns,
  foldPointsSql,
  foldRowsSql,
  followsSql,
  joinSql,
  mixSql,
  selectSql
} from './roll-fold.ts'

/** From the finest on: each reads what was written of the one below. */
export async function addLate(
  client: PoolClient,
  { projection, to }: Chunk,
  late: readonly Segment[]
): Promise<void> {
  for (const level of ['minute', 'hour', 'day'] as const) {
    const segments = late.filter((segment) => segment.level === level)
    if (segments.length === 0) continue
    const int8 = (pick: (segment: Segment) => number | null): Buffer => int8Array(segments.map(pick))
    const int4 = (pick: (segment: Segment) => number): Buffer => int4Array(segments.map(pick))
    const float8 = (pick: (segment: Segment) => number): Buffer => float8Array(segments.map(pick))
    const time = (pick: (segment: Segment) => Date): Buffer =>
      timestampArray(segments.map((segment) => pick(segment).getTime()))
    await client.query(lateSql(level), [
      projection,
      to,
      int8(({ metric_id }) => metric_id),
      time(({ start }) => start),
      int8(({ topic_id }) => topic_id),
      int8(({ count }) => count),
      int8(({ oldest_seq }) => oldest_seq),
      time(({ first_at }) => first_at),
      int8(({ first_seq }) => first_seq),
      time(({ last_at }) => last_at),
      int8(({ last_seq }) => last_seq),
      float8(({ first }) => first),
      float8(({ last }) => last),
      float8(({ min }) => min),
      float8(({ max }) => max),
      float8(({ sum }) => sum),
      float8(({ integral }) => integral),
      float8(({ increase }) => increase),
      int4(({ first_n }) => first_n),
      int4(({ last_n }) => last_n)
    ])
  }
}

/** A row is replaced as a whole, by its key: a join would let the planner read all rows. */
export const replaceSql = `on conflict (level, metric_id, start) do update set
  ${foldColumns.map((name) => `${name} = excluded.${name}`).join(', ')}`

/**
 * Datapoints of a period, but for those that are not rolled up yet. By the index of the metric alone: the planner may
 * take the one of seqs for better, and looks through all of them for each row. So each partition is asked.
 */
export const pointsSql = (period: string, length: string): string => `
  select topic_id, seq, n, observed_at, number from datapoints
  where projection_id = $1 and metric_id = ${period}.metric_id and number is not null
    and observed_at >= ${period}.start and observed_at < ${period}.start + ${length}
    and seq + 0 <= $2`

/** Rows of the finer level in a period. */
export const finerSql = (level: 'hour' | 'day', period: string): string => `
  select * from rollups
  where level = ${rollupLevels[level] - 1} and metric_id = ${period}.metric_id
    and start >= ${period}.start and start < ${period}.start + interval '1 ${level}'`

function lateSql(level: RollupLevel): string {
  const all = 'where f.count = s.count + r.count'
  const columns = foldColumns.join(', ')
  const finer =
    level === 'minute'
      ? ''
      : `union all select ${columns} from (${foldRowsSql('', finerSql(level, 's'))}) as f ${all}`
  return `
    insert into rollups (level, metric_id, start, ${columns})
    select ${rollupLevels[level]}, s.metric_id, s.start, ${columnsOf('f')}
    from unnest($3::int8[], $4::timestamptz[], $5::int8[], $6::int8[], $7::int8[], $8::timestamptz[], $9::int8[],
      $10::timestamptz[], $11::int8[], $12::float8[], $13::float8[], $14::float8[], $15::float8[], $16::float8[],
      $17::float8[], $18::float8[], $19::int4[], $20::int4[]) as s (metric_id, start, ${columns}),
    lateral (
      select * from rollups where level = ${rollupLevels[level]} and metric_id = s.metric_id and start = s.start offset 0
    ) as r,
    lateral (
      select ${selectSql(joinSql('s', 'r'))} where ${followsSql('s', 'r')}
      ${finer}
      union all
      select ${columns} from (${foldPointsSql('', pointsSql('s', `interval '1 ${level}'`))}) as f ${all}
      union all
      select ${selectSql(mixSql('r', 's'))}
      limit 1
    ) as f
    ${replaceSql}`
}
