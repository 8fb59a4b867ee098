/** Keeps what a partition says of its topics' states, before it is dropped. */

import type { Seq } from '../model.ts'
import type { Pool } from './database.ts'
import { tells } from './fold-topic.ts'
import type { Newest } from './partition-age.ts'

/**
 * Keeps, for each topic of the partition, the facts that tell its state when the partition is gone, and moves the horizons:
 * that of its class, and the one of all. In one transaction, so that no reader finds neither. Repeating it changes nothing.
 */
export async function carryForward(
  pool: Pool,
  partition: { name: string; class: number },
  newest: Newest | null,
  horizon: Seq
): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('begin; set local statement_timeout = 0')
    if (newest !== null) {
      for (const sql of [latestSql, setSql, knownSql, clearedSql]) await client.query(sql(partition.name))
      await client.query(
        'update retention_classes set horizon = $2, horizon_at = $3 where id = $1 and horizon < $2',
        [partition.class, newest.seq, newest.at]
      )
    }
    await client.query('update journal_head set horizon = $1 where shard = 0 and horizon < $1', [horizon])
    await client.query('commit')
    client.release()
  } catch (error) {
    client.release(true)
    throw error
  }
}

const columns = 'seq, at, received_at, kind, qos, retain, dup, payload, properties, detail'

const keepSql = (role: number, facts: string, replaces: string): string => `
  insert into carried_facts (topic_id, role, ${columns})
  select topic_id, ${role}, ${columns} from (${facts}) as facts
  on conflict (topic_id, role) do update set
    seq = excluded.seq, at = excluded.at, received_at = excluded.received_at, kind = excluded.kind,
    qos = excluded.qos, retain = excluded.retain, dup = excluded.dup, payload = excluded.payload,
    properties = excluded.properties, detail = excluded.detail
  where ${replaces}`

const newestSql = (partition: string, role: number, condition: string, selected = columns): string =>
  keepSql(
    role,
    `select distinct on (topic_id) topic_id, ${selected} from ${partition}
     where topic_id is not null and (${condition}) order by topic_id, seq desc`,
    'carried_facts.seq < excluded.seq'
  )

/** Role 1: the latest message. */
const latestSql = (partition: string): string => newestSql(partition, 1, tells.latest)

/** Role 2: the last that set the retained message. */
const setSql = (partition: string): string => newestSql(partition, 2, tells.sets)

/**
 * The newest fact that sets what topic `t` has retained, of those up to what was dropped of it. Partitions of one class go in
 * their order, so that it was carried; those of a topic that was in several do not, so that it may still be in the journal.
 */
const newestSetSql = (t: string, dropped: string): string => `greatest(
    (select seq from carried_facts where topic_id = ${t}.id and role = 2),
    case when ${t}.class_seq > 0 then (
      select max(seq) from journal where topic_id = ${t}.id and ${tells.sets} and seq <= greatest(
        ${dropped}, (select max(seq) from carried_facts where topic_id = ${t}.id))) end)`

/**
 * Role 3: the first behind the newest that set what is retained, which took it away. One that is there already, and behind that,
 * came before; unless the topic came to a class that keeps less: then older facts of it are carried after newer ones.
 */
const clearedSql = (partition: string): string =>
  keepSql(
    3,
    `select distinct on (p.topic_id) p.* from ${partition} p join (
       select t.id, ${newestSetSql('t', 'cleared.last')} as set_seq from topics t join (
         select topic_id, max(seq) as last from ${partition} where ${tells.clears} group by topic_id
       ) as cleared on cleared.topic_id = t.id
     ) as t on t.id = p.topic_id
     where p.${tells.clears} and p.seq > coalesce(t.set_seq, 0)
     order by p.topic_id, p.seq`,
    `carried_facts.seq > excluded.seq or carried_facts.seq < (
       select ${newestSetSql('t', 'excluded.seq')} from topics t where t.id = excluded.topic_id)`
  )

/** Role 4: the last that says whether it is known what is retained, without what it brought. */
const knownSql = (partition: string): string =>
  newestSql(
    partition,
    4,
    tells.known,
    columns.replace('payload', 'null::bytea as payload').replace('properties', 'null::json as properties')
  )
