/**
 * Which commands may be published now. Those of one key are published in the order in which they wait: of one key, only
 * commands of the same QoS are under way together, since brokers keep no order between different ones [MQTT-4.6.0-5]; one
 * that is to be alone goes when those ahead of it are published, and those behind it when it is final. Pure.
 */

import type { QoS } from '../model.ts'

/** A command that waits. */
export interface Waiting {
  id: string
  key: string
  qos: QoS
  oneInFlight: boolean
  /** Of its key, one that is to be alone is published and not final. */
  keyAwaits: boolean
}

/** A command that is being published. */
export interface Flying {
  key: string
  qos: QoS
  oneInFlight: boolean
  /** Nobody knows whether the broker has it, and it goes back to those that wait: none of its key may overtake it. */
  lost: boolean
}

export interface Chosen<Item> {
  /** In order, none of them suspect. */
  items: Item[]
  /** The first suspect that its key lets go. */
  suspect: Item | null
  /** Keys of which one had to stay: it, and all behind it. */
  blocked: Set<string>
}

/**
 * `waiting` is in order and has, of each key, the first ones without a gap; `flying` has all that are being published.
 * At most `room` are chosen, and none of the keys `held`.
 */
export function chooseInOrder<Item extends Waiting>(
  waiting: readonly Item[],
  flying: Iterable<Flying>,
  { isSuspect, room, held }: { isSuspect: (id: string) => boolean; room: number; held?: Iterable<string> }
): Chosen<Item> {
  const blocked = new Set<string>(held)
  const underWay = new Map<string, QoS>()
  for (const { key, qos, oneInFlight, lost } of flying) {
    if (oneInFlight || lost) blocked.add(key)
    underWay.set(key, qos)
  }
  const items: Item[] = []
  let suspect: Item | null = null
  for (const item of waiting) {
    const { id, key, qos, oneInFlight, keyAwaits } = item
    if (blocked.has(key)) continue
    const beside = underWay.get(key)
    const free = !keyAwaits && (beside === undefined || (beside === qos && !oneInFlight))
    // Where one ahead of it goes now, its turn comes later
    if (isSuspect(id)) suspect ??= free && beside === undefined ? item : null
    else if (free && items.length < room) {
      items.push(item)
      underWay.set(key, qos)
      if (!oneInFlight) continue
    }
    blocked.add(key)
  }
  return { items, suspect, blocked }
}
