/** Lists of history over a real store: what their arguments mean, and what becomes of a list that is being read. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import type { Access } from '../../src/model.ts'
import { query } from '../support/database.ts'
import { chunkOf, messageOf, point } from '../support/projected.ts'
import { call } from './contract.ts'
import { alwaysAs } from './server.ts'
import type { ProjectedServer } from './projected.ts'
import { pages, startProjected } from './projected.ts'

const values = (items: Array<{ value: number }>): number[] => items.map(({ value }) => value)
const texts = (items: Array<{ payloadText: string }>): string[] => items.map(({ payloadText }) => payloadText)
const of = (server: ProjectedServer, path: string) => call(`${server.url}/v1/${path}`)

/** Another projection in which each datapoint is worth ten times as much takes the place of the current one, which goes. */
async function rebuild({ store, databaseUrl }: ProjectedServer, hash: string): Promise<void> {
  const { projections } = store
  const current = (await projections.list()).find(({ state }) => state === 'current')!
  const next = await projections.begin({ hash, text: '' })
  const rows = await query<{
    seq: string
    device: string
    number: number
    at: Date
    topic: string
    id: string
  }>(
    databaseUrl,
    `select p.seq, d.name as device, p.number, p.observed_at as at, t.name as topic, t.id from datapoints p
     join metrics m on m.id = p.metric_id join devices d on d.id = m.device_id join topics t on t.id = p.topic_id
     where p.projection_id = $1 order by p.seq`,
    [current.id]
  )
  const messages = rows.map(({ seq, device, number, at, topic, id }) => {
    const datapoints = [point(device, 't', number * 10, { observedAt: at.getTime() })]
    return messageOf(Number(seq), { topic, topicId: Number(id) }, { datapoints })
  })
  await projections.write(
    next.id,
    { ...chunkOf(next.doneSeq, messages), to: current.doneSeq },
    { live: false }
  )
  await projections.switchTo(current.id, next.id)
  await projections.drop(current.id)
}

test('a list of datapoints goes on by names when the mappings have changed, between its pages and within one', async (t) => {
  const server = await startProjected()
  for (let at = 1; at <= 6; at++)
    await server.project(`t/${at % 2}`, { datapoints: [point(`d${at % 2}`, 't', at, { observedAt: at })] })
  const first = (await of(server, 'datapoints?device=d*&order=asc&limit=2')).body
  assert.deepEqual(values(first.items), [1, 2])
  await rebuild(server, 'second')
  const second = (await of(server, `datapoints?device=d*&order=asc&limit=2&page=${first.next}`)).body
  assert.deepEqual(values(second.items), [30, 40])
  assert.equal(second.cursor, first.cursor)

  // Between two statements of one page
  const given = pg.Client.prototype.query
  let changes = 0
  t.mock.method(pg.Client.prototype, 'query', async function (this: pg.Client, ...all: unknown[]) {
    const { name } = all[0] as { name?: string }
    if (name === 'datapoints_at' && changes++ === 0) await rebuild(server, 'third')
    return given.apply(this, all as never)
  } as never)
  const third = (await of(server, `datapoints?device=d*&order=asc&limit=2&page=${second.next}`)).body
  assert.ok(changes > 0)
  assert.deepEqual(values(third.items), [500, 600])
})

test('what is not normalized yet is not in a list, and behind its cursor', async () => {
  const server = await startProjected()
  const { store, receive, project } = server
  await project('a', { datapoints: [point('d', 't', 1)] })
  await query(server.databaseUrl, `update projections set mapping_text = 'mappings: []'`)
  const done = (await store.journal.head()).seq
  await receive({ topic: 'a' }, { topic: 'a' })
  const { body } = await of(server, 'datapoints?device=d')
  assert.equal(store.cursors.decode(body.cursor, await store.journal.head()), done)
  await query(server.databaseUrl, `update projections set mapping_text = ''`)
  const all = (await of(server, 'datapoints?device=d')).body
  assert.equal(store.cursors.decode(all.cursor, await store.journal.head()), done + 2)
})

test('too many series are refused, with what to do; a filter or a predicate narrows them', async () => {
  const server = await startProjected({ limits: { datapointSeriesMax: 3 } })
  for (let at = 0; at < 5; at++)
    await server.project(`site/${at}`, { datapoints: [point(`d${at}`, 't', at, { observedAt: at })] })
  for (const ask of ['', '?metric=t', '?device=*', '?filter=site/%23']) {
    const { status, body } = await of(server, `datapoints${ask}`)
    assert.deepEqual([status, body.code], [400, 'query_too_complex'], ask)
    assert.match(body.detail, /`device`.*`filter`.*Exports/)
  }
  const where = encodeURIComponent('gt(metrics/t/value,2)')
  assert.deepEqual(values((await of(server, `datapoints?where=${where}`)).body.items), [4, 3])
  assert.deepEqual(values((await of(server, 'datapoints?filter=site/2&filter=site/4')).body.items), [4, 2])
  assert.deepEqual(
    values((await of(server, 'datapoints?device=d1&device=d3&device=none')).body.items),
    [3, 1]
  )
})

test('a predicate on more devices than may be looked at is refused', async () => {
  const server = await startProjected({ limits: { searchRowsMax: 2 } })
  for (let at = 0; at < 3; at++) await server.project('a', { datapoints: [point(`d${at}`, 't', at)] })
  const where = encodeURIComponent('eq(presence,"online")')
  const { status, body } = await of(server, `datapoints?where=${where}`)
  assert.deepEqual([status, body.code, body.errors[0].pointer], [400, 'query_too_complex', 'where'])
  assert.equal((await of(server, `datapoints?where=${where}&device=d0&device=d1`)).status, 200)
})

test('what may not be read is in no list, whatever it is asked by', async () => {
  const access: Access = {
    principal: 'one',
    mayRead: (topic) => topic.startsWith('mine'),
    mayPublish: () => false
  }
  const server = await startProjected({ parts: { authenticator: alwaysAs(access) } })
  await server.project('mine/1', { datapoints: [point('both', 't', 1, { observedAt: 1 })] })
  await server.project('theirs/1', {
    datapoints: [point('both', 't', 2, { observedAt: 2 }), point('other', 't', 3)]
  })
  for (const ask of ['', '?device=*', '?filter=%23', '?device=both'])
    assert.deepEqual(values((await of(server, `datapoints${ask}`)).body.items), [1], ask)
  // The device was last heard from by what may not be read, so nothing is said of it
  const where = encodeURIComponent('eq(presence,"unknown")')
  assert.deepEqual((await of(server, `datapoints?where=${where}`)).body.items, [])
  for (const ask of ['device=both', 'device=*', 'filter=%23'])
    assert.equal((await of(server, `messages?${ask}`)).body.items.length, 1, ask)
  assert.equal((await of(server, 'messages?device=other')).body.items.length, 0)
})

/** Facts were committed in 2026, a second apart. */
async function everySecond(url: string): Promise<void> {
  await query(url, `update journal set at = timestamptz '2026-01-01T00:00:00Z' + make_interval(secs => seq)`)
  await query(url, `update journal_head set at = (select max(at) from journal)`)
}

test('messages of a time that retention took: what is left, and since when', async () => {
  const server = await startProjected({ limits: { partitionRowsMax: 10 } })
  const { store, receive, databaseUrl } = server
  for (let at = 1; at <= 25; at++) await receive({ topic: 'a', payload: Buffer.from(String(at)) })
  await everySecond(databaseUrl)
  const since = async (ask: string) => {
    const { body } = await of(server, `messages?order=asc&limit=1000&${ask}`)
    return [texts(body.items).length, body.keptFrom]
  }
  assert.deepEqual(await since('from=2026-01-01T00:00:00Z'), [25, undefined])
  assert.deepEqual(await since('to=2026-01-01T00:00:05Z'), [4, undefined])
  assert.deepEqual(await since('from=2026-01-01T00:00:05Z&to=2026-01-01T00:00:07Z'), [2, undefined])
  await store.partitions.setDefault({ keepSeconds: null, keepBytes: 1 })
  await store.partitions.dropExpired()
  const { horizon } = await store.journal.head()
  assert.equal(horizon, 19)
  const kept = '2026-01-01T00:00:20.000Z'
  assert.deepEqual(await since('from=2026-01-01T00:00:00Z'), [6, kept])
  assert.deepEqual(await since('to=2026-01-01T00:00:05Z'), [0, kept])
  assert.deepEqual(await since('from=2026-01-01T00:00:05Z&to=2026-01-01T00:00:22Z'), [2, kept])
  assert.deepEqual(await since('from=2026-01-01T00:00:21Z'), [5, undefined])
  assert.deepEqual(await since(''), [6, undefined])
  const { body } = await of(server, 'messages?from=2026-01-01T00:00:00Z&limit=1')
  assert.deepEqual([texts(body.items), body.keptFrom], [['25'], kept])
})

test('where one class of topics was dropped, who does not ask for it is told of nothing', async () => {
  const server = await startProjected({ limits: { partitionRowsMax: 10 } })
  const { store, receive } = server
  const everlasting = { keepSeconds: null, keepBytes: null }
  await store.retention.setClass('short', { ...everlasting, filters: ['short/#'] })
  await store.partitions.setDefault(everlasting)
  await receive({ topic: 'gone', discardedBytes: 1 })
  for (let at = 0; at < 15; at++) await receive({ topic: 'short/a' }, { topic: 'long' })
  await everySecond(server.databaseUrl)
  await store.retention.setClass('short', { keepSeconds: null, keepBytes: 1, filters: ['short/#'] })
  await store.partitions.dropExpired()
  const { horizon } = (await store.retention.classes()).find(({ name }) => name === 'short')!
  const [kept] = await query<{ at: Date }>(
    server.databaseUrl,
    'select min(at) as at from journal where seq > $1',
    [horizon]
  )
  for (const [ask, expected] of [
    ['messages?from=2026-01-01T00:00:00Z', kept!.at.toISOString()],
    ['messages?filter=short/%2B&from=2026-01-01T00:00:00Z', kept!.at.toISOString()],
    ['messages?filter=long&from=2026-01-01T00:00:00Z', undefined],
    [`messages?from=${kept!.at.toISOString()}`, undefined],
    ['gaps?from=2026-01-01T00:00:00Z', undefined]
  ] as const) {
    const { body } = await of(server, ask)
    assert.equal(body.keptFrom, expected, ask)
    assert.ok(body.items.length > 0, ask)
  }
  assert.equal((await of(server, 'messages?filter=long&from=2026-01-01T00:00:00Z')).body.items.length, 15)
})

test('a time is the place of the journal that asOf takes it for; one to come is the end', async () => {
  const server = await startProjected()
  const { receive, store, databaseUrl } = server
  for (let at = 1; at <= 5; at++) await receive({ topic: 'a', payload: Buffer.from(String(at)) })
  const rows = await query<{ at: Date }>(databaseUrl, 'select at from journal order by seq')
  for (const { at } of rows) {
    const { seq } = await store.asOf.instant(at.getTime())
    const after = new Date(at.getTime() + 1).toISOString()
    const until = (await of(server, `messages?order=asc&to=${after}`)).body.items
    assert.equal(until.at(-1).seq, String(seq))
    const rest = (await of(server, `messages?order=asc&from=${after}`)).body.items
    assert.deepEqual(texts(rest), ['1', '2', '3', '4', '5'].slice(until.length))
  }
  for (const ask of [
    'to=9999-12-31T23:59:59Z',
    'from=0001-01-01T00:00:00Z',
    'from=1970-01-01T00:00:00Z&to=2999-01-01T00:00:00Z'
  ])
    assert.equal((await of(server, `messages?${ask}`)).body.items.length, 5, ask)
  for (const ask of ['to=0001-01-01T00:00:00Z', 'from=9999-12-31T23:59:59Z', 'from=2999-01-01T00:00:00Z'])
    assert.equal((await of(server, `messages?${ask}`)).body.items.length, 0, ask)
  // With `after`, too: a backlog of a time
  const from = new Date(rows[2]!.at).toISOString()
  const drained = (await of(server, `messages?after=earliest&from=${from}&limit=1`)).body
  assert.equal(drained.items[0].seq, String((await store.asOf.instant(rows[2]!.at.getTime() - 1)).seq + 1))
})

test('gaps of a time', async () => {
  const server = await startProjected()
  await server.receive({ topic: 'a', discardedBytes: 1_000 })
  const [{ at }] = (await query<{ at: Date }>(
    server.databaseUrl,
    'select at from journal where kind = 7'
  )) as [{ at: Date }]
  const later = new Date(at.getTime() + 1).toISOString()
  assert.equal((await of(server, `gaps?from=${at.toISOString()}&to=${later}`)).body.items.length, 1)
  assert.equal((await of(server, `gaps?to=${at.toISOString()}`)).body.items.length, 0)
  assert.equal((await of(server, `gaps?from=${later}`)).body.items.length, 0)
})

test('each wrong argument is named', async () => {
  const server = await startProjected({ limits: { seriesPatternsMax: 2 } })
  const table: Array<[path: string, code: string, pointer: string]> = [
    ['datapoints?device=', 'invalid_value', 'device'],
    ['datapoints?device=a%5C', 'invalid_value', 'device'],
    ['datapoints?metric=a&metric=b&metric=c', 'query_too_complex', 'metric'],
    [`datapoints?device=${'a'.repeat(5_000)}`, 'invalid_value', 'device'],
    ['datapoints?filter=a%23', 'invalid_filter', 'filter'],
    ['datapoints?where=gt(metrics,1)', 'invalid_value', 'where'],
    ['datapoints?where=nonsense', 'invalid_value', 'where'],
    ['datapoints?from=yesterday', 'invalid_value', 'from'],
    ['messages?device=a&device=b&device=c', 'query_too_complex', 'device'],
    ['messages?device=a%5C', 'invalid_value', 'device'],
    ['messages?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z', 'invalid_value', 'to'],
    ['messages?to=2026-13-01T00:00:00Z', 'invalid_value', 'to'],
    ['gaps?from=1', 'invalid_value', 'from'],
    ['gaps?device=a', 'unknown_field', 'device']
  ]
  for (const [path, code, pointer] of table) {
    const { body } = await of(server, path)
    assert.equal(body.code, code, `${path}: ${JSON.stringify(body)}`)
    assert.ok(body.errors[0].pointer.startsWith(pointer), `${path}: ${JSON.stringify(body)}`)
  }
  // A name that no name can be
  for (const path of [
    'datapoints?device=%00*',
    'datapoints?metric=*%00',
    'messages?device=%00*',
    'messages?device=%00'
  ])
    assert.deepEqual((await of(server, path)).body.items, [], path)
})

test('pages of several series are those of one list: its token fits no other', async () => {
  const server = await startProjected()
  for (let at = 0; at < 4; at++)
    await server.project('a', { datapoints: [point(`d${at % 2}`, 't', at, { observedAt: at })] })
  const found: number[] = []
  for await (const { items } of pages(`${server.url}/v1/datapoints?device=d*&metric=t&order=asc&limit=1`))
    found.push(...values(items))
  assert.deepEqual(found, [0, 1, 2, 3])
  const { next } = (await of(server, 'datapoints?device=d*&limit=1')).body
  for (const other of [
    'device=d*&device=x',
    'device=*',
    'device=d*&filter=a',
    'device=d*&where=exists(device)'
  ])
    assert.equal(
      (await of(server, `datapoints?${other}&limit=1&page=${next}`)).body.code,
      'cursor_kind',
      other
    )
  const messages = (await of(server, 'messages?device=d*&limit=1')).body.next
  for (const other of ['device=d1', 'filter=a', 'device=d*&from=2020-01-01T00:00:00Z'])
    assert.equal(
      (await of(server, `messages?${other}&limit=1&page=${messages}`)).body.code,
      'cursor_kind',
      other
    )
})
