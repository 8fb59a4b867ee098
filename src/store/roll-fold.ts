/**
 * SQL for what datapoints come to: folded from them, from the rows of a finer level, or from two rows. All of these agree:
 * a fold of everything is the fold of consecutive parts, joined.
 */

import type { RollupLevel } from '../history/levels.ts'
import { rollupLevels } from '../history/levels.ts'

/** Columns of a row but for its key, in one order everywhere. */
export const foldColumns = [
  'topic_id',
  'count',
  'oldest_seq',
  'first_at',
  'first_seq',
  'last_at',
  'last_seq',
  'first',
  'last',
  'min',
  'max',
  'sum',
  'integral',
  'increase',
  'first_n',
  'last_n'
] as const

export const levelNumbers: readonly number[] = Object.values(rollupLevels)

/** The period of a time; every level begins where UTC does. */
export const startSql = (level: RollupLevel, time: string): string =>
  `date_bin('1 ${level}', ${time}, timestamptz 'epoch')`

/**
 * As a sum takes it. Postgres refuses a sum beyond a double's range, and would refuse it again each time: what could lead
 * there counts as infinite, since a row has less than 1e9 datapoints and at most 86,400 seconds.
 */
export const summedSql = (value: string): string =>
  `case when abs(${value}) > 1e292 then sign(${value}) * float8 'infinity' else ${value} end`

/** Value times seconds. A product that is too near to 0 for a double is refused as well. */
export const areaSql = (value: string, from: string, to: string): string =>
  `case when abs(${value}) < 1e-290 or ${from} = ${to} then 0
    else (${summedSql(value)}) * date_part('epoch', ${to} - ${from}) end`

/** How far a counter rose; one that is lower than it was began again at 0. */
export const riseSql = (from: string, to: string): string =>
  `case when ${to} >= ${from} then (${summedSql(to)}) - (${summedSql(from)}) else ${summedSql(to)} end`

const ends = `max(number) filter (where leads) as first, max(number) filter (where trails) as last`

/** `points` has the columns of `keys`, topic_id, seq, n, observed_at and number. */
export const foldPointsSql = (keys: string, points: string): string => `
  select ${keys}${keys === '' ? '' : ','}
    case when min(topic_id) = max(topic_id) then min(topic_id) end as topic_id,
    count(*) as count, min(seq) as oldest_seq,
    min(observed_at) as first_at, max(seq) filter (where leads) as first_seq,
    max(observed_at) as last_at, max(seq) filter (where trails) as last_seq,
    ${ends}, min(number) as min, max(number) as max, sum(${summedSql('number')}) as sum,
    coalesce(sum(area), 0) as integral, coalesce(sum(rise), 0) as increase,
    max(n) filter (where leads) as first_n, max(n) filter (where trails) as last_n
  from (
    select ${keys}${keys === '' ? '' : ','} topic_id, seq, n, observed_at, number,
      lag(seq) over w is null as leads, lead(seq) over w is null as trails,
      ${areaSql('number', 'observed_at', 'lead(observed_at) over w')} as area,
      ${riseSql('number', 'lead(number) over w')} as rise
    from (${points}) as points
    window w as (${keys === '' ? '' : `partition by ${keys} `}order by observed_at, seq, n)
  ) as ordered
  ${keys === '' ? 'having count(*) > 0' : `group by ${keys}`}`

/** `rows` has the columns of `keys`, the start of each, and those of a fold; of a finer level, and all there are. */
export const foldRowsSql = (keys: string, rows: string): string => `
  select ${keys}${keys === '' ? '' : ','}
    case when count(topic_id) = count(*) and min(topic_id) = max(topic_id) then min(topic_id) end as topic_id,
    sum(count)::int8 as count, min(oldest_seq) as oldest_seq,
    min(first_at) as first_at, max(first_seq) filter (where leads) as first_seq,
    max(last_at) as last_at, max(last_seq) filter (where trails) as last_seq,
    max(first) filter (where leads) as first, max(last) filter (where trails) as last,
    min(min) as min, max(max) as max, sum(sum) as sum,
    sum(integral + coalesce(area, 0)) as integral, sum(increase + coalesce(rise, 0)) as increase,
    max(first_n) filter (where leads) as first_n, max(last_n) filter (where trails) as last_n
  from (
    select fine.*, lag(last_seq) over w is null as leads, lead(first_seq) over w is null as trails,
      ${areaSql('last', 'last_at', 'lead(first_at) over w')} as area,
      ${riseSql('last', 'lead(first) over w')} as rise
    from (${rows}) as fine
    window w as (${keys === '' ? '' : `partition by ${keys} `}order by start)
  ) as ordered
  ${keys === '' ? 'having count(*) > 0' : `group by ${keys}`}`

const place = (row: string, end: 'first' | 'last'): string =>
  `(${row}.${end}_at, ${row}.${end}_seq, ${row}.${end}_n)`

/** Everything of `before` is before everything of `after`. */
export const followsSql = (before: string, after: string): string =>
  `${place(before, 'last')} < ${place(after, 'first')}`

const pick = (condition: string, yes: string, no: string): string =>
  `case when ${condition} then ${yes} else ${no} end`

const bothSql = (a: string, b: string): Record<string, string> => ({
  topic_id: pick(`${a}.topic_id = ${b}.topic_id`, `${a}.topic_id`, 'null'),
  count: `${a}.count + ${b}.count`,
  oldest_seq: `least(${a}.oldest_seq, ${b}.oldest_seq)`,
  min: `least(${a}.min, ${b}.min)`,
  max: `greatest(${a}.max, ${b}.max)`,
  sum: `${a}.sum + ${b}.sum`
})

const endsSql = (first: string, last: string): Record<string, string> => ({
  ...Object.fromEntries(
    ['first', 'first_at', 'first_seq', 'first_n'].map((name) => [name, `${first}.${name}`])
  ),
  ...Object.fromEntries(['last', 'last_at', 'last_seq', 'last_n'].map((name) => [name, `${last}.${name}`]))
})

/** What two come to of which one follows the other. */
export const joinSql = (before: string, after: string): Record<string, string> => ({
  ...bothSql(before, after),
  ...endsSql(before, after),
  integral: `${before}.integral + ${areaSql(`${before}.last`, `${before}.last_at`, `${after}.first_at`)} + ${after}.integral`,
  increase: `${before}.increase + ${riseSql(`${before}.last`, `${after}.first`)} + ${after}.increase`
})

/**
 * What two come to whose datapoints are mixed, and are gone. What has an order is not known any more: integral and increase
 * are those of `row`, up to the new ends; all else is exact.
 */
export const mixSql = (row: string, added: string): Record<string, string> => {
  const [earlier, later] = [
    `${place(added, 'first')} < ${place(row, 'first')}`,
    `${place(added, 'last')} > ${place(row, 'last')}`
  ]
  const ends = ['at', 'seq', 'n'].flatMap((name): Array<[string, string]> => [
    [`first_${name}`, pick(earlier, `${added}.first_${name}`, `${row}.first_${name}`)],
    [`last_${name}`, pick(later, `${added}.last_${name}`, `${row}.last_${name}`)]
  ])
  return {
    ...bothSql(row, added),
    ...Object.fromEntries(ends),
    first: pick(earlier, `${added}.first`, `${row}.first`),
    last: pick(later, `${added}.last`, `${row}.last`),
    integral: `${row}.integral
      + ${pick(earlier, areaSql(`${added}.first`, `${added}.first_at`, `${row}.first_at`), '0')}
      + ${pick(later, areaSql(`${row}.last`, `${row}.last_at`, `${added}.last_at`), '0')}`,
    increase: `${row}.increase
      + ${pick(earlier, riseSql(`${added}.first`, `${row}.first`), '0')}
      + ${pick(later, riseSql(`${row}.last`, `${added}.last`), '0')}`
  }
}

/** In the order of `foldColumns`. */
export const selectSql = (fold: Record<string, string>): string =>
  foldColumns.map((name) => `${fold[name]} as ${name}`).join(', ')

export const columnsOf = (row: string): string => foldColumns.map((name) => `${row}.${name}`).join(', ')
