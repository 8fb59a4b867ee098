/** Rolls up datapoints that came since: joins what follows a row to it, and tells what does not. One statement. */

import type { RollupLevel } from '../history/levels.ts'
import { levelMillis, rollupLevels } from '../history/levels.ts'
import type { Millis, Seq } from '../model.ts'
import type { Pool, PoolClient } from './database.ts'
import {
  columnsOf,
  foldColumns,
  foldPointsSql,
  foldRowsSql,
  followsSql,
  joinSql,
  startSql
} from './roll-fold.ts'

/** What datapoints of a metric in one period come to; the columns of a fold. */
export interface Segment {
  level: RollupLevel
  metric_id: number
  start: Date
  topic_id: number | null
  count: number
  oldest_seq: Seq
  first_at: Date
  first_seq: Seq
  last_at: Date
  last_seq: Seq
  first: number
  last: number
  min: number
  max: number
  sum: number
  integral: number
  increase: number
  first_n: number
  last_n: number
}

/** Where a projection is. */
export interface Position {
  id: number
  state: string
  rolled_seq: Seq
  done_seq: Seq
}

export interface Chunk {
  projection: number
  /** Datapoints with from < seq <= to. */
  from: Seq
  to: Seq
}

/** Of whole messages, with no more datapoints than that where there are no larger ones. Null: there are none. */
export async function nextChunk(
  client: PoolClient,
  { id: projection, rolled_seq: from, done_seq: end }: Position,
  limit: number
): Promise<Chunk | null> {
  if (from >= end) return null
  const { rows } = await client.query<{ first: Seq | null; beyond: Seq | null }>(nextSql, [
    projection,
    from,
    end,
    limit
  ])
  const { first, beyond } = rows[0]!
  return { projection, from, to: beyond === null ? end : beyond === first ? beyond : beyond - 1 }
}

const nextSql = `
  select (select seq from datapoints where projection_id = $1 and seq > $2 and seq <= $3 order by seq limit 1) as first,
    (select seq from datapoints where projection_id = $1 and seq > $2 and seq <= $3 order by seq offset $4 limit 1) as beyond`

/** Segments that are mixed with the row of their period, or before it, are not written, but returned. */
export async function addChunk(
  client: PoolClient,
  { projection, from, to }: Chunk
): Promise<{ datapoints: number; late: Segment[] }> {
  const { rows } = await client.query<Partial<Segment> & { datapoints: number }>(addSql, [
    projection,
    from,
    to
  ])
  return {
    datapoints: rows[0]!.datapoints,
    late: rows.filter((row): row is Segment & { datapoints: number } => row.level !== null)
  }
}

/** Periods of a chunk's datapoints, for the partitions that their rows need. */
export async function periodsOf(
  client: Pool,
  { projection, from, to }: Chunk
): Promise<Array<{ level: RollupLevel; at: Millis }>> {
  const { rows } = await client.query<{ level: RollupLevel; day: Date }>(periodsSql, [projection, from, to])
  return rows.map(({ level, day }) => ({ level, at: day.getTime() }))
}

const periodsSql = `
  select l.name as level, p.day from (
    select distinct ${startSql('day', 'observed_at')} as day from datapoints
    where projection_id = $1 and seq > $2 and seq <= $3 and number is not null
  ) as p, rollup_levels l
  where ${keptSql('p.day', `interval '1 day'`)}`

/** Nothing is written that would be past its time; `l` is its row of rollup_levels. */
export function keptSql(start: string, length: string): string {
  return `(l.keep_seconds is null or ${start} + ${length} > now() - make_interval(secs => l.keep_seconds))`
}

/** What is there already is kept true as long as it is there. `offset 0`: it is looked up, never all of it read and hashed. */
export const writableSql = (level: RollupLevel, row: string): string => `exists (
    select from rollup_levels l where l.level = ${rollupLevels[level]} and ${keptSql(`${row}.start`, `interval '1 ${level}'`)}
  ) or exists (
    select from rollups r where r.level = ${rollupLevels[level]} and r.metric_id = ${row}.metric_id and r.start = ${row}.start
    offset 0)`

const keyed = `metric_id, start, ${foldColumns.join(', ')}`

const joined = Object.entries(joinSql('rollups', 'excluded'))
  .map(([name, sql]) => `${name} = ${sql}`)
  .join(', ')

const writeSql = (level: RollupLevel, segments: string): string => `
  insert into rollups (level, ${keyed})
  select ${rollupLevels[level]}, ${keyed} from ${segments}
  on conflict (level, metric_id, start) do update set ${joined}
  where ${followsSql('rollups', 'excluded')}
  returning metric_id, start`

const levels = Object.keys(levelMillis) as RollupLevel[]

// By `not in`, which is hashed: a join of two that the planner takes for small would compare each with each
const lateSql = levels
  .map(
    (level) => `
    select '${level}' as level, ${columnsOf('s')}, s.metric_id, s.start from ${level}s s
    where (s.metric_id, s.start) not in (select metric_id, start from ${level}s_written)`
  )
  .join(' union all ')

const segmentsSql = (level: RollupLevel, folded: string): string =>
  `${level}s as materialized (select * from (${folded}) as s where ${writableSql(level, 's')})`

/** Each level is folded from the one below it: of the chunk alone, so it does not matter what of it is written. */
const coarser = (level: RollupLevel, below: string): string => `
  select period as start, metric_id, ${columnsOf('c')}
  from (${foldRowsSql('metric_id, period', `select *, ${startSql(level, 'start')} as period from ${below}`)}) as c`

const addSql = `
with given as materialized (
  select metric_id, topic_id, seq, n, observed_at, number from datapoints
  where projection_id = $1 and seq > $2 and seq <= $3
),
by_minute as materialized (
  ${foldPointsSql(
    'metric_id, start',
    `select *, ${startSql('minute', 'observed_at')} as start from given where number is not null`
  )}
),
by_hour as materialized (${coarser('hour', 'by_minute')}),
by_day as materialized (${coarser('day', 'by_hour')}),
${levels.map((level) => segmentsSql(level, `select * from by_${level}`)).join(',\n')},
${levels.map((level) => `${level}s_written as (${writeSql(level, `${level}s`)})`).join(',\n')},
topics as (
  insert into metric_topics (metric_id, topic_id) select distinct metric_id, topic_id from given
  on conflict do nothing
)
select c.datapoints, late.* from (select count(*) as datapoints from given) as c
left join (${lateSql}) as late on true`
