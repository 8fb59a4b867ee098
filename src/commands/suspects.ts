/**
 * Commands that were being published when the connection ended, without an answer. One of them may be why it ended: some
 * brokers have no other way to say no (QoS 2 to NATS, a packet too large on 3.1.1). So each is tried again alone, and one
 * that ends connection after connection is refused, so that the others keep flowing. None of its key overtakes it meanwhile.
 */

import type { Limits } from '../limits.ts'
import type { Chosen } from './order.ts'

export interface Suspects {
  /** It was lost without an answer. True when it has been alone often enough to be the cause. */
  lost(id: string): boolean
  /** The broker has answered, or it is not published again. */
  cleared(id: string): void
  has(id: string): boolean
  any(): boolean
  /** Of all others it is known that they need no answer any more. */
  keepOnly(ids: ReadonlySet<string>): void
  /**
   * Which of those that may be published are, while `busy` are: a suspect alone, and between two suspects those that are
   * none.
   */
  choose<Item extends { id: string }>(chosen: Chosen<Item>, busy: ReadonlySet<string>): Item[]
}

export function createSuspects({ commandAloneAttemptsMax }: Limits): Suspects {
  const lostAlone = new Map<string, number>()
  let suspectIsNext = true
  return {
    lost(id) {
      const before = lostAlone.get(id)
      const times = before === undefined ? 0 : before + 1
      if (times < commandAloneAttemptsMax) lostAlone.set(id, times)
      else lostAlone.delete(id)
      return times >= commandAloneAttemptsMax
    },
    cleared: (id) => void lostAlone.delete(id),
    has: (id) => lostAlone.has(id),
    any: () => lostAlone.size > 0,
    keepOnly(ids) {
      for (const id of lostAlone.keys()) if (!ids.has(id)) lostAlone.delete(id)
    },
    choose({ items, suspect }, busy) {
      for (const id of busy) if (lostAlone.has(id)) return []
      if (suspect === null || (!suspectIsNext && items.length > 0)) {
        suspectIsNext = true
        return items
      }
      if (busy.size > 0) return []
      suspectIsNext = false
      return [suspect]
    }
  }
}
