/** What commands append: acceptances and transitions, each a row of `commands` and a fact, or neither. */

import { Problem } from '../errors.ts'
import type { CommandState, MessageProperties, Millis, QoS } from '../model.ts'
import { factKinds } from '../model.ts'
import type { Statement } from './append.ts'
import { byteaArray, jsonArray } from './binary.ts'

/** A command as accepted; everything that its acceptance answers is known before it is stored. */
export interface NewCommand {
  id: string
  topic: string
  payload: Uint8Array
  qos: QoS
  retain: boolean
  properties: MessageProperties | null
  createdAt: Millis
  expiresAt: Millis | null
  principal: string
  batchId: string | null
}

export interface IdempotencyClaim {
  principal: string
  key: string
  bodyHash: Uint8Array
  /** What every repetition is answered. */
  answer: string
}

export interface AcceptedRow {
  id: string | null
  seq: number | null
  at: Date | null
}

/** Stores all commands, or none of them when the claim is already taken. Parameters begin at $3. */
export function acceptStatement(
  commands: readonly NewCommand[],
  claim: IdempotencyClaim | null,
  guardSql: string
): Statement {
  if (commands.length === 0) throw new Problem('internal', 'An acceptance has at least one command')
  const column = <T>(pick: (command: NewCommand) => T): T[] => commands.map(pick)
  const time = (at: Millis | null): string | null => (at === null ? null : new Date(at).toISOString())
  return {
    name: 'accept_commands',
    text: acceptSql(guardSql),
    values: [
      claim?.principal ?? null,
      claim?.key ?? null,
      claim?.bodyHash ?? null,
      claim?.answer ?? null,
      column((command) => command.id),
      column((command) => command.topic),
      byteaArray(column((command) => command.payload)),
      column((command) => command.qos),
      column((command) => command.retain),
      jsonArray(column((command) => command.properties)),
      column((command) => time(command.createdAt)),
      column((command) => time(command.expiresAt)),
      column((command) => command.principal),
      column((command) => command.batchId)
    ]
  }
}

const acceptSql = (guardSql: string): string => `
with ${guardSql},
claimed as (
  insert into idempotency_keys (principal, key, body_hash, answer)
  select $3::text, $4::text, $5::bytea, $6::text from guard where $4::text is not null
  on conflict (principal, key) do nothing
  returning key
),
given as materialized (
  select * from unnest($7::uuid[], $8::text[], $9::bytea[], $10::int2[], $11::bool[], $12::json[],
    $13::timestamptz[], $14::timestamptz[], $15::text[], $16::uuid[])
  with ordinality as u (id, topic, payload, qos, retain, properties, created_at, expires_at, principal, batch_id, n)
  where $4::text is null or exists (select from claimed)
),
head as (
  update journal_head set seq = seq + (select count(*) from given), at = greatest(at, clock_timestamp())
  where shard = 0 and exists (select from guard)
  returning seq - (select count(*) from given) as base, at
),
stored as (
  insert into commands (id, created_seq, seq, topic, payload, qos, retain, properties, state, created_at, expires_at,
    principal, batch_id)
  select id, base + n, base + n, topic, payload, qos, retain, properties, 'pending', created_at, expires_at,
    principal, batch_id
  from head, given
),
journaled as (
  insert into journal (seq, at, retention_class, kind, command_id, detail)
  select base + n, at, 0, ${factKinds.command}, id,
    json_build_object('id', id, 'topic', topic, 'from', null, 'to', 'pending', 'attempt', 0, 'brokerReasonCode', null)
  from head, given
)
select given.id, base + n as seq, head.at, pg_notify('rialto_journal', (base + n)::text)
from head left join given on true
order by n`

/** A transition that happens only if the command is in one of the states `from`. */
export interface NewTransition {
  id: string
  from: readonly CommandState[]
  to: CommandState
  attempt: boolean
  brokerReasonCode: number | null
}

export interface TransitionRow {
  id: string | null
  seq: number | null
}

/** Returns a row for each command that moved. Parameters begin at $3. */
export function transitionStatement(transitions: readonly NewTransition[], guardSql: string): Statement {
  const column = <T>(pick: (transition: NewTransition) => T): T[] => transitions.map(pick)
  return {
    name: 'move_commands',
    text: transitionSql(guardSql),
    values: [
      column((transition) => transition.id),
      column((transition) => transition.from.join(' ')),
      column((transition) => transition.to),
      column((transition) => transition.attempt),
      column((transition) => transition.brokerReasonCode)
    ]
  }
}

// The rows are locked first, in the order of their ids, so that what is counted for the head is what moves.
const transitionSql = (guardSql: string): string => `
with ${guardSql},
current as materialized (
  select id, topic, state, attempts from commands where id = any ($3::uuid[]) and exists (select from guard)
  order by id for update
),
moving as materialized (
  select c.id, c.topic, c.state as from_state, u.to_state, c.attempts + u.attempt::int as attempts, u.reason,
    row_number() over (order by u.n) as n
  from unnest($3::uuid[], $4::text[], $5::text[], $6::bool[], $7::int2[])
    with ordinality as u (id, from_states, to_state, attempt, reason, n)
  join current c on c.id = u.id
  where c.state = any (string_to_array(u.from_states, ' '))
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
    broker_reason_code = coalesce(reason, c.broker_reason_code),
    published_at = case when to_state in ('published', 'undeliverable') then head.at else c.published_at end,
    finished_at = case when to_state in ('pending', 'publishing') then null else head.at end
  from head, moving
  where c.id = moving.id
),
journaled as (
  insert into journal (seq, at, retention_class, kind, command_id, detail)
  select base + n, at, 0, ${factKinds.command}, id,
    json_build_object('id', id, 'topic', topic, 'from', from_state, 'to', to_state, 'attempt', attempts,
      'brokerReasonCode', reason)
  from head, moving
)
select moving.id, base + n as seq, pg_notify('rialto_journal', (base + n)::text)
from head left join moving on true`
