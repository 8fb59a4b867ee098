/**
 * Live reads. Every subscriber is just a cursor over the journal: it reads what follows from the ring, or, when it has
 * fallen behind, from the table. There is no queue per subscriber, so there is nothing to overflow; a reader that
 * stops reading simply stays where it is (decision 0014).
 */

import type { Logger } from 'pino'
import type { Limits } from '../limits.ts'
import type { Access, DroppedClass, Fact, FactKind, Seq } from '../model.ts'
import type { Stats } from '../stats.ts'
import { compileFilters } from '../topic.ts'
import { mayReadFact, topicOf } from '../visibility.ts'
import type { CatchUpReader } from './catch-up.ts'
import { createCatchUp } from './catch-up.ts'
import type { Skipped } from './missing.ts'
import { firstMissing, tellSkipped } from './missing.ts'
import { Ring } from './ring.ts'
import { scan } from './scan.ts'
import { createWaiters } from './waiters.ts'

export interface FeedAsk {
  /** Everything up to here has been seen. */
  after: Seq
  /** Topic filters; none means every topic. They do not concern facts without a topic. */
  filters: readonly string[]
  kinds: readonly FactKind[]
  /** Only facts of this command. */
  commandId?: string
  /** How far the reader has been told of what is missing, by class; kept by who reads on later. */
  told?: Map<string, Seq>
}

/** What a subscriber is to see next; without facts it tells how far the journal has been read. */
export interface FeedPage {
  facts: Fact[]
  /** Everything up to here has been seen, or did not match. */
  cursor: Seq
  /** What retention took before it could be read, behind `begin`: to be told before the facts. */
  skipped: Skipped[]
  /** Up to here, nothing is kept that the reader has not seen. */
  begin: Seq
}

export interface Feed {
  /** Newest fact that this instance knows of. */
  end(): Seq
  /** Facts that this instance committed, in order. */
  publish(facts: readonly Fact[]): void
  /** The journal may have come to `seq`, or to an unknown one. */
  hint(seq: Seq | null): void
  /** The newest facts behind `after`, as many as are in memory, at most `limit`; null where it is behind those. */
  recent(after: Seq, limit: number): Fact[] | null
  /** Waits for facts behind `after`, at most `msMax`, or until `signal` aborts. */
  more(after: Seq, signal: AbortSignal, msMax: number): Promise<void>
  /** Lets go of everything in memory: what it holds must not be shown any more. */
  forget(): void
  /** Times that something was to be let go, here or elsewhere: what was made of facts before must not be shown any more. */
  forgets(): number
  /** Pages from `after` on, until `signal` aborts. Asks for the next only when the reader has taken the last. */
  read(access: Access, ask: FeedAsk, signal: AbortSignal): AsyncGenerator<FeedPage, void, undefined>
  close(): void
}

/** Our own NOTIFY often arrives before `publish`: a moment later there may be nothing to read. */
const hintDelayMs = 10

export function createFeed(parts: {
  end: Seq
  limits: Limits
  stats: Stats
  log: Logger
  /**
   * Facts after a position, from the table. With `from`: of the `limit` facts behind `from`, the first that is behind
   * `after`, and its neighbours.
   */
  following: (after: Seq, limit: number, bytesMax: number, from?: Seq) => Promise<Fact[]>
  head: () => Promise<Seq>
  /** What is up to here is not kept any more. */
  horizon: () => Promise<Seq>
  /** The first fact behind a position that is kept; null: there is none yet. */
  nextKept: (after: Seq) => Promise<Seq | null>
  /** Of which there were facts, and are none. */
  dropped: () => Promise<DroppedClass[]>
}): Feed {
  const { limits, log } = parts
  const ring = new Ring(parts.end, limits.ringFactsMax, limits.ringBytesMax)
  const closing = new AbortController()
  const waiters = createWaiters()
  let known = parts.end
  let tailing: Promise<void> | null = null
  const catchUp = createCatchUp({ ...parts, end: () => ring.end })
  let forgets = 0

  /** Fetches what others committed, or what came behind a hole. */
  async function tail(): Promise<void> {
    while (ring.end < known && !closing.signal.aborted) {
      try {
        // No more than what is missing: what this instance committed behind it is here
        const count = Math.min(limits.feedPageFactsMax, Math.max(1, ring.hole ?? Infinity))
        const facts = await parts.following(ring.end, count, limits.feedPageBytesMax)
        if (facts.length === 0) return
        const followed = ring.append(facts)
        if (!followed) ring.restart(facts.at(-1)!.seq)
        forgetWhereTold(facts)
        if (followed) waiters.wake(facts)
        else waiters.wakeAll()
        appendKept()
      } catch (error) {
        log.debug({ err: error }, 'Cannot follow the journal yet')
        await delay(limits.databaseRetryMs)
      }
    }
  }

  function appendKept(): void {
    for (let facts = ring.appendKept(); facts !== null; facts = ring.appendKept()) waiters.wake(facts)
  }

  function follow(): void {
    tailing ??= tail().finally(() => (tailing = null))
  }

  function forget(): void {
    ring.restart(ring.end)
    catchUp.forget()
    forgets++
  }

  /** Facts that others committed may tell that something was forgotten. */
  function forgetWhereTold(facts: readonly Fact[]): void {
    if (facts.some(({ kind }) => kind === 'forgotten')) forget()
  }

  /** What comes next for a reader; null: nothing yet. It holds no more of the table's pages than it is given. */
  async function next(
    after: Seq,
    ask: FeedAsk & { wanted: (fact: Fact) => boolean; told: Map<string, Seq> },
    reader: CatchUpReader
  ): Promise<FeedPage | null> {
    const { wanted, told } = ask
    if (after >= ring.end) return null
    if (after >= ring.start) {
      const facts = ring.after(after, limits.feedPageFactsMax)
      return { ...scan(facts, after, wanted, limits), skipped: [], begin: after }
    }
    const { facts, to } = await catchUp.behind(after, reader)
    const first = facts.find(({ seq }) => seq > after)
    const begin = first === undefined ? to : first.seq - 1
    const page = scan(facts, begin, wanted, limits)
    const missing = firstMissing(facts, after, page.cursor)
    // Asked for behind the facts: what was dropped before they were read is among it
    const skipped = missing === null ? [] : tellSkipped(await parts.dropped(), ask, missing, told)
    return { ...page, skipped, begin }
  }

  return {
    end: () => ring.end,
    publish(facts) {
      known = Math.max(known, facts.at(-1)?.seq ?? 0)
      if (ring.append(facts)) {
        waiters.wake(facts)
        return appendKept()
      }
      ring.keep(facts)
      follow()
    },
    recent: (after, limit) =>
      after >= ring.end ? [] : after >= ring.start ? ring.after(after, limit) : null,
    async more(after, signal, msMax) {
      if (ring.end > after || signal.aborted) return
      await waiters.wait({ cursor: after, wanted: () => true, wakeAt: Infinity }, signal, msMax)
    },
    forget,
    forgets: () => forgets,
    hint(seq) {
      if (seq === null) {
        parts.head().then(
          (head) => {
            known = Math.max(known, head)
            follow()
          },
          (error: unknown) => log.debug({ err: error }, 'Cannot read the head yet')
        )
      } else if (seq > known) {
        known = seq
        setTimeout(follow, hintDelayMs)
      }
    },
    async *read(access, ask, outer) {
      const signal = AbortSignal.any([outer, closing.signal])
      const wanted = createMatcher(access, ask)
      const asking = { ...ask, wanted, told: ask.told ?? new Map<string, Seq>() }
      const reader = { signal, passes: 0 }
      let cursor = ask.after
      let reported = cursor
      let reportedAt = Date.now()
      while (!signal.aborted) {
        const page = await next(cursor, asking, reader)
        if (signal.aborted) return
        if (page === null) {
          if (ring.end > cursor) continue
          const before = Date.now()
          const wakeAt = reported + limits.feedScanFactsMax
          cursor = await waiters.wait({ cursor, wanted, wakeAt }, signal, limits.heartbeatMs)
          const isSilent = Date.now() - before >= limits.heartbeatMs || cursor >= wakeAt
          if (!isSilent || signal.aborted) continue
          yield { facts: [], cursor, skipped: [], begin: cursor }
          reported = cursor
          reportedAt = Date.now()
          continue
        }
        ;({ cursor } = page)
        const due =
          cursor - reported >= limits.feedScanFactsMax || Date.now() - reportedAt >= limits.heartbeatMs
        if (page.facts.length === 0 && !due && page.skipped.length === 0) continue
        yield page
        reported = cursor
        reportedAt = Date.now()
      }
    },
    close() {
      closing.abort()
      waiters.wakeAll()
    }
  }
}

function createMatcher(access: Access, ask: FeedAsk): (fact: Fact) => boolean {
  const kinds = new Set(ask.kinds)
  const matches = compileFilters(ask.filters)
  return (fact) => {
    if (!kinds.has(fact.kind)) return false
    if (ask.commandId !== undefined) return fact.commandId === ask.commandId
    const about = fact.topic ?? topicOf(fact.detail)
    return (about === undefined || matches(about)) && mayReadFact(access, fact)
  }
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
