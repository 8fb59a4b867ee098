/**
 * Streams whose readers may stop. What is ready for a reader is let go when he does not come for it: from then on his stream
 * is only a position, and goes on from there when he reads again. So it does when what he may see has changed: what is
 * ready was chosen by what he might see before.
 */

import type { Slice } from './slice.ts'

/**
 * Gives what `begin` gives from a position on. `positionOf` tells the position behind the event with a cursor. A reader
 * who takes nothing for `stallMs` costs nothing but the position. `rights`: another object when he may see something else.
 */
export async function* lettingGo<Place>(
  begin: (from: Place) => AsyncGenerator<Slice, void, undefined>,
  from: Place,
  {
    stallMs,
    positionOf,
    rights
  }: { stallMs: number; positionOf: (cursor: string) => Place; rights: () => object | undefined }
): AsyncGenerator<Slice, void, undefined> {
  let source: AsyncGenerator<Slice, void, undefined> | null = null
  let begunWith = rights()
  const isStale = (): boolean => rights() !== begunWith
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
      if (source !== null && isStale()) {
        await source.return()
        source = null
      }
      if (source === null) {
        begunWith = rights()
        source = begin(taken === null ? from : positionOf(taken))
      }
      const { value, done } = await source.next()
      if (done === true) return
      value.endWhen(isStale)
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
