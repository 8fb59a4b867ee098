/**
 * What clients are told of facts, states and datapoints: made once for all who are told of the same, and kept for a while.
 * Nobody changes what is given here.
 */

import type { Datapoint } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { Fact, Message, TopicState } from '../model.ts'
import type { StreamEvent } from '../views.ts'
import { BoundedMap } from './bounded-map.ts'
import type { EventBody } from './event-body.ts'

export interface SharedEvent {
  body: EventBody
  /** The event as it was told last: mostly, all are told it with the same cursor. */
  told: StreamEvent | null
}

export interface SharedEvents {
  /** `make` gives the body, where it is not here. */
  of<Subject extends Fact | TopicState | Datapoint>(
    subject: Subject,
    make: (subject: Subject) => EventBody
  ): SharedEvent
  clear(): void
}

/** Views, the text they are sent as, and what holds them: about so many times what they are made of. */
const bytesPerByte = 8
const bytesPerSubject = 3_000

export function createSharedEvents(
  limits: Pick<Limits, 'eventsCachedMax' | 'eventsCachedBytesMax'>
): SharedEvents {
  const known = new BoundedMap<object, SharedEvent>(limits.eventsCachedMax, limits.eventsCachedBytesMax)
  return {
    of(subject, make) {
      const there = known.get(subject)
      if (there !== undefined) return there
      const made = { body: make(subject), told: null }
      known.set(subject, made, bytesPerSubject + bytesPerByte * payloadsOf(subject))
      return made
    },
    clear: () => known.clear()
  }
}

export function withCursor(event: SharedEvent, cursor: string): StreamEvent {
  if (event.told?.cursor !== cursor) event.told = { cursor, ...event.body }
  return event.told
}

function payloadsOf(subject: Fact | TopicState | Datapoint): number {
  if ('exact' in subject) return subject.exact?.length ?? 0
  if ('message' in subject) return bytesOf(subject.message)
  const { latest, retained, tombstone } = subject
  return bytesOf(latest) + bytesOf(retained) + bytesOf(tombstone?.previous)
}

const bytesOf = (message: Message | null | undefined): number => message?.payload.length ?? 0
