/** How far the current projection is, for streams that show datapoints; and its newest ones, which all of them want. */

import { setTimeout as delay } from 'node:timers/promises'
import type { Datapoint } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import type { ProjectedMessage } from '../store/projected.ts'
import type { Store } from '../store/store.ts'
import type { ProjectedFeed } from './projections.ts'

export interface ProjectedCache {
  /** Which projection this instance writes, and how far it is. */
  open(projectionId: number, doneSeq: Seq): void
  /** Another instance writes. */
  close(): void
  advance(projectionId: number, from: Seq, written: { to: Seq; messages: readonly ProjectedMessage[] }): void
  /** What is kept here is not what is stored any more. */
  forget(): void
}

export function createProjectedFeed(parts: {
  store: Pick<Store, 'projections' | 'datapoints'>
  limits: Pick<Limits, 'projectedCacheDatapointsMax' | 'projectionRetryMs'>
  leading: () => boolean
}): ProjectedFeed & ProjectedCache {
  const { store, limits } = parts
  let own: { id: number; doneSeq: Seq } | null = null
  let waiting = new Set<() => void>()
  /** Messages among the facts in (cachedFrom, doneSeq]: those that came last, and those before them. */
  let recent = new Map<Seq, ProjectedMessage>()
  let older = new Map<Seq, ProjectedMessage>()
  let recentFrom: Seq = 0
  let cachedFrom: Seq = 0
  let recentDatapoints = 0

  function wakeAll(): void {
    const all = waiting
    waiting = new Set()
    for (const wake of all) wake()
  }

  function drop(): void {
    recent = new Map()
    older = new Map()
    recentDatapoints = 0
    cachedFrom = recentFrom = own?.doneSeq ?? 0
  }

  function turn(): void {
    older = recent
    cachedFrom = recentFrom
    recent = new Map()
    recentFrom = own!.doneSeq
    recentDatapoints = 0
  }

  /** How far the projection is that another instance writes; -1 where it has not begun one. */
  async function storedDone(): Promise<Seq> {
    const current = (await store.projections.list()).find(({ state }) => state === 'current')
    return current?.doneSeq ?? -1
  }

  /** Now, of either; -1 where nobody can tell. */
  async function done(): Promise<Seq> {
    if (own !== null) return own.doneSeq
    // One that leads and has not begun may be about to adopt other mappings than those that are stored
    return parts.leading() ? -1 : storedDone().catch(() => -1)
  }

  let looking: Promise<Seq> | null = null
  /** In a moment, as another instance has written; one look for all who wait. */
  function doneSoon(): Promise<Seq> {
    looking ??= delay(limits.projectionRetryMs, null, { ref: false })
      .then(done)
      .finally(() => (looking = null))
    return looking
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
      own = { id, doneSeq }
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
      for (const message of messages) {
        if (message.datapoints.length === 0) continue
        recent.set(message.seq, message)
        recentDatapoints += message.datapoints.length
      }
      own.doneSeq = to
      if (recentDatapoints > limits.projectedCacheDatapointsMax / 2) turn()
      wakeAll()
    },
    done,
    async reached(seq, signal) {
      let at = await done()
      while (at < seq && !signal.aborted) {
        if (own === null) at = await orAborted(doneSoon(), signal, -1)
        else {
          await advanced(signal)
          at = await done()
        }
      }
    },
    async datapointsOf(seqs) {
      const here = own
      const isHere = (seq: Seq): boolean => here !== null && seq > cachedFrom && seq <= here.doneSeq
      const found = new Map<Seq, Datapoint[]>()
      for (const seq of seqs) {
        const message = isHere(seq) ? (recent.get(seq) ?? older.get(seq)) : undefined
        if (message !== undefined) found.set(seq, toDatapoints(message))
      }
      const others = seqs.filter((seq) => !isHere(seq))
      if (others.length > 0)
        for (const [seq, datapoints] of await store.datapoints.bySeqs(others)) found.set(seq, datapoints)
      return found
    }
  }
}

/** As long as the message is kept, they are the same objects, so that what is made of them is made once. */
const made = new WeakMap<ProjectedMessage, Datapoint[]>()

/** As they are stored; made only for those who ask. */
function toDatapoints(message: ProjectedMessage): Datapoint[] {
  const there = made.get(message)
  if (there !== undefined) return there
  const { seq, topic, receivedAt } = message
  const datapoints = message.datapoints.map((datapoint, index) => {
    const n = message.numbers?.[index] ?? index
    return { receivedAt, ...datapoint, seq, n, topic }
  })
  made.set(message, datapoints)
  return datapoints
}

/** What `promise` gives, or `otherwise` as soon as nobody waits for it. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal, otherwise: T): Promise<T> {
  if (signal.aborted) return otherwise
  return new Promise((resolve, reject) => {
    const stop = (): void => resolve(otherwise)
    signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
