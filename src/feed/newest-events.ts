/**
 * Of the events that wait for a reader, the newest of each topic, metric, device and command. Whatever is taken is in
 * the order of the journal, so an event's own cursor is a place to go on from: all before it was sent, or a newer one of
 * the same key comes behind it. Pure.
 */

import type { Limits } from '../limits.ts'
import type { StreamEvent } from '../views.ts'

/** `skippedCount`: events of the same key that were left out since the one sent before. */
export type NewestEvent = StreamEvent & { skippedCount: number }

export interface NewestEvents {
  /** Nothing waits. */
  empty(): boolean
  /** So much waits that no more may be put before something has been taken. */
  full(): boolean
  put(event: StreamEvent, bytes: number): void
  /**
   * Takes some of what waits. What has waited since the last time that all was taken goes first, and is not replaced
   * any more: otherwise a key that changes all the time would never be sent to a reader who is slow.
   */
  take(): NewestEvent[]
  /** Whether `take` begins with what came since then. */
  turns(): boolean
}

interface Waiting {
  event: StreamEvent
  bytes: number
  skippedCount: number
}

export function createNewestEvents(
  limits: Pick<
    Limits,
    'conflatedKeysMax' | 'conflatedBytesMax' | 'conflatedBatchEventsMax' | 'conflatedBatchBytesMax'
  >
): NewestEvents {
  let leaving: Waiting[] = []
  let taken = 0
  let coming = new Map<string | number, Waiting>()
  let unique = 0
  let bytesHeld = 0

  const turns = (): boolean => taken === leaving.length
  const count = (): number => leaving.length - taken + coming.size

  return {
    turns,
    empty: () => count() === 0,
    full: () => count() >= limits.conflatedKeysMax || bytesHeld >= limits.conflatedBytesMax,
    put(event, bytes) {
      const key = keyOf(event) ?? unique++
      const before = coming.get(key)
      // Put again at the end: a Map keeps the order in which its keys were put
      if (before !== undefined) coming.delete(key)
      coming.set(key, { event, bytes, skippedCount: before === undefined ? 0 : before.skippedCount + 1 })
      bytesHeld += bytes - (before?.bytes ?? 0)
    },
    take() {
      if (turns()) {
        leaving = [...coming.values()]
        taken = 0
        coming = new Map()
      }
      const batch: NewestEvent[] = []
      let bytes = 0
      for (; taken < leaving.length && batch.length < limits.conflatedBatchEventsMax; taken++) {
        const next = leaving[taken]!
        if (batch.length > 0 && bytes + next.bytes > limits.conflatedBatchBytesMax) break
        bytes += next.bytes
        const skippedCount = next.event.type === 'progress' ? 0 : next.skippedCount
        batch.push({ ...next.event, skippedCount })
      }
      if (turns()) {
        leaving = []
        taken = 0
      }
      bytesHeld -= bytes
      return batch
    }
  }
}

/** Events with one key replace one another; null: none replaces this one. */
function keyOf(event: StreamEvent): string | null {
  switch (event.type) {
    case 'message':
      return `message ${event.message.topic}`
    case 'state':
      return `state ${event.state.topic}`
    case 'datapoint':
      return `datapoint ${event.datapoint.device.length} ${event.datapoint.device} ${event.datapoint.metric}`
    case 'presence':
      return `presence ${event.presence.device}`
    case 'command':
      return `command ${event.command.id}`
    case 'progress':
      return 'progress'
    case 'gap':
    case 'skipped':
      return null
  }
}
