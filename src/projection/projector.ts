/**
 * Follows the journal: what is committed is normalized and becomes devices, metrics and datapoints, in order, each fact
 * once. Runs where the instance leads; were there two, the position in the row would let only one of them write.
 */

import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Projection } from '../datapoints.ts'
import type { Effect } from '../effects.ts'
import { Problem } from '../errors.ts'
import type { Feed } from '../feed/feed.ts'
import type { Limits } from '../limits.ts'
import type { Fact, Seq } from '../model.ts'
import type { MappingSet } from '../normalize/mapping-set.ts'
import type { Stats } from '../stats.ts'
import { countRejection } from '../stats.ts'
import type { AppendedFacts } from '../store/projected.ts'
import type { Store } from '../store/store.ts'
import type { DecoderStates } from './decoder-states.ts'
import type { ProjectedCache } from './projected-feed.ts'
import { journalAfter } from './read-facts.ts'
import type { Written } from './write-facts.ts'
import { writeFacts } from './write-facts.ts'

/** The projection that is current, as this instance has it. */
export interface Live {
  row: Projection
  set: MappingSet
  states: DecoderStates
}

export interface Projector {
  /** null while another instance leads, or the database is away. */
  live(): Live | null
  /** All up to here is in the current projection, although the row may not say so yet; null as with `live`. */
  doneSeq(): Seq | null
  /** Runs between two chunks, when nothing else is written. Waits for its turn; rejects where this instance does not lead. */
  exclusive<T>(task: (live: Live) => Promise<T>): Promise<T>
  /** Everything that follows the switch of projections, or another mapping, goes on with this. Within `exclusive` only. */
  goOnWith(live: Live): void
  /** There may be something to do. */
  wake(): void
  run(): Promise<void>
  stop(): Promise<void>
}

export interface ProjectorParts {
  store: Store
  feed: Feed
  cache: ProjectedCache
  limits: Limits
  stats: Stats
  log: Logger
  leading: () => boolean
  /** Opens the current projection, with what this instance knows as its mapping; again after every trouble. */
  open: () => Promise<Live>
  /** Other work of the leader, before each chunk: returns soon. */
  chores: (live: Live) => Promise<void>
  runEffects: (effects: readonly Effect[]) => void
}

interface Task {
  run: (live: Live) => Promise<void>
  refuse: (error: unknown) => void
}

export function createProjector(parts: ProjectorParts): Projector {
  const { store, feed, cache, limits, stats, log } = parts
  const closing = new AbortController()
  const tasks: Task[] = []
  let waking = new AbortController()
  let live: Live | null = null
  /** Without mappings, facts behind the row's that say nothing: written down when it matters, and now and then. */
  let passed: Seq = 0
  let writtenAt = 0
  let running = Promise.resolve()

  function wake(): void {
    waking.abort()
  }

  function refuseTasks(error: unknown): void {
    for (const { refuse } of tasks.splice(0)) refuse(error)
  }

  function begin(next: Live): void {
    live = next
    passed = 0
    cache.open(next.row.id, next.row.doneSeq)
  }

  const doneSeqOf = ({ row }: Live): Seq => Math.max(row.doneSeq, passed)

  async function writePassed(current: Live): Promise<void> {
    const { id, doneSeq: from } = current.row
    if (passed <= from) return
    await store.projections.write(id, { from, to: passed, messages: [], states: [] }, { live: false })
    current.row = { ...current.row, doneSeq: passed }
    writtenAt = Date.now()
  }

  async function runTasks(): Promise<void> {
    if (tasks.length > 0 && live !== null) await writePassed(live)
    for (let task = tasks.shift(); task !== undefined && live !== null; task = tasks.shift())
      await task.run(live)
  }

  /** What comes next in the journal; empty when woken before there is anything. */
  async function next(after: Seq): Promise<Fact[]> {
    const recent = feed.recent(after, limits.projectionChunkFactsMax)
    if (recent === null) return journalAfter(store, after, limits)
    if (recent.length > 0) return upToBytes(recent, limits.projectionChunkBytesMax)
    const msMax = passed > (live?.row.doneSeq ?? 0) ? limits.projectionRetryMs : limits.presenceCheckMs
    await feed.more(after, AbortSignal.any([waking.signal, closing.signal]), msMax)
    return []
  }

  /** Instances that do not lead look at the row no more often than this. */
  async function passOver(current: Live, to: Seq): Promise<void> {
    const from = doneSeqOf(current)
    passed = to
    cache.advance(current.row.id, from, { to, messages: [] })
    if (Date.now() - writtenAt >= limits.projectionRetryMs) await writePassed(current)
  }

  async function step(current: Live): Promise<void> {
    const done = doneSeqOf(current)
    const facts = await next(done)
    if (live !== current) return
    if (current.set.mappings.length === 0 && !facts.some(({ kind }) => kind === 'imported'))
      return passOver(current, facts.at(-1)?.seq ?? done)
    if (facts.length === 0) return
    const from = current.row.doneSeq
    const place = { from, carried: false, live: true }
    const written = await writeFacts(parts, { ...current, id: current.row.id }, place, facts)
    current.row = { ...current.row, doneSeq: written.to }
    count(stats, written)
    cache.advance(current.row.id, done, written)
    for (const appended of written.appended) tell(feed, appended)
    if (written.effects.length > 0) parts.runEffects(written.effects)
  }

  async function idle(ms: number): Promise<void> {
    await delay(ms, null, { signal: AbortSignal.any([waking.signal, closing.signal]) }).catch(() => {})
  }

  async function round(): Promise<void> {
    if (waking.signal.aborted) waking = new AbortController()
    if (!parts.leading()) {
      live = null
      cache.close()
      refuseTasks(new NotLeadingError())
      await idle(limits.projectionRetryMs)
      return
    }
    if (live === null) begin(await parts.open())
    await runTasks()
    if (live !== null) await parts.chores(live)
    if (live !== null) await step(live)
  }

  return {
    live: () => live,
    doneSeq: () => live && doneSeqOf(live),
    goOnWith: begin,
    exclusive: (task) =>
      new Promise((resolve, reject) => {
        if (closing.signal.aborted) return reject(new NotLeadingError())
        const run = (current: Live): Promise<void> =>
          task(current).then(resolve, (error: unknown) => {
            reject(error)
            // Nobody knows how far it came: what is stored tells
            if (!(error instanceof Problem)) live = null
          })
        tasks.push({ run, refuse: reject })
        wake()
      }),
    wake,
    run() {
      const work = async (): Promise<void> => {
        let healthy = true
        while (!closing.signal.aborted) {
          try {
            await round()
            healthy = true
          } catch (error) {
            if (healthy) log.warn({ err: error }, 'Cannot project; beginning again at what is stored')
            healthy = false
            live = null
            await delay(limits.projectionRetryMs, null, { signal: closing.signal }).catch(() => {})
          }
        }
        refuseTasks(new NotLeadingError())
      }
      return (running = work())
    },
    async stop() {
      closing.abort()
      await running
    }
  }
}

/** Only the instance that receives from the broker normalizes. */
export class NotLeadingError extends Error {
  constructor() {
    super('Another instance leads')
    this.name = 'NotLeadingError'
  }
}

/** Facts that were appended beside the ingest, for subscribers here. */
export function tell(feed: Feed, appended: AppendedFacts): void {
  if (appended === null) feed.hint(null)
  else if (appended.length > 0) feed.publish(appended)
}

export function upToBytes(facts: Fact[], bytesMax: number): Fact[] {
  let bytes = 0
  const end = facts.findIndex(({ message }) => (bytes += message?.payload.length ?? 0) > bytesMax)
  return end === -1 ? facts : facts.slice(0, Math.max(end, 1))
}

function count(stats: Stats, { to, messages, unchanged, appended }: Written): void {
  stats.projectedMessages += messages.length
  stats.unchangedDatapoints += unchanged
  for (const { datapoints, rejections } of messages) {
    stats.projectedDatapoints += datapoints.length
    for (const { reason } of rejections) countRejection(stats, reason)
  }
  for (const facts of appended) stats.presenceChanges += facts?.length ?? 0
  stats.projectionDoneSeq = to
}
