/** A journal in memory with a feed and events on it, so that thousands of interruptions take no time. */

import { createCursors } from '../../src/cursor.ts'
import type { PresenceChange } from '../../src/datapoints.ts'
import type { EventsAsk, EventSource } from '../../src/feed/events.ts'
import { createEventSource } from '../../src/feed/events.ts'
import { createFeed } from '../../src/feed/feed.ts'
import type { Feed } from '../../src/feed/feed.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Limits } from '../../src/limits.ts'
import type { Access, Fact, Seq, TopicState } from '../../src/model.ts'
import { createStats } from '../../src/stats.ts'
import { compileFilters } from '../../src/topic.ts'
import type { StreamEvent } from '../../src/views.ts'
import { silent } from '../support/database.ts'
import type { TestProjected } from '../support/projected-feed.ts'
import { createProjected } from '../support/projected-feed.ts'
import { everything } from '../support/store.ts'

export interface MemoryJournal {
  facts: Fact[]
  states: Map<string, TopicState>
  events: EventSource
  feed: Feed
  projected: TestProjected
  cursors: ReturnType<typeof createCursors>
  message(topic: string, payload?: string | Buffer): Fact
  /** A retained message of a topic was found gone. */
  cleared(topic: string): Fact
  presence(change: Partial<PresenceChange> & { topic: string }): Fact
  /** These messages were normalized again. */
  redriven(seqs: Seq[]): Fact
  gap(): Fact
  /** Facts without events. */
  add(fact: Partial<Fact> & Pick<Fact, 'kind'>): Fact
  /** Where a token stands. */
  position(cursor: string): EventsAsk['after']
  /** Events until one satisfies `last`, that one included. */
  read(
    ask: Partial<EventsAsk>,
    last: (event: StreamEvent) => boolean,
    access?: Access
  ): Promise<StreamEvent[]>
}

export function createMemoryJournal(given: Partial<Limits> = {}): MemoryJournal {
  const limits = { ...defaultLimits, ...given }
  const facts: Fact[] = []
  const states = new Map<string, TopicState>()
  const cursors = createCursors([{ id: 'journal', beganSeq: 0 }], Buffer.alloc(32, 7))
  const projected = createProjected()
  const head = async (): Promise<Seq> => facts.length
  const feed = createFeed({
    end: 0,
    limits,
    stats: createStats(),
    log: silent,
    following: async (after, limit) => facts.slice(after, after + limit),
    head,
    horizon: async () => 0,
    nextKept: async () => null,
    dropped: async () => []
  })
  const events = createEventSource({
    feed,
    cursors,
    head,
    statesByName: async (_access, names) =>
      new Map(names.flatMap((name) => (states.has(name) ? [[name, states.get(name)!] as const] : []))),
    statesPage: async (access, { filters, after, until }) => {
      const matches = compileFilters(filters)
      const items = [...states.values()].filter(
        ({ topic, topicId, seq }) =>
          matches(topic) && access.mayRead(topic) && topicId > after && seq <= until
      )
      return { items, next: null }
    },
    projected,
    limits
  })

  function add(fact: Partial<Fact> & Pick<Fact, 'kind'>): Fact {
    const seq = facts.length + 1
    const added = {
      seq,
      at: 0,
      topicId: null,
      topic: null,
      message: null,
      commandId: null,
      detail: null,
      ...fact
    }
    facts.push(added)
    feed.publish([added])
    return added
  }

  return {
    facts,
    states,
    events,
    feed,
    projected,
    cursors,
    add,
    message(topic, payload = '1') {
      const seq = facts.length + 1
      const topicId = states.get(topic)?.topicId ?? states.size + 1
      const message = {
        seq,
        topicId,
        topic,
        receivedAt: 0,
        qos: 1,
        retain: false,
        dup: false,
        payload: Buffer.from(payload),
        properties: null
      } as const
      const retained = {
        retained: null,
        retainedKnown: true,
        tombstone: null,
        expiresAt: null,
        confirmedAt: null
      }
      states.set(topic, { topicId, topic, seq, latest: message, ...retained })
      return add({ kind: 'message', topicId, topic, message })
    },
    cleared(topic) {
      const seq = facts.length + 1
      const state = states.get(topic)
      const tombstone = { at: 0, seq, cause: 'cleared', previous: null } as const
      if (state !== undefined) states.set(topic, { ...state, seq, tombstone })
      return add({ kind: 'cleared', topicId: state?.topicId ?? null, topic })
    },
    presence: (change) =>
      add({
        kind: 'presence',
        detail: { device: 'device', from: 'unknown', to: 'online', source: 'seen', at: 0, ...change }
      }),
    redriven: (seqs) => add({ kind: 'datapoints', detail: { redrive: 'one', seqs } }),
    gap: () =>
      add({ kind: 'gap', detail: { cause: 'absence', session: 'ingest', from: 0, to: 0, messages: null } }),
    position: (cursor) => cursors.decodePosition(cursor, { seq: facts.length, at: 0, horizon: 0 }),
    async read(ask, last, access = everything) {
      const read: StreamEvent[] = []
      const stop = new AbortController()
      const whole = { after: { seq: 0, part: 0 }, filters: [], types: ['gap'] as const, ...ask }
      for await (const page of events.events(access, whole, stop.signal)) {
        const some = [...page]
        read.push(...some)
        if (!some.some(last)) continue
        stop.abort()
        break
      }
      return read.slice(0, read.findIndex(last) + 1)
    }
  }
}
