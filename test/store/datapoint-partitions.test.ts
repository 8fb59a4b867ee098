import assert from 'node:assert/strict'
import { test } from 'node:test'
import { query } from '../support/database.ts'
import { chunkOf, messageOf, point } from '../support/projected.ts'
import type { TestStore } from '../support/store.ts'
import { everything, openTestStore } from '../support/store.ts'

const mapping = { hash: 'h', text: 'mappings' }
const limits = { poolConnectionsMax: 3, partitionRowsMax: 10, partitionsAheadMin: 1 }

const partitions = async (url: string, prefix: string): Promise<string[]> =>
  (
    await query<{ relname: string }>(
      url,
      `select relname from pg_class where relname ~ '^${prefix}_' and relkind = 'r' order by relname`
    )
  ).map(({ relname }) => relname.slice(-2))

/** Receives, and projects what came up to `to`; of each message one datapoint and one rejection. */
async function flow(one: TestStore, count: number) {
  let topicId = 0
  for (let turn = 0; turn < count; turn++)
    topicId = (await one.receive({ topic: 'a' }))!.topicIds.get('a')!.id
  const topic = { topic: 'a', topicId }
  return async (id: number, from: number, to: number) => {
    const messages = Array.from({ length: to - from }, (_, index) =>
      messageOf(from + index + 1, topic, {
        datapoints: [point('d', 'm', from + index + 1)],
        rejections: [{ reason: 'duplicate_keys', detail: '' }]
      })
    )
    await one.store.projections.write(id, chunkOf(from, messages), { live: true })
  }
}

const seqsIn = async (url: string, table: string): Promise<number[]> =>
  (await query<{ seq: string }>(url, `select seq from ${table} order by seq`)).map(({ seq }) => Number(seq))

test('datapoints have the bounds of the journal, are made on demand, and go with it', async () => {
  const one = await openTestStore({ limits })
  const { url, store } = one
  const { id } = await store.projections.current(mapping)
  const project = await flow(one, 35)
  await query(url, `drop table datapoints_${id}`)
  await project(id, 0, 35)
  const made = await partitions(url, `datapoints_${id}`)
  assert.deepEqual(made, await partitions(url, 'journal_class_1'))
  await store.partitions.setDefault({ keepSeconds: null, keepBytes: 1 })
  assert.equal((await store.partitions.dropExpired()).length, 3)
  assert.deepEqual(await partitions(url, `datapoints_${id}`), made.slice(3))
  assert.deepEqual(await seqsIn(url, 'datapoints'), [30, 31, 32, 33, 34, 35])
  // That of the message which was carried over the horizon stays
  assert.deepEqual(await seqsIn(url, 'rejections'), [29, 30, 31, 32, 33, 34, 35])
  const { items } = await store.devices.metrics(everything, 'd', { after: null, limit: 10 })
  assert.equal(items[0]!.latest!.number, 35)
})

test('what is not projected yet is kept, until it is twice over the limits', async () => {
  const one = await openTestStore({ limits })
  const { store, url } = one
  const { id } = await store.projections.current(mapping)
  const project = await flow(one, 45)
  await project(id, 0, 12)
  await query(url, `update journal set at = now() - interval '90 minutes'`)
  await store.partitions.setDefault({ keepSeconds: 3_600, keepBytes: null })
  assert.equal((await store.partitions.dropExpired()).length, 1)
  assert.equal((await store.journal.head()).horizon, 9)
  await project(id, 12, 29)
  assert.equal((await store.partitions.dropExpired()).length, 2)
  await query(url, `update journal set at = now() - interval '130 minutes'`)
  assert.equal((await store.partitions.dropExpired()).length, 1)
  assert.equal((await store.journal.head()).horizon, 39)
})

test('bytes of datapoints count', async () => {
  const one = await openTestStore({ limits })
  const { store, url } = one
  const { id } = await store.projections.current(mapping)
  const project = await flow(one, 35)
  await project(id, 0, 35)
  const [size] = await query<{ journal: string; points: string }>(
    url,
    `select sum(pg_total_relation_size(oid)) filter (where relname ~ '^journal_class_1_') as journal,
       sum(pg_total_relation_size(oid)) filter (where relname ~ '^datapoints_') as points
     from pg_class where relkind = 'r'`
  )
  const both = Number(size!.journal) + Number(size!.points)
  assert.ok(Number(size!.points) > 0)
  await store.partitions.setDefault({ keepSeconds: null, keepBytes: both })
  assert.deepEqual(await store.partitions.dropExpired(), [])
  await store.partitions.setDefault({ keepSeconds: null, keepBytes: both - 1 })
  assert.equal((await store.partitions.dropExpired()).length, 1)
})

test('what a new projection begins with is carried over the horizon, once each, and written as often as wanted', async () => {
  const one = await openTestStore({ limits })
  const { store, receive, url } = one
  await store.projections.current(mapping)
  const retained = (topic: string, text: string) => ({ topic, payload: Buffer.from(text), retain: true })
  const { topicIds } = (await receive(retained('kept', 'r'), retained('gone', 'r'), retained('same', 's')))!
  await receive({ topic: 'kept', payload: Buffer.from('live') }, retained('gone', ''))
  await flow(one, 30)
  await query(url, 'update projections set done_seq = 35')
  await store.partitions.setDefault({ keepSeconds: null, keepBytes: 1 })
  await store.partitions.dropExpired()
  const next = await store.projections.begin(mapping)
  const { horizon } = await store.journal.head()
  assert.equal(next.doneSeq, horizon)
  const first = await store.projections.carried(0, 3)
  const rest = await store.projections.carried(first.at(-1)!.seq, 10)
  const facts = [...first, ...rest]
  assert.deepEqual(
    facts.map(({ seq, topic, message }) => [seq, topic, message!.payload.toString()]),
    [
      [1, 'kept', 'r'],
      [3, 'same', 's'],
      [4, 'kept', 'live'],
      [5, 'gone', ''],
      [horizon, 'a', '1']
    ]
  )
  const messages = facts.map(({ seq, topic }) =>
    messageOf(
      seq,
      { topic: topic!, topicId: topicIds.get(topic!)?.id ?? 4 },
      { datapoints: [point(topic!, 'm', seq)] }
    )
  )
  const chunk = { from: horizon, to: horizon, messages, states: [] }
  await store.projections.write(next.id, chunk, { live: false })
  await store.projections.write(next.id, chunk, { live: false })
  assert.deepEqual(await seqsIn(url, `datapoints_${next.id}`), [1, 3, 4, 5, horizon])
})
