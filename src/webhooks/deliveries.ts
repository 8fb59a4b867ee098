/**
 * What a webhook is sent: the events of streams, some at a time, from a place in the journal on. What is between two places
 * is the same whenever it is read, as long as the journal keeps it and nothing in it is forgotten or normalized anew.
 */

import type { Cursors } from '../cursor.ts'
import { eventJson } from '../feed/event-json.ts'
import type { EventPage, EventSource } from '../feed/events.ts'
import type { Limits } from '../limits.ts'
import type { Access, Head } from '../model.ts'
import { readPredicate } from '../predicate/predicate.ts'
import type { PredicateLimits } from '../predicate/scanner.ts'
import type { Place, Webhook } from '../store/webhook-rows.ts'
import type { StreamEvent } from '../views.ts'

/** Events behind one place up to another. */
export interface Delivery {
  /** As JSON texts; empty where nothing is wanted up to there. */
  events: string[]
  until: Place
}

export interface DeliveryReader {
  /**
   * What comes next: at least one event, once there is one, or the place to which nothing is wanted; with `until`, all up to
   * there. null: it was closed.
   */
  next(until: Place | null): Promise<Delivery | null>
  close(): Promise<void>
}

type ReaderLimits = PredicateLimits &
  Pick<Limits, 'webhookEventsMax' | 'webhookBodyBytesMax' | 'webhookLingerMs' | 'webhookScanEventsMax'>

export function openDeliveries(
  parts: { events: EventSource; cursors: Pick<Cursors, 'decodePosition'>; limits: ReaderLimits },
  access: Access,
  webhook: Pick<Webhook, 'types' | 'filters' | 'where' | 'finalOnly' | 'place'>,
  outer: AbortSignal
): DeliveryReader {
  const { cursors, limits } = parts
  const { types, filters, where, finalOnly, place: after } = webhook
  const closing = new AbortController()
  const signal = AbortSignal.any([outer, closing.signal])
  const wanted = { types, filters, where: where === null ? null : readPredicate(where, limits), after }
  const source = createPeeked(parts.events.events(access, wanted, signal))
  const isWanted = (event: StreamEvent): boolean =>
    event.type !== 'command' || !finalOnly || event.command.final

  async function next(until: Place | null): Promise<Delivery | null> {
    const events: string[] = []
    let bytes = 0
    let passed = 0
    let at: Place | null = null
    for (;;) {
      // With `until` all is there already, or was forgotten: then a word of how far the journal was read comes
      const event = await source.peek(events.length > 0 && until === null ? limits.webhookLingerMs : null)
      if (event === 'ended') return null
      if (event === 'quiet') break
      const place = cursors.decodePosition(event.cursor, anywhere)
      if (until !== null && isBehind(place, until)) break
      if (event.type === 'progress') {
        source.take()
        at = place
        if (until === null ? events.length === 0 : !isBehind(until, place)) break
        continue
      }
      if (!isWanted(event)) {
        source.take()
        at = place
        if (until === null && events.length === 0 && ++passed >= limits.webhookScanEventsMax) break
        if (isSame(place, until)) break
        continue
      }
      const text = eventJson(event)
      const size = Buffer.byteLength(text)
      const isFull = events.length >= limits.webhookEventsMax || bytes + size > limits.webhookBodyBytesMax
      if (until === null && events.length > 0 && isFull) break
      source.take()
      events.push(text)
      bytes += size
      at = place
      // Several words of what is missing stand at one place, and before what follows it
      if (event.type !== 'skipped' && isSame(place, until)) break
    }
    return { events, until: until ?? at! }
  }

  return {
    next,
    async close() {
      closing.abort()
      await source.close()
    }
  }
}

/** Of a cursor that was made a moment ago. */
const anywhere: Head = { seq: Number.MAX_SAFE_INTEGER, at: 0, horizon: 0 }

const isBehind = (one: Place, other: Place): boolean =>
  one.seq > other.seq || (one.seq === other.seq && one.part > other.part)
const isSame = (one: Place, other: Place | null): boolean =>
  other !== null && one.seq === other.seq && one.part === other.part

interface Peeked {
  /** The next event; quiet: there is none for so long; ended: there is none any more. null: it waits. */
  peek(msMax: number | null): Promise<StreamEvent | 'quiet' | 'ended'>
  take(): void
  close(): Promise<void>
}

/** Events of pages one by one, of which the next can be looked at. */
function createPeeked(pages: AsyncGenerator<EventPage, void, undefined>): Peeked {
  let page: Iterator<StreamEvent> | null = null
  let coming: Promise<IteratorResult<EventPage, void>> | null = null
  let first: StreamEvent | null = null

  return {
    async peek(msMax) {
      while (first === null) {
        first = page?.next().value ?? null
        if (first !== null) break
        coming ??= pages.next()
        const come = msMax === null ? await coming : await within(coming, msMax)
        if (come === null) return 'quiet'
        coming = null
        if (come.done === true) return 'ended'
        page = come.value[Symbol.iterator]()
      }
      return first
    },
    take() {
      first = null
    },
    async close() {
      await coming?.catch(() => {})
      await pages.return()
    }
  }
}

/** null: not yet. */
async function within<Value>(promise: Promise<Value>, ms: number): Promise<Value | null> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
