/**
 * SQL that joins pieces of series to what buckets need. A piece is a datapoint, or a row of rollups: datapoints of one
 * bucket that follow one another, with `bucket, first_at, seq, n` (of its first), `count, sum, min, max, first, last,
 * last_at, integral, increase`.
 */

import type { Needs } from '../history/functions.ts'

/** Pieces with what came before each of them, where that is needed. */
export const flow = ({ ends }: Needs, pieces: string): string =>
  ends
    ? `select piece.*, lag(bucket) over w is distinct from bucket as opens,
         lead(bucket) over w is distinct from bucket as closes, lag(last) over w as before,
         greatest(0, date_part('epoch', first_at - lag(last_at) over w)) as seconds
       from (${pieces}) as piece window w as (order by first_at, seq, n)`
    : pieces

/** Of a bucket, from its pieces. */
export function aggregates(needs: Needs): string {
  const wanted = ['sum(count)::float8 as count']
  if (needs.sum) wanted.push('sum(sum) as sum')
  if (needs.min) wanted.push('min(min) as min')
  if (needs.max) wanted.push('max(max) as max')
  if (needs.ends)
    wanted.push(
      'min(first) filter (where opens) as first',
      'min(last) filter (where closes) as last',
      `round(date_part('epoch', min(first_at)) * 1000) as first_at`,
      `round(date_part('epoch', max(last_at)) * 1000) as last_at`
    )
  if (needs.integral)
    wanted.push('sum(integral + case when opens then 0 else before * seconds end) as integral')
  if (needs.increase)
    wanted.push(`sum(increase + case when opens then 0 when first >= before then first - before else first end)
      as increase`)
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
