/** Runs rejected messages through the mapping again, a few at a time between live chunks, oldest first. */

import type { Logger } from 'pino'
import type { Projection, Redrive } from '../datapoints.ts'
import type { Feed } from '../feed/feed.ts'
import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import type { ProjectedMessage } from '../store/projected.ts'
import type { Store } from '../store/store.ts'
import { normalizeFacts, toSource } from './normalize-facts.ts'
import type { ProjectedCache } from './projected-feed.ts'
import type { Live } from './projector.ts'
import { tell } from './projector.ts'
import type { Rebuild } from './rebuild.ts'

export interface Redriver {
  /** One was asked for. */
  wake(): void
  /** A few messages of the oldest redrive that is open; true where there may be more to do at once. */
  step(live: Live): Promise<boolean>
  /** Tells of those that waited for a rebuild. */
  switched(retired: Projection, current: Projection): Promise<void>
}

export function createRedriver(parts: {
  store: Store
  feed: Feed
  cache: ProjectedCache
  rebuild: Rebuild
  limits: Limits
  log: Logger
}): Redriver {
  const { store, feed, limits, log } = parts
  const { redrives } = store.projections
  let lookAt = 0

  async function some(live: Live, redrive: Redrive): Promise<boolean> {
    const facts = await redrives.messages(live.row.id, redrive, limits.redriveChunkMessagesMax)
    if (facts.length === 0) {
      await redrives.update(redrive.id, { state: 'done' })
      log.info({ redrive: redrive.id, messages: redrive.messages }, 'Redriven')
      return true
    }
    // What such a mapping makes of a message depends on all before it, and of all behind it on this one
    if (facts.some(({ topic }) => live.set.match(topic!)?.inOrder === true)) {
      await redrives.update(redrive.id, { mode: 'rebuild' })
      return true
    }
    const { to, messages } = normalizeFacts(live.set, facts, new Map(), limits)
    // Whether a device is there is told by the last word of all, not by the one that is read last
    if (messages.some(({ presence }) => presence.some(({ source }) => source !== 'seen'))) {
      await redrives.update(redrive.id, { mode: 'rebuild' })
      return true
    }
    const bySeq = new Map(messages.map((message) => [message.seq, { ...message, presence: [] }]))
    const done = facts.filter(({ seq }) => seq <= to)
    // Where no mapping matches any more, nothing is to be rejected either
    const again = done.map(
      (fact): ProjectedMessage =>
        bySeq.get(fact.seq) ?? {
          ...toSource(fact)!,
          topicId: fact.topicId!,
          mapping: '',
          devices: [],
          datapoints: [],
          presence: [],
          rejections: [],
          attributes: [],
          offlineAfterSeconds: null
        }
    )
    const accepted = again.filter(({ rejections }) => rejections.length === 0).length
    const chunk = { from: redrive.lastSeq, to, messages: again, states: [] }
    const appended = await store.projections.rewrite(live.row.id, redrive.id, chunk, accepted)
    parts.cache.forget()
    tell(feed, appended)
    return true
  }

  async function tellOf(redrive: Redrive, retired: Projection, current: Projection): Promise<void> {
    let { accepted } = redrive
    for (let after: Seq = 0; ;) {
      const ask = { after, limit: limits.redriveChunkMessagesMax }
      const told = await store.projections.announceRedriven(redrive.id, retired.id, current.id, ask)
      tell(feed, told.facts)
      accepted += told.accepted
      if (told.last === null) break
      after = told.last
    }
    await redrives.update(redrive.id, {
      state: 'done',
      accepted,
      messages: Math.max(redrive.messages, accepted)
    })
  }

  return {
    wake() {
      lookAt = 0
    },
    async step(live) {
      if (Date.now() < lookAt) return false
      const redrive = await redrives.next()
      if (redrive === null) {
        lookAt = Date.now() + limits.presenceCheckMs
        return false
      }
      if (redrive.state === 'pending') await redrives.update(redrive.id, { state: 'running' })
      if (redrive.mode === 'messages') return some(live, redrive)
      if (parts.rebuild.building() === null) await parts.rebuild.begin(live.set)
      lookAt = Date.now() + limits.projectionRetryMs
      return false
    },
    async switched(retired, current) {
      for (;;) {
        const redrive = await redrives.next()
        if (redrive === null || redrive.mode !== 'rebuild') return
        await tellOf(redrive, retired, current)
      }
    }
  }
}
