/**
 * Commands whose time is over: they time out when it is certain that no answer came in time. So first the journal is searched
 * up to where it was when their time was over, and only while the session has been connected for a while: after a reconnect,
 * brokers first send what they kept, and the answer may be among it. While the session is away, commands wait.
 */

import type { Feed } from '../feed/feed.ts'
import type { Limits } from '../limits.ts'
import type { Millis, Seq } from '../model.ts'
import type { Stats } from '../stats.ts'
import type { AwaitedKind } from '../store/answers.ts'
import type { Store } from '../store/store.ts'
import { moves } from './lifecycle.ts'

export interface Timeouts {
  /** Looks at what is overdue, and goes on with what it found before. */
  check(): Promise<void>
  /** Something did not work that answers need. */
  disturbed(): void
}

/** Commands of these kinds time out when this much of the journal is searched for them. */
export interface Search {
  kinds: readonly AwaitedKind[]
  searched: () => Seq
}

export function createTimeouts(parts: {
  store: Pick<Store, 'commands' | 'answers' | 'healthy'>
  feed: Pick<Feed, 'hint'>
  searches: readonly Search[]
  /** Since when the session is connected; null: it is not. */
  connectedSince: () => Millis | null
  /** Commands that are final now. */
  onTimeOut: (ids: Iterable<string>) => void
  limits: Pick<Limits, 'commandGraceMs' | 'commandsPerRequestMax'>
  stats: Stats
  now?: () => Millis
}): Timeouts {
  const { store, searches, limits, stats, now = Date.now } = parts
  /** Found overdue, with the head of then; by search. */
  const found = new Map<Search, { ids: readonly string[]; head: Seq; heardSince: Millis }>()
  let disturbedAt = -Infinity

  /** Since when everything is heard; null: it is not, or not for long. */
  function heardSince(): Millis | null {
    if (!store.healthy()) disturbedAt = now()
    const connected = parts.connectedSince()
    if (connected === null) return null
    const since = Math.max(connected, disturbedAt)
    return now() - since >= limits.commandGraceMs ? since : null
  }

  async function look(search: Search): Promise<void> {
    const since = heardSince()
    if (since === null) return
    const { ids, head } = await store.answers.overdue(search.kinds, limits.commandsPerRequestMax)
    if (ids.length > 0) found.set(search, { ids, head, heardSince: since })
  }

  async function fire(search: Search): Promise<void> {
    const overdue = found.get(search)
    if (overdue === undefined) return
    // Away since then: what came in time may still come, so they are looked for again
    if (heardSince() !== overdue.heardSince) return void found.delete(search)
    if (search.searched() < overdue.head) return
    found.delete(search)
    const { from, to } = moves('timeOut')
    const moved = await store.commands.move(
      overdue.ids.map((id) => ({
        id,
        event: 'timeOut',
        from,
        to,
        attempt: false,
        brokerReasonCode: null,
        reason: 'Nothing that was awaited came in time'
      }))
    )
    if (moved.size === 0) return
    stats.commandsTimedOut += moved.size
    parts.onTimeOut(moved)
    parts.feed.hint(null)
  }

  return {
    async check() {
      for (const search of searches) {
        await fire(search)
        if (!found.has(search)) {
          await look(search)
          await fire(search)
        }
      }
    },
    disturbed: () => (disturbedAt = now())
  }
}
