/**
 * Which commands are to be published next. Most of the time those are among the oldest that wait; where these are of keys
 * that have to wait, keys are looked through in turn, some at a time, so that none holds up another.
 */

import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import type { CommandQueue, WaitingCommand } from '../store/command-queue.ts'
import type { Flying } from './order.ts'
import { chooseInOrder } from './order.ts'
import type { Suspects } from './suspects.ts'

export interface InFlight extends Flying {
  /** Its key itself; that of `Flying` is a hash, or empty while it is being stored. */
  name: string
  /** Of its payload. */
  bytes: number
}

export interface Candidates {
  /** At most `room`, in order, none of the keys `held`. `unread`: others may be free, in keys that were not looked at. */
  next(room: number, held: ReadonlySet<string>): Promise<{ items: WaitingCommand[]; unread: boolean }>
  /** None that waits has a place before this one. */
  from(): Seq
  /** One that had its turn waits again. */
  returned(): void
}

export function createCandidates(parts: {
  queue: CommandQueue
  suspects: Suspects
  /** Those that are being published, by id. */
  flying: ReadonlyMap<string, InFlight>
  limits: Limits
}): Candidates {
  const { queue, suspects, limits } = parts
  /** Behind which key the next look begins. */
  let after: string | null = null
  let from: Seq = 0
  let returns = 0
  let begunAt = performance.now()

  function startAnew(): void {
    from = 0
    returns++
    begunAt = performance.now()
  }

  /** As many as may be in memory; one at least where none is. */
  function withinBytes(items: readonly WaitingCommand[], flying: Iterable<InFlight>): WaitingCommand[] {
    let bytes = 0
    let none = true
    for (const { bytes: more } of flying) {
      bytes += more
      none = false
    }
    const end = items.findIndex((item) => {
      bytes += item.bytes
      const fits = none || bytes <= limits.commandsPublishingBytesMax
      none = false
      return !fits
    })
    return end === -1 ? [...items] : items.slice(0, end)
  }

  return {
    from() {
      if (performance.now() - begunAt > limits.commandsLookAnewMs) startAnew()
      return from
    },
    returned: startAnew,
    async next(room, held) {
      const returnsBefore = returns
      // Those that end while the table is read are still in what it says
      const before = new Map(parts.flying)
      const waiting = new Map<string, WaitingCommand>()
      const choose = () =>
        chooseInOrder(
          [...waiting.values()].toSorted((one, other) => one.queueSeq - other.queueSeq),
          before.values(),
          { isSuspect: suspects.has, room, held }
        )
      const add = (items: readonly WaitingCommand[]): void => {
        for (const item of items) if (!before.has(item.id)) waiting.set(item.id, item)
      }
      const oldest = await queue.oldest(from, limits.commandsLookedAtMax)
      if (oldest.length > 0 && returns === returnsBefore) from = oldest[0]!.queueSeq
      add(oldest)
      const whole = oldest.length < limits.commandsLookedAtMax
      if (whole) suspects.keepOnly(new Set([...oldest.map(({ id }) => id), ...before.keys()]))
      let chosen = choose()
      let unread = false
      if (!whole && chosen.items.length < room) {
        const ask = { after, except: [...chosen.blocked], keysMax: limits.commandKeysLookedAtMax }
        const more = await queue.ofKeys({ ...ask, each: limits.commandsOfKeyLookedAtMax })
        after = more.next
        unread = after !== null
        add(more.items)
        chosen = choose()
      }
      const items = suspects.choose(chosen, new Set(before.keys()))
      return { items: withinBytes(items, before.values()), unread }
    }
  }
}
