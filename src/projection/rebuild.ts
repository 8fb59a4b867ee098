/**
 * Builds a projection anew behind the current one: from what retention carried forward, then the journal, until it has
 * come as far; then it takes the current one's place. Goes on where it was after a restart.
 */

import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Projection } from '../datapoints.ts'
import type { Feed } from '../feed/feed.ts'
import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import type { MappingSet } from '../normalize/mapping-set.ts'
import type { Stats } from '../stats.ts'
import type { Store } from '../store/store.ts'
import { DecoderStates } from './decoder-states.ts'
import type { Live, Projector } from './projector.ts'
import { NotLeadingError, tell } from './projector.ts'
import { carry } from './carried.ts'
import { journalAfter } from './read-facts.ts'
import { writeFacts } from './write-facts.ts'

export interface Rebuild {
  /** Of the projection that is being built, or null. */
  building(): Projection | null
  /** Begins one for these mappings; one that is being built already ends. */
  begin(set: MappingSet): Promise<Projection>
  /** Goes on with what another start left, if it is of these mappings. */
  resume(set: MappingSet): Promise<void>
  /** What was being built stays as it is in the database. */
  stop(): Promise<void>
}

export interface RebuildParts {
  store: Store
  feed: Feed
  projector: () => Projector
  limits: Limits
  stats: Stats
  log: Logger
  /** When the connection to the broker came up; silence of devices counts from then. null: not connected. */
  connectedSince: () => number | null
  /** Redrives that wait for this are told, before what was current is dropped. */
  switched: (retired: Projection, current: Projection) => Promise<void>
}

export function createRebuild(parts: RebuildParts): Rebuild {
  const { store, limits, stats, log } = parts
  let building: Live | null = null
  let ending = new AbortController()
  let running: Promise<void> = Promise.resolve()

  async function end(): Promise<void> {
    ending.abort()
    await running
    building = null
  }

  function start(row: Projection, set: MappingSet, fresh: boolean): void {
    ending = new AbortController()
    const { signal } = ending
    running = untilBuilt(row, set, fresh, signal)
  }

  async function untilBuilt(
    row: Projection,
    set: MappingSet,
    fresh: boolean,
    signal: AbortSignal
  ): Promise<void> {
    building = { row, set, states: new DecoderStates(store, row.id, limits) }
    const mine = building
    let carriedAfter: Seq | null = fresh ? 0 : null
    while (!signal.aborted) {
      try {
        if (carriedAfter !== null) carriedAfter = await carry(parts, mine, carriedAfter)
        else if (await advance(mine, signal)) return
      } catch (error) {
        if (error instanceof NotLeadingError || signal.aborted) return
        log.warn({ err: error }, 'Cannot rebuild yet; going on at what is stored')
        mine.states.clear()
        await delay(limits.projectionRetryMs, null, { signal }).catch(() => {})
        const stored = await store.projections.building().catch(() => mine.row)
        if (stored?.id !== mine.row.id) return
        mine.row = stored
      }
    }
  }

  /** One chunk; true once it has become current. */
  async function advance(mine: Live, signal: AbortSignal): Promise<boolean> {
    const current = parts.projector().live()
    if (current === null) {
      await delay(limits.projectionRetryMs, null, { signal }).catch(() => {})
      return false
    }
    const target = current.row.doneSeq
    stats.rebuildProgress = target === 0 ? 1 : Math.min(mine.row.doneSeq / target, 1)
    if (mine.row.doneSeq < target - limits.projectionChunkFactsMax) {
      await build(parts, mine, target)
      await delay(limits.rebuildPauseMs)
      return false
    }
    // Who ends this may be in the projector's turn, and waits for us
    const aborted = new Promise<false>((resolve) =>
      signal.addEventListener('abort', () => resolve(false), { once: true })
    )
    const finished = parts
      .projector()
      .exclusive(async (live) => !signal.aborted && (await finish(live, mine)))
    finished.catch(() => {})
    const done = await Promise.race([finished, aborted])
    if (!done) await delay(limits.projectionRetryMs, null, { signal }).catch(() => {})
    return done
  }

  /** While nothing else is projected: the rest, and the switch. */
  async function finish(live: Live, mine: Live): Promise<boolean> {
    const { projections } = store
    for (let chunks = 0; mine.row.doneSeq < live.row.doneSeq; chunks++) {
      if (chunks > 3) return false // the current one has gone on; let it
      await build(parts, mine, live.row.doneSeq)
    }
    if (mine.row.doneSeq !== live.row.doneSeq) return false
    const since = parts.connectedSince()
    if (since !== null) await expireAll(mine, since)
    const facts = await projections.switchTo(live.row.id, mine.row.id)
    const row: Projection = { ...mine.row, state: 'current' }
    parts.projector().goOnWith({ ...mine, row })
    tell(parts.feed, facts)
    building = null
    stats.rebuildProgress = 1
    log.info({ projection: row.id, doneSeq: row.doneSeq }, 'The rebuilt projection is the current one')
    await parts.switched(live.row, row)
    return true
  }

  async function expireAll(mine: Live, since: number): Promise<void> {
    const limit = limits.presenceChangesPerCheckMax
    for (;;) {
      const ask = { now: Date.now(), since, limit, live: false }
      const { expired } = await store.projections.expire(mine.row.id, ask)
      if (expired < limit) return
    }
  }

  return {
    building: () => building?.row ?? null,
    async begin(set) {
      await end()
      const row = await store.projections.begin({ hash: set.hash, text: set.text })
      log.info({ projection: row.id, toSeq: row.targetSeq }, 'Rebuilding devices, metrics and datapoints')
      start(row, set, true)
      return row
    },
    async resume(set) {
      if (building?.set.hash === set.hash) return
      await end()
      const row = await store.projections.building()
      if (row === null) return
      const { horizon } = await store.journal.head()
      // What was carried forward has been read whole only if the journal was read behind it
      const usable = row.mappingHash === set.hash && row.doneSeq > horizon
      if (usable) start(row, set, false)
      else if (row.mappingHash === set.hash) await this.begin(set)
      else await store.projections.drop(row.id)
    },
    stop: end
  }
}

/** Facts behind where it is, but none that the current one has not seen. */
async function build(parts: RebuildParts, mine: Live, target: Seq): Promise<void> {
  const { store, limits } = parts
  const from = mine.row.doneSeq
  const facts =
    mine.set.mappings.length === 0 && !(await store.projections.anyImported())
      ? []
      : (await journalAfter(store, from, limits)).filter(({ seq }) => seq <= target)
  if (facts.length === 0) {
    await store.projections.write(
      mine.row.id,
      { from, to: target, messages: [], states: [] },
      { live: false }
    )
    mine.row = { ...mine.row, doneSeq: target }
    return
  }
  const place = { from, carried: false, live: false }
  const { to } = await writeFacts(parts, { ...mine, id: mine.row.id }, place, facts)
  mine.row = { ...mine.row, doneSeq: to }
}
