/** The search for answers on a real store: commands are published and answered without a broker, in any order. */

import type { Answers, AnswersParts } from '../../src/commands/answers.ts'
import { createAnswers } from '../../src/commands/answers.ts'
import { moves } from '../../src/commands/lifecycle.ts'
import type { MovingEvent } from '../../src/commands/lifecycle.ts'
import type { Awaited, Command } from '../../src/command.ts'
import type { Feed } from '../../src/feed/feed.ts'
import { createFeed } from '../../src/feed/feed.ts'
import { toFacts } from '../../src/ingest/ingest.ts'
import type { Limits } from '../../src/limits.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Seq } from '../../src/model.ts'
import type { Received } from '../../src/normalize/normalize.ts'
import { normalize } from '../../src/normalize/normalize.ts'
import { createCorrelator } from '../../src/normalize/correlate.ts'
import { keyOfValue } from '../../src/normalize/value-key.ts'
import type { Stats } from '../../src/stats.ts'
import { createStats } from '../../src/stats.ts'
import type { NewCommand } from '../../src/store/commands.ts'
import { atEnd } from '../support/cleanup.ts'
import { silent } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { newCommand } from '../support/new-command.ts'
import type { TestStore } from '../support/store.ts'
import { everything, openTestStore, toReceived } from '../support/store.ts'

export interface Tracking extends TestStore {
  feed: Feed
  stats: Stats
  /** Accepts it and hands it to the broker, who has not answered yet. Returns its id. */
  publish(topic: string, awaited: Awaited, more?: Partial<NewCommand>): Promise<string>
  move(id: string, event: MovingEvent): Promise<void>
  /** Returns the seq of the message. */
  say(topic: string, payload: string, more?: Partial<Received>): Promise<Seq>
  command(id: string): Promise<Command>
  /** Begins to search. */
  begin(): void
  /** Ends without a word, as kill -9 does for what is in memory. */
  end(): Promise<void>
  /** Everything that is in the journal now has been searched. */
  searched(): Promise<void>
  parts: Partial<AnswersParts>
}

export const trackingLimits = {
  ...defaultLimits,
  commandPollMs: 20,
  commandGraceMs: 100,
  databaseRetryMs: 20
}

/** `parts`: instead of those of a session that is connected, and a projection that is always up to date. */
export async function startTracking(given: {
  limits?: Partial<Limits>
  url?: string
  parts?: Partial<AnswersParts>
}): Promise<Tracking> {
  const limits = { ...trackingLimits, ...given.limits }
  let feed: Feed | null = null
  const test = await openTestStore({
    limits,
    ...(given.url !== undefined && { url: given.url }),
    onHead: (seq) => feed?.hint(seq)
  })
  const { store, lease } = test
  const head = async (): Promise<number> => (await store.journal.head()).seq
  const stats = createStats()
  const live = createFeed({
    end: await head(),
    limits,
    stats,
    log: silent,
    following: store.journal.following,
    head,
    horizon: async () => (await store.journal.head()).horizon,
    nextKept: store.journal.nextKept,
    dropped: store.retention.dropped
  })
  feed = live
  const parts = { ...given.parts }
  let answers: Answers | null = null
  let running: Promise<void> = Promise.resolve()

  async function end(): Promise<void> {
    await answers?.stop()
    await running
    answers = null
  }
  atEnd(async () => {
    await end()
    live.close()
  })

  async function move(id: string, event: MovingEvent): Promise<void> {
    const attempt = event === 'publish'
    await store.commands.move([{ id, event, ...moves(event), attempt, brokerReasonCode: null }])
    live.hint(null)
  }

  const tracking: Tracking = {
    ...test,
    feed: live,
    stats,
    parts,
    move,
    async publish(topic, awaited, more = {}) {
      const awaits = awaited.kind === 'state' || awaited.kind === 'datapoint' ? 'effect' : 'response'
      const command = newCommand(topic, { awaits, awaited, timeoutSeconds: 60, ...more })
      await store.commands.accept([command], null)
      await move(command.id, 'publish')
      return command.id
    },
    async say(topic, payload, more = {}) {
      const message = toReceived({ topic, payload: Buffer.from(payload), ...more })
      const { facts, states } = normalize([message], lease.name)
      const packets = { added: [], released: [] }
      const appended = (await store.append({ facts, states, packets, retainedKnown: true }, lease))!
      live.publish(toFacts(facts, appended))
      return appended.base + 1
    },
    command: async (id) => (await store.commands.byId(everything, id))!,
    begin() {
      answers = createAnswers({
        store,
        feed: live,
        projected: async () => {},
        correlate: createCorrelator(limits),
        keyOfValue,
        leading: () => true,
        connectedSince: () => 0,
        limits,
        stats,
        log: silent,
        ...parts
      })
      running = answers.run()
    },
    end,
    async searched() {
      const seq = await head()
      // A command that awaits something keeps the search going; this one is answered when all before it is searched
      const id = await tracking.publish('tracking/end', {
        kind: 'message',
        filter: 'tracking/answer',
        correlationData: null,
        correlation: null,
        where: null,
        ok: null
      })
      await tracking.say('tracking/answer', String(seq))
      await eventually(async () => (await tracking.command(id)).state === 'succeeded', {
        what: `the journal is searched up to ${seq}`
      })
    }
  }
  return tracking
}

export const byTopic = (
  filter: string,
  more: Partial<Extract<Awaited, { kind: 'message' }>> = {}
): Awaited => ({
  kind: 'message',
  filter,
  correlationData: null,
  correlation: null,
  where: null,
  ok: null,
  ...more
})
