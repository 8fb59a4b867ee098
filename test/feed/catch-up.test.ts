/** Readers that are behind what is in memory share their reads, and are told what retention took from them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CatchUp, CatchUpReader } from '../../src/feed/catch-up.ts'
import { createCatchUp } from '../../src/feed/catch-up.ts'
import { createFeed } from '../../src/feed/feed.ts'
import type { Limits } from '../../src/limits.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Fact, Seq } from '../../src/model.ts'
import { createStats } from '../../src/stats.ts'
import { createDatabase, query, silent } from '../support/database.ts'
import { everything, openTestStore } from '../support/store.ts'

const toFact = (seq: Seq): Fact => ({
  seq,
  at: 0,
  kind: 'gap',
  topicId: null,
  topic: null,
  message: null,
  commandId: null,
  detail: null
})

interface Table {
  catchUp: CatchUp
  /** Where each read began. */
  reads: Seq[]
  readsAtOnce: () => number
}

/** A table of so many facts, of which those up to `horizon` are gone, but for `left`. */
function createTable({
  facts,
  horizon = 0,
  left = [],
  ...given
}: { facts: number; horizon?: Seq; left?: Seq[] } & Partial<Limits>): Table {
  const reads: Seq[] = []
  let running = 0
  let most = 0
  const catchUp = createCatchUp({
    limits: { ...defaultLimits, feedPageFactsMax: 10, ...given },
    stats: createStats(),
    async following(after, limit, _bytesMax, from) {
      reads.push(after)
      most = Math.max(most, ++running)
      await new Promise((resolve) => setImmediate(resolve))
      running--
      const seqs = Array.from({ length: Math.min(limit, facts - from) }, (_, index) => from + 1 + index)
      return seqs.filter((seq) => seq > horizon || left.includes(seq)).map(toFact)
    },
    horizon: async () => horizon,
    nextKept: async (after) => (after < facts ? Math.max(after, horizon) + 1 : null),
    end: () => facts
  })
  return { catchUp, reads, readsAtOnce: () => most }
}

const createReader = (): CatchUpReader => ({ signal: new AbortController().signal, passes: 0 })

/** Reads to the end, and checks that nothing is missing. */
async function readAll({ catchUp }: Table, after: Seq, end: Seq, pause = async () => {}): Promise<void> {
  const reader = createReader()
  for (let at = after; at < end;) {
    const { to, facts } = await catchUp.behind(at, reader)
    const behind = facts.filter(({ seq }) => seq > at)
    assert.ok(behind.length === to - at && behind.every(({ seq }, index) => seq === at + 1 + index))
    at = to
    await pause()
  }
}

const random = (max: number): number => Math.floor(Math.random() * max)

for (const [name, pause] of [
  ['quick readers', async () => {}],
  ['readers with something to do', () => new Promise<void>((resolve) => setTimeout(resolve, random(4)))]
] as const) {
  test(`1,000 readers at random places cost about one sweep: ${name}`, async () => {
    const table = createTable({ facts: 4_000 })
    await Promise.all(Array.from({ length: 1_000 }, () => readAll(table, random(4_000), 4_000, pause)))
    const pages = 400
    // Each alone would come to 200,000
    assert.ok(table.reads.length <= 2 * pages, `${table.reads.length} reads of ${pages} pages`)
    assert.equal(table.readsAtOnce(), defaultLimits.catchUpReadsMax)
  })
}

test('without a cache, and with one read at a time, they cost a sweep from where the first one is, and one round', async () => {
  const table = createTable({ facts: 2_000, catchUpCachedBytesMax: 0, catchUpReadsMax: 1 })
  await Promise.all(Array.from({ length: 300 }, () => readAll(table, random(2_000), 2_000)))
  assert.ok(table.reads.length <= 2 * 200, `${table.reads.length} reads of 200 pages`)
})

test('a reader that does not come back holds nobody up for long', async () => {
  const table = createTable({ facts: 1_000, catchUpReadsMax: 1, catchUpCachedBytesMax: 0 })
  const slow = createReader()
  const first = table.catchUp.behind(0, slow)
  const others = readAll(table, 500, 1_000)
  await first
  await others
  assert.equal(slow.passes, 10, 'it was waited for once, and is not again for some time')
})

test('who is behind all others is served while others come', async () => {
  const table = createTable({ facts: 1_000, catchUpReadsMax: 1, catchUpCachedBytesMax: 0 })
  let done = false
  const newcomers = (async () => {
    while (!done) await table.catchUp.behind(900 + random(100), createReader())
  })()
  await readAll(table, 0, 500)
  done = true
  await newcomers
})

test('those that are gone are not read for, and a failed read fails only those who waited for it', async () => {
  let fail = true
  const reads: Seq[] = []
  const catchUp = createCatchUp({
    limits: { ...defaultLimits, feedPageFactsMax: 10, catchUpReadsMax: 1 },
    stats: createStats(),
    async following(_after, _limit, _bytesMax, from) {
      reads.push(from)
      if (fail) throw new Error('Connection terminated')
      return Array.from({ length: 10 }, (_, index) => toFact(from + 1 + index))
    },
    horizon: async () => 0,
    nextKept: async (after) => after + 1,
    end: () => 1_000
  })
  const gone = { signal: AbortSignal.abort(), passes: 0 }
  const [failed, left, served] = await Promise.allSettled([
    catchUp.behind(5, createReader()),
    catchUp.behind(15, gone),
    (async () => {
      await catchUp.behind(5, createReader()).catch(() => {})
      fail = false
      return catchUp.behind(25, createReader())
    })()
  ])
  assert.equal(failed.status, 'rejected')
  assert.deepEqual(left, { status: 'fulfilled', value: { from: 15, to: 15, facts: [] } })
  assert.equal(served.status === 'fulfilled' && served.value.to, 30)
  assert.deepEqual(reads, [0, 20])
})

test('what was read last is kept within its bytes, and not beyond a forget', async () => {
  const table = createTable({ facts: 1_000, catchUpCachedBytesMax: 2 * 10 * 300 })
  const read = async (after: Seq): Promise<unknown> => table.catchUp.behind(after, createReader())
  for (const after of [0, 10, 20]) await read(after)
  for (const after of [25, 15, 12]) await read(after)
  assert.deepEqual(table.reads, [0, 10, 20], 'two pages are here')
  await read(5)
  assert.deepEqual(table.reads, [0, 10, 20, 5], 'the one before is not')
  const underWay = read(35)
  table.catchUp.forget()
  await underWay
  await read(5)
  await read(35)
  assert.deepEqual(table.reads.slice(4), [35, 5, 35])
})

test('over a hole a reader comes to the horizon at once, however far that is and whatever is left before', async () => {
  const table = createTable({ facts: 1_000, horizon: 555, left: [3, 17, 18, 551] })
  for (const after of [0, 15, 18, 400, 551, 554]) {
    const chunk = await table.catchUp.behind(after, createReader())
    assert.equal(chunk.from, after)
    assert.equal(chunk.facts[0]?.seq ?? chunk.to + 1, 556)
  }
  assert.equal((await table.catchUp.behind(555, createReader())).to, 560)
  assert.equal(
    (await table.catchUp.behind(2, createReader())).to,
    3,
    'what comes next is shown while it is there'
  )
})

async function openFeed(url: string, given: Partial<Limits>) {
  const limits = { ...defaultLimits, ...given }
  const opened = await openTestStore({ url, limits: given })
  const { journal, partitions, retention } = opened.store
  const statements: number[] = []
  const head = async (): Promise<Seq> => (await journal.head()).seq
  const open = async () =>
    createFeed({
      end: await head(),
      limits,
      stats: createStats(),
      log: silent,
      following(after, limit, bytesMax, from) {
        statements.push(after)
        return journal.following(after, limit, bytesMax, from)
      },
      head,
      horizon: async () => (await journal.head()).horizon,
      nextKept: journal.nextKept,
      dropped: retention.dropped
    })
  return { ...opened, partitions, open, statements }
}

test('1,000 streams that go on at once, from random places of a real journal, cost about one sweep', async () => {
  const { receive, open, statements } = await openFeed(await createDatabase(), { feedPageFactsMax: 50 })
  const total = 2_000
  for (let at = 0; at < total; at += 500)
    await receive(...Array.from({ length: 500 }, (_, index) => ({ topic: `t/${index % 7}` })))
  const feed = await open()
  await Promise.all(
    Array.from({ length: 1_000 }, async () => {
      const after = random(total)
      const stop = new AbortController()
      const seqs: Seq[] = []
      const ask = { after, filters: ['t/3'], kinds: ['message'] as const }
      for await (const page of feed.read(everything, ask, stop.signal)) {
        assert.deepEqual(page.skipped, [])
        seqs.push(...page.facts.map(({ seq }) => seq))
        if (page.cursor >= total - 7) break
      }
      stop.abort()
      const expected = Array.from({ length: total }, (_, index) => index + 1).filter(
        (seq) => seq > after && ((seq - 1) % 500) % 7 === 3
      )
      assert.deepEqual(seqs, expected)
    })
  )
  feed.close()
  const pages = total / 50
  assert.ok(statements.length <= 3 * pages, `${statements.length} statements for ${pages} pages`)
})

test('a page of large payloads is read in parts, the same for all', async () => {
  const limits = { feedPageFactsMax: 100, feedPageBytesMax: 10_000 }
  const { store, receive } = await openFeed(await createDatabase(), limits)
  const sizes = Array.from({ length: 100 }, (_, index) => (index % 10 === 0 ? 7_000 : random(500)))
  await receive(...sizes.map((size) => ({ topic: 'a', payload: Buffer.alloc(size) })))
  const partOf = async (after: Seq): Promise<Seq[]> =>
    (await store.journal.following(after, 100, 10_000, 0)).map(({ seq }) => seq)
  const parts: Seq[][] = []
  for (let after = 0; after < 100; after = parts.at(-1)!.at(-1)!) parts.push(await partOf(after))
  assert.deepEqual(
    parts.flat(),
    Array.from({ length: 100 }, (_, index) => index + 1)
  )
  assert.ok(parts.length >= 7, `${parts.length} parts`)
  for (const part of parts) {
    const bytes = part.reduce((sum, seq) => sum + sizes[seq - 1]!, 0)
    assert.ok(bytes <= 10_000 + 7_000, `${bytes} bytes`)
    for (const seq of part) assert.deepEqual(await partOf(seq - 1), part)
  }
  assert.deepEqual(await partOf(100), [])
})

test('a reader overtaken by retention is told what it missed in one word, and goes on', async () => {
  const url = await createDatabase()
  const { receive, open, partitions } = await openFeed(url, { feedPageFactsMax: 20, partitionRowsMax: 500 })
  await partitions.makeAhead()
  for (let at = 0; at < 2_300; at += 100) {
    await receive(...Array.from({ length: 100 }, () => ({ topic: 'a' })))
    await partitions.makeAhead()
  }
  const feed = await open()
  const stop = new AbortController()
  const reading = feed.read(everything, { after: 0, filters: [], kinds: ['message'] }, stop.signal)
  const { value: first } = await reading.next()
  const { cursor } = first!
  assert.deepEqual([first!.facts[0]!.seq, first!.skipped], [1, []])

  await partitions.setDefault({ keepSeconds: null, keepBytes: 1 })
  const dropped = await partitions.dropExpired()
  assert.ok(dropped.length >= 2, `${dropped.length} partitions are gone`)
  const [head] = await query<{ horizon: string }>(url, 'select horizon from journal_head')
  const horizon = Number(head!.horizon)
  assert.ok(horizon > 1_000)
  feed.forget() // what is in memory is not to help

  const { value: second } = await reading.next()
  assert.deepEqual(second!.skipped, [{ from: cursor + 1, to: horizon, retentionClass: 'default' }])
  assert.equal(second!.facts[0]?.seq ?? second!.cursor + 1, horizon + 1)
  stop.abort()
  await reading.return()
  feed.close()
})
