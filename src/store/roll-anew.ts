/**
 * Rolls up marked hours anew: their minutes from datapoints, the hours and their days from the finer level, or from
 * datapoints where that was not whole. A row whose datapoints are gone in part stays as it is, unless more of them are
 * there than it knows of.
 */

import type { RollupLevel } from '../history/levels.ts'
import { rollupLevels } from '../history/levels.ts'
import type { Millis, Seq } from '../model.ts'
import { boolArray, int8Array, timestampArray } from './binary.ts'
import type { Pool, PoolClient } from './database.ts'
import { keptSql, writableSql } from './roll-chunk.ts'
import { columnsOf, foldColumns, foldPointsSql, foldRowsSql, startSql } from './roll-fold.ts'
import { finerSql, pointsSql, replaceSql } from './roll-late.ts'
import { goneSql } from './roll-marks.ts'

interface Period {
  metric: number
  start: Millis
  /** The rows of the finer level were all there. */
  whole: boolean
}

interface BeforeRow {
  metric_id: number
  start: Date
  day: Date
  hour_count: number | null
  minutes_count: number | null
  day_count: number | null
  hours_count: number | null
}

/** Returns how many hours there were. */
export async function rollMarked(
  client: PoolClient,
  { projection, rolled, limit }: { projection: number; rolled: Seq; limit: number }
): Promise<number> {
  const { rows } = await client.query<BeforeRow>(beforeSql, [projection, limit])
  if (rows.length === 0) return 0
  const hours = rows.map((row): Period => ({
    metric: row.metric_id,
    start: row.start.getTime(),
    whole: row.hour_count === row.minutes_count
  }))
  const days = new Map(
    rows.map((row): [string, Period] => [
      `${row.metric_id} ${row.day.getTime()}`,
      { metric: row.metric_id, start: row.day.getTime(), whole: row.day_count === row.hours_count }
    ])
  )
  const given = [projection, rolled]
  await replace(client, 'minute', minutesSql, [...given, ...keysOf(hours)])
  await replace(client, 'hour', anewSql('hour'), [...given, ...keysOf(hours), wholeOf(hours)])
  const daily = [...days.values()]
  await replace(client, 'day', anewSql('day'), [...given, ...keysOf(daily), wholeOf(daily)])
  await client.query(
    `delete from rollup_marks m using unnest($1::int8[], $2::timestamptz[]) as u (metric_id, start)
     where m.metric_id = u.metric_id and m.start = u.start`,
    keysOf(hours)
  )
  return rows.length
}

/** Periods of marked hours, for the partitions that their rows need. */
export async function markedPeriods(
  pool: Pool,
  projection: number,
  limit: number
): Promise<Array<{ level: RollupLevel; at: Millis }>> {
  const { rows } = await pool.query<{ level: RollupLevel; start: Date }>(periodsSql, [projection, limit])
  return rows.map(({ level, start }) => ({ level, at: start.getTime() }))
}

const keysOf = (periods: readonly Period[]): Buffer[] => [
  int8Array(periods.map(({ metric }) => metric)),
  timestampArray(periods.map(({ start }) => start))
]

const wholeOf = (periods: readonly Period[]): Buffer => boolArray(periods.map(({ whole }) => whole))

/** The statement writes rows, and returns the keys of those that nothing is left of. */
async function replace(
  client: PoolClient,
  level: RollupLevel,
  sql: string,
  values: readonly unknown[]
): Promise<void> {
  const { rows } = await client.query<{ metric_id: number; start: Date }>(sql, [...values])
  if (rows.length === 0) return
  // By their keys: whatever the planner believes, it must not read all rows
  await client.query('set local enable_hashjoin = off; set local enable_mergejoin = off')
  await client.query(
    `delete from rollups r using unnest($1::int8[], $2::timestamptz[]) as u (metric_id, start)
     where r.level = ${rollupLevels[level]} and r.metric_id = u.metric_id and r.start = u.start`,
    [
      int8Array(rows.map(({ metric_id }) => metric_id)),
      timestampArray(rows.map(({ start }) => start.getTime()))
    ]
  )
  await client.query('set local enable_hashjoin = on; set local enable_mergejoin = on')
}

const countSql = (level: RollupLevel, start: string, more = ''): string => `(
  select sum(count)::int8 from rollups where level = ${rollupLevels[level]} and metric_id = k.metric_id
    and start ${more === '' ? `= ${start}` : `>= ${start} and start < ${start} + interval '${more}'`})`

const marksSql = `
  select k.* from rollup_marks k join metrics m on m.id = k.metric_id join devices d on d.id = m.device_id
  where d.projection_id = $1 order by k.metric_id, k.start limit $2`

const dayOf = startSql('day', 'k.start')

const beforeSql = `
  select k.metric_id, k.start, ${dayOf} as day,
    ${countSql('hour', 'k.start')} as hour_count, ${countSql('minute', 'k.start', '1 hour')} as minutes_count,
    ${countSql('day', dayOf)} as day_count, ${countSql('hour', dayOf, '1 day')} as hours_count
  from (${marksSql}) as k`

const periodsSql = `
  select distinct l.name as level, k.start from (${marksSql}) as k, rollup_levels l
  where ${keptSql('k.start', `interval '1 day'`)}`

const columns = foldColumns.join(', ')

const minutesSql = `
with k as (select * from unnest($3::int8[], $4::timestamptz[]) as k (metric_id, start)),
folded as materialized (
  select k.metric_id, f.* from k, lateral (
    ${foldPointsSql(
      'start',
      `select ${startSql('minute', 'observed_at')} as start, p.* from (${pointsSql('k', `interval '1 hour'`)}) as p`
    )}
  ) as f
),
known as materialized (
  select r.metric_id, r.start, r.count, ${goneSql('r')} as gone from k, lateral (
    select * from rollups where level = ${rollupLevels.minute} and metric_id = k.metric_id
      and start >= k.start and start < k.start + interval '1 hour' offset 0
  ) as r
),
kept as materialized (
  select r.metric_id, r.start from known r left join folded f on f.metric_id = r.metric_id and f.start = r.start
  where r.gone and coalesce(f.count, 0) < r.count
),
written as (
  insert into rollups (level, metric_id, start, ${columns})
  select ${rollupLevels.minute}, f.metric_id, f.start, ${columnsOf('f')} from folded f
  where (f.metric_id, f.start) not in (select metric_id, start from kept) and (${writableSql('minute', 'f')})
  ${replaceSql}
)
select metric_id, start from known
where (metric_id, start) not in (select metric_id, start from kept)
  and (metric_id, start) not in (select metric_id, start from folded)`

/** Where nothing is known of a period, whichever knows more of it. */
const anewSql = (level: 'hour' | 'day'): string => `
with k as (select * from unnest($3::int8[], $4::timestamptz[], $5::bool[]) as k (metric_id, start, whole)),
found as materialized (
  select k.metric_id, k.start, r.there and (k.whole or not r.gone) as due, ${columnsOf('f')}
  from k
  left join lateral (
    select true as there, count, ${goneSql('rollups')} as gone from rollups
    where level = ${rollupLevels[level]} and metric_id = k.metric_id and start = k.start offset 0
  ) as r on true
  left join lateral (
    select ${columns} from (${foldRowsSql('', finerSql(level, 'k'))}) as f where k.whole or r.there is null
    union all
    select ${columns} from (${foldPointsSql('', pointsSql('k', `interval '1 ${level}'`))}) as f
    where not coalesce(k.whole, false) and (r.there is null or not r.gone or f.count >= r.count)
    order by count desc limit 1
  ) as f on true
),
written as (
  insert into rollups (level, metric_id, start, ${columns})
  select ${rollupLevels[level]}, f.metric_id, f.start, ${columnsOf('f')} from found f
  where f.count is not null and (${writableSql(level, 'f')})
  ${replaceSql}
)
select metric_id, start from found where count is null and due`
