/** What the newest transition of a command ends, as spans. Pure. */

import type { CommandState, CommandTransition } from '../command.ts'
import type { Millis } from '../model.ts'

export interface EndedSpan {
  name: 'accept' | 'wait' | 'publish' | 'answer' | 'command'
  from: Millis
  to: Millis
  /** False: it did not come to what was wanted. */
  ok: boolean
  attributes: Record<string, string | number>
}

const failed: ReadonlySet<CommandState> = new Set([
  'failed',
  'timedOut',
  'undeliverable',
  'refused',
  'expired',
  'unknown'
])

const names: Partial<Record<CommandState, EndedSpan['name']>> = {
  scheduled: 'wait',
  pending: 'wait',
  publishing: 'publish',
  published: 'answer'
}

/**
 * `past`: all its transitions up to the newest, oldest first. A late response ends nothing. Its acceptance is told with what
 * comes next, so that it is told by who leads, as all else. `askedAt`: when the service had read what is asked for, by its own
 * clock, which need not be that of the database.
 */
export function spansOf(
  past: ReadonlyArray<{ at: Millis } & CommandTransition>,
  askedAt: Millis
): EndedSpan[] {
  const [first, newest, before] = [past[0], past.at(-1), past.at(-2)]
  if (first === undefined || newest === undefined || newest.event === 'answerLate') return []
  const { to, at, attempt, final, brokerReasonCode } = newest
  const ok = !failed.has(to)
  const attributes = {
    'rialto.command.state': to,
    'rialto.command.attempt': attempt,
    ...(brokerReasonCode !== null && { 'rialto.mqtt.reason_code': brokerReasonCode })
  }
  const span = (name: EndedSpan['name'], from: Millis): EndedSpan => ({ name, from, to: at, ok, attributes })
  if (before === undefined) return []
  const name = newest.from === null ? undefined : names[newest.from]
  return [
    ...(before === first ? [{ ...span('accept', Math.min(askedAt, first.at)), to: first.at, ok: true }] : []),
    ...(name === undefined ? [] : [span(name, before.at)]),
    ...(final === true ? [span('command', first.at)] : [])
  ]
}
