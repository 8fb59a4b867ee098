/** What a subscriber sees: pages of the feed as events, the same on SSE and GraphQL. */

import type { Cursors, Position } from '../cursor.ts'
import type { Datapoint } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { Access, Head, Seq, TopicState } from '../model.ts'
import { compileFilters } from '../topic.ts'
import type { EventType, StreamEvent } from '../views.ts'
import { eventKinds, toSeq } from '../views.ts'
import { rememberCursors } from './cursor-memo.ts'
import type { Where } from './event-body.ts'
import type { FactPart } from './fact-events.ts'
import { eventsOf } from './fact-events.ts'
import { groupsOf, withoutDatapoints } from './fact-parts.ts'
import type { Feed, FeedPage } from './feed.ts'
import { shareReads } from './shared-datapoints.ts'
import { createSharedEvents } from './shared-events.ts'
import { createSharedStates } from './shared-states.ts'
import type { Slice } from './slice.ts'
import { sliceOf, slices } from './slice.ts'
import type { StatesPage } from './snapshot.ts'
import { snapshotFrom } from './snapshot.ts'
import { lettingGo } from './stalls.ts'

export interface WantedEvents {
  filters: readonly string[]
  types: readonly EventType[]
  commandId?: string
  /** Only datapoints and changes of presence of this device, and datapoints of this metric. */
  device?: string | undefined
  metric?: string | undefined
  /**
   * Only events whose body satisfies it; gap, skipped and progress always come. A state that satisfies it no more is not
   * told.
   */
  where?: Where | null
}

/** Where a stream begins. Within a snapshot, that is completed first if the types include `state`. */
export type From = Pick<Position, 'seq' | 'part'> & Partial<Position>

export interface EventsAsk extends WantedEvents {
  after: From
}

export interface SnapshotAsk extends WantedEvents {
  /** Where an earlier one ended, within its snapshot or behind it; null begins anew. */
  from: From | null
}

/** Some events, to be iterated once: what has been iterated over counts as taken. */
export type EventPage = Iterable<StreamEvent>

export interface EventSource {
  /** Events after a position, some at a time, until `signal` aborts. */
  events(access: Access, ask: EventsAsk, signal: AbortSignal): AsyncGenerator<EventPage, void, undefined>
  /**
   * The current state of every matching topic, and then what happens: no change is missed, none is repeated. A state
   * that changed since the beginning is told with its change. `types` include `state`.
   */
  snapshotAndEvents(
    access: Access,
    ask: SnapshotAsk,
    signal: AbortSignal
  ): AsyncGenerator<EventPage, void, undefined>
}

/** How far normalization is, and what it found. */
export interface ProjectedDatapoints {
  /** Resolves when all facts up to `seq` are normalized, or `signal` aborts. */
  reached(seq: Seq, signal: AbortSignal): Promise<void>
  datapointsOf(seqs: readonly Seq[]): Promise<ReadonlyMap<Seq, readonly Datapoint[]>>
}

const nothing: ReadonlyMap<Seq, never> = new Map<Seq, never>()

export function createEventSource(parts: {
  feed: Feed
  cursors: Cursors
  head: () => Promise<Seq>
  statesByName: (access: Access, names: readonly string[]) => Promise<Map<string, TopicState>>
  statesPage: StatesPage
  projected: ProjectedDatapoints
  limits: Limits
}): EventSource {
  const { feed, cursors, projected, limits } = parts
  const cursor = rememberCursors(cursors.encode, limits.cursorsCachedMax)
  const shared = createSharedEvents(limits)
  const states = createSharedStates(parts.statesByName, limits)
  const readDatapoints = shareReads(projected.datapointsOf)
  let forgets = feed.forgets()

  function forgetWhereTold(): void {
    if (forgets === feed.forgets()) return
    forgets = feed.forgets()
    shared.clear()
    states.clear()
  }

  /** Behind a position, some events at a time, each made when it is taken. */
  async function* tell(
    access: Access,
    ask: EventsAsk & { told: Map<string, Seq> },
    signal: AbortSignal
  ): AsyncGenerator<Slice> {
    const { after, filters, types } = ask
    if (after.snapshotTopicId != null && types.includes('state')) {
      yield* snapshotFrom(access, { ...ask, from: after }, signal, parts)
      yield sliceOf({ cursor: cursor(after.seq, after.part), type: 'progress' })
    }
    const kinds = [...new Set(types.flatMap((type) => eventKinds[type]))]
    const command = ask.commandId === undefined ? {} : { commandId: ask.commandId }
    const wanted = createMatcher(access, ask)
    let reported = after.seq
    let reportedAt = Date.now()
    const feedAsk = { after: after.seq, filters, kinds, told: ask.told, ...command }
    for await (const page of feed.read(access, feedAsk, signal)) {
      let quiet = true
      for await (const slice of slicesOf(ask, page, wanted, signal)) {
        quiet = false
        yield slice
      }
      if (signal.aborted) return
      const due =
        page.cursor - reported >= limits.feedScanFactsMax || Date.now() - reportedAt >= limits.heartbeatMs
      if (page.facts.length === 0 || (quiet && due)) {
        const part = page.cursor === after.seq ? after.part : 0
        yield sliceOf({ cursor: cursor(page.cursor, part), type: 'progress' })
      } else if (quiet) continue
      reported = page.cursor
      reportedAt = Date.now()
    }
  }

  async function* slicesOf(
    { after, types, device, where = null }: EventsAsk,
    page: FeedPage,
    wanted: (datapoint: Datapoint) => boolean,
    signal: AbortSignal
  ): AsyncGenerator<Slice> {
    forgetWhereTold()
    const place = cursor(page.begin, page.begin === after.seq ? after.part : 0)
    for (const { from, to, retentionClass } of page.skipped) {
      const skipped = { from: toSeq(from), to: toSeq(to), retentionClass }
      yield sliceOf({ cursor: place, type: 'skipped', skipped })
    }
    const told = {
      types,
      device,
      states: types.includes('state') ? await states.after(page.facts) : nothing,
      wanted,
      where,
      shared,
      cursor
    }
    if (!types.includes('datapoint')) {
      const events = eventsOf(withoutDatapoints(page.facts), after, { ...told, datapoints: nothing })
      yield* slices(events, limits.feedPageEventsMax)
      return
    }
    for (const group of groupsOf(page.facts, limits)) {
      const datapoints = await datapointsOf(group, signal)
      if (signal.aborted) return
      yield* slices(eventsOf(group, after, { ...told, datapoints }), limits.feedPageEventsMax)
    }
  }

  /** Waits until these facts are normalized. */
  async function datapointsOf(
    group: readonly FactPart[],
    signal: AbortSignal
  ): Promise<ReadonlyMap<Seq, readonly Datapoint[]>> {
    const last = group.findLast(({ seqs }) => seqs.length > 0)
    if (last === undefined) return nothing
    await projected.reached(last.fact.seq, signal)
    return signal.aborted ? nothing : readDatapoints(group.flatMap(({ seqs }) => seqs))
  }

  const events: EventSource['events'] = (access, ask, signal) => {
    const told = new Map<string, Seq>()
    return lettingGo((after) => tell(access, { ...ask, told, after }, signal), ask.after, {
      stallMs: limits.streamStallMs,
      positionOf: (token): From => cursors.decodePosition(token, anywhere),
      rights: () => access.rights
    })
  }

  return {
    events,
    async *snapshotAndEvents(access, { from, ...wanted }, signal) {
      const after = from ?? { seq: await parts.head(), part: 0, snapshotTopicId: 0 }
      // What goes on behind a snapshot begins with a word of where it is, as one that was completed does
      if (after.snapshotTopicId == null) yield [{ cursor: cursor(after.seq, after.part), type: 'progress' }]
      yield* events(access, { ...wanted, after }, signal)
    }
  }
}

/** Of a cursor that was given out a moment ago. */
const anywhere: Head = { seq: Number.MAX_SAFE_INTEGER, at: 0, horizon: 0 }

/** Those of messages that were normalized again are of any topic. */
function createMatcher(
  access: Access,
  { filters, device, metric }: EventsAsk
): (datapoint: Datapoint) => boolean {
  const matches = compileFilters(filters)
  return (datapoint) =>
    (device === undefined || datapoint.device === device) &&
    (metric === undefined || datapoint.metric === metric) &&
    matches(datapoint.topic) &&
    access.mayRead(datapoint.topic)
}
