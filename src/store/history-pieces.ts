/**
 * SQL that joins pieces of series to what buckets need. A piece is a datapoint, or a row of rollups: datapoints of one
 * bucket that follow one another, with `bucket, first_at, seq, n` (of its first), `count, sum, min, max, first, last,
 * last_at, integral, increase`.
 */

import type { Needs } from '../history/functions.ts'
import type { RollupLevel } from '../history/levels.ts'
import { areaSql, riseSql, summedSql } from './roll-fold.ts'

/** What the parts of the statement share, as SQL. */
export interface HistorySql {
  level: RollupLevel | null
  /** Of the range. */
  from: string
  to: string
  /** The number of the bucket that a time is in. */
  bucket(at: string): string
  /** Whether the datapoint `p` is of a topic that is meant. */
  readable: string
  /** Whether the rollup `r` of the series `f` is. */
  readableRow: string
  /** Whether that cannot be told, since it is of several topics. */
  mixedRow: string
}

export const inRange = (from: string, to: string): string =>
  `p.number is not null and p.observed_at >= ${from} and p.observed_at < ${to}`

/** Each datapoint is a piece of its own. */
export const rawPieces = ({ bucket }: HistorySql, from = 'datapoints p', more = ''): string => `
  select ${more} ${bucket('p.observed_at')} as bucket, p.observed_at as first_at, p.seq, p.n, 1::int8 as count, p.number as sum,
    p.number as min, p.number as max, p.number as first, p.number as last, p.observed_at as last_at, 0::float8 as integral,
    0::float8 as increase
  from ${from}`

/** Pieces with what came before each of them, where that is needed. */
export const flow = ({ ends }: Needs, pieces: string, partition = ''): string =>
  ends
    ? `select piece.*, lag(bucket) over w is distinct from bucket as opens,
         lead(bucket) over w is distinct from bucket as closes, lag(last) over w as before, lag(last_at) over w as before_at
       from (${pieces}) as piece window w as (${partition} order by first_at, seq, n)`
    : pieces

/** Of a bucket, from its pieces. What may be more than a double holds is infinite, as in rows of rollups. */
export function aggregates(needs: Needs): string {
  const wanted = ['sum(count)::float8 as count']
  if (needs.sum) wanted.push(`sum(${summedSql('sum')}) as sum`)
  if (needs.min) wanted.push('min(min) as min')
  if (needs.max) wanted.push('max(max) as max')
  if (needs.ends)
    wanted.push(
      'min(first) filter (where opens) as first',
      'min(last) filter (where closes) as last',
      `round(date_part('epoch', min(first_at)) * 1000) as first_at`,
      `round(date_part('epoch', max(last_at)) * 1000) as last_at`
    )
  // Those that are joined to a row as they can be may begin before its end
  const area = areaSql('before', 'before_at', 'greatest(before_at, first_at)')
  if (needs.integral)
    wanted.push(`sum(${summedSql('integral')} + case when opens then 0 else ${area} end) as integral`)
  if (needs.increase)
    wanted.push(
      `sum(${summedSql('increase')} + case when opens then 0 else ${riseSql('before', 'first')} end) as increase`
    )
  if (needs.percentiles.length > 0)
    wanted.push(`percentile_cont(array[${needs.percentiles.join(', ')}]::float8[])
      within group (order by first) as percentiles`)
  return wanted.join(', ')
}

/** Of a series, from its buckets; read by history-rows.ts. */
export function packs(needs: Needs): string {
  const columns = ['bucket', 'count']
  if (needs.sum) columns.push('sum')
  if (needs.min) columns.push('min')
  if (needs.max) columns.push('max')
  if (needs.ends) columns.push('first', 'last', 'first_at', 'last_at')
  if (needs.integral) columns.push('integral')
  if (needs.increase) columns.push('increase')
  if (needs.percentiles.length > 0) columns.push('percentiles')
  return columns
    .map((name) => `array_send(array_agg(${name})) as ${name === 'bucket' ? 'buckets' : name}`)
    .join(', ')
}
