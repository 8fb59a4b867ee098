/**
 * SQL that takes rows of rollups for what is rolled up, and datapoints for what is not. A row says the same as its
 * datapoints, except in three cases, for which `unit`s of an hour (or of a day) are read from datapoints instead:
 * - it is marked: its datapoints changed since;
 * - a datapoint that is not rolled up yet is older than the last one of the row, so that it cannot be joined behind it;
 * - it is of several topics, of which not all are meant.
 * Where datapoints of a unit are gone, its rows are all there is: a late datapoint is then joined to them as it can be, and
 * what is of several topics is left out. Rows older than their level is kept may be incomplete, so that those are not read.
 */

import { levelMillis, rollupLevels } from '../history/levels.ts'
import type { RollupLevel } from '../history/levels.ts'
import type { HistorySql } from './history-pieces.ts'
import { inRange, rawPieces } from './history-pieces.ts'

export const interval = (level: RollupLevel): string => `'${levelMillis[level] / 1_000} seconds'::interval`
const bin = (level: RollupLevel, at: string): string =>
  `date_bin(${interval(level)}, ${at}, 'epoch'::timestamptz)`

/** Marks are of hours, so that nothing smaller is replaced. */
const unitOf = (level: RollupLevel): RollupLevel => (level === 'day' ? 'day' : 'hour')

/**
 * One row: how far the projection is rolled up. `few`: of so few facts the datapoints that are not rolled up are found by
 * their seq; of more, by series. `cut`: from there on, rows of the level are kept. `highest`: of the horizons of classes.
 */
export function statusSql(level: RollupLevel | null, freshFactsMax: string): string {
  const unit = unitOf(level ?? 'hour')
  const cut =
    level === null
      ? 'null::timestamptz'
      : `coalesce((
          select ${bin(unit, 'now() - make_interval(secs => keep_seconds)')} + ${interval(unit)}
          from rollup_levels where level = ${rollupLevels[level]}), '-infinity')`
  return `
    select id, rolled_seq, done_seq - rolled_seq <= ${freshFactsMax}::int8 as few, highest, highest_at, ${cut} as cut
    from projections, (
      select max(horizon) as highest, max(horizon_at) as highest_at from retention_classes where id > 0
    ) as classes
    where state = 'current'`
}

/**
 * Of the series `f`: the greatest seq of which datapoints may be gone (see reach.ts), and since when what is observed is
 * complete in datapoints; null: always.
 */
export const reachOfSeriesSql = `
  select max(greatest(c.horizon, least(o.class_seq - 1, h.highest))) as horizon,
    max(case when least(o.class_seq - 1, h.highest) > c.horizon then h.highest_at else c.horizon_at end) as kept
  from here h, (
    select f.topic_id union select topic_id from metric_topics where metric_id = f.id
  ) as came join topics o on o.id = came.topic_id join retention_classes c on c.id = o.retention_class`

/**
 * Of the series `f`: before it, something may be missing. Where no datapoints are gone, nothing is, whatever of its rollups
 * is kept.
 */
export const keptFromSql = (level: RollupLevel | null): string =>
  `round(date_part('epoch', ${
    level === null
      ? 'f.kept'
      : `case when f.kept is not null and ${here('cut')} > '-infinity' then least(f.kept, ${here('cut')}) end`
  }) * 1000) as kept_from`

export const here = (column: string): string => `(select ${column} from here)`

/** Datapoints that are not rolled up yet, by series; those before the cut are read anyway. */
export const freshSql = ({ from, to, readable }: HistorySql): string => `,
  fresh as materialized (
    select p.metric_id, array_agg(p.observed_at) as ats, array_agg(p.seq) as seqs, array_agg(p.n) as ns,
      array_agg(p.number) as numbers
    from datapoints p
    where ${here('few')} and p.projection_id = ${here('id')} and p.seq > ${here('rolled_seq')} and ${readable}
      and ${inRange(`greatest(${from}, ${here('cut')})`, to)}
    group by p.metric_id
  )`

/**
 * Whether the metric `m` has a datapoint by these topics: as far as it is rolled up that is noted, beside its newest one; what
 * came since, and in hours that are marked, is looked through.
 */
export const cameBySql = (topics: string): string => `(
  m.topic_id = any (${topics})
  or exists (select from metric_topics came where came.metric_id = m.id and came.topic_id = any (${topics}))
  or m.id in (
    select p.metric_id from datapoints p
    where ${here('few')} and p.projection_id = ${here('id')} and p.seq > ${here('rolled_seq')} and p.topic_id = any (${topics})
    union all
    select p.metric_id from rollup_marks k join datapoints p on p.metric_id = k.metric_id
      and p.observed_at >= k.start and p.observed_at < k.start + ${interval('hour')}
    where p.topic_id = any (${topics})
  )
  or (not ${here('few')} and exists (
    select from datapoints p
    where p.metric_id = m.id and p.seq > ${here('rolled_seq')} and p.topic_id = any (${topics}))))`

/** Joins to each series `f` its fresh datapoints and the units that are read from datapoints, as an array. */
export function replacedSql(sql: HistorySql): string {
  const level = sql.level!
  const unit = unitOf(level)
  const unitFrom = `greatest(${bin(unit, sql.from)}, ${here('cut')})`
  const rows = `rollups r where r.level = ${rollupLevels[level]} and r.metric_id = f.id`
  const late = `
    select ${bin(unit, 'late.start')} from (
      select ${bin(level, 'at')} as start, min(at) as at from (${freshOf(sql)}) as fresh group by 1
    ) as late join lateral (
      select r.last_at from ${rows} and r.start = late.start
    ) as r on r.last_at > late.at`
  const mixed = `
    select ${bin(unit, 'r.start')} from ${rows} and ${sql.mixedRow} and r.start >= ${unitFrom} and r.start < ${sql.to}`
  return `
    left join fresh on fresh.metric_id = f.id
    left join lateral (
      select coalesce(array_agg(unit), '{}') as units from (
        select ${bin(unit, 'k.start')} as unit from rollup_marks k
        where k.metric_id = f.id and k.start >= ${unitFrom} and k.start < ${sql.to}
        union ${late}${sql.mixedRow === 'false' ? '' : ` union ${mixed}`}
      ) as asked where not exists (
        select from ${rows} and r.start >= unit and r.start < unit + ${interval(unit)} and r.oldest_seq <= f.horizon)
    ) as replaced on true`
}

/** Times of the fresh datapoints of the series `f`. */
const freshOf = ({ from, to, readable }: HistorySql): string => `
  select at from unnest(fresh.ats) as at
  union all
  select p.observed_at from datapoints p
  where not ${here('few')} and p.metric_id = f.id and p.seq > ${here('rolled_seq')} and ${readable}
    and ${inRange(`greatest(${from}, ${here('cut')})`, to)}`

/** All pieces of the series `f`. */
export function rolledPieces(sql: HistorySql): string {
  const { from, to, readable, readableRow } = sql
  const level = sql.level!
  const unit = unitOf(level)
  const kept = `greatest(${from}, ${here('cut')})`
  return `
    select ${sql.bucket('r.start')} as bucket, r.first_at, r.first_seq as seq, r.first_n as n, r.count, r.sum, r.min, r.max,
      r.first, r.last, r.last_at, r.integral, r.increase
    from rollups r
    where r.level = ${rollupLevels[level]} and r.metric_id = f.id and r.start >= ${kept} and r.start < ${to}
      and ${readableRow} and ${bin(unit, 'r.start')} <> all (replaced.units)
    union all ${rawPieces(sql, 'unnest(fresh.ats, fresh.seqs, fresh.ns, fresh.numbers) as p (observed_at, seq, n, number)')}
    where ${bin(unit, 'p.observed_at')} <> all (replaced.units)
    union all ${rawPieces(sql)}
    where not ${here('few')} and p.metric_id = f.id and p.seq > ${here('rolled_seq')} and ${readable}
      and ${inRange(kept, to)} and ${bin(unit, 'p.observed_at')} <> all (replaced.units)
    union all ${rawPieces(sql, 'unnest(replaced.units) as unit (at), datapoints p')}
    where p.metric_id = f.id and ${readable}
      and ${inRange(`greatest(unit.at, ${from})`, `least(unit.at + ${interval(unit)}, ${to})`)}
    union all ${rawPieces(sql)}
    where p.metric_id = f.id and ${readable} and ${inRange(from, `least(${here('cut')}, ${to})`)}`
}
