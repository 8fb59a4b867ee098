/** What an acceptance of commands appends: a row of `commands` and a fact for each, or nothing at all. */

import { Problem } from '../errors.ts'
import type { Command } from '../command.ts'
import type { Millis } from '../model.ts'
import { factKinds } from '../model.ts'
import type { Statement } from './append.ts'
import { byteaArray, jsonArray } from './binary.ts'

/** A command as accepted; everything that its acceptance answers is known before it is stored. */
export interface NewCommand extends Pick<
  Command,
  | 'id'
  | 'topic'
  | 'device'
  | 'name'
  | 'qos'
  | 'retain'
  | 'properties'
  | 'delivery'
  | 'orderKey'
  | 'oneInFlight'
  | 'awaits'
  | 'awaited'
  | 'condition'
  | 'createdAt'
  | 'notBefore'
  | 'expiresAt'
  | 'timeoutSeconds'
  | 'retryOf'
  | 'principal'
  | 'batchId'
> {
  state: 'scheduled' | 'pending'
  /** Of the client, for the audit; not given: not known. */
  address?: string | null | undefined
  payload: Uint8Array
  parameters: Uint8Array | null
}

export interface IdempotencyClaim {
  /** That of its commands. */
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

/** What goes with an acceptance: common table expressions, each with its comma; their parameters begin at $31. */
export interface Beside {
  /** Of the statement. */
  name: string
  /** What the audit calls it. */
  action?: string
  /** Of `guard`. Its last one is `met`: without a row of it nothing is stored. */
  met?: string
  /** Of `head` and `given`. */
  stored: string
  values: unknown[]
}

/** What one client asks for: all of it is stored, or, where its claim is taken, nothing. */
export interface Acceptance {
  commands: readonly NewCommand[]
  claim: IdempotencyClaim | null
}

/**
 * Stores what several clients ask for; no two claim the same. `beside` is for one alone: nothing of it is stored where a
 * condition does not hold. Parameters begin at $3.
 */
export function acceptStatement(
  acceptances: readonly Acceptance[],
  guardSql: string,
  beside: Beside | null = null
): Statement {
  if (acceptances.some(({ commands }) => commands.length === 0))
    throw new Problem('internal', 'An acceptance has at least one command')
  const claims = acceptances.flatMap(({ claim }) => claim ?? [])
  const commands = acceptances.flatMap((acceptance) => acceptance.commands)
  /** Of each command, which of the claims it goes with, from 1. */
  const claimNumbers = acceptances.flatMap(({ claim, commands: of }) =>
    of.map(() => (claim === null ? null : claims.indexOf(claim) + 1))
  )
  const column = <T>(pick: (command: NewCommand) => T): T[] => commands.map(pick)
  const time = (at: Millis | null): string | null => (at === null ? null : new Date(at).toISOString())
  return {
    name: beside?.name ?? 'accept_commands',
    text: acceptSql(guardSql, beside),
    values: [
      claimNumbers,
      claims.map(({ key }) => key),
      byteaArray(claims.map(({ bodyHash }) => bodyHash)),
      claims.map(({ answer }) => answer),
      column((command) => command.id),
      column((command) => command.topic),
      byteaArray(column((command) => command.payload)),
      column((command) => command.qos),
      column((command) => command.retain),
      jsonArray(column((command) => command.properties)),
      column((command) => time(command.createdAt)),
      column((command) => time(command.expiresAt)),
      column((command) => command.principal),
      column((command) => command.batchId),
      column((command) => command.state),
      column((command) => command.device),
      column((command) => command.name),
      byteaArray(column((command) => command.parameters)),
      column((command) => command.delivery),
      column((command) => command.orderKey),
      column((command) => command.oneInFlight),
      column((command) => time(command.notBefore)),
      column((command) => command.timeoutSeconds),
      column((command) => command.awaits),
      jsonArray(column((command) => command.awaited)),
      jsonArray(column((command) => command.condition)),
      column((command) => command.retryOf),
      column((command) => command.address ?? null),
      ...(beside?.values ?? [])
    ]
  }
}

function acceptSql(guardSql: string, beside: Beside | null): string {
  const met = beside?.met === undefined ? '' : 'and exists (select from met)'
  return `
with ${guardSql},${beside?.met ?? ''}
asked as materialized (
  select * from unnest($7::uuid[], $8::text[], $9::bytea[], $10::int2[], $11::bool[], $12::json[],
    $13::timestamptz[], $14::timestamptz[], $15::text[], $16::uuid[], $17::text[], $18::text[], $19::text[],
    $20::bytea[], $21::text[], $22::text[], $23::bool[], $24::timestamptz[], $25::int4[], $26::text[], $27::json[],
    $28::json[], $29::uuid[], $30::text[], $3::int4[])
  with ordinality as u (id, topic, payload, qos, retain, properties, created_at, expires_at, principal, batch_id, state,
    device, name, parameters, delivery, order_key, one_in_flight, not_before, timeout_seconds, awaits, awaited,
    condition, retry_of, address, claim, place)
),
claims as (
  select number, (select principal from asked where claim = number limit 1) as principal, key, body_hash, answer
  from unnest($4::text[], $5::bytea[], $6::text[]) with ordinality as c (key, body_hash, answer, number)
),
claimed as (
  insert into idempotency_keys (principal, key, body_hash, answer)
  select principal, key, body_hash, answer from guard, claims where true ${met}
  on conflict (principal, key) do nothing
  returning principal, key
),
given as materialized (
  select asked.*, row_number() over (order by place) as n from asked
  where (claim is null or exists (select from claims join claimed using (principal, key) where number = claim)) ${met}
),
head as (
  update journal_head set seq = seq + (select count(*) from given), at = greatest(at, clock_timestamp())
  where shard = 0 and exists (select from guard)
  returning seq - (select count(*) from given) as base, at
),
stored as (
  insert into commands (id, created_seq, seq, queue_seq, topic, payload, qos, retain, properties, state, created_at, expires_at,
    principal, batch_id, device, name, parameters, delivery, order_key, one_in_flight, not_before, timeout_seconds,
    awaits, awaited, condition, retry_of)
  select id, base + n, base + n, base + n, topic, payload, qos, retain, properties, state, created_at, expires_at,
    principal, batch_id, device, name, parameters, delivery, order_key, one_in_flight, not_before, timeout_seconds,
    awaits, awaited, condition, retry_of
  from head, given
),${beside?.stored ?? ''}
journaled as (
  insert into journal (seq, at, retention_class, kind, command_id, detail)
  select base + n, at, 0, ${factKinds.command}, id,
    json_build_object('id', id, 'topic', topic, 'device', device, 'principal', principal, 'from', null, 'to', state, 'event', 'submit', 'final', false,
      'attempt', 0, 'brokerReasonCode', null)
  from head, given
),
audited as (
  insert into audit (at, principal, address, action, subject, detail)
  select at, principal, address, ${actionSql(beside)}, coalesce(batch_id, id)::text,
    json_build_object('commands', commands, 'topic', topic, 'device', device, 'name', name, 'retryOf', retry_of)
  from head, (
    select distinct on (coalesce(batch_id, id)) given.*, count(*) over (partition by coalesce(batch_id, id)) as commands
    from given order by coalesce(batch_id, id), n
  ) as first
)
select given.id, base + n as seq, head.at, pg_notify('rialto_journal', (base + n)::text)
from head left join given on true
order by n`
}

/** By the names of the operations. A request has one entry, of its batch or of its only command; its first topic tells more. */
const actionSql = (beside: Beside | null): string =>
  beside?.action === undefined
    ? `case when retry_of is not null then 'retryCommand'
        when retain then case when octet_length(payload) = 0 then 'clearRetained' else 'setRetained' end
        else 'sendCommands' end`
    : `'${beside.action}'`
