/**
 * Compare and set: a command that is published only if its topic is still as the client has seen it. Checked twice: when it
 * is accepted, with the topic reserved for it from then on; and again when it is published, since others may publish, too.
 */

import type { Command, CommandCondition } from '../command.ts'
import { Problem } from '../errors.ts'
import type { Seq, TopicState } from '../model.ts'
import type { ConditionFacts, Reservations } from '../store/reservations.ts'

/** What a client says must hold of the topic's state. */
export interface ConditionAsk {
  /** One of these versions; or `*`: there is a retained message. null: it says nothing. */
  match: readonly Seq[] | '*' | null
  /** There is no retained message. */
  none: boolean
}

/** The condition that is kept with the command, or null. Throws Problem precondition_failed where it cannot hold. */
export async function toCondition(
  { match, none }: ConditionAsk,
  readState: () => Promise<TopicState | null>
): Promise<CommandCondition | null> {
  if (match === null) return none ? { retained: false } : null
  if (match === '*' && !none) return { retained: true }
  const [only] = match
  if (match !== '*' && match.length === 1 && !none) return { seq: only as Seq }
  const state = await readState()
  // While the version is the same, so is whether there is a retained message
  const holds = match !== '*' && state !== null && match.includes(state.seq)
  if (!holds || (none && state.retained !== null)) throw notMet(state)
  return { seq: state.seq }
}

const holds = (
  condition: CommandCondition,
  { seq, hasRetained }: Pick<ConditionFacts, 'seq' | 'hasRetained'>
): boolean => ('seq' in condition ? seq === condition.seq : hasRetained === condition.retained)

/** Why a command with a condition was not accepted. `state` is what whoever asks may see. */
export function notMet(state: TopicState | null, condition: CommandCondition | null = null): Problem {
  const facts = { seq: state?.seq ?? null, hasRetained: state?.retained != null }
  if (condition !== null && holds(condition, facts)) {
    return new Problem(
      'precondition_failed',
      'Another command with a condition is on its way to this topic; read it again in a moment, and decide again'
    )
  }
  const now = state === null ? 'nothing is known of this topic' : `its state has seq ${state.seq}`
  return new Problem('precondition_failed', `Read it again and decide again: ${now}`)
}

/** Either all of a request are stored or none, so one that is no longer to be published would hold up its neighbors. */
export const conditionOfMany = (): Problem =>
  new Problem('invalid_value', 'A command with a condition is sent alone, in a request of its own')

/** What becomes of a command with a condition, instead of being published or waiting. */
export interface ConditionVerdict {
  event: 'refuse' | 'abandon' | 'accept'
  reason: string | null
}

const refused = 'precondition_failed: '

/** Pure. A `seq` that is past never comes again; a retained message may. */
export function judge(
  { condition, publishSeq }: Pick<Command, 'condition' | 'publishSeq'>,
  facts: ConditionFacts
): 'publish' | 'wait' | ConditionVerdict {
  if (condition === null) return 'publish'
  const attempted = publishSeq !== null
  // Once more would be on top of what others have written since
  if (attempted && facts.cameBack) return { event: 'accept', reason: null }
  const met = holds(condition, facts)
  if (facts.othersOnTheirWay && (met || 'retained' in condition)) return 'wait'
  if (met) return 'publish'
  const now = facts.seq === null ? 'nothing is known of the topic' : `the topic's state has seq ${facts.seq}`
  const reason =
    refused +
    ('seq' in condition || facts.seq === null
      ? now
      : `there is ${condition.retained ? 'no' : 'a'} retained message`)
  if (!attempted) return { event: 'refuse', reason }
  if (facts.reserved) return 'wait'
  return { event: 'abandon', reason: `${reason}; nobody knows whether an earlier attempt reached the broker` }
}

export type CheckCondition = (command: Command) => Promise<'publish' | 'wait' | ConditionVerdict>

/** For whoever publishes: to be asked before each attempt. */
export function createConditionCheck(reservations: Reservations): CheckCondition {
  return async (command) => {
    if (command.condition === null) return 'publish'
    const verdict = judge(command, await reservations.facts(command))
    if (verdict === 'publish') await reservations.renew(command.id)
    return verdict
  }
}

/** For a client that waited: null where the command is anything but refused by its condition. */
export const conditionProblem = ({ state, reason }: Command): Problem | null =>
  state === 'refused' && reason?.startsWith(refused) === true
    ? new Problem('precondition_failed', `Read it again and decide again: ${reason.slice(refused.length)}`)
    : null
