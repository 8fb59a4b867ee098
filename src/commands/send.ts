/** Publishes one command, and says what that came to. */

import type { Command } from '../command.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { OutgoingMessage } from '../mqtt/connection.ts'
import type { Publisher } from '../mqtt/publisher.ts'
import type { MovingEvent } from './lifecycle.ts'
import { failure, noMatchingSubscribers, toReason } from './reason-codes.ts'
import type { Suspects } from './suspects.ts'

/** What is known of it now. */
export interface Word {
  event: Extract<MovingEvent, 'accept' | 'deliverToNobody' | 'refuse' | 'lose' | 'abandon'>
  brokerReasonCode: number | null
  reason: string | null
}

/** Publishes at once, or, where `mayGo` says no, not at all. Never throws. */
export async function send(
  { command, message, mayGo }: { command: Command; message: OutgoingMessage; mayGo: () => boolean },
  parts: {
    publisher: Publisher
    suspects: Suspects
    limits: Limits
    /** Nobody knows whether the broker has it. Called at once, before anything else is published. */
    onLost: () => void
  }
): Promise<Word> {
  const { publisher, suspects, limits } = parts
  const { id, delivery } = command
  // It has not left: it is published later, as if nothing had been
  const notSent: Word = { event: 'lose', brokerReasonCode: null, reason: null }
  if (!mayGo()) return notSent
  try {
    const { reasonCode } = await publisher.publish(message)
    suspects.cleared(id)
    return byReasonCode(reasonCode, { first: command.attempts === 0, retain: message.retain })
  } catch (error) {
    if (error instanceof Problem) return notSent
    parts.onLost()
    const { message: how } = error as Error
    if (delivery === 'atMostOnce') {
      suspects.cleared(id)
      return lost(
        'abandon',
        `Nobody knows whether the broker has it, and it must not be published twice: ${how}`
      )
    }
    if (!suspects.lost(id)) return notSent
    const times = limits.commandAloneAttemptsMax
    return lost(
      'refuse',
      `The broker ended the connection ${times} times when only this was being published: ${how}`
    )
  }
}

const lost = (event: 'abandon' | 'refuse', reason: string): Word => ({
  event,
  brokerReasonCode: null,
  reason
})

/**
 * A retained message has come where it was to come, whoever is subscribed. Of one that was published before, and lost, the
 * broker's word is only on this attempt: an earlier one may have arrived.
 */
function byReasonCode(
  brokerReasonCode: number,
  { first, retain }: { first: boolean; retain: boolean }
): Word {
  if (brokerReasonCode >= failure) {
    const reason = toReason(brokerReasonCode)
    return first
      ? { event: 'refuse', brokerReasonCode, reason }
      : {
          event: 'abandon',
          brokerReasonCode,
          reason: `${reason}; nobody knows whether an earlier attempt reached it`
        }
  }
  const toNobody = brokerReasonCode === noMatchingSubscribers && !retain && first
  return { event: toNobody ? 'deliverToNobody' : 'accept', brokerReasonCode, reason: null }
}
