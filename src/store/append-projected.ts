/**
 * What the projector appends: one chunk, in one statement and one transaction. Its position is moved first, so that of two
 * that write the same, one finds it moved and changes nothing.
 *
 * Locks: first the row of the projection, which everyone takes who changes what is of it; then rows of devices and metrics;
 * the head of the journal last, for the facts of presence, and only where there are some. An append takes its session, the
 * head, then states of topics, and none of ours: so no two wait for each other, and an append waits for the end of this
 * statement only, not for its work.
 */

import type { StateChange, ProjectedMessage } from './projected.ts'
import { clocks, metricTypes, presences, roles } from '../datapoints.ts'
import { factKinds } from '../model.ts'
import type { Statement } from './append.ts'
import {
  boolArray,
  byteaArray,
  float8Array,
  int2Array,
  int4Array,
  int8Array,
  jsonArray,
  textArray,
  timestampArray
} from './binary.ts'
import type { Folded, FoldedDatapoint, FoldedDevice } from './fold-chunk.ts'
import { greatestOf } from './fold-chunk.ts'
import { hashName } from './projection-ids.ts'

export interface PreparedChunk {
  projection: number
  folded: Folded
  /** Ids of the folded devices and metrics. */
  deviceIds: readonly number[]
  metricIds: readonly number[]
  messages: readonly ProjectedMessage[]
  states: readonly StateChange[]
}

/** A fact that was appended; of nulls, where there were none. */
export interface ProjectedRow {
  seq: number | null
  at: Date | null
  detail: unknown
}

/** Common table expression `guard`: a row, with the lock on the projection, or nothing is written. */
export interface ProjectionGuard {
  name: string
  /** Its parameters are $1 (projection), $2, $3 and $4. */
  sql: string
  values: readonly [number, number, number]
}

/** `repeatable`: what is there already is left as it is. */
export function projectedStatement(
  prepared: PreparedChunk,
  guard: ProjectionGuard,
  options: { facts: boolean; repeatable: boolean }
): Statement {
  const { folded, states } = prepared
  const points = <T>(pick: (datapoint: FoldedDatapoint) => T): T[] => folded.datapoints.map(pick)
  const devices = <T>(pick: (device: FoldedDevice) => T): T[] => folded.devices.map(pick)
  const rejected = prepared.messages.flatMap((message) =>
    message.rejections.map((rejection, n) => ({ message, rejection, n }))
  )
  const { assertions } = folded
  return {
    name: `project_${guard.name}${options.facts ? '_live' : ''}${options.repeatable ? '_again' : ''}`,
    text: projectedSql(guard.sql, options),
    values: [
      prepared.projection,
      ...guard.values,
      int8Array(points(({ seq }) => seq)),
      int4Array(points(({ n }) => n)),
      int8Array(points(({ metric }) => prepared.metricIds[metric]!)),
      int8Array(points(({ topicId }) => topicId)),
      timestampArray(points(({ value }) => value.observedAt)),
      timestampArray(points(({ receivedAt }) => receivedAt)),
      float8Array(points(({ value }) => value.number)),
      int2Array(points(({ value }) => metricTypes[value.type])),
      int2Array(points(({ value }) => roles[value.role])),
      int2Array(points(({ value }) => clocks[value.clock])),
      textArray(points(({ value }) => value.unit)),
      textArray(points(({ value }) => value.quality)),
      byteaArray(points(({ value }) => value.exact)),
      boolArray(greatestOf(folded)),
      int8Array(prepared.deviceIds),
      int8Array(devices(({ seq }) => seq)),
      int8Array(devices(({ messageSeq }) => messageSeq)),
      int8Array(devices(({ topicId }) => topicId)),
      timestampArray(devices(({ firstSeenAt }) => firstSeenAt)),
      timestampArray(devices(({ lastSeenAt }) => lastSeenAt)),
      int4Array(devices(({ offlineAfterSeconds }) => offlineAfterSeconds)),
      textArray(devices(({ mapping }) => mapping)),
      jsonArray(devices(({ attributes }) => attributes && Object.fromEntries(attributes))),
      int8Array(assertions.map(({ device }) => prepared.deviceIds[device]!)),
      int2Array(assertions.map(({ presence }) => presences[presence])),
      textArray(assertions.map(({ source }) => source)),
      timestampArray(assertions.map(({ at }) => at)),
      textArray(assertions.map(({ topic }) => topic)),
      int8Array(assertions.map(({ seq }) => seq)),
      int8Array(rejected.map(({ message }) => message.seq)),
      int4Array(rejected.map(({ n }) => n)),
      int8Array(rejected.map(({ message }) => message.topicId)),
      timestampArray(rejected.map(({ message }) => message.receivedAt)),
      textArray(rejected.map(({ message }) => message.mapping)),
      textArray(rejected.map(({ rejection }) => rejection.reason)),
      textArray(rejected.map(({ rejection }) => rejection.detail.replaceAll('\0', '\u{fffd}'))),
      byteaArray(states.map(({ key }) => hashName(key))),
      textArray(states.map(({ key }) => key)),
      int8Array(states.map(({ seq }) => seq)),
      byteaArray(states.map(({ state }) => state))
    ]
  }
}

/** The facts of presence, appended when all else is written: the counts wait for it. */
const headSql = `
head as (
  update journal_head set seq = seq + (select count(*) from transitions), at = greatest(at, clock_timestamp())
  where shard = 0 and exists (select from transitions)
    and (select count(*) from stored) + (select count(*) from moved) + (select count(*) from rejected)
      + (select count(*) from remembered) >= 0
  returning seq - (select count(*) from transitions) as base, at
),
facts as materialized (
  select base + t.n as seq, head.at, t.device_id, t.newest, json_build_object('device', t.device,
    'from', (array['unknown', 'online', 'offline'])[t.was + 1], 'to', (array['unknown', 'online', 'offline'])[t.presence + 1],
    'source', t.source, 'at', floor(extract(epoch from t.at) * 1000)::int8, 'topic', t.topic) as detail
  from head, transitions t
),
journaled as (
  insert into journal (seq, at, retention_class, kind, detail) select seq, at, 0, ${factKinds.presence}, detail from facts
),`

/** An append that somebody was told of survives a crash of Postgres, whatever the server's default says. */
export const durable = `case when current_setting('synchronous_commit') in ('off', 'local')
  then set_config('synchronous_commit', 'on', true) end`

// Whoever was heard from is described by the newest message from it, and others by the newest that speaks of them
const newer = '(u.last_seen_at is not null, u.message_seq) >= (d.last_seen_at is not null, d.message_seq)'

/** In no class: the topic may have come to another one since. */
const notStored = `not exists (
    select from datapoints stored where stored.projection_id = $1 and stored.seq = points.seq and stored.n = points.n)`

// Rows of devices that are said to be something are locked and read anew: whoever changed them while the guard waited has
// committed after this statement began. A window over what the device was told to be before: the first assertion compares with the row, the others differ from
// the one before them since they were folded.
const projectedSql = (
  guardSql: string,
  { facts, repeatable }: { facts: boolean; repeatable: boolean }
): string => `
with guard as (${guardSql}),
points as materialized (
  select * from unnest($5::int8[], $6::int4[], $7::int8[], $8::int8[], $9::timestamptz[], $10::timestamptz[], $11::float8[],
    $12::int2[], $13::int2[], $14::int2[], $15::text[], $16::text[], $17::bytea[], $18::bool[])
  as u (seq, n, metric_id, topic_id, observed_at, received_at, number, type, role, clock, unit, quality, exact, greatest)
),
stored as (
  insert into datapoints (seq, n, projection_id, metric_id, topic_id, observed_at, received_at, number, type, role, clock,
    unit, quality, exact, retention_class)
  select seq, n, $1, metric_id, topic_id, observed_at, received_at, number, type, role, clock, unit, quality, exact,
    t.retention_class
  from guard, points join topics t on t.id = topic_id
  ${repeatable ? `where ${notStored} on conflict do nothing` : ''}
  returning 1
),
moved as (
  update metrics m set seq = greatest(m.seq, p.seq), topic_id = p.topic_id, latest_seq = p.seq, latest_n = p.n,
    latest_observed_at = p.observed_at, latest_received_at = p.received_at, latest_number = p.number, type = p.type,
    latest_role = p.role, latest_clock = p.clock, unit = p.unit, latest_quality = p.quality, latest_exact = p.exact
  from guard, points p
  where p.greatest and m.id = p.metric_id and (m.latest_seq is null
    or ((p.role <> ${roles.historical})::int, p.observed_at, p.seq, p.n)
      > ((m.latest_role <> ${roles.historical})::int, m.latest_observed_at, m.latest_seq, m.latest_n))
  returning 1
),
rejected as (
  insert into rejections (projection_id, seq, n, topic_id, received_at, mapping, reason, detail)
  select $1, u.* from guard, unnest($34::int8[], $35::int4[], $36::int8[], $37::timestamptz[], $38::text[], $39::text[],
    $40::text[]) as u ${repeatable ? 'on conflict do nothing' : ''}
  returning 1
),
changes as materialized (
  select * from unnest($41::bytea[], $42::text[], $43::int8[], $44::bytea[]) as u (hash, key, seq, state)
),
remembered as (
  insert into decoder_state (projection_id, key_hash, key, seq, state)
  select $1, hash, key, seq, state from guard, changes where state is not null
  on conflict (projection_id, key_hash) do update set seq = excluded.seq, state = excluded.state
  returning 1
),
forgotten as (
  delete from decoder_state where projection_id = $1 and exists (select from guard)
    and key_hash in (select hash from changes where state is null)
),
known as materialized (
  select d.id, d.name, d.presence, d.presence_seq from guard, devices d where d.id = any ($28::int8[])
  for no key update of d
),
accepted as materialized (
  select u.*, d.name as device, coalesce(lag(u.presence) over w, d.presence) as was,
    row_number() over (partition by u.device_id order by k desc) = 1 as last
  from unnest($28::int8[], $29::int2[], $30::text[], $31::timestamptz[], $32::text[], $33::int8[]) with ordinality
    as u (device_id, presence, source, at, topic, seq, k)
  join known d on d.id = u.device_id
  where u.seq >= d.presence_seq
  window w as (partition by u.device_id order by k)
),
transitions as materialized (
  select *, row_number() over (order by k) as n, row_number() over (partition by device_id order by k desc) = 1 as newest
  from accepted where was <> presence
),
${facts ? headSql : ''}
changed as (
  update devices d set
    seq = greatest(d.seq, u.seq${facts ? ', f.seq' : ''}),
    topic_id = case when ${newer} then u.topic_id else d.topic_id end,
    mapping = case when ${newer} then u.mapping else d.mapping end,
    offline_after_seconds = case when ${newer} then u.offline_after_seconds
      else d.offline_after_seconds end,
    message_seq = case when ${newer} then u.message_seq else d.message_seq end,
    first_seen_at = least(d.first_seen_at, u.first_seen_at),
    last_seen_at = greatest(d.last_seen_at, u.last_seen_at),
    attributes = coalesce(u.attributes, d.attributes),
    presence = coalesce(a.presence, d.presence),
    presence_seq = coalesce(a.seq, d.presence_seq),
    presence_at = coalesce(t.at, d.presence_at),
    presence_source = coalesce(t.source, d.presence_source)
  from guard, unnest($19::int8[], $20::int8[], $21::int8[], $22::int8[], $23::timestamptz[], $24::timestamptz[], $25::int4[],
    $26::text[], $27::json[]) as u (device_id, seq, message_seq, topic_id, first_seen_at, last_seen_at,
    offline_after_seconds, mapping, attributes)
  left join accepted a on a.device_id = u.device_id and a.last
  left join transitions t on t.device_id = u.device_id and t.newest
  ${facts ? 'left join facts f on f.device_id = u.device_id and f.newest' : ''}
  where d.id = u.device_id
)
${
  facts
    ? `select facts.seq, facts.at, facts.detail, ${durable},
    (select pg_notify('rialto_journal', (select max(seq) from facts)::text) from head)
  from guard left join facts on true order by facts.seq`
    : 'select null as seq, null as at, null as detail from guard'
}`
