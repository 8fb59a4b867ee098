/**
 * What happens to a command: every state answers every event; a late or repeated event leaves the state alone. Pure.
 *
 * `published` is the end for a command that awaits nothing: the store moves it no further (append-commands.ts).
 */

import type { CommandEvent, CommandState } from '../command.ts'

/** Those that move: a late response is recorded beside a state, and changes none. */
export type MovingEvent = Exclude<CommandEvent, 'answerLate'>

const open = {
  /** Its time has come. */
  due: 'pending',
  /** It is handed to the broker now. */
  publish: 'publishing',
  /** The broker has it, and someone may be listening. */
  accept: 'published',
  /** The broker has it, and says that nobody is subscribed [MQTT-3.4.2.1, 0x10]. */
  deliverToNobody: 'undeliverable',
  /** The broker will not have it, now or later: it says so, or ends the connection whenever it comes; or a condition fails. */
  refuse: 'refused',
  /** Nobody knows whether the broker has it: it is published again. */
  lose: 'pending',
  /** Nobody knows whether the broker has it, and it must not be published twice, or not any more. */
  abandon: 'unknown',
  /** It was not published in time. One that may have been is abandoned then. */
  expire: 'expired',
  cancel: 'cancelled',
  /** The device says that it is done, or the effect is seen; also before the broker's own word, or where that was lost. */
  succeed: 'succeeded',
  /** The device says that it will not, or cannot. */
  fail: 'failed',
  /** The device has not answered in time, and no effect was seen. */
  timeOut: 'timedOut',
  /**
   * The database was restored from a backup in which it was open: it may have been published since, long ago. The store
   * moves these, as it begins the new journal.
   */
  restore: 'unknown'
} as const satisfies Record<MovingEvent, CommandState>

type Events = readonly MovingEvent[]

/** A row of the table: the events that move the state, each to its one target; all others leave it alone. */
function row(state: CommandState, ...moving: Events): Record<MovingEvent, CommandState> {
  const entries = Object.entries(open).map(([event, to]) => [
    event,
    moving.includes(event as MovingEvent) ? to : state
  ])
  return Object.fromEntries(entries) as Record<MovingEvent, CommandState>
}

export const transitions: Record<CommandState, Record<MovingEvent, CommandState>> = {
  scheduled: row('scheduled', 'due', 'refuse', 'expire', 'cancel', 'restore'),
  // It may have been published before: then an answer may come, or the message itself (condition.ts), and it is not known to
  // have expired
  pending: row(
    'pending',
    'publish',
    'accept',
    'refuse',
    'abandon',
    'expire',
    'cancel',
    'succeed',
    'fail',
    'restore'
  ),
  publishing: row(
    'publishing',
    'accept',
    'deliverToNobody',
    'refuse',
    'lose',
    'abandon',
    'succeed',
    'fail',
    'restore'
  ),
  published: row('published', 'succeed', 'fail', 'timeOut', 'restore'),
  succeeded: row('succeeded'),
  failed: row('failed'),
  timedOut: row('timedOut'),
  undeliverable: row('undeliverable'),
  refused: row('refused'),
  expired: row('expired'),
  cancelled: row('cancelled'),
  unknown: row('unknown')
}

/** The states that `event` moves, each to the same one. */
export function moves(event: MovingEvent): { from: CommandState[]; to: CommandState } {
  const from = (Object.keys(transitions) as CommandState[]).filter(
    (state) => transitions[state][event] !== state
  )
  return { from, to: open[event] }
}

/** A terminal state never changes. One that waits for an answer is not terminal when it is published. */
export const isFinal = ({ finishedAt }: { finishedAt: number | null }): boolean => finishedAt !== null
