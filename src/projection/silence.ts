/** A device that its mapping expects to speak now and then, and that does not, is offline. */

import type { Feed } from '../feed/feed.ts'
import type { Limits } from '../limits.ts'
import type { Stats } from '../stats.ts'
import type { Store } from '../store/store.ts'
import type { Live } from './projector.ts'
import { tell } from './projector.ts'

export interface Silence {
  check(live: Live): Promise<void>
}

export function createSilence(parts: {
  store: Store
  feed: Feed
  limits: Limits
  stats: Stats
  /** While we were not connected, nobody could be heard. */
  connectedSince: () => number | null
}): Silence {
  const { store, feed, limits, stats } = parts
  let checkedAt = 0
  return {
    async check(live) {
      const since = parts.connectedSince()
      if (since === null || Date.now() - checkedAt < limits.presenceCheckMs) return
      // Messages that wait to be projected may be what the device said
      const recent = feed.recent(live.row.doneSeq, 1)
      if (recent === null) return
      const now = recent[0]?.at ?? Date.now()
      checkedAt = Date.now()
      const ask = { now, since, limit: limits.presenceChangesPerCheckMax, live: true }
      const { expired, facts } = await store.projections.expire(live.row.id, ask)
      stats.presenceChanges += expired
      tell(feed, facts)
      if (expired === ask.limit) checkedAt = 0
    }
  }
}
