/**
 * States of topics after facts, for all subscribers: one statement for all who want some at the same time, and none for what
 * one of them was told a moment ago.
 */

import type { Limits } from '../limits.ts'
import type { Access, Fact, Seq, TopicState } from '../model.ts'
import { eventKinds } from '../views.ts'
import { BoundedMap } from './bounded-map.ts'
import { stateAsOf } from './state-as-of.ts'

export interface SharedStates {
  /**
   * The states to tell with some facts, by the seq of the fact they follow: of each topic, the one after its last fact
   * there. They are told as of that fact, so that a reader who goes on behind it gets none twice. Who asks may read the topics.
   */
  after(facts: readonly Fact[]): Promise<Map<Seq, TopicState>>
  clear(): void
}

interface Wanted {
  fact: Fact
  topic: string
  resolve: (state: TopicState | null) => void
  reject: (error: unknown) => void
}

/** Facts come to a subscriber only if he may read their topics; what is read for all must not depend on who asks first. */
const everyone: Access = { principal: 'feed', mayRead: () => true, mayPublish: () => false }

export function createSharedStates(
  statesByName: (access: Access, names: readonly string[]) => Promise<Map<string, TopicState>>,
  limits: Pick<Limits, 'statesReadTopicsMax' | 'statesCachedMax' | 'statesCachedBytesMax'>
): SharedStates {
  const known = new BoundedMap<Seq, TopicState | null>(limits.statesCachedMax, limits.statesCachedBytesMax)
  /** Those that are being read, too. */
  const promised = new Map<Seq, Promise<TopicState | null>>()
  let queue: Wanted[] = []
  let reading = false
  let clears = 0

  async function readAll(): Promise<void> {
    while (queue.length > 0) {
      const some = queue.slice(0, limits.statesReadTopicsMax)
      queue = queue.slice(some.length)
      const before = clears
      try {
        const current = await statesByName(everyone, [...new Set(some.map(({ topic }) => topic))])
        for (const { fact, topic, resolve } of some) {
          const now = current.get(topic)
          const state = now === undefined ? null : stateAsOf(fact, now)
          if (before === clears) known.set(fact.seq, state, bytesOf(state))
          resolve(state)
        }
      } catch (error) {
        for (const { reject } of some) reject(error)
      }
      for (const { fact } of some) promised.delete(fact.seq)
    }
    reading = false
  }

  async function stateAfter(fact: Fact, topic: string): Promise<TopicState | null> {
    const there = known.get(fact.seq)
    if (there !== undefined) return there
    const coming = promised.get(fact.seq)
    if (coming !== undefined) return coming
    const promise = new Promise<TopicState | null>((resolve, reject) => {
      queue.push({ fact, topic, resolve, reject })
    })
    promised.set(fact.seq, promise)
    if (!reading) {
      reading = true
      // Subscribers that were woken by the same fact ask one after another
      setImmediate(() => void readAll())
    }
    return promise
  }

  return {
    async after(facts) {
      const last = new Map<string, Fact>()
      for (const fact of facts) if (fact.topic !== null && isStateFact(fact)) last.set(fact.topic, fact)
      const states = await Promise.all(
        [...last].map(async ([topic, fact]) => [fact.seq, await stateAfter(fact, topic)] as const)
      )
      return new Map(states.flatMap(([seq, state]) => (state === null ? [] : [[seq, state] as const])))
    },
    clear() {
      known.clear()
      clears++
    }
  }
}

const isStateFact = ({ kind }: Fact): boolean => (eventKinds.state as readonly string[]).includes(kind)

const bytesOf = (state: TopicState | null): number =>
  500 +
  (state === null
    ? 0
    : state.latest.payload.length +
      (state.retained?.payload.length ?? 0) +
      (state.tombstone?.previous?.payload.length ?? 0))
