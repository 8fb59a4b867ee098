/** What moves commands: transitions, each of a row of `commands`, and a fact; or neither. */

import type { CommandEvent, CommandState, StoredMessage } from '../command.ts'
import { factKinds } from '../model.ts'
import { traceparentSql } from './accept-commands.ts'
import type { Statement } from './append.ts'
import type { Actor } from './audit.ts'
import { jsonArray } from './binary.ts'
import type { Guard } from './guard.ts'

/** A transition that happens only if the command is in one of the states `from`. */
export interface NewTransition {
  id: string
  event: CommandEvent
  from: readonly CommandState[]
  /** null: it stays what it is, and a late response is recorded, if there is none yet. */
  to: CommandState | null
  attempt: boolean
  brokerReasonCode: number | null
  reason?: string | null
  response?: StoredMessage | null
  effectSeq?: number | null
  /** Only if it has not been published again since: what is said of one attempt says nothing of the next. */
  ofAttempt?: number | null
  /** A client that asked for it, and stands in the audit. */
  by?: Actor
}

export interface TransitionRow {
  id: string | null
  seq: number | null
  state: CommandState | null
  /** It is final now, and was not before. */
  ended: boolean | null
}

/** Returns a row for each command that moved. */
export function transitionStatement(transitions: readonly NewTransition[], guard: Guard): Statement {
  const column = <T>(pick: (transition: NewTransition) => T): T[] => transitions.map(pick)
  // The guard's come first: the number of the append, and its key
  const first = guard.key.length + 2
  const audited = transitions.some(({ by }) => by !== undefined)
  return {
    name: `move_commands_${first}${audited ? '_audited' : ''}`,
    text: transitionSql(guard.sql, (n) => `$${first + n}`, audited),
    values: [
      column((transition) => transition.id),
      column((transition) => transition.from.join(' ')),
      column((transition) => transition.to),
      column((transition) => transition.attempt),
      column((transition) => transition.brokerReasonCode),
      column((transition) => transition.event),
      column((transition) => transition.reason ?? null),
      jsonArray(column((transition) => transition.response ?? null)),
      column((transition) => transition.effectSeq ?? null),
      column((transition) => transition.ofAttempt ?? null),
      ...(audited ? [column(({ by }) => by?.principal ?? null), column(({ by }) => by?.address ?? null)] : [])
    ]
  }
}

// The rows are locked first, in the order of their ids, so that what is counted for the head is what moves. A command that
// awaits nothing is final when it is published, and no answer moves it. Of a batch that has ended, nothing is published.
const transitionSql = (guardSql: string, p: (n: number) => string, audited: boolean): string => `
with ${guardSql},
current as materialized (
  select id, topic, device, principal, properties, state, awaits, attempts, batch_id, response, late_response from commands
  where id = any (${p(0)}::uuid[]) and exists (select from guard)
  order by id for update
),
moving as materialized (
  select c.id, c.topic, c.device, c.principal, c.properties, c.state as from_state, coalesce(u.to_state, c.state) as to_state,
    c.attempts + u.attempt::int as attempts, u.reason_code, u.event, u.reason, u.response, u.effect_seq,
    u.to_state is null as late,
    coalesce(u.to_state, c.state) not in ('scheduled', 'pending', 'publishing')
      and (coalesce(u.to_state, c.state) <> 'published' or c.awaits = 'none') as final,
    row_number() over (order by u.n) as n
  from unnest(${p(0)}::uuid[], ${p(1)}::text[], ${p(2)}::text[], ${p(3)}::bool[], ${p(4)}::int2[], ${p(5)}::text[],
    ${p(6)}::text[], ${p(7)}::json[], ${p(8)}::int8[], ${p(9)}::int4[])
    with ordinality as u (id, from_states, to_state, attempt, reason_code, event, reason, response, effect_seq, of_attempt, n)
  join current c on c.id = u.id
  where c.state = any (string_to_array(u.from_states, ' '))
    and (u.of_attempt is null or u.of_attempt = c.attempts)
    and (u.event not in ('succeed', 'fail', 'timeOut') or c.awaits <> 'none')
    and (u.event <> 'publish' or c.batch_id is null or not exists (
      select from batches b where b.id = c.batch_id and b.state <> 'running'))
    and (u.to_state is not null or (c.late_response is null
      and c.response->>'seq' is distinct from u.response->>'seq'))
),
head as (
  update journal_head set seq = seq + (select count(*) from moving), at = greatest(at, clock_timestamp())
  where shard = 0 and exists (select from guard)
  returning seq - (select count(*) from moving) as base, at
),
moved as (
  update commands c set
    state = to_state,
    seq = base + n,
    attempts = moving.attempts,
    queue_seq = case when moving.event = 'due' then base + n else c.queue_seq end,
    broker_reason_code = coalesce(reason_code, c.broker_reason_code),
    published_at = case when not late and to_state in ('published', 'undeliverable') then head.at else c.published_at end,
    publish_seq = case when to_state = 'publishing' then coalesce(c.publish_seq, base + n) else c.publish_seq end,
    timeout_at = case when not final and to_state = 'published'
      then head.at + make_interval(secs => c.timeout_seconds) else c.timeout_at end,
    finished_at = case when late then c.finished_at when final then head.at end,
    reason = coalesce(moving.reason, c.reason),
    response = case when late then c.response else coalesce(moving.response, c.response) end,
    late_response = case when late then moving.response else c.late_response end,
    effect_seq = coalesce(moving.effect_seq, c.effect_seq)
  from head, moving
  where c.id = moving.id
),
journaled as (
  insert into journal (seq, at, retention_class, kind, command_id, detail)
  select base + n, at, 0, ${factKinds.command}, id,
    json_build_object('id', id, 'topic', topic, 'device', device, 'principal', principal, 'from', from_state, 'to', to_state, 'event', event, 'final', final,
      'attempt', attempts, 'brokerReasonCode', reason_code, 'reason', reason,
      'responseSeq', (response->>'seq')::int8, 'effectSeq', effect_seq, 'traceparent', ${traceparentSql('properties')})
  from head, moving
)${audited ? auditedSql(p) : ''}
select moving.id, base + n as seq, moving.to_state as state, moving.final and not moving.late as ended, told
from head left join moving on true
  left join (select pg_notify('rialto_journal', (base + count(n))::text) as told from head, moving group by base) as once on true`

const auditedSql = (p: (n: number) => string): string => `,
audited as (
  insert into audit (at, principal, address, action, subject, detail)
  select head.at, u.principal, u.address, 'cancelCommand', id::text, json_build_object('topic', topic, 'state', to_state)
  from head, moving
  join unnest(${p(0)}::uuid[], ${p(10)}::text[], ${p(11)}::text[]) as u (id, principal, address) using (id)
  where u.principal is not null
)`
