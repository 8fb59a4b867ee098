import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Problem } from '../../src/errors.ts'
import { eventually } from '../support/eventually.ts'
import { everything, openTestStore } from '../support/store.ts'
import { query } from '../support/database.ts'

test('a topic as it was after each of its facts', async () => {
  const { store, receive } = await openTestStore()
  const say = (payload: string, retain: boolean | null = false) =>
    receive({ topic: 't', payload: Buffer.from(payload), retain })
  await say('1')
  await say('2', true)
  await say('3')
  await say('', true)
  await say('', true)
  await say('6', null)
  const texts = []
  for (let seq = 0; seq <= 6; seq++) {
    const state = await store.asOf.topic(everything, { name: 't' }, { at: 0, seq })
    texts.push(
      state && [
        state.seq,
        state.latest.payload.toString(),
        state.retained?.payload.toString() ?? null,
        state.tombstone?.seq ?? null,
        state.tombstone?.previous?.payload.toString() ?? null,
        state.retainedKnown
      ]
    )
  }
  assert.deepEqual(texts, [
    null,
    [1, '1', null, null, null, false],
    [2, '2', '2', null, null, true],
    [3, '3', '2', null, null, true],
    [4, '', null, 4, '2', true],
    [5, '', null, 4, '2', true],
    [6, '6', null, 4, '2', false]
  ])
})

test('a time is the place of the newest fact committed at or before it', async () => {
  const { store, receive } = await openTestStore()
  const before = Date.now() - 60_000
  for (let index = 0; index < 20; index++) await receive({ topic: 't' })
  const facts = await store.journal.following(0, 100, 1e6)
  await eventually(() => Date.now() > facts.at(-1)!.at + 1)
  assert.deepEqual(await store.asOf.instant(before), { at: before, seq: 0 })
  for (const { at } of facts) {
    const last = facts.findLast((fact) => fact.at <= at)!.seq
    assert.deepEqual(await store.asOf.instant(at), { at, seq: last })
  }
  for (const at of [Date.now() + 60_000, Number.NaN, 1e300])
    await assert.rejects(store.asOf.instant(at), (error: Problem) => error.code === 'invalid_value')
})

const retained = (topic: string, payload: string) => ({ topic, payload: Buffer.from(payload), retain: true })
const isExpired = (error: Problem): boolean => error.code === 'cursor_expired'

test('what is quiet since before the horizon is told at it and later, and before where nothing was lost', async () => {
  const { store, receive } = await openTestStore({ limits: { partitionRowsMax: 5 } })
  // In partitions of their own: set, cleared, cleared again
  for (const payload of ['k', '', '']) {
    await receive(retained('quiet', payload))
    for (let count = 0; count < 4; count++) await receive({ topic: 'busy' })
  }
  const settled = await store.journal.head()
  await eventually(() => Date.now() > settled.at + 1)
  const quiet = await store.asOf.instant(settled.at)
  for (let count = 0; count < 16; count++) await receive({ topic: 'busy' })
  await store.partitions.setDefault({ keepSeconds: null, keepBytes: 1 })
  // Twice: a crash between carrying and dropping repeats it
  const before = await store.asOf.topic(everything, { name: 'quiet' }, quiet)
  await store.partitions.dropExpired()
  await store.partitions.dropExpired()
  const { horizon, seq, at } = await store.journal.head()
  assert.ok(horizon > quiet.seq)
  assert.deepEqual(
    [before!.tombstone!.seq, before!.tombstone!.previous!.payload.toString(), before!.seq],
    [6, 'k', 11]
  )
  for (const instant of [{ at, seq }, { at, seq: horizon }, quiet, await store.asOf.instant(settled.at)])
    assert.deepEqual(await store.asOf.topic(everything, { name: 'quiet' }, instant), before)
  await assert.rejects(store.asOf.topic(everything, { name: 'busy' }, quiet), isExpired)
  await assert.rejects(store.asOf.topics([before!.topicId], quiet), (error: Problem) => {
    assert.match(error.message, /the journal goes back to 20\d\d-/)
    return isExpired(error)
  })
  // Known only since
  await receive({ topic: 'new' })
  assert.equal(await store.asOf.topic(everything, { name: 'new' }, quiet), null)
})

test('facts behind the horizon that were not carried yet make an earlier time expired', async () => {
  const { url, store, receive } = await openTestStore({ limits: { partitionRowsMax: 5 } })
  for (let count = 0; count < 12; count++) await receive({ topic: 't' })
  // As when the system's partitions go first
  await query(url, 'update journal_head set horizon = 10')
  await assert.rejects(store.asOf.topic(everything, { name: 't' }, { at: Date.now(), seq: 4 }), isExpired)
  const state = await store.asOf.topic(everything, { name: 't' }, { at: Date.now(), seq: 10 })
  assert.equal(state!.seq, 10)
})

test('a page has as many topics as fit in its bytes, in the order asked for, and at least one', async () => {
  const { store, receive } = await openTestStore({ limits: { pageBytesMax: 250 } })
  const names = ['a', 'b', 'c', 'd']
  await receive(...names.map((topic) => ({ topic, payload: Buffer.alloc(100, topic) })))
  const ids = []
  for (const name of names) ids.push((await store.states.byName(everything, name))!.topicId)
  const instant = { at: 0, seq: 4 }
  const asked = [ids[3]!, 999_999, ids[1]!, ids[0]!, ids[2]!]
  const first = await store.asOf.topics(asked, instant)
  assert.deepEqual([[...first.states.values()].map(({ topic }) => topic), first.taken], [['d', 'b'], 3])
  const rest = await store.asOf.topics(asked.slice(first.taken), instant)
  assert.deepEqual([[...rest.states.values()].map(({ topic }) => topic), rest.taken], [['a', 'c'], 2])
  assert.deepEqual(await store.asOf.topics(asked, { at: 0, seq: 0 }), { states: new Map(), taken: 5 })
  assert.deepEqual(await store.asOf.topics([], instant), { states: new Map(), taken: 0 })
  await receive({ topic: 'a', payload: Buffer.alloc(300) })
  const large = await store.asOf.topics([ids[0]!, ids[1]!], { at: 0, seq: 5 })
  assert.deepEqual([[...large.states.keys()], large.taken], [[ids[0]], 1])
})

test('only so many messages are looked at for one that may have been retained; behind more, it is not known', async () => {
  const { store, receive } = await openTestStore({ limits: { asOfDoubtsMax: 3 } })
  await receive(retained('t', 'k'))
  for (let count = 0; count < 4; count++) await receive({ topic: 't' })
  const known = async (seq: number) =>
    (await store.asOf.topic(everything, { name: 't' }, { at: 0, seq }))!.retainedKnown
  assert.deepEqual(
    [await known(1), await known(3), await known(4), await known(5)],
    [true, true, false, false]
  )
})

test('the work for a topic does not depend on its messages, nor for a quiet one on partitions', async () => {
  const { url, store, receive } = await openTestStore({
    limits: { partitionRowsMax: 500, poolConnectionsMax: 2 }
  })
  await receive(retained('quiet', 'k'), retained('cleared', 'k'), retained('cleared', ''))
  for (let batch = 0; batch < 20; batch++)
    await receive(
      ...Array.from({ length: 200 }, (_, index) =>
        index % 2 === 0 ? retained('again', '') : { topic: 'busy' }
      )
    )
  const { seq } = await store.journal.head()
  await receive({ topic: 'busy' }, retained('again', ''))
  await query(url, 'analyze')
  // Counts come when a connection ends a transaction a second after it counted last
  const count = async () => {
    await store.ping()
    return (await query<{ scans: number; entries: number }>(url, countSql))[0]!
  }
  for (const name of ['quiet', 'cleared', 'again', 'busy']) {
    const before = await count()
    // More than the five that are planned for their values
    for (let reads = 0; reads < 10; reads++) await store.asOf.topic(everything, { name }, { at: 0, seq })
    let last = before
    await eventually(
      async () => {
        const now = await count()
        const settled = now.scans > before.scans && now.scans === last.scans
        last = now
        return settled
      },
      { everyMs: 1_100 }
    )
    const entries = last.entries - before.entries
    assert.ok(entries <= 200, `${name}: ${entries} entries of indexes in 10 reads`)
  }
})

const countSql = `
  select sum(idx_scan)::float8 as scans, sum(idx_tup_read)::float8 as entries
  from pg_stat_user_indexes where relname ~ '^journal_class_1'`
