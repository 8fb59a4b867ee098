/** What happens to a command: every state answers every event; a late or repeated event leaves the state alone. */

import type { CommandState } from '../model.ts'

export type CommandEvent =
  /** It is handed to the broker now. */
  | 'publish'
  /** The broker has it, and someone may be listening. */
  | 'accept'
  /** The broker has it, and says that nobody is subscribed [MQTT-3.4.2.1, 0x10]. */
  | 'deliverToNobody'
  /** The broker will not have it, now or later: it says so, or ends the connection whenever it comes. */
  | 'refuse'
  /** Nobody knows whether the broker has it: it is published again. */
  | 'lose'
  | 'expire'
  | 'cancel'
  /**
   * The database was restored from a backup in which it was open: it may have been published since, long ago. The store
   * moves these, as it begins the new journal.
   */
  | 'restore'

export const transitions = {
  pending: {
    publish: 'publishing',
    accept: 'pending',
    deliverToNobody: 'pending',
    refuse: 'refused',
    lose: 'pending',
    expire: 'expired',
    cancel: 'cancelled',
    restore: 'unknown'
  },
  publishing: {
    publish: 'publishing',
    accept: 'published',
    deliverToNobody: 'undeliverable',
    refuse: 'refused',
    lose: 'pending',
    expire: 'publishing',
    cancel: 'publishing',
    restore: 'unknown'
  },
  published: stay('published'),
  undeliverable: stay('undeliverable'),
  refused: stay('refused'),
  expired: stay('expired'),
  cancelled: stay('cancelled'),
  unknown: stay('unknown')
} as const satisfies Record<CommandState, Record<CommandEvent, CommandState>>

function stay<State extends CommandState>(state: State): Record<CommandEvent, State> {
  return {
    publish: state,
    accept: state,
    deliverToNobody: state,
    refuse: state,
    lose: state,
    expire: state,
    cancel: state,
    restore: state
  }
}

/** A terminal state never changes. */
export const isFinal = (state: CommandState): boolean =>
  Object.values(transitions[state]).every((to) => to === state)

/** The states that `event` moves, each to the same one. */
export function moves(event: CommandEvent): { from: CommandState[]; to: CommandState } {
  const from = (Object.keys(transitions) as CommandState[]).filter(
    (state) => transitions[state][event] !== state
  )
  return { from, to: transitions[from[0]!][event] }
}
