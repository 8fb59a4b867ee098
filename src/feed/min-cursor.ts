/**
 * Read your writes: a read that names a cursor (`min-cursor`) waits until what it reads has come that far, so that it
 * never shows anything older. The same on every surface.
 */

import type { Cursors } from '../cursor.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import type { Feed } from './feed.ts'

export interface MinCursor {
  /**
   * Resolves when topics, messages, gaps and commands are read as they are at `token`, or newer: at once, nearly always.
   * `msMax`: milliseconds to wait at most; `minCursorMsMax` unless given. Throws Problem cursor_not_reached after that, or
   * when `signal` aborts; too_many_requests where too many wait; cursor_invalid, cursor_kind, or cursor_ahead for what a
   * restore from backup took.
   */
  journal(token: string, signal: AbortSignal, msMax?: number): Promise<void>
  /** The same for devices, metrics, datapoints and rejections, which are read behind the journal. */
  projected(token: string, signal: AbortSignal, msMax?: number): Promise<void>
}

/** How far the projection is that is read. */
export interface ProjectedPosition {
  /** All facts up to here are normalized. */
  done(): Promise<Seq>
  /** Resolves when `done` has come to `seq`, or `signal` aborts. */
  reached(seq: Seq, signal: AbortSignal): Promise<void>
}

export function createMinCursor(parts: {
  cursors: Pick<Cursors, 'decodePosition'>
  feed: Pick<Feed, 'end' | 'more'>
  head: () => Promise<Seq>
  projected: ProjectedPosition
  limits: Pick<Limits, 'minCursorMsMax' | 'minCursorWaitsMax' | 'waitSecondsMax'>
}): MinCursor {
  const { cursors, feed, head, projected, limits } = parts
  let waiting = 0

  const journal: Reading = {
    isAt: async (seq) => feed.end() >= seq || (await head()) >= seq,
    async wait(seq, signal) {
      while (feed.end() < seq && !signal.aborted)
        await feed.more(seq - 1, signal, limits.waitSecondsMax * 1_000)
    }
  }
  const projection: Reading = {
    isAt: async (seq) => (await journal.isAt(seq)) && (await projected.done()) >= seq,
    async wait(seq, signal) {
      if (!(await journal.isAt(seq))) await journal.wait(seq, signal)
      if (!signal.aborted) await projected.reached(seq, signal)
    }
  }

  const waitFor =
    ({ isAt, wait }: Reading): MinCursor['journal'] =>
    async (token, outer, msMax = limits.minCursorMsMax) => {
      const seq = seqOf(cursors, token)
      if (await isAt(seq)) return
      if (waiting >= limits.minCursorWaitsMax)
        throw new Problem(
          'too_many_requests',
          `${limits.minCursorWaitsMax} requests wait for a min-cursor, and no more are allowed`
        )
      waiting++
      try {
        await wait(seq, AbortSignal.any([outer, AbortSignal.timeout(msMax)]))
      } finally {
        waiting--
      }
      if (!(await isAt(seq))) throw notReached(msMax)
    }

  return { journal: waitFor(journal), projected: waitFor(projection) }
}

/** Something that is read, and comes as far as the journal is sooner or later. */
interface Reading {
  isAt(seq: Seq): Promise<boolean>
  /** Returns when it may have come there, or `signal` aborts. */
  wait(seq: Seq, signal: AbortSignal): Promise<void>
}

/** The newest fact that a reader with this cursor has seen anything of. */
function seqOf(cursors: Pick<Cursors, 'decodePosition'>, token: string): Seq {
  try {
    // How far the journal is, is waited for; what is no longer kept has been reached long ago
    const { seq, part } = cursors.decodePosition(token, { seq: Infinity, at: 0, horizon: 0 })
    return part > 0 ? seq + 1 : seq
  } catch (error) {
    if (error instanceof Problem && error.code === 'cursor_ahead')
      throw new Problem(
        'cursor_ahead',
        'A restore from backup took what this cursor stands for, and it will not come again: read without it'
      )
    throw error
  }
}

const notReached = (msMax: number): Problem =>
  new Problem(
    'cursor_not_reached',
    `What is read has not come to this min-cursor within ${msMax} ms: try again, or, on REST, wait longer with Prefer: wait=N`
  )
