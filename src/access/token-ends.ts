/**
 * Ends of tokens: each has a signal that aborts when its time is over. Memory holds only those that somebody still listens
 * to, or that are remembered elsewhere: an issuer may give out any number of tokens.
 */

import type { Millis } from '../model.ts'

export interface TokenEnds {
  /** A signal that aborts at `endsAt`, within `everyMs`, or once `isOver` says so when asked by `look`. */
  signal(endsAt: Millis, isOver: () => boolean): AbortSignal
  /** Asks each of them at once. */
  look(): void
  close(): void
}

interface End {
  controller: AbortController
  endsAt: Millis
  isOver: () => boolean
}

export function createTokenEnds(everyMs: Millis): TokenEnds {
  const signals = new Set<WeakRef<AbortSignal>>()
  /** What belongs to a signal lives as long as it does. */
  const ends = new WeakMap<AbortSignal, End>()
  let timer: NodeJS.Timeout | null = null

  function sweep(all: boolean): void {
    const now = Date.now()
    for (const ref of signals) {
      const signal = ref.deref()
      const end = signal && ends.get(signal)
      if (end !== undefined && now < end.endsAt && !(all && end.isOver())) continue
      signals.delete(ref)
      end?.controller.abort(new Error('The token is over'))
    }
    if (signals.size === 0) stop()
  }

  function stop(): void {
    if (timer !== null) clearInterval(timer)
    timer = null
  }

  return {
    signal(endsAt, isOver) {
      const controller = new AbortController()
      signals.add(new WeakRef(controller.signal))
      ends.set(controller.signal, { controller, endsAt, isOver })
      timer ??= setInterval(() => sweep(false), everyMs).unref()
      return controller.signal
    },
    look: () => sweep(true),
    close: stop
  }
}
