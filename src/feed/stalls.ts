/**
 * Streams whose readers may stop. What is ready for a reader is let go when he does not come for it: from then on his stream
 * is only a position, and goes on from there when he reads again.
 */

import type { Slice } from './slice.ts'

/**
 * Gives what `begin` gives from a position on. `positionOf` tells the position behind the event with a cursor. A reader
 * who takes nothing for `stallMs` costs nothing but the position.
 */
export async function* lettingGo<Place>(
  begin: (from: Place) => AsyncGenerator<Slice, void, undefined>,
  from: Place,
  { stallMs, positionOf }: { stallMs: number; positionOf: (cursor: string) => Place }
): AsyncGenerator<Slice, void, undefined> {
  let source: AsyncGenerator<Slice, void, undefined> | null = begin(from)
  let taken: string | null = null
  let ready: { slice: Slice; seenAt: string | null } | null = null
  const timer = setTimeout(() => {
    if (ready === null) return
    const { slice, seenAt } = ready
    ready.seenAt = slice.cursor
    // He is slow, but takes some
    if (slice.cursor !== seenAt) return void timer.refresh()
    slice.letGo()
    void source?.return()
    source = null
  }, stallMs)
  try {
    for (;;) {
      source ??= begin(taken === null ? from : positionOf(taken))
      const { value, done } = await source.next()
      if (done === true) return
      ready = { slice: value, seenAt: null }
      timer.refresh()
      yield value
      taken = value.cursor ?? taken
      ready = null
    }
  } finally {
    clearTimeout(timer)
    await source?.return()
  }
}
