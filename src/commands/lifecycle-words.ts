/** The lifecycle in words, as tables in Markdown: made of the same table that moves commands. Pure. */

import type { CommandState } from '../command.ts'
import { commandStates } from '../command.ts'
import type { MovingEvent } from './lifecycle.ts'
import { moves } from './lifecycle.ts'

interface StateWords {
  means: string
  /** Who says so. */
  word: 'Rialto' | 'the broker' | 'the device' | 'who asked' | 'nobody'
  final: 'yes' | 'no' | 'if nothing is awaited'
}

const states: Record<CommandState, StateWords> = {
  scheduled: { means: 'Stored; its time has not come', word: 'Rialto', final: 'no' },
  pending: {
    means:
      'Stored; waits for the broker, or for those ahead of it. With `attempts` above 0 the broker may have it already',
    word: 'Rialto',
    final: 'no'
  },
  publishing: { means: 'Handed to the broker, who has not acknowledged it yet', word: 'Rialto', final: 'no' },
  published: { means: 'The broker has it', word: 'the broker', final: 'if nothing is awaited' },
  succeeded: { means: 'The device said yes, or the effect was seen', word: 'the device', final: 'yes' },
  failed: { means: 'The device said no', word: 'the device', final: 'yes' },
  timedOut: {
    means:
      'The broker had it; no answer came, and no effect was seen in time. The device may have done it all the same',
    word: 'Rialto',
    final: 'yes'
  },
  undeliverable: { means: 'The broker had it, and nobody was subscribed', word: 'the broker', final: 'yes' },
  refused: {
    means: 'The broker will not have it, or its condition did not hold; `reason` says which',
    word: 'the broker',
    final: 'yes'
  },
  expired: { means: 'Its time was over before it was published', word: 'Rialto', final: 'yes' },
  cancelled: { means: 'It was taken back before it was published', word: 'who asked', final: 'yes' },
  unknown: {
    means: 'It may have been published, or not, and is not published again. The device may have done it',
    word: 'nobody',
    final: 'yes'
  }
}

const events: Record<MovingEvent, string> = {
  due: '`notBefore` has come',
  publish: 'it is handed to the broker now',
  accept: 'the broker has it',
  deliverToNobody: 'the broker has it, and says that nobody is subscribed (MQTT 5, reason code 0x10)',
  refuse: 'the broker will not have it, now or later; or its condition does not hold',
  lose: 'nobody knows whether the broker has it: it is published again',
  abandon: 'nobody knows whether the broker has it, and it must not be published again',
  expire: '`expiresAt` has come',
  cancel: 'somebody cancels it',
  succeed: 'the device says yes, or the effect is seen; also before the broker says anything',
  fail: 'the device says no',
  timeOut: '`timeoutAt` has come, and everything that came before it was searched',
  restore: 'the database was restored from a backup in which it was open'
}

const table = (head: readonly string[], rows: ReadonlyArray<readonly string[]>): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

const codes = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(' ')

/** Two tables: what each state means; and what each event does, which leaves all other states alone. */
export function lifecycleTables(): string {
  const means = commandStates.map((state) => {
    const { means, word, final } = states[state]
    return [`\`${state}\``, means, word, final]
  })
  const moving = Object.entries(events).map(([event, happened]) => {
    const { from, to } = moves(event as MovingEvent)
    return [`\`${event}\``, happened, codes(from), `\`${to}\``]
  })
  return [
    table(['state', 'what it means', 'whose word it is', 'final'], means),
    table(['event', 'what happened', 'moves', 'to'], moving)
  ].join('\n\n')
}
