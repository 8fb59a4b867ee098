/** Subscriptions as async generators that work only when they are asked to, and stop when the client goes away. */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Stats } from '../stats.ts'

export interface Streams {
  /** Opens a stream that ends with `gone`; throws Problem too_many_requests when there are too many. */
  open<Item>(
    gone: AbortSignal,
    start: (signal: AbortSignal) => AsyncGenerator<Item, void, undefined>
  ): AsyncGenerator<Item, void, undefined>
}

export function createStreams({ limits, stats }: { limits: Limits; stats: Stats }): Streams {
  return {
    open(gone, start) {
      if (stats.streams >= limits.streamsMax) {
        throw new Problem(
          'too_many_requests',
          `${limits.streamsMax} streams are open; close one, or try again later`
        )
      }
      stats.streams++
      const ending = new AbortController()
      const items = start(AbortSignal.any([gone, ending.signal]))
      const end = (): void => {
        if (ending.signal.aborted) return
        ending.abort()
        stats.streams--
      }
      return endable(items, end)
    }
  }
}

/**
 * Calls `end` once nothing will be read any more. A generator of its own would not do: its `return` waits for a `next`
 * under way, which here may wait for the next message, and it skips `finally` when it has not begun.
 */
function endable<Item>(
  items: AsyncGenerator<Item, void, undefined>,
  end: () => void
): AsyncGenerator<Item, void, undefined> {
  return {
    async next() {
      try {
        const result = await items.next()
        if (result.done === true) end()
        return result
      } catch (error) {
        end()
        throw error
      }
    },
    return() {
      end()
      return items.return()
    },
    throw(error) {
      end()
      return items.throw(error)
    },
    [Symbol.asyncIterator]() {
      return this
    }
  }
}
