/**
 * Commands that were being published when the connection ended, without an answer. One of them may be why it ended: some
 * brokers have no other way to say no (QoS 2 to NATS, a packet too large on 3.1.1). So each is tried again alone, and one
 * that ends connection after connection is refused, so that the others keep flowing.
 */

import type { Limits } from '../limits.ts'

export interface Suspects {
  /** It was lost without an answer. True when it has been alone often enough to be the cause. */
  lost(id: string): boolean
  /** The broker has answered. */
  answered(id: string): void
  /** Of all others it is known that they need no answer any more. */
  keepOnly(ids: ReadonlySet<string>): void
  /**
   * Which of `due` are to be published now, while `busy` are: a suspect alone, and between two suspects those that are
   * none, as many as there is room for.
   */
  choose<Item extends { id: string }>(due: readonly Item[], busy: ReadonlySet<string>, room: number): Item[]
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
    answered: (id) => void lostAlone.delete(id),
    keepOnly(ids) {
      for (const id of lostAlone.keys()) if (!ids.has(id)) lostAlone.delete(id)
    },
    choose(due, busy, room) {
      for (const id of busy) if (lostAlone.has(id)) return []
      const suspect = due.find(({ id }) => lostAlone.has(id))
      const others = due.filter(({ id }) => !lostAlone.has(id)).slice(0, room)
      if (suspect === undefined || (!suspectIsNext && others.length > 0)) {
        suspectIsNext = true
        return others
      }
      if (busy.size > 0) return []
      suspectIsNext = false
      return [suspect]
    }
  }
}
