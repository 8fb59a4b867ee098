import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Problem } from '../../src/errors.ts'
import { query } from '../support/database.ts'
import { everything, openTestStore } from '../support/store.ts'

const partitions = async (url: string): Promise<string[]> =>
  (
    await query<{ relname: string }>(
      url,
      `select relname from pg_class where relname ~ '^journal_class_1_' and relkind = 'r' order by relname`
    )
  ).map((row) => row.relname)

test('partitions are made ahead of the head, and on demand where the head was faster', async () => {
  const { url, store, receive } = await openTestStore({ limits: { partitionRowsMax: 10 } })
  assert.equal((await partitions(url)).length, 2)
  // Far past what has been made: the append meets a missing partition, makes it and goes on
  for (let batch = 0; batch < 5; batch++) await receive(...Array.from({ length: 10 }, () => ({ topic: 'a' })))
  assert.equal((await store.journal.head()).seq, 50)
  await store.partitions.makeAhead()
  assert.equal((await partitions(url)).length, 7)
})

test('retention drops whole partitions, moves the horizon, and carries the last word of each topic forward', async () => {
  const { url, store, receive } = await openTestStore({ limits: { partitionRowsMax: 10 } })
  const retained = (topic: string, payload: string) => ({
    topic,
    payload: Buffer.from(payload),
    retain: true
  })
  await receive(retained('quiet/kept', 'k1'), retained('quiet/kept', 'k2'), {
    topic: 'quiet/kept',
    payload: Buffer.from('live')
  })
  await receive(retained('quiet/cleared', 'c'), retained('quiet/cleared', ''))
  const before = (await store.states.page(everything, { filters: [], after: null, limit: 10, order: 'asc' }))
    .items
  for (let index = 0; index < 30; index++)
    await receive({ topic: 'busy', payload: Buffer.from(String(index)) })
  const cursor = store.cursors.encode(5)

  await store.partitions.setDefault({ keepSeconds: null, keepBytes: 1 })
  const dropped = await store.partitions.dropExpired()
  assert.equal(dropped.length, 3)

  const head = await store.journal.head()
  assert.equal(head.horizon, 29)
  assert.deepEqual(
    (await store.journal.following(0, 1_000, 1e6)).map((fact) => fact.seq),
    [30, 31, 32, 33, 34, 35]
  )
  // Current state lives on its own copies
  const after = (
    await store.states.page(everything, { filters: ['quiet/#'], after: null, limit: 10, order: 'asc' })
  ).items
  assert.deepEqual(after, before)
  // The state at the horizon: latest, what set the retained message, what cleared it, what says that this is known
  const carried = await query<{ name: string; role: number; seq: string; text: string | null }>(
    url,
    `select name, role, seq, convert_from(payload, 'UTF8') as text from carried_facts c join topics t on t.id = c.topic_id
     where name <> 'busy' order by name, role`
  )
  assert.deepEqual(
    carried.map((row) => [row.name, row.role, Number(row.seq), row.text]),
    [
      ['quiet/cleared', 1, 5, ''],
      ['quiet/cleared', 2, 4, 'c'],
      ['quiet/cleared', 3, 5, ''],
      ['quiet/cleared', 4, 5, null],
      ['quiet/kept', 1, 3, 'live'],
      ['quiet/kept', 2, 2, 'k2'],
      ['quiet/kept', 4, 2, null]
    ]
  )
  assert.throws(
    () => store.cursors.decode(cursor, head),
    (error: Problem) => error.code === 'cursor_expired'
  )
  // Nothing more to drop, and repeating does no harm
  assert.deepEqual(await store.partitions.dropExpired(), [])
})

test('what is younger than its time stays, and without limits everything does', async () => {
  const { url, store, receive } = await openTestStore({ limits: { partitionRowsMax: 10 } })
  for (let index = 0; index < 25; index++) await receive({ topic: 'a' })
  await store.partitions.setDefault({ keepSeconds: 3_600, keepBytes: null })
  assert.deepEqual(await store.partitions.dropExpired(), [])
  await query(url, `update journal set at = now() - interval '2 hours' where seq < 10`)
  assert.equal((await store.partitions.dropExpired()).length, 1)
  await store.partitions.setDefault({ keepSeconds: null, keepBytes: null })
  await query(url, `update journal set at = now() - interval '2 years'`)
  assert.deepEqual(await store.partitions.dropExpired(), [])
})

test('without mappings, what is imported is kept until it is projected, up to twice its time', async () => {
  const { url, store, receive } = await openTestStore({ limits: { partitionRowsMax: 10 } })
  await store.projections.current({ hash: 'none', text: '' })
  for (let index = 0; index < 25; index++) await receive({ topic: 'a' })
  await query(
    url,
    `insert into imports (principal, id, format, state, last_seq) values ('somebody', 'file', 'csv', 'done', 5)`
  )
  await query(url, `update journal set at = now() - interval '90 minutes' where seq < 10`)
  await store.partitions.setDefault({ keepSeconds: 3_600, keepBytes: null })
  assert.deepEqual(await store.partitions.dropExpired(), [])
  await query(url, 'update projections set done_seq = 25')
  assert.equal((await store.partitions.dropExpired()).length, 1)
})

test('a page that the horizon overtook goes on behind it', async () => {
  const { store, receive } = await openTestStore({ limits: { partitionRowsMax: 10 } })
  for (let index = 0; index < 25; index++) await receive({ topic: 'a' })
  await store.partitions.setDefault({ keepSeconds: null, keepBytes: 1 })
  await store.partitions.dropExpired()
  const ask = { filters: ['a'], kinds: ['message'] as const, until: 25, limit: 100 }
  const asc = await store.journal.page(everything, { ...ask, after: null, order: 'asc' })
  assert.deepEqual([asc.items.map((fact) => fact.seq), asc.next], [[20, 21, 22, 23, 24, 25], null])
  const desc = await store.journal.page(everything, { ...ask, after: null, order: 'desc' })
  assert.deepEqual([desc.items.map((fact) => fact.seq), desc.next], [[25, 24, 23, 22, 21, 20], null])
})
