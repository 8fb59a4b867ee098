/** How far the current projection is, for streams that show datapoints; and its newest ones, which all of them want. */

import { setTimeout as delay } from 'node:timers/promises'
import type { Datapoint } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import type { ProjectedMessage } from '../store/projected.ts'
import type { Store } from '../store/store.ts'
import type { ProjectedFeed } from './projections.ts'

export interface ProjectedCache {
  /** Which projection this instance writes, and how far it is; null: without mappings, so that nothing is waited for. */
  open(projectionId: number, doneSeq: Seq | null): void
  /** Another instance writes. */
  close(): void
  advance(projectionId: number, from: Seq, written: { to: Seq; messages: readonly ProjectedMessage[] }): void
  /** What is kept here is not what is stored any more. */
  forget(): void
}

export function createProjectedFeed(parts: {
  store: Pick<Store, 'projections' | 'datapoints'>
  limits: Pick<Limits, 'projectedCacheDatapointsMax' | 'projectionRetryMs'>
  /** Of a document without mappings: nothing is waited for then. */
  emptyHash: string
  leading: () => boolean
}): ProjectedFeed & ProjectedCache {
  const { store, limits } = parts
  let own: { id: number; doneSeq: Seq } | null = null
  let waiting = new Set<() => void>()
  /** Datapoints of the facts in (cachedFrom, doneSeq]; facts without any are not in it. */
  let cached = new Map<Seq, Datapoint[]>()
  let cachedFrom: Seq = 0
  let cachedCount = 0

  function wakeAll(): void {
    const all = waiting
    waiting = new Set()
    for (const wake of all) wake()
  }

  function drop(): void {
    cached = new Map()
    cachedCount = 0
    cachedFrom = own?.doneSeq ?? 0
  }

  function trim(): void {
    for (const [seq, datapoints] of cached) {
      if (cachedCount <= limits.projectedCacheDatapointsMax) return
      cached.delete(seq)
      cachedCount -= datapoints.length
      cachedFrom = seq
    }
  }

  /** How far the projection is that another instance writes. */
  async function storedDone(): Promise<Seq> {
    const current = (await store.projections.list()).find(({ state }) => state === 'current')
    return current?.mappingHash === parts.emptyHash ? Infinity : (current?.doneSeq ?? Infinity)
  }

  async function advanced(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      waiting.add(done)
      signal.addEventListener('abort', done)
    })
  }

  return {
    open(id, doneSeq) {
      own = { id, doneSeq: doneSeq ?? Infinity }
      drop()
      wakeAll()
    },
    close() {
      if (own === null) return
      own = null
      drop()
      wakeAll()
    },
    forget: drop,
    advance(id, from, { to, messages }) {
      if (own === null || own.id !== id) return
      if (from !== own.doneSeq) drop()
      for (const { seq, topic, receivedAt, datapoints } of messages) {
        if (datapoints.length === 0) continue
        cached.set(
          seq,
          datapoints.map((datapoint, n) => ({ ...datapoint, seq, n, topic, receivedAt }))
        )
        cachedCount += datapoints.length
      }
      own.doneSeq = to
      trim()
      wakeAll()
    },
    async reached(seq, signal) {
      while (!signal.aborted) {
        if (own !== null) {
          if (own.doneSeq >= seq) return
          await advanced(signal)
        } else {
          // One that leads and has not begun may be about to adopt other mappings than those that are stored
          const done = parts.leading() ? -1 : await storedDone().catch(() => -1)
          if (done >= seq) return
          await delay(limits.projectionRetryMs, null, { signal }).catch(() => {})
        }
      }
    },
    async datapointsOf(seqs) {
      const here = own !== null && Number.isFinite(own.doneSeq) ? own : null
      const isHere = (seq: Seq): boolean => here !== null && seq > cachedFrom && seq <= here.doneSeq
      const found = new Map<Seq, Datapoint[]>()
      for (const seq of seqs) {
        const datapoints = isHere(seq) ? cached.get(seq) : undefined
        if (datapoints !== undefined) found.set(seq, datapoints)
      }
      const others = seqs.filter((seq) => !isHere(seq))
      if (others.length > 0)
        for (const [seq, datapoints] of await store.datapoints.bySeqs(others)) found.set(seq, datapoints)
      return found
    }
  }
}
