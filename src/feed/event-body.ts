/** An event without its cursor: what is the same for all who are told of it. Pure. */

import type { StreamEvent } from '../views.ts'

type WithoutCursor<Event> = Event extends unknown ? Omit<Event, 'cursor'> : never
export type EventBody = WithoutCursor<StreamEvent>

/** Of a predicate, what a stream needs of it. */
export interface Where {
  /** Takes a message, state, datapoint, change of presence or command, as clients see it. */
  test(item: unknown): boolean
}

/** A word about the stream or the journal is always wanted. */
export function isWanted(body: EventBody, where: Where): boolean {
  switch (body.type) {
    case 'message':
      return where.test(body.message)
    case 'state':
      return where.test(body.state)
    case 'datapoint':
      return where.test(body.datapoint)
    case 'presence':
      return where.test(body.presence)
    case 'command':
      return where.test(body.command)
    default:
      return true
  }
}
