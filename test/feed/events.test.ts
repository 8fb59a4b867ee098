import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Position } from '../../src/cursor.ts'
import { createEventSource } from '../../src/feed/events.ts'
import type { EventPage, EventSource } from '../../src/feed/events.ts'
import { createFeed } from '../../src/feed/feed.ts'
import type { Feed } from '../../src/feed/feed.ts'
import { defaultLimits } from '../../src/limits.ts'
import { createStats } from '../../src/stats.ts'
import type { StreamEvent } from '../../src/views.ts'
import { silent } from '../support/database.ts'
import { createProjected } from '../support/projected-feed.ts'
import type { TestStore } from '../support/store.ts'
import { everything, openTestStore } from '../support/store.ts'

async function openEvents(): Promise<TestStore & { events: EventSource; feed: Feed }> {
  const holder: { feed?: Feed } = {}
  const opened = await openTestStore({ onHead: (seq) => holder.feed?.hint(seq) })
  const { journal, states, cursors, retention } = opened.store
  const limits = { ...defaultLimits, pageItemsMax: 10, feedPageFactsMax: 7, heartbeatMs: 200 }
  const head = async (): Promise<number> => (await journal.head()).seq
  const feed = createFeed({
    end: await head(),
    limits,
    stats: createStats(),
    log: silent,
    following: journal.following,
    head,
    horizon: async () => (await journal.head()).horizon,
    nextKept: journal.nextKept,
    dropped: retention.dropped
  })
  holder.feed = feed
  const events = createEventSource({
    feed,
    cursors,
    head,
    statesByName: states.byNames,
    statesPage: states.page,
    projected: createProjected(),
    limits
  })
  return { ...opened, events, feed }
}

test('snapshot, then changes, while everything changes and the reader is cut off: the last state of each, none twice', async () => {
  const { store, receive, events, feed } = await openEvents()
  const topics = Array.from({ length: 80 }, (_, index) => `t/${index}`)
  await receive(...topics.map((topic) => ({ topic })))
  let written = 80
  const writing = (async () => {
    for (let round = 0; round < 40; round++) {
      const some = topics.filter(() => Math.random() < 0.1)
      if (some.length > 0)
        await receive(...some.map((topic) => ({ topic, payload: Buffer.from(`${round}`) })))
      written += some.length
    }
  })()

  const seen: Array<Extract<StreamEvent, { type: 'state' }>> = []
  let cursor: string | null = null
  let cuts = 0
  let done = false
  void writing.then(() => (done = true))
  while (!done || cursor === null || store.cursors.decode(cursor, await store.journal.head()) < written) {
    const cut = new AbortController()
    const from: Position | null =
      cursor === null ? null : store.cursors.decodePosition(cursor, await store.journal.head())
    let pages = 0
    const pagesOfThis: AsyncIterable<EventPage> = events.snapshotAndEvents(
      everything,
      { filters: ['t/#'], types: ['state'], from },
      cut.signal
    )
    for await (const page of pagesOfThis) {
      for (const event of page) {
        if (event.type === 'state') seen.push(event)
        cursor = event.cursor
      }
      if (++pages === 2) cut.abort()
      if (cut.signal.aborted) break
    }
    cuts++
  }
  await writing
  feed.close()

  assert.ok(cuts > 5, `${cuts} cuts`)
  const byTopic = new Map(topics.map((topic) => [topic, [] as number[]]))
  for (const { state } of seen) byTopic.get(state.topic)!.push(Number(state.seq))
  for (const [topic, seqs] of byTopic) {
    assert.deepEqual(
      seqs,
      [...new Set(seqs)].toSorted((a, b) => a - b),
      `${topic} goes forward, and none comes twice`
    )
    assert.equal(
      seqs.at(-1),
      (await store.states.byName(everything, topic))!.seq,
      `${topic} ends with its last state`
    )
  }
})
