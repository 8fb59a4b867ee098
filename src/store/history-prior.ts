/** SQL that finds the last datapoint of a series before a range: itself, or where it is gone, what rollups say of it. */

import type { Needs } from '../history/functions.ts'
import { rollupLevels } from '../history/levels.ts'
import type { RollupLevel } from '../history/levels.ts'
import type { HistorySql } from './history-pieces.ts'
import { interval } from './history-rollups.ts'

/** Of the series `f`; no row where there is none. */
export function priorSql({ prior }: Needs, sql: HistorySql): string {
  if (!prior) return 'select null::float8 as prior_at, null::float8 as prior'
  const levels = Object.keys(rollupLevels) as RollupLevel[]
  return `
    select round(date_part('epoch', at) * 1000) as prior_at, value as prior from (
      ${[datapointSql(sql), ...levels.map((level) => rowSql(level, sql))].map((one) => `(${one})`).join(' union all ')}
    ) as found order by at desc, seq desc, n desc limit 1`
}

const datapointSql = ({ from, readable }: HistorySql): string => `
  select p.observed_at as at, p.seq, p.n, p.number as value from datapoints p
  where p.metric_id = f.id and p.observed_at < ${from} and p.number is not null and ${readable}
  order by p.observed_at desc, p.seq desc, p.n desc limit 1`

/** The last row, if datapoints of it are gone: else those that it is of are found themselves. */
const rowSql = (level: RollupLevel, { from, readableRow }: HistorySql): string => `
  select last_at, last_seq, last_n, last from (
    select r.last_at, r.last_seq, r.last_n, r.last, r.oldest_seq from rollups r
    where r.level = ${rollupLevels[level]} and r.metric_id = f.id
      and r.start <= ${from} - ${interval(level)} and ${readableRow}
    order by r.start desc limit 1
  ) as r where oldest_seq <= f.horizon`
