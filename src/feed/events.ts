/** What a subscriber sees: pages of the feed as events, the same on SSE and GraphQL. */

import type { Cursors, Position } from '../cursor.ts'
import type { Limits } from '../limits.ts'
import type { Access, CommandTransition, Fact, Seq, TopicState } from '../model.ts'
import type { EventType, StreamEvent } from '../views.ts'
import {
  eventKinds,
  toCommandEventView,
  toGapView,
  toMessageView,
  toSeq,
  toTopicStateView
} from '../views.ts'
import type { Feed, FeedPage } from './feed.ts'
import { stateAsOf } from './state-as-of.ts'

export interface EventsAsk {
  after: Seq
  filters: readonly string[]
  types: readonly EventType[]
  commandId?: string
}

export interface EventSource {
  /** Events after a position, a page at a time, until `signal` aborts. */
  events(access: Access, ask: EventsAsk, signal: AbortSignal): AsyncGenerator<StreamEvent[], void, undefined>
  /**
   * The current state of every matching topic, and then its changes: no change is missed, none is repeated. `from`
   * goes on where an earlier one ended, within its snapshot or behind it; null begins anew.
   */
  snapshotAndEvents(
    access: Access,
    ask: { filters: readonly string[]; from: Position | null },
    signal: AbortSignal
  ): AsyncGenerator<StreamEvent[], void, undefined>
}

export function createEventSource(parts: {
  feed: Feed
  cursors: Cursors
  head: () => Promise<Seq>
  statesByName: (access: Access, names: readonly string[]) => Promise<Map<string, TopicState>>
  statesPage: (
    access: Access,
    ask: { filters: readonly string[]; after: number; limit: number; order: 'asc'; until: Seq }
  ) => Promise<{ items: TopicState[]; next: number | null }>
  limits: Limits
}): EventSource {
  const { feed, cursors } = parts

  async function* events(access: Access, ask: EventsAsk, signal: AbortSignal): AsyncGenerator<StreamEvent[]> {
    const { after, filters, types } = ask
    const kinds = [...new Set(types.flatMap((type) => eventKinds[type]))]
    const command = ask.commandId === undefined ? {} : { commandId: ask.commandId }
    for await (const page of feed.read(access, { after, filters, kinds, ...command }, signal)) {
      const states = types.includes('state') ? await newStates(access, page) : new Map<Seq, TopicState>()
      yield [...toEvents(page, types, states)]
    }
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

  function* toEvents(
    page: FeedPage,
    types: readonly EventType[],
    states: Map<Seq, TopicState>
  ): Generator<StreamEvent> {
    if (page.skipped !== null) {
      const { from, to } = page.skipped
      yield { cursor: cursors.encode(to), type: 'skipped', skipped: { from: toSeq(from), to: toSeq(to) } }
    }
    if (page.facts.length === 0) yield { cursor: cursors.encode(page.cursor), type: 'progress' }
    for (const fact of page.facts) {
      const cursor = cursors.encode(fact.seq)
      const type = eventTypeOf(fact)
      if (type === 'message' && types.includes('message'))
        yield { cursor, type, message: toMessageView(fact.message!) }
      if (type === 'command') yield { cursor, type, command: toCommandEventView(toCommandEvent(fact)) }
      if (type === 'gap') yield { cursor, type, gap: toGapView(fact) }
      const state = states.get(fact.seq)
      if (state !== undefined) yield { cursor, type: 'state', state: toTopicStateView(state) }
    }
  }

  return {
    events,
    async *snapshotAndEvents(access, { filters, from }, signal) {
      // States that change after this position are left out of the snapshot: their facts follow it
      const until = from?.seq ?? (await parts.head())
      let after = from === null ? 0 : from.snapshotTopicId
      while (after !== null && !signal.aborted) {
        const page = await parts.statesPage(access, {
          filters,
          after,
          limit: parts.limits.pageItemsMax,
          order: 'asc',
          until
        })
        if (page.items.length > 0) {
          yield page.items.map((state) => ({
            cursor: cursors.encodeInSnapshot(until, state.topicId),
            type: 'state',
            state: toTopicStateView(state)
          }))
        }
        after = page.next
      }
      yield [{ cursor: cursors.encode(until), type: 'progress' }]
      yield* events(access, { after: until, filters, types: ['state'] }, signal)
    }
  }
}

const isStateFact = (fact: Fact): boolean => (eventKinds.state as readonly string[]).includes(fact.kind)

function eventTypeOf(fact: Fact): Exclude<EventType, 'state'> | null {
  // A retained message that a snapshot found gone is cleared without a message
  if (fact.kind === 'message' || fact.kind === 'cleared') return fact.message === null ? null : 'message'
  if (fact.kind === 'command') return 'command'
  return fact.kind === 'gap' ? 'gap' : null
}

const toCommandEvent = (fact: Fact): { seq: Seq; at: number } & CommandTransition => ({
  seq: fact.seq,
  at: fact.at,
  ...(fact.detail as CommandTransition)
})
