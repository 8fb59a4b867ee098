/** Events handed to a reader, made one by one as he takes them. */

import type { StreamEvent } from '../views.ts'

/** Events that can be looked at before they are taken. */
export class EventQueue {
  readonly #events: Iterator<StreamEvent>
  #next: StreamEvent | null = null

  constructor(events: Iterable<StreamEvent>) {
    this.#events = events[Symbol.iterator]()
  }

  /** null: there are no more. */
  peek(): StreamEvent | null {
    this.#next ??= this.#events.next().value ?? null
    return this.#next
  }

  take(): StreamEvent | null {
    const event = this.peek()
    this.#next = null
    return event
  }
}

/** Some of a queue. What has been iterated over was taken; what has not stays in the queue. */
export class Slice implements Iterable<StreamEvent> {
  #queue: EventQueue | null
  #left: number
  #isStale: () => boolean = () => false
  /** Cursor of the event that was taken last. */
  cursor: string | null = null

  constructor(queue: EventQueue, countMax: number) {
    this.#queue = queue
    this.#left = countMax
  }

  *[Symbol.iterator](): Generator<StreamEvent, void, undefined> {
    while (this.#left-- > 0) {
      // Asked before each: it may have been made long before it is taken
      if (this.#isStale()) return
      const event = this.#queue?.take() ?? null
      if (event === null) return
      this.cursor = event.cursor
      yield event
    }
  }

  /** Who iterates over it comes to its end as soon as this is true. */
  endWhen(isStale: () => boolean): void {
    this.#isStale = isStale
  }

  /** Who iterates over it comes to its end at once, and all that was not taken is free. */
  letGo(): void {
    this.#queue = null
  }
}

export const sliceOf = (...events: StreamEvent[]): Slice => new Slice(new EventQueue(events), events.length)

/** All events, at most `countMax` at a time. */
export function* slices(events: Iterable<StreamEvent>, countMax: number): Generator<Slice, void, undefined> {
  const queue = new EventQueue(events)
  while (queue.peek() !== null) yield new Slice(queue, countMax)
}
