/** The state of a topic right after one of its facts, although it has changed since. Pure. */

import type { Fact, Message, TopicState } from '../model.ts'

/**
 * Takes the state as it is now. Returns null where the state after `fact` cannot be told any more: then a later fact of
 * the topic changed the same, and the state after that one can be.
 */
export function stateAsOf(fact: Fact, now: TopicState): TopicState | null {
  if (now.seq === fact.seq) return now
  const { message } = fact
  if (message === null || fact.kind === 'cleared' || fact.kind === 'snapshot') return null
  const base = { ...now, seq: fact.seq, latest: message, confirmedAt: null }
  if (message.retain === true) {
    return { ...base, retained: message, retainedKnown: true, tombstone: null, expiresAt: expiry(message) }
  }
  // It left what is retained as it was; that is known if it has not changed since
  const changedAt = now.retained?.seq ?? now.tombstone?.seq ?? 0
  if (changedAt > fact.seq) return null
  return { ...base, retainedKnown: message.retain === false && now.retainedKnown }
}

const expiry = ({ receivedAt, properties }: Message): number | null =>
  properties?.messageExpiryInterval === undefined
    ? null
    : receivedAt + properties.messageExpiryInterval * 1_000
