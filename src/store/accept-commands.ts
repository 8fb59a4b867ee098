/** What an acceptance of commands appends: a row of `commands` and a fact for each, or nothing at all. */

import { Problem } from '../errors.ts'
import type { Command } from '../command.ts'
import type { Millis } from '../model.ts'
import { factKinds } from '../model.ts'
import type { Statement } from './append.ts'
import type { Guard } from './guard.ts'
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
  /** It is being published, and this is the hash of its key; null: it waits. */
  going: string | null
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
 * Stores what several clients ask for; no two claim the same. `beside` is for one alone, under an instance's guard: nothing of
 * it is stored where a condition does not hold. Those in `atOnce` are stored as being published, and both transitions are facts,
 * unless another one of their key is before them; `guard` is then that of the instance that leads.
 */
export function acceptStatement(
  acceptances: readonly Acceptance[],
  guard: Pick<Guard, 'sql' | 'key'>,
  { beside = null, atOnce = none }: { beside?: Beside | null; atOnce?: ReadonlySet<string> } = {}
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
  const first = guard.key.length - 1
  const kind = atOnce.size > 0 ? 'accept_commands_at_once' : 'accept_commands'
  return {
    name: beside?.name ?? `${kind}_${first}`,
    text: acceptSql(guard.sql, (n) => `$${first + n}`, beside, atOnce.size > 0),
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
      column((command) => (atOnce.has(command.id) ? 'publishing' : command.state)),
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

/** The first user property of that name. */
export const traceparentSql = (properties: string): string => `case when ${properties} is not null then (
        select pair->>1 from json_array_elements(${properties}->'userProperties') with ordinality as u (pair, place)
        where pair->>0 = 'traceparent' order by place limit 1) end`

const none: ReadonlySet<string> = new Set()

function acceptSql(
  guardSql: string,
  p: (n: number) => string,
  beside: Beside | null,
  atOnce: boolean
): string {
  const met = beside?.met === undefined ? '' : 'and exists (select from met)'
  return `
with ${guardSql},${beside?.met ?? ''}
asked as materialized (
  select * from unnest(${p(7)}::uuid[], ${p(8)}::text[], ${p(9)}::bytea[], ${p(10)}::int2[], ${p(11)}::bool[], ${p(12)}::json[],
    ${p(13)}::timestamptz[], ${p(14)}::timestamptz[], ${p(15)}::text[], ${p(16)}::uuid[], ${p(17)}::text[], ${p(18)}::text[], ${p(19)}::text[],
    ${p(20)}::bytea[], ${p(21)}::text[], ${p(22)}::text[], ${p(23)}::bool[], ${p(24)}::timestamptz[], ${p(25)}::int4[], ${p(26)}::text[], ${p(27)}::json[],
    ${p(28)}::json[], ${p(29)}::uuid[], ${p(30)}::text[], ${p(3)}::int4[])
  with ordinality as u (id, topic, payload, qos, retain, properties, created_at, expires_at, principal, batch_id, state,
    device, name, parameters, delivery, order_key, one_in_flight, not_before, timeout_seconds, awaits, awaited,
    condition, retry_of, address, claim, place)
),
claims as (
  select number, (select principal from asked where claim = number limit 1) as principal, key, body_hash, answer
  from unnest(${p(4)}::text[], ${p(5)}::bytea[], ${p(6)}::text[]) with ordinality as c (key, body_hash, answer, number)
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
${atOnce ? placedAtOnceSql : placedSql}
head as (
  update journal_head set seq = seq + (select count(*) + count(m) from placed), at = greatest(at, clock_timestamp())
  where shard = 0 and exists (select from guard)
  returning seq - (select count(*) + count(m) from placed) as base, (select count(*) from placed) as submitted, at
),
stored as (
  insert into commands (id, created_seq, seq, queue_seq, topic, payload, qos, retain, properties, state, created_at, expires_at,
    principal, batch_id, device, name, parameters, delivery, order_key, one_in_flight, not_before, timeout_seconds,
    awaits, awaited, condition, retry_of, attempts, publish_seq)
  select id, base + n, base + coalesce(submitted + m, n), base + n, topic, payload, qos, retain, properties, ${stateNow},
    created_at, expires_at, principal, batch_id, device, name, parameters, delivery, order_key, one_in_flight, not_before,
    timeout_seconds, awaits, awaited, condition, retry_of, (m is not null)::int, base + submitted + m
  from head, placed
),${beside?.stored ?? ''}
journaled as (
  insert into journal (seq, at, retention_class, kind, command_id, detail)
  select base + n, at, 0, ${factKinds.command}, id,
    json_build_object('id', id, 'topic', topic, 'device', device, 'principal', principal, 'from', null, 'to', ${stateFirst},
      'event', 'submit', 'final', false,
      'attempt', 0, 'brokerReasonCode', null, 'traceparent', ${traceparentSql('properties')})
  from head, placed
  union all
  select base + submitted + m, at, 0, ${factKinds.command}, id,
    json_build_object('id', id, 'topic', topic, 'device', device, 'principal', principal, 'from', 'pending',
      'to', 'publishing', 'event', 'publish', 'final', false,
      'attempt', 1, 'brokerReasonCode', null, 'reason', null, 'responseSeq', null, 'effectSeq', null,
      'traceparent', ${traceparentSql('properties')})
  from head, placed where m is not null
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
select placed.id, base + n as seq, head.at, told,
  case when m is not null then hashtextextended(coalesce(order_key, topic), 0)::text end as going
from head left join placed on true
  left join (select pg_notify('rialto_journal', (base + count(n) + count(m))::text) as told from head, placed group by base)
    as once on true
order by n`
}

const placedSql = 'placed as not materialized (select given.*, null::int8 as m from given),'

/** What the row of one that is in `placed` says. */
const stateFirst = `case when state = 'publishing' then 'pending' else state end`
const stateNow = `case when m is not null then 'publishing' when state = 'publishing' then 'pending' else state end`

// What was committed while this waited for the head is not in its snapshot, but command_may_go takes snapshots of its own: so
// the head is locked first. Of one key, none goes behind one that waits.
const placedAtOnceSql = `locked as materialized (
  select shard from journal_head where shard = 0 and exists (select from guard) for update
),
placed as materialized (
  select *, case when goes then count(*) filter (where goes) over (order by n) end as m
  from (
    select given.*, bool_and(given.state = 'publishing' and command_may_go(coalesce(order_key, topic)))
      over (partition by coalesce(order_key, topic) order by n) as goes
    from locked, given
  ) as asked_to_go
),`

/** By the names of the operations. A request has one entry, of its batch or of its only command; its first topic tells more. */
const actionSql = (beside: Beside | null): string =>
  beside?.action === undefined
    ? `case when retry_of is not null then 'retryCommand'
        when retain then case when octet_length(payload) = 0 then 'clearRetained' else 'setRetained' end
        else 'sendCommands' end`
    : `'${beside.action}'`
