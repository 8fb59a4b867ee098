/** Rollups as they are meant, calculated from all datapoints at once: what the service does step by step. */

import { query } from './database.ts'

/** Writes rows of all levels anew, from datapoints of the current projection with a seq up to `seq`. */
export async function rollUpTo(url: string, seq: number): Promise<void> {
  await query(
    url,
    `do $$ begin
       for level in 1..3 loop
         execute format('create table if not exists rollups_of_%s partition of rollups for values in (%s)', level, level);
       end loop;
     end $$`
  )
  await query(url, `delete from rollups`)
  for (const [level, seconds] of [
    [1, 60],
    [2, 3_600],
    [3, 86_400]
  ])
    await query(url, rowsSql, [level, seconds, seq])
  await query(
    url,
    `insert into metric_topics select distinct metric_id, topic_id from datapoints
     where seq <= $1 and number is not null on conflict do nothing`,
    [seq]
  )
  await query(url, `update projections set rolled_seq = $1 where state = 'current'`, [seq])
}

const rowsSql = `
  insert into rollups (level, metric_id, start, topic_id, count, oldest_seq, first_at, first_seq, first_n, first, last_at,
    last_seq, last_n, last, min, max, sum, integral, increase)
  select $1::int2, metric_id, start, case when min(topic_id) = max(topic_id) then min(topic_id) end, count(*), min(seq),
    min(observed_at), min(seq) filter (where place = 1), min(n) filter (where place = 1), min(number) filter (where place = 1),
    max(observed_at), min(seq) filter (where next is null), min(n) filter (where next is null),
    min(number) filter (where next is null), min(number), max(number), sum(number),
    coalesce(sum(number * date_part('epoch', next_at - observed_at)), 0),
    coalesce(sum(case when next >= number then next - number else next end), 0)
  from (
    select *, row_number() over w as place, lead(number) over w as next, lead(observed_at) over w as next_at
    from (
      select *, date_bin(make_interval(secs => $2::float8), observed_at, 'epoch') as start from datapoints
      where seq <= $3 and number is not null and projection_id = (select id from projections where state = 'current')
    ) as p
    window w as (partition by metric_id, start order by observed_at, seq, n)
  ) as p group by metric_id, start`
