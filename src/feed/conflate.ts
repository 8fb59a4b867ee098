/** A stream that sends the newest events only, for readers who would rather know what is so than all that was. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Limits } from '../limits.ts'
import type { StreamEvent } from '../views.ts'
import type { NewestEvent, NewestEvents } from './newest-events.ts'
import { createNewestEvents } from './newest-events.ts'

export interface Conflating {
  /** Events behind a cursor; null: from where the stream begins. */
  open(after: string | null, signal: AbortSignal): AsyncIterable<Iterable<StreamEvent>>
  /** Events per second of one key, at most; null: as many as the reader takes. */
  maxRate: number | null
  /** Another object when the reader may see something else: what waits was chosen by what he might see before. */
  rights: () => object | undefined
  /** Bytes of an event as it will be sent, or about. */
  sizeOf(event: StreamEvent): number
  limits: Limits
}

/**
 * Reads ahead of the reader, within bounds, and hands over what is newest whenever the reader is ready, but not more
 * often than `maxRate` says; the first at once. For a reader that takes nothing, what waits is let go after
 * `streamStallMs`, and read again when it is back: then `skippedCount` counts anew. So it is when `rights` are others.
 */
export async function* conflate(
  conflating: Conflating,
  signal: AbortSignal
): AsyncGenerator<Iterable<NewestEvent>, void, undefined> {
  const { maxRate, limits, rights } = conflating
  const everyMs = maxRate === null ? 0 : 1_000 / maxRate
  let turnAt = 0
  let after: string | null = null
  while (!signal.aborted) {
    const begunWith = rights()
    const isStale = (): boolean => rights() !== begunWith
    // What was taken tells where to go on from
    function* taking(batch: readonly NewestEvent[]): Generator<NewestEvent, void, undefined> {
      for (const event of batch) {
        if (isStale()) return
        after = event.cursor
        yield event
      }
    }
    const stalled = new AbortController()
    const reading = readAhead(conflating, after, AbortSignal.any([signal, stalled.signal]))
    try {
      while (!stalled.signal.aborted && !isStale() && (await reading.some())) {
        if (reading.newest.turns()) {
          await waitUntil(turnAt, signal)
          turnAt = performance.now() + everyMs
        }
        if (signal.aborted) return
        const timer = setTimeout(() => stalled.abort(), limits.streamStallMs)
        try {
          yield taking(reading.take())
        } finally {
          clearTimeout(timer)
        }
      }
      if (!stalled.signal.aborted && !isStale()) return
    } finally {
      stalled.abort()
    }
  }
}

interface Reading {
  newest: Pick<NewestEvents, 'turns'>
  /** Waits until something can be taken; false: nothing comes any more. Rejects where reading failed. */
  some(): Promise<boolean>
  take(): NewestEvent[]
}

function readAhead({ open, sizeOf, limits }: Conflating, after: string | null, signal: AbortSignal): Reading {
  const newest = createNewestEvents(limits)
  const arrival = createBell()
  const room = createBell()
  let end: { error: unknown } | null = null
  signal.addEventListener('abort', room.ring, { once: true })

  async function read(): Promise<void> {
    for await (const events of open(after, signal)) {
      for (const event of events) {
        while (newest.full() && !signal.aborted) {
          arrival.ring()
          await room.rung()
        }
        if (signal.aborted) return
        newest.put(event, sizeOf(event))
      }
      arrival.ring()
    }
  }
  const ended = (error: unknown): void => {
    end = { error }
    signal.removeEventListener('abort', room.ring)
    arrival.ring()
  }
  read().then(() => ended(null), ended)

  return {
    newest,
    async some() {
      while (newest.empty() && end === null) await arrival.rung()
      if (newest.empty() && end?.error != null) throw end.error
      return !newest.empty()
    },
    take() {
      const batch = newest.take()
      room.ring()
      return batch
    }
  }
}

/** One may wait for it; it wakes nobody later. */
function createBell(): { ring: () => void; rung: () => Promise<void> } {
  let wake = (): void => {}
  return {
    ring: () => wake(),
    rung: () => new Promise((resolve) => (wake = resolve))
  }
}

async function waitUntil(at: number, signal: AbortSignal): Promise<void> {
  const ms = at - performance.now()
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => {})
}
