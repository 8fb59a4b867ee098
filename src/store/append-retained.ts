/**
 * What is learned of retained messages otherwise than by receiving them: found by a snapshot, gone when a snapshot
 * looked for them, expired. Each change carries the state that it was decided by, and applies only while that still
 * holds, since live messages are committed meanwhile; what does not apply leaves no fact.
 */

import type { MessageProperties, Millis, QoS, Seq } from '../model.ts'
import { factKinds } from '../model.ts'
import type { Statement } from './append.ts'
import { byteaArray, int2Array, int8Array, jsonArray, timestampArray } from './binary.ts'

export interface RetainedChange {
  topicId: number
  /** Seq of the retained message, or of the tombstone, by which this was decided; 0: there was neither. */
  seen: Seq
  kind: 'snapshot' | 'cleared' | 'expired'
  /** The message found, for a snapshot. */
  found: {
    receivedAt: Millis
    payload: Uint8Array
    qos: QoS
    properties: MessageProperties | null
    expiresAt: Millis | null
  } | null
}

export interface RetainedChanges {
  changes: readonly RetainedChange[]
  /** Topic ids whose retained message was found as it is here. */
  confirmed: readonly number[]
  /** Head of the journal before the broker was asked: what came live after it is newer than any answer. */
  since: Seq
  /** When the broker was asked: the mark of those that were found. */
  askedAt: Millis
}

export interface RetainedRow {
  topic_id: number | null
}

/** Parameters begin at $4. Returns a row for each change that applied. */
export function retainedStatement(asked: RetainedChanges, guardSql: string): Statement {
  const { changes, confirmed, since, askedAt } = asked
  const found = <T>(pick: (found: NonNullable<RetainedChange['found']>) => T): Array<T | null> =>
    changes.map((change) => change.found && pick(change.found))
  return {
    name: 'append_retained',
    text: retainedSql(guardSql),
    values: [
      int8Array(changes.map((change) => change.topicId)),
      int8Array(changes.map((change) => change.seen)),
      int2Array(changes.map((change) => factKinds[change.kind])),
      timestampArray(found(({ receivedAt }) => receivedAt)),
      int2Array(found(({ qos }) => qos)),
      byteaArray(found(({ payload }) => payload)),
      jsonArray(found(({ properties }) => properties)),
      timestampArray(found(({ expiresAt }) => expiresAt)),
      int8Array(confirmed),
      since,
      new Date(askedAt).toISOString()
    ]
  }
}

const { snapshot, cleared, expired } = factKinds

/** Says what the state cannot be told without (see fold-topic.ts). */
const detailSql = `case
      when kind <> ${snapshot} and (unchanged or kind = ${expired}) then json_build_object('retainedSeq', seen)
      when kind <> ${snapshot} then json_build_object('retainedSeq', seen, 'known', false)
      when not unchanged then json_build_object('latest', false, 'known', false)
    end`

const retainedSql = (guardSql: string): string => `
with ${guardSql},
applying as materialized (
  select u.*, t.retention_class, s.message_seq is null or s.message_seq <= $13 as unchanged,
    row_number() over (order by u.topic_id) as n
  from unnest($4::int8[], $5::int8[], $6::int2[], $7::timestamptz[], $8::int2[], $9::bytea[], $10::json[],
    $11::timestamptz[])
    as u (topic_id, seen, kind, received_at, qos, payload, properties, expires_at)
  join topics t on t.id = u.topic_id
  join topic_state s on s.topic_id = u.topic_id
  where coalesce(s.retained_seq, (s.tombstone ->> 'seq')::bigint, 0) = u.seen
    and (u.kind = ${snapshot} or s.retained_seq is not null)
),
head as (
  -- Refused as a whole, by a check, where topics came to other classes while this waited
  update journal_head set at = greatest(at, clock_timestamp()),
    seq = case when forgets = (select forgets from journal_head where shard = 0)
      then seq + (select count(*) from applying) else -1 end
  where shard = 0 and exists (select from guard)
  returning seq - (select count(*) from applying) as base, at
),
journaled as (
  insert into journal (seq, at, topic_id, retention_class, kind, session_id, received_at, qos, retain, dup, payload,
    properties, detail)
  select base + n, at, topic_id, retention_class, kind, $2, received_at, qos,
    case when kind = ${snapshot} then true end, case when kind = ${snapshot} then false end, payload, properties,
    ${detailSql}
  from head, applying
),
stated as (
  update topic_state s set
    seq = base + n,
    -- What was found is the latest, too, unless something newer came live
    message_seq = case when latest then base + n else s.message_seq end,
    received_at = case when latest then a.received_at else s.received_at end,
    qos = case when latest then a.qos else s.qos end,
    retain = case when latest then true else s.retain end,
    dup = case when latest then false else s.dup end,
    payload = case when latest then a.payload else s.payload end,
    properties = case when latest then a.properties else s.properties end,
    retained_seq = case when kind = ${snapshot} then base + n end,
    retained_received_at = a.received_at,
    retained_qos = a.qos,
    retained_payload = a.payload,
    retained_properties = a.properties,
    retained_known = s.retained_known or (unchanged and kind <> ${expired}),
    confirmed_at = case when kind = ${snapshot} then $14::timestamptz end,
    expires_at = a.expires_at,
    tombstone = case when kind <> ${snapshot} then json_build_object('at', head.at, 'seq', base + n, 'cause',
      case when kind = ${cleared} then 'reconciled' else 'expired' end, 'previous', json_build_object(
        'seq', s.retained_seq, 'receivedAt', s.retained_received_at, 'qos', s.retained_qos,
        'payload', encode(s.retained_payload, 'base64'), 'properties', s.retained_properties)) end
  from head, (select *, unchanged and kind = ${snapshot} as latest from applying) as a
  where s.topic_id = a.topic_id
),
confirmed as (
  update topic_state set confirmed_at = $14::timestamptz,
    retained_known = retained_known or message_seq is null or message_seq <= $13
  where topic_id = any ($12::int8[]) and exists (select from head)
)
select topic_id, pg_notify('rialto_journal', (base + (select count(*) from applying))::text)
from head left join applying on true`
