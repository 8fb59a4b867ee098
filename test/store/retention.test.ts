import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Problem } from '../../src/errors.ts'
import { createStats } from '../../src/stats.ts'
import { createRetentionJob } from '../../src/jobs/retention.ts'
import { defaultLimits } from '../../src/limits.ts'
import { query, silent } from '../support/database.ts'
import { chunkOf, messageOf, point } from '../support/projected.ts'
import type { TestStore } from '../support/store.ts'
import { everything, openTestStore } from '../support/store.ts'

const limits = { partitionRowsMax: 10, partitionsAheadMin: 1, poolConnectionsMax: 4 }
const hour = { keepSeconds: 3_600, keepBytes: null }
const everlasting = { keepSeconds: null, keepBytes: null }
const nothing = { keepSeconds: null, keepBytes: 1 }

const code = (expected: string) => (error: Problem) => error.code === expected

const classesOf = async (url: string): Promise<Record<string, string>> =>
  Object.fromEntries(
    (
      await query<{ topic: string; class: string }>(
        url,
        'select t.name as topic, c.name as class from topics t join retention_classes c on c.id = t.retention_class order by t.id'
      )
    ).map((row) => [row.topic, row.class])
  )

const seqsOf = async (url: string, retentionClass: string): Promise<number[]> =>
  (
    await query<{ seq: string }>(
      url,
      'select seq from journal j join retention_classes c on c.id = j.retention_class where c.name = $1 order by seq',
      [retentionClass]
    )
  ).map(({ seq }) => Number(seq))

const brief = async ({ store }: TestStore) =>
  (await store.retention.classes()).map(({ name, position, horizon, topics, removed }) => [
    name,
    position,
    horizon,
    topics,
    ...(removed ? ['removed'] : [])
  ])

/** In turn, so that the first is at 1, and so on. */
async function receive(one: TestStore, topics: readonly string[], times: number): Promise<void> {
  for (let turn = 0; turn < times; turn++) for (const topic of topics) await one.receive({ topic })
}

test('what a class may be is checked, and told with what is wrong', async () => {
  const { store } = await openTestStore({ limits: { ...limits, retentionClassesMax: 2 } })
  const { setClass, removeClass, setRollups } = store.retention
  const valid = { ...hour, filters: ['a/#'] }
  for (const name of ['', 'A', 'a b', 'ä', 'x'.repeat(41), 'system'])
    await assert.rejects(setClass(name, valid), code('invalid_value'), name)
  for (const filters of [[], Array.from({ length: 101 }, (_, index) => `a/${index}`)])
    await assert.rejects(setClass('a', { ...hour, filters }), code('invalid_value'))
  for (const filter of ['', 'a/#/b', 'x'.repeat(2_000), 'a+'])
    await assert.rejects(setClass('a', { ...hour, filters: [filter] }), code('invalid_filter'))
  for (const keepSeconds of [0, 59, 60.5, -1, Infinity, Number.NaN, 1e15])
    await assert.rejects(setClass('a', { ...valid, keepSeconds }), code('invalid_value'))
  for (const keepBytes of [0, -1, 1.5, Infinity, 2 ** 60])
    await assert.rejects(setClass('a', { ...valid, keepBytes }), code('invalid_value'))
  await assert.rejects(setClass('default', valid), code('invalid_value'))
  for (const name of ['system', 'default', 'other'])
    await assert.rejects(removeClass(name), code('not_found'))
  await assert.rejects(setRollups({ minute: 1 }), code('invalid_value'))
  await setClass('a', valid)
  await setClass('b', valid)
  await assert.rejects(setClass('c', valid), code('invalid_value'))
  await setClass('b', { ...valid, ...everlasting })
})

test('classes, the default one and rollups are what was set', async () => {
  const one = await openTestStore({ limits })
  const { retention } = one.store
  await retention.setClass('long', { filters: ['b/#'], keepSeconds: 200 * 86_400, keepBytes: null })
  const set = await retention.setClass('short', {
    filters: ['a/+', 'c'],
    keepSeconds: 60,
    keepBytes: 1_000_000
  })
  assert.deepEqual(
    { ...set, bytes: set.bytes > 0 },
    {
      name: 'short',
      filters: ['a/+', 'c'],
      keepSeconds: 60,
      keepBytes: 1_000_000,
      position: 2,
      horizon: 0,
      bytes: true,
      topics: 0,
      removed: false
    }
  )
  const keepsOf = async () => (await retention.classes()).map(({ name, keepSeconds }) => [name, keepSeconds])
  // What is of no topic is kept as long as the longest class, and 90 days at least
  assert.deepEqual(await keepsOf(), [
    ['system', 200 * 86_400],
    ['long', 200 * 86_400],
    ['short', 60],
    ['default', 7 * 86_400]
  ])
  await retention.setClass('long', { ...hour, filters: ['b/#'] })
  await retention.setClass('default', { ...hour, filters: [] })
  assert.deepEqual(await keepsOf(), [
    ['system', 90 * 86_400],
    ['long', 3_600],
    ['short', 60],
    ['default', 3_600]
  ])
  await retention.setClass('short', { ...everlasting, filters: ['a/+'] })
  assert.deepEqual((await keepsOf())[0], ['system', null])
  assert.deepEqual(await retention.rollups(), { minute: 30 * 86_400, hour: 400 * 86_400, day: null })
  assert.deepEqual(await retention.setRollups({ minute: 86_400, hour: null }), {
    minute: 86_400,
    hour: null,
    day: null
  })
})

test('a topic is of the first class with a filter that matches; what changes puts it in another, with its next message', async () => {
  const one = await openTestStore({ limits: { ...limits, assignTopicsPerStepMax: 2 } })
  const { url, store } = one
  const { retention } = store
  await receive(one, ['a/1', 'a/2', 'b/1', 'c'], 1)
  await retention.setClass('first', { ...hour, filters: ['a/1'] })
  await retention.setClass('second', { ...hour, filters: ['a/+', 'b/#'] })
  // New topics at once, those that there are by the job
  await receive(one, ['b/2'], 1)
  assert.deepEqual(await classesOf(url), {
    'a/1': 'default',
    'a/2': 'default',
    'b/1': 'default',
    c: 'default',
    'b/2': 'second'
  })
  assert.equal(await retention.assignTopics(), 3)
  assert.equal(await retention.assignTopics(), 0)
  const assigned = { 'a/1': 'first', 'a/2': 'second', 'b/1': 'second', c: 'default', 'b/2': 'second' }
  assert.deepEqual(await classesOf(url), assigned)
  await receive(one, ['a/1', 'a/2', 'b/1', 'c', 'b/2'], 1)
  assert.deepEqual(await seqsOf(url, 'default'), [1, 2, 3, 4, 9])
  assert.deepEqual(await seqsOf(url, 'first'), [6])
  assert.deepEqual(await seqsOf(url, 'second'), [5, 7, 8, 10])
  const positions = await query<{ name: string; class_seq: string }>(
    url,
    'select name, class_seq from topics order by id'
  )
  assert.deepEqual(
    positions.map((row) => Number(row.class_seq)),
    [5, 5, 5, 0, 0]
  )
  await retention.setClass('first', { ...hour, filters: ['c'] })
  await retention.removeClass('second')
  await assert.rejects(retention.removeClass('second'), code('not_found'))
  assert.equal(await retention.assignTopics(), 5)
  await receive(one, ['a/1', 'b/2', 'c', 'a/3'], 1)
  assert.deepEqual(await classesOf(url), {
    'a/1': 'default',
    'a/2': 'default',
    'b/1': 'default',
    c: 'first',
    'b/2': 'default',
    'a/3': 'default'
  })
  assert.deepEqual(await seqsOf(url, 'default'), [1, 2, 3, 4, 9, 11, 12, 14])
  assert.deepEqual(await seqsOf(url, 'first'), [6, 13])
})

test('retained messages that are found gone are facts of the class that their topic has by then', async () => {
  const one = await openTestStore({ limits })
  const { url, store } = one
  await one.receive({ topic: 'a', retain: true })
  await store.retention.setClass('other', { ...hour, filters: ['a'] })
  await store.retention.assignTopics()
  await one.receive({ topic: 'a', retain: true, payload: Buffer.alloc(0) })
  assert.deepEqual(await seqsOf(url, 'other'), [2])
})

test('each class drops what is past its own limits; the journal is gone up to where the last of them is', async () => {
  const one = await openTestStore({ limits })
  const { url, store } = one
  await store.retention.setClass('short', { ...everlasting, filters: ['s'] })
  await store.partitions.setDefault(everlasting)
  // Odd positions are of the class, even ones of the default class
  await receive(one, ['s', 'd'], 18)
  await store.retention.setClass('short', { ...nothing, filters: ['s'] })
  await store.partitions.dropExpired()
  assert.deepEqual(await seqsOf(url, 'short'), [31, 33, 35])
  assert.equal((await seqsOf(url, 'default')).length, 18)
  assert.equal((await store.journal.head()).horizon, 0)
  assert.deepEqual(await brief(one), [
    ['system', null, 0, 0],
    ['short', 1, 29, 1],
    ['default', null, 0, 1]
  ])
  await query(url, `update journal set at = now() - interval '2 hours' where seq < 20`)
  await store.retention.setClass('default', { ...hour, filters: [] })
  await store.partitions.dropExpired()
  assert.deepEqual(await seqsOf(url, 'default'), [20, 22, 24, 26, 28, 30, 32, 34, 36])
  assert.equal((await store.journal.head()).horizon, 19)
  assert.deepEqual((await brief(one)).at(-1), ['default', null, 18, 1])
})

test('filters that a class had count as long as somebody may read from then', async () => {
  const one = await openTestStore({ limits })
  const { store } = one
  await store.partitions.setDefault(everlasting)
  await store.retention.setClass('other', { ...everlasting, filters: ['a', 'c'] })
  await receive(one, ['a', 'd'], 10)
  await store.retention.setClass('other', { ...nothing, filters: ['b'] })
  assert.deepEqual(await store.retention.dropped(), [])
  await store.retention.assignTopics()
  await store.partitions.dropExpired()
  assert.deepEqual(await store.retention.dropped(), [
    { name: 'other', horizon: 19, filters: ['b', 'a', 'c'] }
  ])
  await receive(one, ['d'], 20)
  await store.partitions.setDefault(nothing)
  await store.partitions.dropExpired()
  assert.deepEqual(
    (await store.retention.dropped()).map(({ name, filters }) => [name, filters]),
    [
      ['system', []],
      ['other', ['b']],
      ['default', null]
    ]
  )
})

test('a topic keeps its past when facts of the class that it came from are carried after newer ones', async () => {
  const one = await openTestStore({ limits })
  const { url, store } = one
  await store.partitions.setDefault(everlasting)
  const retained = (payload: string) => ({ topic: 't', retain: true, payload: Buffer.from(payload) })
  await one.receive(retained('k'))
  await one.receive(retained(''))
  await store.retention.setClass('other', { ...everlasting, filters: ['t'] })
  await store.retention.assignTopics()
  await one.receive(retained(''))
  await receive(one, ['busy'], 30)
  const { seq, at } = await store.journal.head()
  const before = await store.asOf.topic(everything, { name: 't' }, { seq, at })
  assert.deepEqual([before!.tombstone!.seq, before!.tombstone!.previous!.payload.toString()], [2, 'k'])
  for (const name of ['other', 'default']) {
    await query(url, 'update retention_classes set keep_bytes = 1 where name = $1', [name])
    await store.partitions.dropExpired()
    assert.deepEqual(await store.asOf.topic(everything, { name: 't' }, { seq, at }), before, name)
  }
  assert.equal((await query(url, 'select from journal where topic_id = 1')).length, 0)
})

test('a class that was removed goes when its messages have, and its name can be used again before', async () => {
  const one = await openTestStore({ limits })
  const { url, store } = one
  const { id } = await store.projections.current({ hash: 'h', text: 'mappings' })
  await store.partitions.setDefault(everlasting)
  await store.retention.setClass('gone', { ...everlasting, filters: ['g'] })
  await store.partitions.makeAhead()
  await receive(one, ['g', 'd'], 5)
  await store.retention.removeClass('gone')
  await store.retention.assignTopics()
  await receive(one, ['g', 'd'], 10)
  await store.partitions.dropExpired()
  assert.deepEqual((await brief(one))[1], ['gone', null, 0, 0, 'removed'])
  await store.retention.setClass('gone', { ...everlasting, filters: ['x'] })
  await store.retention.removeClass('gone')
  await store.retention.assignTopics()
  await query(url, `update retention_classes set keep_bytes = 1 where name = 'gone'`)
  await store.partitions.dropExpired()
  // Who reads from before is still to be told what is missing
  assert.deepEqual((await brief(one))[1], ['gone', null, 9, 0, 'removed'])
  assert.deepEqual(await seqsOf(url, 'gone'), [])
  await query(url, `update projections set done_seq = 30`)
  await store.partitions.setDefault(nothing)
  await store.partitions.dropExpired()
  await store.partitions.dropExpired()
  assert.deepEqual(
    (await brief(one)).map(([name]) => name),
    ['system', 'default']
  )
  const tables = await query<{ relname: string }>(
    url,
    `select relname from pg_class where relname ~ '^(journal_class_2|datapoints_${id}_2)' and relkind in ('r', 'p')`
  )
  assert.deepEqual(tables, [])
  await store.retention.setClass('next', { ...everlasting, filters: ['g'] })
  await store.retention.assignTopics()
  await receive(one, ['g'], 1)
  assert.deepEqual(await seqsOf(url, 'next'), [31])
})

test('datapoints are of the class of their topic, and go with it, once they are rolled up or twice over the limits', async () => {
  const one = await openTestStore({ limits })
  const { url, store } = one
  const { id } = await store.projections.current({ hash: 'h', text: 'mappings' })
  await store.partitions.setDefault(everlasting)
  await store.retention.setClass('short', { ...everlasting, filters: ['s'] })
  await receive(one, ['s', 'd'], 18)
  const ids = await query<{ id: string; name: string }>(url, 'select id, name from topics')
  const topicOf = (seq: number) => {
    const topic = seq % 2 === 1 ? 's' : 'd'
    return { topic, topicId: Number(ids.find(({ name }) => name === topic)!.id) }
  }
  const messages = Array.from({ length: 36 }, (_, index) =>
    messageOf(index + 1, topicOf(index + 1), { datapoints: [point('x', topicOf(index + 1).topic, index)] })
  )
  await store.projections.write(id, chunkOf(0, messages), { live: true })
  const seqsIn = async (which: string) =>
    (await query<{ seq: string }>(url, `select seq from datapoints ${which} order by seq`)).map(({ seq }) =>
      Number(seq)
    )
  const odd = Array.from({ length: 18 }, (_, index) => 2 * index + 1)
  assert.deepEqual(await seqsIn('where retention_class = 2'), odd)

  await query(url, `update journal set at = now() - interval '90 minutes' where seq < 30`)
  await query(url, `update datapoints set received_at = now() - interval '90 minutes' where seq < 30`)
  await store.retention.setClass('short', { ...hour, filters: ['s'] })
  await store.partitions.dropExpired()
  assert.deepEqual(await seqsOf(url, 'short'), [31, 33, 35])
  assert.deepEqual(await seqsIn('where retention_class = 2'), odd)
  await query(url, 'update projections set rolled_seq = 20')
  // An hour that is to be rolled up anew needs what is in it
  await query(
    url,
    `insert into rollup_marks (metric_id, start) select min(id), date_trunc('hour', now()) from metrics`
  )
  await store.partitions.dropExpired()
  assert.deepEqual(await seqsIn('where retention_class = 2'), odd)
  await query(url, 'delete from rollup_marks')
  await store.partitions.dropExpired()
  assert.deepEqual(await seqsIn('where retention_class = 2'), [21, 23, 25, 27, 29, 31, 33, 35])
  await query(url, `update datapoints set received_at = now() - interval '121 minutes' where seq < 30`)
  await store.partitions.dropExpired()
  assert.deepEqual(await seqsIn('where retention_class = 2'), [31, 33, 35])
  assert.equal((await seqsIn('where retention_class = 1')).length, 18)
})

test('what is written again after its topic came to another class is there once', async () => {
  const one = await openTestStore({ limits })
  const { url, store } = one
  const { id } = await store.projections.current({ hash: 'h', text: 'mappings' })
  const { topicIds } = (await one.receive({ topic: 'a' }))!
  const topic = { topic: 'a', topicId: topicIds.get('a')!.id }
  const carried = {
    from: 0,
    to: 0,
    states: [],
    messages: [messageOf(1, topic, { datapoints: [point('d', 'm', 1), point('d', 'n', 2)] })]
  }
  await store.projections.write(id, carried, { live: false })
  await store.retention.setClass('other', { ...hour, filters: ['a'] })
  await store.retention.assignTopics()
  await store.projections.write(id, carried, { live: false })
  assert.equal((await query(url, 'select from datapoints')).length, 2)
})

test('rounds of the job put topics in their classes', async () => {
  const one = await openTestStore({ limits })
  await one.receive({ topic: 'a' })
  await one.store.retention.setClass('other', { ...hour, filters: ['#'] })
  const job = createRetentionJob({
    auditKeepSeconds: 90 * 86_400,
    store: one.store,
    limits: defaultLimits,
    stats: createStats(),
    log: silent
  })
  await job.runOnce()
  assert.deepEqual(await classesOf(one.url), { a: 'other' })
})

test('a topic that is registered while classes change comes to its class, and every fact with it', async () => {
  const one = await openTestStore({ limits: { ...limits, partitionRowsMax: 1_000 } })
  const two = await openTestStore({ limits, url: one.url })
  const { url } = one
  const names = Array.from({ length: 120 }, (_, index) => `t/${index}`)
  let number = 0
  const receiving = Promise.all(
    [one, two].map(async (receiver) => {
      while (number < names.length) await receiver.receive({ topic: names[number++]! }, { topic: 'always' })
    })
  )
  while (number < names.length) {
    for (const filter of ['t/+', 'x'])
      await one.store.retention.setClass('moving', { ...hour, filters: [filter, 'y'] })
    await two.store.retention.assignTopics()
    await one.store.retention.setClass('moving', { ...hour, filters: ['t/#', 'always'] })
    await one.store.retention.assignTopics()
  }
  await receiving
  await two.store.retention.assignTopics()
  assert.deepEqual(new Set(Object.values(await classesOf(url))), new Set(['moving']))
  // Behind the position at which it came to its class, a topic has no fact of another
  const strays = await query(
    url,
    `select from journal j join topics t on t.id = j.topic_id
     where j.seq > t.class_seq and j.retention_class <> t.retention_class`
  )
  assert.deepEqual(strays, [])
})
