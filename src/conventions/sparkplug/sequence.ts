/**
 * The order of a node's messages: `seq` counts 0 to 255 over its births, data and deaths of devices
 * [tck-id-operational-behavior-host-reordering-start]. Pure.
 */

import { defaultLimits } from '../../limits.ts'
import type { Millis } from '../../model.ts'

export interface Order {
  /** What comes next; null: anything may. */
  next: number | null
  /** When the newest message came. */
  at: Millis
  /** What came before those that it follows, and since when they are missing. */
  early: readonly Early[]
  since: Millis
}

export interface Early {
  seq: number
  /** When it was published, by the node's clock; null: it does not say. */
  sent: Millis | null
}

export interface Step {
  order: Order
  /** Messages are missing from here on. */
  opened: boolean
  /** What was missing came in time. */
  filled: boolean
  /** It did not. */
  lost: boolean
  /** What is missing may be a whole session: it was before a silence in which a death and a birth may have been. */
  doubtful: boolean
}

/** How far `to` is behind `from`, on the circle. */
const distance = (from: number, to: number): number => (to - from + 256) % 256

/** So much of the circle behind is late or repeated, and not ahead. */
const behindMax = 64

export const noOrder: Order = { next: null, at: 0, early: [], since: 0 }

const onwards = (seq: number, at: Millis): Order => ({ next: (seq + 1) % 256, at, early: [], since: 0 })

/** `from` is come to; what came early is taken up. */
function takeUp(from: number, order: Order): Order {
  const early = new Set(order.early.map(({ seq }) => seq))
  let next = from
  for (; early.delete(next); next = (next + 1) % 256);
  if (early.size === order.early.length) return { ...order, next }
  return { ...order, next, early: order.early.filter(({ seq }) => early.has(seq)) }
}

/** What came early and is of the session that a birth begins. */
export function earlyOf(before: Order, birth: Early, at: Millis, reorderMs: Millis): readonly Early[] {
  if (at - before.since > reorderMs) return []
  return before.early.filter(
    ({ seq, sent }) =>
      distance((birth.seq + 1) % 256, seq) < behindMax &&
      (sent === null || birth.sent === null || sent >= birth.sent)
  )
}

/** A birth of the node begins anew. */
export const begin = (seq: number, early: readonly Early[], at: Millis): Order =>
  takeUp((seq + 1) % 256, { next: null, at, early, since: early.length === 0 ? 0 : at })

/** The node's birth has not come: what comes may be before it on the way. */
export function collect(before: Order, come: Early, at: Millis, reorderMs: Millis): Order {
  const recent = before.early.length > 0 && at - before.since <= reorderMs
  if (!recent || before.early.length >= defaultLimits.sparkplugEarlyMax)
    return { next: null, at, early: [come], since: at }
  return { ...before, at, early: isEarly(before, come.seq) ? before.early : [...before.early, come] }
}

export function follow(before: Order, come: Early, at: Millis, reorderMs: Millis): Step {
  const { seq } = come
  const waiting = before.early.length > 0
  const step = { opened: false, filled: false, lost: false, doubtful: false }
  const silent = at - before.at > reorderMs
  if (before.next === null) return { ...step, order: onwards(seq, at) }
  if (waiting && at - before.since > reorderMs)
    return { ...step, order: onwards(seq, at), lost: true, doubtful: silent }
  if (seq === before.next) {
    const order = takeUp((seq + 1) % 256, { ...before, at })
    return { ...step, order, filled: waiting && order.early.length === 0 }
  }
  // Late or repeated; after a silence it is neither, but the end of a larger gap
  const behind = distance(before.next, seq) >= 256 - behindMax && !silent
  if (behind || isEarly(before, seq)) return { ...step, order: { ...before, at } }
  if (before.early.length >= defaultLimits.sparkplugEarlyMax)
    return { ...step, order: onwards(seq, at), lost: true }
  const order = { ...before, at, early: [...before.early, come], since: waiting ? before.since : at }
  return { ...step, order, opened: !waiting, doubtful: silent }
}

/** Whether `known` came early, and follows `seq`. */
export const isOvertaken = (order: Order, seq: number | null, known: number | null): boolean =>
  seq !== null && known !== null && isEarly(order, known) && distance(seq, known) < 128

const isEarly = ({ early }: Order, one: number): boolean => early.some(({ seq }) => seq === one)
