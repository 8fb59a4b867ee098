/**
 * Commands with a condition: what there is to know before one is published. Whether one is accepted is said by the SQL
 * function condition_met, in the transaction of its acceptance.
 */

import type { Command } from '../command.ts'
import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import type { Beside, NewCommand } from './accept-commands.ts'
import type { Pool } from './database.ts'
import { hashTopic } from './topics.ts'

/** What is known of the topic of a command. */
export interface ConditionFacts {
  /** Version of the topic's state; null: nothing was ever heard of it. */
  seq: Seq | null
  hasRetained: boolean
  /** Others are to be published before it, or were and have not come back. */
  othersOnTheirWay: boolean
  /** Its own message, of an earlier attempt, has come back. */
  cameBack: boolean
  /** Its topic is still reserved for it. */
  reserved: boolean
}

export interface Reservations {
  facts(command: Command): Promise<ConditionFacts>
  /** From now on for `reservationSeconds`, unless another command has it by now. */
  renew(id: string): Promise<void>
}

/** For the acceptance of a command with a condition, which is accepted alone; null: none of these has one. */
export function besideCondition(commands: readonly NewCommand[], reservationSeconds: number): Beside | null {
  const conditional = commands.find(({ condition }) => condition !== null)
  if (conditional === undefined) return null
  const { topic, condition } = conditional
  return {
    name: 'accept_command_if',
    met: metSql,
    stored: reservedSql,
    values: [hashTopic(topic), JSON.stringify(condition), reservationSeconds]
  }
}

// What is committed while this waits for the head is not in its snapshot, but condition_met takes snapshots of its own: so
// the head is locked first.
const metSql = `
locked as materialized (
  select shard from journal_head where shard = 0 and exists (select from guard) for update
),
met as materialized (select from locked where condition_met($31::bytea, $32::json)),`

const reservedSql = `
reserved as (
  insert into topic_reservations (topic_hash, command_id, until)
  select $31::bytea, id, clock_timestamp() + make_interval(secs => $33) from head, given
  on conflict (topic_hash) do update set command_id = excluded.command_id, until = excluded.until
),`

export function createReservations(
  pool: Pool,
  { reservationSeconds }: Pick<Limits, 'reservationSeconds'>
): Reservations {
  return {
    async facts({ id, topic, createdSeq, publishSeq, payload }) {
      const { rows } = await pool.query<ConditionFacts>({
        name: 'condition_facts',
        text: factsSql,
        values: [hashTopic(topic), topic, id, createdSeq, publishSeq, payload, reservationSeconds]
      })
      return rows[0]!
    },
    async renew(id) {
      await pool.query({
        name: 'renew_reservation',
        text: `update topic_reservations set until = now() + make_interval(secs => $2) where command_id = $1`,
        values: [id, reservationSeconds]
      })
    }
  }
}

// `ahead`: to be published before it. `sent`: published, or perhaps so, not long ago; of one connection, topic and QoS
// messages come back in their order, so the newest of each QoS tells. A command with a condition waits for older ones of
// its kind only, so that no two wait for one another.
const factsSql = `
with state as (
  select s.topic_id, s.seq, s.retained_seq from topics t join topic_state s on s.topic_id = t.id
  where t.name_hash = $1 and s.seq > 0
),
ahead as (
  select from commands
  where hashtextextended(topic, 0) = hashtextextended($2, 0) and topic = $2 and finished_at is null and id <> $3
    and (created_seq < $4 or condition is null)
    and (state = 'publishing' or state = 'pending' and (created_seq < $4 or publish_seq is not null))
),
sent as (
  select distinct on (qos) id, publish_seq, payload from commands
  where hashtextextended(topic, 0) = hashtextextended($2, 0) and topic = $2 and publish_seq is not null and id <> $3
    and coalesce(published_at, finished_at) > now() - make_interval(secs => $7)
    and not (state = 'refused' and attempts <= 1)
  order by qos, publish_seq desc
)
select state.seq, state.retained_seq is not null as "hasRetained",
  exists (select from ahead) or exists (
    select from sent where state.topic_id is null
      or not command_came_back(state.topic_id, sent.id, sent.publish_seq, sent.payload)) as "othersOnTheirWay",
  $5::bigint is not null and state.topic_id is not null
    and command_came_back(state.topic_id, $3, $5, $6) as "cameBack",
  exists (select from topic_reservations where command_id = $3 and until > now()) as reserved
from (values (1)) one left join state on true`
