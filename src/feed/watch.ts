/**
 * For those who wait until something is no longer as they know it. One reader of the feed looks at each fact, however many
 * wait; nothing asks the database again and again. "May have changed" is all that it says: who waits looks for himself.
 */

import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import type { Limits } from '../limits.ts'
import type { Fact, Seq } from '../model.ts'
import { createBatch } from './batch.ts'
import type { Feed } from './feed.ts'
import { eventKinds } from '../views.ts'
import type { ProjectedPosition } from './min-cursor.ts'

export type Watched =
  /** State of one topic. */
  | { topicId: number }
  /** Whatever these facts change. */
  | { facts: (fact: Fact) => boolean }
  /** One device and its metrics, as the current projection has them. */
  | { device: string }
  /** Anything of the current projection. */
  | { projection: true }

export interface Watching {
  /**
   * True when something may have changed since `watch`, or since this was last true, at least `longPollLookMsMin` after
   * that; false when `signal` aborts.
   */
  changed(signal: AbortSignal): Promise<boolean>
  close(): void
}

export interface Watches {
  /** First watch, then look: what happens in between is told. */
  watch(watched: Watched): Promise<Watching>
}

interface Watcher {
  wants: (fact: Fact) => boolean
  /** The newest fact that it wants, and how far it has been told. */
  newest: Seq
  told: Seq
  /** Something may have changed that keeps its version. */
  renewed: boolean
  wake: () => void
}

export function createWatches(parts: {
  feed: Pick<Feed, 'end' | 'recent' | 'more'>
  projected: ProjectedPosition
  /** By name; absent: nothing is known of it. */
  deviceVersions: (names: readonly string[]) => Promise<ReadonlyMap<string, string>>
  limits: Pick<Limits, 'feedPageFactsMax' | 'heartbeatMs' | 'longPollLookMsMin'>
}): Watches {
  const { feed, projected, limits } = parts
  const deviceVersion = createBatch(parts.deviceVersions)
  const ofTopics = new Map<number, Set<Watcher>>()
  const others = new Set<Watcher>()
  let reading = false

  const isWatched = (): boolean => ofTopics.size > 0 || others.size > 0

  function tell(watcher: Watcher, seq: Seq): void {
    watcher.newest = seq
    watcher.wake()
  }

  function tellOf(facts: readonly Fact[]): void {
    for (const fact of facts) {
      if (fact.topicId === null || !changesState(fact)) continue
      for (const watcher of ofTopics.get(fact.topicId) ?? []) tell(watcher, fact.seq)
    }
    for (const watcher of others) {
      const newest = facts.findLast(watcher.wants)
      if (newest !== undefined) tell(watcher, newest.seq)
    }
    const renewing = facts.findLast(renews)
    if (renewing !== undefined) tellAll(renewing.seq)
  }

  function tellAll(seq: Seq): void {
    for (const watcher of [...others, ...[...ofTopics.values()].flatMap((some) => [...some])]) {
      watcher.renewed = true
      tell(watcher, Math.max(seq, watcher.newest))
    }
  }

  async function read(): Promise<void> {
    let at = feed.end()
    while (isWatched()) {
      const facts = feed.recent(at, limits.feedPageFactsMax)
      if (facts === null) {
        at = feed.end()
        tellAll(at)
      } else if (facts.length === 0) await feed.more(at, never, limits.heartbeatMs)
      else {
        at = facts.at(-1)!.seq
        tellOf(facts)
        await turn()
      }
    }
    reading = false
  }

  function add(watched: Watched): { watcher: Watcher; remove: () => void } {
    const watcher = {
      wants: wantsOf(watched),
      newest: feed.end(),
      told: feed.end(),
      renewed: false,
      wake: () => {}
    }
    let watchers = others
    if ('topicId' in watched) {
      const { topicId } = watched
      watchers = ofTopics.get(topicId) ?? new Set()
      ofTopics.set(topicId, watchers)
    }
    watchers.add(watcher)
    if (!reading) {
      reading = true
      void read()
    }
    return {
      watcher,
      remove() {
        watchers.delete(watcher)
        if ('topicId' in watched && watchers.size === 0) ofTopics.delete(watched.topicId)
      }
    }
  }

  async function watchProjection(watched: Watched): Promise<Watching & { watcher: Watcher }> {
    const { watcher, remove } = add(watched)
    // What is committed and not yet normalized is still to change
    if ((await projected.done()) < watcher.newest) watcher.told = 0
    return {
      watcher,
      async changed(signal) {
        if (!(await isTold(watcher, signal))) return false
        await projected.reached(watcher.told, signal)
        return !signal.aborted
      },
      close: remove
    }
  }

  async function watchDevice(device: string): Promise<Watching> {
    const { watcher, ...watching } = await watchProjection({ projection: true })
    // Versions are looked at as seldom as the device would be
    const { changed, close } = paced(watching, limits.longPollLookMsMin)
    let version = await deviceVersion(device)
    return {
      async changed(signal) {
        while (await changed(signal)) {
          const now = await deviceVersion(device)
          if (now === version && !watcher.renewed) continue
          version = now
          watcher.renewed = false
          return true
        }
        return false
      },
      close
    }
  }

  async function open(watched: Exclude<Watched, { device: string }>): Promise<Watching> {
    if ('projection' in watched) return watchProjection(watched)
    const { watcher, remove } = add(watched)
    return { changed: (signal) => isTold(watcher, signal), close: remove }
  }

  return {
    watch: async (watched) =>
      'device' in watched ? watchDevice(watched.device) : paced(await open(watched), limits.longPollLookMsMin)
  }
}

const never = new AbortController().signal

const stateKinds: ReadonlySet<Fact['kind']> = new Set(eventKinds.state)
const changesState = ({ kind }: Fact): boolean => stateKinds.has(kind)
const changesProjection = (fact: Fact): boolean =>
  changesState(fact) || fact.kind === 'presence' || fact.kind === 'imported'

/** Messages that were normalized again, and what was forgotten: they concern everybody, and no version tells of them. */
const renewingKinds: ReadonlySet<Fact['kind']> = new Set(['datapoints', 'projection', 'forgotten'])
const renews = ({ kind }: Fact): boolean => renewingKinds.has(kind)

const wantsOf = (watched: Watched): ((fact: Fact) => boolean) =>
  'facts' in watched ? watched.facts : 'topicId' in watched ? changesState : changesProjection

/** True when there is something to tell, false when `signal` aborts before. */
async function isTold(watcher: Watcher, signal: AbortSignal): Promise<boolean> {
  if (watcher.newest === watcher.told && !signal.aborted) {
    await new Promise<void>((resolve) => {
      watcher.wake = resolve
      signal.addEventListener('abort', watcher.wake, { once: true })
    })
    signal.removeEventListener('abort', watcher.wake)
    watcher.wake = () => {}
  }
  watcher.told = watcher.newest
  return !signal.aborted
}

/** Where everything changes all the time, nobody looks all the time. */
function paced({ changed, close }: Watching, msMin: number): Watching {
  let lookedAt = -Infinity
  return {
    async changed(signal) {
      if (!(await changed(signal))) return false
      const ms = lookedAt + msMin - Date.now()
      if (ms > 0) await delay(ms, null, { signal }).catch(() => {})
      lookedAt = Date.now()
      return !signal.aborted
    },
    close
  }
}
