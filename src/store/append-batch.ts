/** What ingest appends: facts, the states they change, and QoS 2 identifiers, in one statement and one transaction. */

import type { FactKind, MessageProperties, Millis, QoS } from '../model.ts'
import { factKinds } from '../model.ts'
import type { Statement } from './append.ts'
import {
  boolArray,
  byteaArray,
  int2Array,
  int4Array,
  int8Array,
  jsonArray,
  timestampArray
} from './binary.ts'
import type { TopicRow } from './topics.ts'

/** A fact before it has a seq. */
export interface NewFact {
  kind: FactKind
  topic: string | null
  receivedAt: Millis | null
  payload: Uint8Array | null
  qos: QoS | null
  retain: boolean | null
  dup: boolean | null
  packetId: number | null
  properties: MessageProperties | null
  detail: unknown
}

/** How a batch changes one topic's state: numbers point into the batch's facts, and the batch has been folded. */
export interface StateChange {
  topic: string
  /** The newest fact of this topic in the batch. */
  last: number
  /** The latest message, or null where the batch only set what is retained. */
  latest: number | null
  retained: 'keep' | 'set' | 'clear'
  /** Whether it is known what is retained; null: as before. */
  known: boolean | null
  /** For `set`, the retained message; for `clear`, what cleared it. */
  retainedBy: number | null
  /** For `clear`: the message cleared, where it came in the same batch. */
  previous: number | null
  /** For `set`: when the retained message ends [MQTT-3.3.2-5]. */
  expiresAt: Millis | null
}

export interface PacketChanges {
  added: Array<{ packetId: number; hash: Uint8Array }>
  released: number[]
}

export interface Batch {
  facts: readonly NewFact[]
  states: readonly StateChange[]
  packets: PacketChanges
  /** True once everything retained has been read: what we do not hold, the broker does not either. */
  retainedKnown: boolean
}

export interface AppendedRow {
  base: number
  at: Date
}

const retainedActions = { keep: 0, set: 1, clear: 2 } as const

export function batchStatement(
  batch: Batch,
  topicRows: ReadonlyMap<string, TopicRow>,
  forgets: number,
  session: { id: number; generation: number },
  guardSql: string
): Statement {
  const { facts, states, packets } = batch
  const column = <T>(pick: (fact: NewFact) => T): T[] => facts.map(pick)
  const rowOf = (fact: NewFact): TopicRow | undefined =>
    fact.topic === null ? undefined : topicRows.get(fact.topic)
  const position = (index: number | null): number | null => (index === null ? null : index + 1)
  return {
    name: 'append_batch',
    text: batchSql(guardSql),
    values: [
      facts.length,
      int8Array(column((fact) => rowOf(fact)?.id ?? null)),
      timestampArray(column((fact) => fact.receivedAt)),
      int4Array(column((fact) => fact.packetId)),
      int2Array(column((fact) => rowOf(fact)?.retentionClass ?? 0)),
      int2Array(column((fact) => factKinds[fact.kind])),
      int2Array(column((fact) => fact.qos)),
      boolArray(column((fact) => fact.retain)),
      boolArray(column((fact) => fact.dup)),
      byteaArray(column((fact) => fact.payload)),
      jsonArray(column((fact) => fact.properties)),
      jsonArray(column((fact) => fact.detail)),
      int8Array(states.map((state) => topicRows.get(state.topic)!.id)),
      int4Array(states.map((state) => state.last + 1)),
      int4Array(states.map((state) => position(state.latest))),
      int2Array(states.map((state) => retainedActions[state.retained])),
      int4Array(states.map((state) => position(state.retainedBy))),
      int4Array(states.map((state) => position(state.previous))),
      timestampArray(states.map((state) => state.expiresAt)),
      boolArray(states.map((state) => state.known)),
      session.id,
      session.generation,
      int4Array(packets.added.map((packet) => packet.packetId)),
      byteaArray(packets.added.map((packet) => packet.hash)),
      int4Array(packets.released),
      batch.retainedKnown,
      forgets
    ]
  }
}

/** One fact of the system, under the guard of an instance: parameters begin at $3. */
export const noteStatement = (kind: FactKind, detail: unknown, guardSql: string): Statement => ({
  name: 'append_note',
  text: `
with ${guardSql},
head as (
  update journal_head set seq = seq + 1, at = greatest(at, clock_timestamp())
  where shard = 0 and exists (select from guard)
  returning seq, at
),
journaled as (
  insert into journal (seq, at, retention_class, kind, detail) select seq, at, 0, $3::int2, $4::json from head
)
select seq, pg_notify('rialto_journal', seq::text) from head`,
  values: [factKinds[kind], JSON.stringify(detail)]
})

/** The previous retained message as a tombstone keeps it. */
const previousJson = (columns: {
  seq: string
  receivedAt: string
  qos: string
  payload: string
  properties: string
}) =>
  `json_build_object('seq', ${columns.seq}, 'receivedAt', ${columns.receivedAt}, 'qos', ${columns.qos},
     'payload', encode(${columns.payload}, 'base64'), 'properties', ${columns.properties})`

const batchSql = (guardSql: string): string => `
with ${guardSql},
head as (
  -- Refused as a whole, by a check, where the ids of topics are those of another time
  update journal_head set seq = case when forgets = $30::int8 then seq + $4 else -1 end,
    at = greatest(at, clock_timestamp())
  where shard = 0 and exists (select from guard)
  returning seq - $4 as base, at
),
facts as materialized (
  select * from unnest($5::int8[], $6::timestamptz[], $7::int4[], $8::int2[], $9::int2[], $10::int2[], $11::bool[],
    $12::bool[], $13::bytea[], $14::json[], $15::json[])
  with ordinality as u (topic_id, received_at, packet_id, retention_class, kind, qos, retain, dup, payload, properties,
    detail, n)
),
journaled as (
  insert into journal (seq, at, topic_id, received_at, packet_id, retention_class, kind, session_id, qos, retain, dup,
    payload, properties, detail)
  select base + n, at, topic_id, received_at, packet_id, retention_class, kind, $24, qos, retain, dup,
    payload, properties, detail
  from head, facts
),
stated as (
  update topic_state s set
    seq = base + change.last,
    message_seq = coalesce(base + change.latest, s.message_seq),
    received_at = case when change.latest is null then s.received_at else latest.received_at end,
    qos = case when change.latest is null then s.qos else latest.qos end,
    retain = case when change.latest is null then s.retain else latest.retain end,
    dup = case when change.latest is null then s.dup else latest.dup end,
    payload = case when change.latest is null then s.payload else latest.payload end,
    properties = case when change.latest is null then s.properties else latest.properties end,
    retained_seq = case retained when 1 then base + change.retained_by when 2 then null else s.retained_seq end,
    retained_received_at = case retained when 1 then kept.received_at when 2 then null else s.retained_received_at end,
    retained_qos = case retained when 1 then kept.qos when 2 then null else s.retained_qos end,
    retained_payload = case retained when 1 then kept.payload when 2 then null else s.retained_payload end,
    retained_properties = case retained when 1 then kept.properties when 2 then null else s.retained_properties end,
    retained_known = coalesce(change.known, s.retained_known or $29),
    confirmed_at = case when retained in (1, 2) then null else s.confirmed_at end,
    expires_at = case retained when 1 then change.expires_at when 2 then null else s.expires_at end,
    tombstone = case retained
      when 1 then null
      -- Nothing was there to be cleared: an earlier tombstone stays
      when 2 then case when change.previous is null and s.retained_seq is null and s.tombstone is not null
        then s.tombstone else json_build_object('at', head.at, 'seq', base + change.retained_by, 'cause', 'cleared', 'previous',
        case
          when change.previous is not null then ${previousJson({
            seq: 'base + change.previous',
            receivedAt: 'previous.received_at',
            qos: 'previous.qos',
            payload: 'previous.payload',
            properties: 'previous.properties'
          })}
          when s.retained_seq is not null then ${previousJson({
            seq: 's.retained_seq',
            receivedAt: 's.retained_received_at',
            qos: 's.retained_qos',
            payload: 's.retained_payload',
            properties: 's.retained_properties'
          })}
        end) end
      else s.tombstone end
  from head, unnest($16::int8[], $17::int4[], $18::int4[], $19::int2[], $20::int4[], $21::int4[], $22::timestamptz[],
    $23::bool[]) as change (topic_id, last, latest, retained, retained_by, previous, expires_at, known)
  left join facts latest on latest.n = change.latest
  left join facts kept on kept.n = change.retained_by
  left join facts previous on previous.n = change.previous
  where s.topic_id = change.topic_id
),
added as (
  insert into inbound_packets (session_id, packet_id, generation, hash)
  select $24, packet_id, $25, hash from head, unnest($26::int4[], $27::bytea[]) as u (packet_id, hash)
  on conflict (session_id, packet_id) do update set generation = excluded.generation, hash = excluded.hash
),
released as (
  delete from inbound_packets where session_id = $24 and packet_id = any ($28::int4[]) and exists (select from head)
)
select base, at, pg_notify('rialto_journal', (base + $4)::text) from head`
