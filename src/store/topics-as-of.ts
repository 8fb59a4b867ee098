/**
 * States of topics at an instant. `topic_state` tells where to look: what has not changed since is one known fact. What has is
 * found by the indexes, so that the work does not depend on how many messages a topic has.
 */

import type { Limits } from '../limits.ts'
import type { FactKind, MessageProperties, QoS, Seq, TopicState } from '../model.ts'
import { factKindNames, factKinds } from '../model.ts'
import type { Instant } from './as-of.ts'
import { int8Array } from './binary.ts'
import type { Pool } from './database.ts'
import type { TopicFact } from './fold-topic.ts'
import { foldTopic, tells } from './fold-topic.ts'
import { beforeHorizon, reachSql } from './reach.ts'

export interface FoundRow {
  /** Where the journal begins to tell of all that was asked for. */
  reach: Seq
  /** null: nothing is known of any. */
  topic_id: number | null
  name: string
  /** More came than was looked at, so nobody knows whether something of unknown retain is among it. */
  undecided: boolean
  taken: number
  seq: Seq
  at: Date
  kind: number
  received_at: Date | null
  qos: number | null
  retain: boolean | null
  dup: boolean | null
  payload: Buffer | null
  properties: MessageProperties | null
  detail: unknown
}

/** See AsOf.topics. */
export async function topicsAsOf(
  pool: Pool,
  limits: Limits,
  ids: readonly number[],
  instant: Instant
): Promise<{ states: Map<number, TopicState>; taken: number }> {
  const { rows } = await pool.query<FoundRow>(topicsAt(limits, ids, instant.seq))
  const { reach, taken } = rows[0]!
  if (instant.seq < reach) throw await beforeHorizon(pool, instant, reach)
  return { states: toStates(rows), taken: taken ?? ids.length }
}

/** Statement for `toStates`. */
export const topicsAt = (limits: Limits, ids: readonly number[], seq: Seq) => ({
  name: 'topics_as_of',
  text: topicsSql,
  values: [int8Array(ids), seq, limits.asOfDoubtsMax, limits.pageBytesMax]
})

export function toStates(rows: readonly FoundRow[]): Map<number, TopicState> {
  const states = new Map<number, TopicState>()
  for (let from = 0; from < rows.length;) {
    const { topic_id, name, undecided } = rows[from]!
    let to = from
    while (rows[to]?.topic_id === topic_id) to++
    if (topic_id !== null) {
      const state = foldTopic({ topicId: topic_id, topic: name }, rows.slice(from, to).map(toTopicFact))
      if (state !== null) states.set(topic_id, { ...state, retainedKnown: state.retainedKnown && !undecided })
    }
    from = to
  }
  return states
}

const toTopicFact = (row: FoundRow): TopicFact => ({
  seq: row.seq,
  at: row.at.getTime(),
  kind: factKindNames[row.kind] as FactKind,
  receivedAt: row.received_at?.getTime() ?? null,
  qos: row.qos as QoS | null,
  retain: row.retain,
  dup: row.dup,
  payload: row.payload,
  properties: row.properties,
  detail: row.detail
})

const columns = [
  'seq',
  'at',
  'kind',
  'received_at',
  'qos',
  'retain',
  'dup',
  'payload',
  'properties',
  'detail'
] as const

const listed = columns.join(', ')

/** Of facts that only say whether it is known what is retained: not what they brought. */
const wordOnly = listed
  .replace('payload', 'null::bytea as payload')
  .replace('properties', 'null::json as properties')

const from = (alias: string): string => `select ${columns.map((column) => `${alias}.${column}`).join(', ')}`

/**
 * The newest fact of topic a.id in the journal, or the first. Partitions of the default class are looked through in their
 * order, up to the first that has one; those of other classes, if there are any, are merged. The system's have no topics.
 * No class is equal to something here: else the primary key gives the order, too, and would be followed through all facts
 * where Postgres takes a topic for a busy one.
 */
const journalSql = (selected: string, condition: string, order: 'asc' | 'desc' = 'desc'): string =>
  [
    ['journal_class_1', 'true'],
    ['journal', 'retention_class > 1']
  ]
    .map(
      ([table, classes]) => `(select ${selected} from ${table} where ${classes} and topic_id = a.id
        and ${condition} order by seq ${order} limit 1)`
    )
    .join(' union all ')

/** The same, of those and the one that was carried. */
const one = (ask: {
  selected?: string
  role: number
  condition: string
  order?: 'asc' | 'desc'
  journal: string
  carried?: string
}): string => `
  select * from (
    ${journalSql(ask.selected ?? listed, `${ask.condition} and ${ask.journal}`, ask.order)}
    union all
    (select ${ask.selected ?? listed} from carried_facts
     where topic_id = a.id and role = ${ask.role} and seq <= $2 and ${ask.carried ?? 'true'})
  ) as facts order by seq ${ask.order ?? 'desc'} limit 1`

/** The one that is known to be there, or whatever is at or before the instant. */
const where = (known: string): string => `seq <= coalesce(${known}, $2) and seq >= coalesce(${known}, 0)`

const keptTells = `(kept.seq is not null and (kept.detail ->> 'known') is null)`

/** The newest fact by which it is known what is retained. */
const known = `greatest(word.seq, case when ${keptTells} then kept.seq end)`

// Parameters: ids, seq, rows looked at for a doubt, bytes of a page
const topicsSql = `
with asked as materialized (
  select u.id, u.n, t.name, ${reachSql('t', '$2::int8')} as reach,
    case when s.message_seq <= $2::int8 then s.message_seq end as latest_at,
    case when s.retained_seq <= $2 then s.retained_seq end as kept_at,
    -- Where nothing is retained and nothing was cleared, neither ever was
    s.retained_seq is not null or s.tombstone is not null as sets,
    s.retained_seq > $2 or s.tombstone is not null as clears
  from unnest($1::int8[]) with ordinality as u (id, n)
  join topics t on t.id = u.id and t.name <> ''
  join topic_state s on s.topic_id = u.id
),
told as materialized (
  select a.n, a.id as topic_id, a.name, doubt.seq is not null or doubt.looked = $3::int4 as undecided, facts.*
  from asked a
  left join lateral (${one({ role: 1, condition: tells.latest, journal: where('a.latest_at') })}) as latest on true
  left join lateral (${one({ role: 2, condition: tells.sets, journal: `a.sets and ${where('a.kept_at')}` })}) as kept on true
  left join lateral (${one({
    role: 3,
    condition: tells.clears,
    order: 'asc',
    journal: 'a.clears and seq > coalesce(kept.seq, 0) and seq <= $2',
    carried: 'seq > coalesce(kept.seq, 0)'
  })}) as gone on true
  left join lateral (
    select * from (
      (${from('facts')} from (${one({
        selected: wordOnly,
        role: 4,
        condition: `${tells.clears} and (${tells.known})`,
        journal: `a.sets and (gone.seq is not null or not ${keptTells}) and seq <= $2`
      })}) as facts)
      union all
      ${journalSql(wordOnly, `${tells.sets} and (${tells.known}) and a.sets and not ${keptTells} and seq <= $2`)}
    ) as facts order by seq desc limit 1
  ) as word on true
  left join lateral (
    select max(seq) filter (where kind = ${factKinds.message} and retain is null) as seq, count(*) as looked from (
      select seq, kind, retain from journal
      where retention_class > 0 and topic_id = a.id and not latest.retain and latest.seq > ${known} and seq > ${known} and seq <= $2
      order by seq desc limit $3
    ) as newest
  ) as doubt on true
  cross join lateral (
    select distinct on (seq) * from (
      ${from('latest')} union all ${from('kept')} union all ${from('gone')} union all ${from('word')}
    ) as facts where seq is not null order by seq, payload is null
  ) as facts
),
measured as (
  select *, sum(octet_length(payload)) over (order by n range between unbounded preceding and 1 preceding) as before,
    sum(octet_length(payload)) over (order by n range unbounded preceding) as with_it
  from told
),
counted as (
  select *, coalesce(before, 0) = 0 or with_it <= $4::int8 as fits from measured
),
page as (
  select *, min(n) filter (where not fits) over () - 1 as taken from counted
)
select greatest(h.horizon, (select max(reach) from asked)) as reach, p.topic_id, p.name, p.undecided, p.taken, p.${columns.join(', p.')}
from journal_head h left join page p on p.fits
where h.shard = 0 order by p.n, p.seq`
