/**
 * Does what decoders ask for, after the commit: publishes at once or later, and cancels what waits. Nobody waits for the
 * outcome, and history that is read again asks for nothing.
 */

import type { Logger } from 'pino'
import type { Effect } from './effects.ts'
import type { Limits } from './limits.ts'
import type { Publisher } from './mqtt/publisher.ts'
import type { Stats } from './stats.ts'
import { topicFault } from './topic.ts'

export interface EffectsRunner {
  run(effects: readonly Effect[]): void
  /** Gives up all that wait: the instance leads no more. */
  giveUp(): void
  /** And takes no more. */
  close(): void
}

type Publish = Extract<Effect, { kind: 'publish' }>

interface Waiting {
  effect: Publish
  timer: NodeJS.Timeout
  /** While there is no connection, it waits for one until then. */
  until: number
}

export function createEffectsRunner(parts: {
  publisher: Pick<Publisher, 'connected' | 'publish'>
  /** What comes due on an instance that does not lead is dropped: another one decodes now. */
  leading: () => boolean
  limits: Limits
  stats: Stats
  log: Logger
}): EffectsRunner {
  const { publisher, limits, stats, log } = parts
  const waiting = new Set<Waiting>()
  const byKey = new Map<string, Waiting>()
  let closed = false
  let full = false

  function drop(effect: Publish, reason: string): void {
    stats.effectsDropped++
    log.debug({ topic: effect.topic, key: effect.key, reason }, 'What a decoder asked for is not published')
  }

  function begin(effect: Publish): void {
    const { topic, key, afterMs } = effect
    if (key !== null && byKey.has(key)) return // one that waits is not doubled
    const fault = topicFault(topic, limits.topicLevelsMax)
    if (fault !== null) return drop(effect, fault)
    const until = performance.now() + afterMs + limits.effectConnectionMsMax
    if (afterMs === 0 && publisher.connected()) return publish(effect)
    if (waiting.size >= limits.effectsWaitingMax) {
      if (!full) log.warn({ waiting: waiting.size }, 'Too many effects wait; more are not begun')
      full = true
      return drop(effect, 'too many wait')
    }
    full = false
    const entry: Waiting = { effect, until, timer: setTimeout(() => due(entry), afterMs) }
    waiting.add(entry)
    if (key !== null) byKey.set(key, entry)
  }

  function due(entry: Waiting): void {
    if (parts.leading() && !publisher.connected() && performance.now() < entry.until) {
      entry.timer = setTimeout(() => due(entry), limits.effectConnectionCheckMs)
      return
    }
    forget(entry)
    if (parts.leading()) publish(entry.effect)
    else drop(entry.effect, 'this instance does not lead')
  }

  function forget(entry: Waiting): void {
    clearTimeout(entry.timer)
    waiting.delete(entry)
    if (entry.effect.key !== null) byKey.delete(entry.effect.key)
  }

  function publish({ topic, payload, qos }: Publish): void {
    publisher
      .publish({ topic, payload: Buffer.from(payload), qos, retain: false, properties: null })
      .then(() => stats.effectsPublished++)
      .catch((error: unknown) => {
        stats.effectsDropped++
        log.warn({ err: error, topic }, 'What a decoder asked for was not published')
      })
  }

  function giveUp(): void {
    for (const entry of waiting) {
      forget(entry)
      drop(entry.effect, 'given up')
    }
  }

  return {
    run(effects) {
      for (const effect of effects) {
        if (effect.kind === 'cancel') {
          const entry = byKey.get(effect.key)
          if (entry !== undefined) forget(entry)
        } else if (closed || !parts.leading()) drop(effect, 'this instance does not lead')
        else begin(effect)
      }
    },
    giveUp,
    close() {
      closed = true
      giveUp()
    }
  }
}
