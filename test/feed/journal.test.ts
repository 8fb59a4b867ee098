import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Feed } from '../../src/feed/feed.ts'
import { createFeed } from '../../src/feed/feed.ts'
import { toFacts } from '../../src/ingest/ingest.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Limits } from '../../src/limits.ts'
import type { Fact, Seq } from '../../src/model.ts'
import { createStats } from '../../src/stats.ts'
import { createDatabase, query, silent } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import type { TestStore } from '../support/store.ts'
import { everything, openTestStore } from '../support/store.ts'

/** An instance of the service, as far as writing and following the journal go. */
async function openInstance(url: string, limits: Partial<Limits> = {}): Promise<TestStore & { feed: Feed }> {
  const holder: { feed?: Feed } = {}
  const opened = await openTestStore({ url, limits, onHead: (seq) => holder.feed?.hint(seq) })
  const { journal, retention } = opened.store
  const head = async (): Promise<Seq> => (await journal.head()).seq
  const feed = createFeed({
    end: await head(),
    limits: { ...defaultLimits, ...limits },
    stats: createStats(),
    log: silent,
    following: journal.following,
    head,
    horizon: async () => (await journal.head()).horizon,
    nextKept: journal.nextKept,
    dropped: retention.dropped
  })
  holder.feed = feed
  return { ...opened, feed }
}

const ask = { filters: [], kinds: ['message'] as const }

/** Reads until `count` facts have come, killing the connection at random and going on from the cursor. */
async function follow(
  instances: Array<{ feed: Feed }>,
  count: number
): Promise<{ facts: Fact[]; kills: number }> {
  const facts: Fact[] = []
  let cursor = 0
  let kills = 0
  while (facts.length < count) {
    const killed = new AbortController()
    const { feed } = instances[kills % instances.length]!
    const pagesUntilKill = Math.floor(Math.random() * 6)
    let pages = 0
    for await (const page of feed.read(everything, { ...ask, after: cursor }, killed.signal)) {
      // Killed before the page arrived: it must come again
      if (pages++ === pagesUntilKill) killed.abort()
      else {
        facts.push(...page.facts)
        cursor = page.cursor
      }
      if (killed.signal.aborted || facts.length >= count) break
    }
    kills++
  }
  return { facts, kills }
}

async function pause(msMax: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.random() * msMax))
}

for (const [name, limits] of [
  ['from memory', {}],
  ['from the table', { ringFactsMax: 3, feedPageFactsMax: 20, feedScanFactsMax: 40 }]
] as const) {
  test(`8 writers in 2 instances, a reader killed at random, ${name}: everything once, in order`, async () => {
    const url = await createDatabase()
    const instances = [await openInstance(url, limits), await openInstance(url, limits)]
    const batches = 60
    let written = 0
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      // Each with a session, and so a lease, of its own; four in each instance
      const { store, feed } = instances[writer % 2]!
      const session = await store.sessions.ensure(`w${writer}`, null)
      const { epoch } = await store.sessions.present(session)
      const lease = (await store.sessions.take(session, store.instanceId, epoch))!
      for (let batch = 0; batch < batches; batch++) {
        const size = 1 + Math.floor(Math.random() * 5)
        const facts = Array.from({ length: size }, (__, index) => ({
          kind: 'message' as const,
          topic: `w/${writer}`,
          receivedAt: Date.now(),
          payload: Buffer.from(`${batch}.${index}`),
          qos: 1 as const,
          retain: false,
          dup: false,
          packetId: null,
          properties: null,
          detail: null
        }))
        const whole = { facts, states: [], packets: { added: [], released: [] }, retainedKnown: true }
        const appended = await store.append(whole, lease)
        // As ingest does: what this instance committed is shown from memory, what the other did comes from the table
        feed.publish(toFacts(facts, appended!))
        written += size
        await pause(3)
      }
    })
    const done = Promise.all(writers)
    const reading = (async () => {
      const received: Fact[] = []
      // First a part, while they write; then the rest, whose number is known when they are done
      const first = await follow(instances, 200)
      received.push(...first.facts)
      await done
      const rest = await followFrom(instances, received.at(-1)!.seq, written - received.length)
      return { received: [...received, ...rest], kills: first.kills }
    })()
    const { received, kills } = await reading
    const table = await query<{ seq: string }>(url, 'select seq from journal order by seq')
    assert.deepEqual(
      received.map((fact) => fact.seq),
      table.map((row) => Number(row.seq))
    )
    assert.deepEqual(
      received.map((fact) => fact.seq),
      Array.from({ length: written }, (_, index) => index + 1)
    )
    assert.ok(kills > 3, `the reader was killed ${kills} times`)
    for (const { feed } of instances) feed.close()
  })
}

async function followFrom(instances: Array<{ feed: Feed }>, after: Seq, count: number): Promise<Fact[]> {
  const facts: Fact[] = []
  const end = new AbortController()
  if (count === 0) return facts
  for await (const page of instances[1]!.feed.read(everything, { ...ask, after }, end.signal)) {
    facts.push(...page.facts)
    if (facts.length >= count) end.abort()
  }
  return facts
}

test('a filter that matches nothing still tells how far it has read', async () => {
  const url = await createDatabase()
  const { feed, receive } = await openInstance(url, { feedScanFactsMax: 10, feedPageFactsMax: 5 })
  for (let index = 0; index < 5; index++)
    await receive(...Array.from({ length: 10 }, () => ({ topic: 'common' })))
  await eventually(() => feed.end() === 50)
  const end = new AbortController()
  const cursors: Seq[] = []
  for await (const page of feed.read(everything, { ...ask, after: 0, filters: ['rare'] }, end.signal)) {
    assert.deepEqual(page.facts, [])
    cursors.push(page.cursor)
    if (page.cursor === 50) end.abort()
  }
  assert.deepEqual(cursors, [10, 20, 30, 40, 50])
  feed.close()
})

test('without anything new, a reader hears the heartbeat', async () => {
  const url = await createDatabase()
  const { feed } = await openInstance(url, { heartbeatMs: 50 })
  const end = new AbortController()
  for await (const page of feed.read(everything, { ...ask, after: 0 }, end.signal)) {
    assert.deepEqual(page, { facts: [], cursor: 0, skipped: [], begin: 0 })
    end.abort()
  }
  feed.close()
})
