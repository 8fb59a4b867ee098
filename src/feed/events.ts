/** What a subscriber sees: pages of the feed as events, the same on SSE and GraphQL. */

import type { Cursors, Position } from '../cursor.ts'
import type { Datapoint } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { Access, Fact, Seq, TopicState } from '../model.ts'
import { compileFilters } from '../topic.ts'
import type { EventType, StreamEvent } from '../views.ts'
import { eventKinds, toSeq, toTopicStateView } from '../views.ts'
import type { Where } from './event-body.ts'
import { isWanted } from './event-body.ts'
import type { FactPart } from './fact-events.ts'
import { eventsOf } from './fact-events.ts'
import { groupsOf, withoutDatapoints } from './fact-parts.ts'
import type { Feed, FeedPage } from './feed.ts'
import { stateAsOf } from './state-as-of.ts'

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
  statesPage: (
    access: Access,
    ask: { filters: readonly string[]; after: number; limit: number; order: 'asc'; until: Seq }
  ) => Promise<{ items: TopicState[]; next: number | null }>
  projected: ProjectedDatapoints
  limits: Limits
}): EventSource {
  const { feed, cursors, projected, limits } = parts

  async function* events(access: Access, ask: EventsAsk, signal: AbortSignal): AsyncGenerator<EventPage> {
    const { after, filters, types } = ask
    if (after.snapshotTopicId != null && types.includes('state')) yield* snapshot(access, ask, signal)
    if (signal.aborted) return
    const kinds = [...new Set(types.flatMap((type) => eventKinds[type]))]
    const command = ask.commandId === undefined ? {} : { commandId: ask.commandId }
    const wanted = createMatcher(access, ask)
    let reported = after.seq
    let reportedAt = Date.now()
    for await (const page of feed.read(access, { after: after.seq, filters, kinds, ...command }, signal)) {
      let quiet = true
      for await (const some of eventsOfPage(access, ask, page, wanted, signal)) {
        quiet = false
        yield some
      }
      if (signal.aborted) return
      const due =
        page.cursor - reported >= limits.feedScanFactsMax || Date.now() - reportedAt >= limits.heartbeatMs
      if (page.facts.length === 0 || (quiet && due)) {
        const part = page.cursor === after.seq ? after.part : 0
        yield [{ cursor: cursors.encode(page.cursor, part), type: 'progress' }]
      } else if (quiet) continue
      reported = page.cursor
      reportedAt = Date.now()
    }
  }

  async function* eventsOfPage(
    access: Access,
    { after, types, device, where = null }: EventsAsk,
    page: FeedPage,
    wanted: (datapoint: Datapoint) => boolean,
    signal: AbortSignal
  ): AsyncGenerator<StreamEvent[], void, undefined> {
    if (page.skipped !== null) {
      const { from, to } = page.skipped
      yield [{ cursor: cursors.encode(to), type: 'skipped', skipped: { from: toSeq(from), to: toSeq(to) } }]
    }
    const states = types.includes('state') ? await newStates(access, page) : nothing
    const told = { types, device, states, wanted, where }
    const form = { cursors, countMax: limits.feedPageEventsMax }
    if (!types.includes('datapoint')) {
      yield* eventsOf(withoutDatapoints(page.facts), after, { ...told, datapoints: nothing }, form)
      return
    }
    for (const group of groupsOf(page.facts, limits)) {
      const datapoints = await datapointsOf(group, signal)
      if (signal.aborted) return
      yield* eventsOf(group, after, { ...told, datapoints }, form)
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
    return signal.aborted ? nothing : projected.datapointsOf(group.flatMap(({ seqs }) => seqs))
  }

  /**
   * The states to send with a page, by the seq of the fact they follow: of each topic, the one after its last fact there.
   * They are told as of that fact, so that a reader who goes on behind it gets none twice.
   */
  async function newStates(access: Access, page: FeedPage): Promise<Map<Seq, TopicState>> {
    const last = new Map<string, Fact>()
    for (const fact of page.facts) {
      if (fact.topic !== null && isStateFact(fact)) last.set(fact.topic, fact)
    }
    if (last.size === 0) return new Map()
    const current = await parts.statesByName(access, [...last.keys()])
    const states = new Map<Seq, TopicState>()
    for (const [topic, fact] of last) {
      const now = current.get(topic)
      const state = now === undefined ? null : stateAsOf(fact, now)
      if (state !== null) states.set(fact.seq, state)
    }
    return states
  }

  /** The rest of a snapshot, and a word that it is complete. */
  async function* snapshot(
    access: Access,
    { filters, where, after: from }: EventsAsk,
    signal: AbortSignal
  ): AsyncGenerator<EventPage> {
    // States that change after this position are left out of the snapshot: their facts follow it
    const until = from.seq
    let after: number | null = from.snapshotTopicId!
    while (after !== null && !signal.aborted) {
      const ask = { filters, after, limit: limits.pageItemsMax, order: 'asc', until } as const
      const page = await parts.statesPage(access, ask)
      const events: StreamEvent[] = page.items.map((state) => ({
        cursor: cursors.encodeInSnapshot(until, state.topicId),
        type: 'state',
        state: toTopicStateView(state)
      }))
      const wanted = where == null ? events : events.filter((event) => isWanted(event, where))
      if (wanted.length > 0) yield wanted
      after = page.next
    }
    yield [{ cursor: cursors.encode(until, from.part), type: 'progress' }]
  }

  return {
    events,
    async *snapshotAndEvents(access, { from, ...wanted }, signal) {
      const after = from ?? { seq: await parts.head(), part: 0, snapshotTopicId: 0 }
      // What goes on behind a snapshot begins with a word of where it is, as one that was completed does
      if (after.snapshotTopicId == null)
        yield [{ cursor: cursors.encode(after.seq, after.part), type: 'progress' }]
      yield* events(access, { ...wanted, after }, signal)
    }
  }
}

const isStateFact = (fact: Fact): boolean => (eventKinds.state as readonly string[]).includes(fact.kind)

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
