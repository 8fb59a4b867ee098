/**
 * Reads of the table, for readers behind what is in memory. All of them share the reads: pages lie on one grid, and sweeps
 * go over it in one direction, taking along whoever waits at a page (C-SCAN). So a thousand readers that go on from
 * a thousand places cost about as much as the one that is furthest behind.
 */

import type { Limits } from '../limits.ts'
import type { Fact, Seq } from '../model.ts'
import type { Stats } from '../stats.ts'
import type { Chunk } from './chunk-cache.ts'
import { ChunkCache, covers } from './chunk-cache.ts'

/** Who reads; the same object each time. */
export interface CatchUpReader {
  signal: AbortSignal
  /** Times that no sweep waits for it, since it did not come back when one did. */
  passes: number
}

export interface CatchUp {
  /** Facts behind `after`, which is before the newest. Rejects when they cannot be read. */
  behind(after: Seq, reader: CatchUpReader): Promise<Chunk>
  /** What was read must not be shown any more. */
  forget(): void
}

export interface CatchUpParts {
  limits: Pick<
    Limits,
    | 'feedPageFactsMax'
    | 'feedPageBytesMax'
    | 'catchUpReadsMax'
    | 'catchUpCachedBytesMax'
    | 'catchUpComeBackMsMax'
  >
  stats: Pick<Stats, 'feedFactsFromTable'>
  /**
   * Of the `limit` facts behind `from`, those behind `after` from its first one on, and its neighbours; about `bytesMax`
   * of payload.
   */
  following: (after: Seq, limit: number, bytesMax: number, from: Seq) => Promise<Fact[]>
  /** Of what is up to here, nothing is shown: retention took some of it, or all. */
  horizon: () => Promise<Seq>
  /** The first fact behind a position that is kept; null: there is none yet. */
  nextKept: (after: Seq) => Promise<Seq | null>
  /** Newest fact that is known of. */
  end: () => Seq
}

interface Waiter {
  after: Seq
  reader: CatchUpReader
  resolve: (chunk: Chunk) => void
  reject: (error: unknown) => void
}

interface Sweep {
  free: boolean
  /** The page that it read last. */
  page: number
  /** Those it served, while it waits for one of them to come back. */
  expected: ReadonlySet<CatchUpReader>
  patience: NodeJS.Timeout | undefined
}

/** A reader that did not come back is not waited for so many times. */
const passesOfSlow = 10

const nobody: ReadonlySet<CatchUpReader> = new Set()

export function createCatchUp(parts: CatchUpParts): CatchUp {
  const { limits } = parts
  const cache = new ChunkCache(limits.catchUpCachedBytesMax)
  const waiting = new Map<number, Waiter[]>()
  const reading = new Set<number>()
  const sweeps: Sweep[] = Array.from({ length: limits.catchUpReadsMax }, () => ({
    free: true,
    page: 0,
    expected: nobody,
    patience: undefined
  }))
  let forgets = 0

  /** Free sweeps go on to the next page that somebody waits for, or round again to the first. */
  function wake(): void {
    for (const sweep of sweeps) {
      if (!sweep.free) continue
      const pages = [...waiting.keys()].filter((page) => !reading.has(page))
      if (pages.length === 0) return
      const ahead = pages.filter((page) => page >= sweep.page)
      void visit(sweep, Math.min(...(ahead.length > 0 ? ahead : pages)))
    }
  }

  async function visit(sweep: Sweep, page: number): Promise<void> {
    sweep.free = false
    sweep.page = page
    reading.add(page)
    const served = await serve(page).catch((error: unknown) => {
      for (const { reject } of take(page, () => true)) reject(error)
      return []
    })
    reading.delete(page)
    expect(sweep, served)
  }

  /**
   * Before it leaves for others, a sweep waits a moment for those it served: they would be left behind one after another, and
   * each would need a sweep of its own.
   */
  function expect(sweep: Sweep, served: readonly CatchUpReader[]): void {
    const quick = served.filter(({ passes, signal }) => passes === 0 && !signal.aborted)
    for (const reader of served) reader.passes = Math.max(0, reader.passes - 1)
    if (quick.length === 0 || waiting.size === 0) return goOn(sweep)
    sweep.expected = new Set(quick)
    sweep.patience = setTimeout(() => {
      for (const reader of quick) reader.passes = passesOfSlow
      goOn(sweep)
    }, limits.catchUpComeBackMsMax)
  }

  function goOn(sweep: Sweep): void {
    clearTimeout(sweep.patience)
    sweep.expected = nobody
    sweep.free = true
    wake()
  }

  /** Reads what the first of those who wait at a page needs, for all of them. */
  async function serve(page: number): Promise<CatchUpReader[]> {
    for (const { after, resolve } of take(page, ({ reader }) => reader.signal.aborted))
      resolve({ from: after, to: after, facts: [] })
    const places = waiting.get(page)?.map(({ after }) => after)
    if (places === undefined) return []
    const chunk = await read(page, Math.min(...places))
    // Those who came meanwhile are served, too; who needs what is behind it waits on
    const served = take(page, ({ after }) => covers(chunk, after))
    for (const { resolve } of served) resolve(chunk)
    return served.map(({ reader }) => reader)
  }

  async function read(page: number, after: Seq): Promise<Chunk> {
    const before = forgets
    const { feedPageFactsMax, feedPageBytesMax } = limits
    const from = page * feedPageFactsMax
    const facts = await parts.following(after, feedPageFactsMax, feedPageBytesMax, from)
    parts.stats.feedFactsFromTable += facts.length
    const whole = toChunk(facts, after)
    if (whole !== null) {
      if (before === forgets) cache.add(whole)
      return whole
    }
    // Something is missing. What is left before the horizon is not shown: a cursor of it would have expired
    const horizon = await parts.horizon()
    const kept = facts.filter(({ seq }) => seq > Math.max(after, horizon))
    const last = kept.at(-1)
    if (last !== undefined) return { from: after, to: last.seq, facts: kept }
    if (horizon > after) return { from: after, to: horizon, facts: [] }
    const next = await parts.nextKept(after)
    return { from: after, to: next === null ? parts.end() : Math.min(next - 1, parts.end()), facts: [] }
  }

  function take(page: number, which: (waiter: Waiter) => boolean): Waiter[] {
    const taken: Waiter[] = []
    const left: Waiter[] = []
    for (const waiter of waiting.get(page) ?? []) (which(waiter) ? taken : left).push(waiter)
    if (left.length > 0) waiting.set(page, left)
    else waiting.delete(page)
    return taken
  }

  return {
    async behind(after, reader) {
      const known = cache.get(after)
      if (known !== null) return known
      const page = Math.floor(after / limits.feedPageFactsMax)
      return new Promise((resolve, reject) => {
        const waiter = { after, reader, resolve, reject }
        const others = waiting.get(page)
        if (others === undefined) waiting.set(page, [waiter])
        else others.push(waiter)
        const expecting = sweeps.find(({ expected }) => expected.has(reader))
        if (expecting === undefined) wake()
        else goOn(expecting)
      })
    },
    forget() {
      forgets++
      cache.clear()
    }
  }
}

/** null: some of the facts behind `after` are missing. */
function toChunk(facts: readonly Fact[], after: Seq): Chunk | null {
  const [first, last] = [facts[0], facts.at(-1)]
  if (first === undefined || last === undefined || last.seq <= after) return null
  if (facts.length === last.seq - first.seq + 1 && first.seq <= after + 1)
    return { from: first.seq - 1, to: last.seq, facts }
  const behind = facts.filter(({ seq }) => seq > after)
  return behind.length > 0 && behind.length === last.seq - after
    ? { from: after, to: last.seq, facts: behind }
    : null
}
