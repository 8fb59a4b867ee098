import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readImported, writeImported } from '../../src/history/imported.ts'
import { query } from '../support/database.ts'
import { chunkOf, messageOf, point, currentAtHead } from '../support/projected.ts'
import { storedContent } from '../support/projection-model.ts'
import type { TestStore } from '../support/store.ts'
import { everything, openTestStore } from '../support/store.ts'

const mapping = { hash: 'h', text: '' }
const limits = { poolConnectionsMax: 3, forgetRowsPerStepMax: 3, pageRowsScannedMax: 4, partitionRowsMax: 10 }

/** Names of the tables that have `text` in a row, as text or as bytes. */
async function tablesWith(url: string, text: string): Promise<string[]> {
  const tables = await query<{ name: string }>(
    url,
    `select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by relname`
  )
  const hex = Buffer.from(text).toString('hex')
  // Without the digits that depend on what follows; fewer would be found in any id
  const base64 = Buffer.from(text)
    .toString('base64')
    .slice(0, Math.floor((Buffer.byteLength(text) * 4) / 3))
  const found: string[] = []
  for (const { name } of tables) {
    const rows = await query(
      url,
      `select from ${name} t where strpos(t::text, $1) > 0 or strpos(t::text, $2) > 0 or strpos(t::text, $3) > 0
         or strpos(t::text, $4) > 0 limit 1`,
      // Imported values are base64 within bytes
      [text, hex, base64, Buffer.from(base64).toString('hex')]
    )
    if (rows.length > 0) found.push(name)
  }
  return found
}

const secret = 'whisper-0123456789'

/** A topic of one device, one that two devices share, and one of another device; everything in two projections. */
async function open(): Promise<TestStore> {
  const one = await openTestStore({ limits })
  const { store, receive } = one
  const payload = (text: string) => Buffer.from(JSON.stringify({ text }))
  await currentAtHead(store, mapping)
  await receive({ topic: 'own/a', payload: payload(secret), retain: true })
  await receive({ topic: 'own/a', payload: Buffer.alloc(0), retain: true })
  await receive({ topic: 'own/a', payload: payload(secret), retain: true })
  for (let turn = 0; turn < 5; turn++) await receive({ topic: 'own/a', payload: payload(secret) })
  const { topicIds } = (await receive(
    { topic: 'shared', payload: payload('other') },
    { topic: 'shared', payload: payload(secret) },
    { topic: 'own/b', payload: payload('other') }
  ))!
  const own = await query<{ id: string }>(one.url, `select id from topics where name = 'own/a'`)
  const topic = (name: string) => ({
    topic: name,
    topicId: name === 'own/a' ? Number(own[0]!.id) : topicIds.get(name)!.id
  })
  const text = (value: string) => ({ type: 'text' as const, exact: Buffer.from(value) })
  const messages = [
    ...[1, 3, 4, 5, 6, 7, 8].map((seq) =>
      messageOf(seq, topic('own/a'), {
        datapoints: [point('device-a', 'm', null, text(secret)), point('device-a', `n${seq}`, 1)],
        presence: [
          {
            device: 'device-a',
            presence: seq % 2 === 0 ? 'online' : 'offline',
            source: 'availability',
            at: seq
          }
        ],
        attributes: [{ device: 'device-a', attributes: { [`k${seq}`]: secret } }]
      })
    ),
    messageOf(2, topic('own/a'), { rejections: [{ reason: 'empty_payload', detail: secret }] }),
    messageOf(10, topic('shared'), {
      datapoints: [point('device-a', 's', null, text(secret)), point('device-b', 's', 1, { observedAt: 1 })],
      attributes: [{ device: 'device-b', attributes: { from: 'a', by: secret } }],
      presence: [{ device: 'device-a', presence: 'offline', source: 'availability', at: 10 }]
    }),
    messageOf(9, topic('shared'), {
      datapoints: [point('device-b', 's', 2), point('device-b', 't', 3)],
      attributes: [{ device: 'device-b', attributes: { model: 'b' } }]
    }),
    messageOf(11, topic('own/b'), { datapoints: [point('device-b', 'u', 4)] })
  ].toSorted((a, b) => a.seq - b.seq)
  const states = [
    { key: 'map/0123456789abcdef/own/a', seq: 8, state: Buffer.from(secret) },
    { key: 'map/0123456789abcdef/own/b', seq: 11, state: Buffer.from('b') },
    { key: 'map/0123456789abcdef/by-device', seq: 10, state: Buffer.from(secret) }
  ]
  const building = await store.projections.begin(mapping)
  const { id } = await currentAtHead(store, mapping)
  await query(one.url, 'update projections set done_seq = 0 where id = $1', [id])
  await query(one.url, `drop table datapoints_${id}`)
  await store.partitions.makeAhead()
  await store.projections.write(id, chunkOf(0, messages, states), { live: true })
  await store.projections.write(building.id, chunkOf(0, messages, states), { live: false })
  return one
}

test('a topic is forgotten: no byte of it is anywhere, the journal is dense, and its device is gone', async () => {
  const { url, store, receive } = await open()
  const head = await store.journal.head()
  assert.ok((await tablesWith(url, 'own/a')).includes('topics'))
  const counts = await store.forget({ topic: 'own/a' }, 'somebody')
  assert.deepEqual(counts, { messages: 8, datapoints: 28, devices: 0, topics: 1 })
  assert.deepEqual(await tablesWith(url, 'own/a'), ['audit'])
  assert.equal(await store.forget({ topic: 'own/a' }, 'somebody'), null)

  const facts = await store.journal.following(0, 1_000, 1e9)
  assert.deepEqual(
    facts.map(({ seq }) => seq),
    Array.from({ length: head.seq }, (_, index) => index + 1)
  )
  const kinds = facts.map(({ kind, message }) => `${kind}${message === null ? '' : ' with message'}`)
  assert.deepEqual(kinds.slice(0, 11), [
    ...Array.from({ length: 8 }, () => 'forgotten'),
    'message with message',
    'message with message',
    'message with message'
  ])
  // So is what was told of its device by the topic; what another topic said is not
  assert.ok(
    kinds.slice(11, -1).every((kind) => kind === 'forgotten'),
    kinds.join()
  )
  assert.equal(kinds.at(-1), 'presence')
  // The device has a metric by the shared topic, and is known by it
  const device = (await store.devices.byName(everything, 'device-a'))!
  assert.deepEqual([device.topic, device.metrics, device.attributes], ['shared', 1, {}])

  // What comes under the name is another topic, for this instance and for one that began before
  await receive({ topic: 'own/a', payload: Buffer.from('new') })
  assert.equal((await store.states.byName(everything, 'own/a'))!.latest.payload.toString(), 'new')
  const page = await store.journal.page(everything, {
    filters: ['own/a'],
    kinds: ['message'],
    after: head.seq,
    until: 1_000,
    limit: 10,
    order: 'asc'
  })
  assert.equal(page.items.length, 1)
})

test('a device is forgotten, with its own topic, and with its messages of a topic that serves others', async () => {
  const { url, store } = await open()
  const counts = await store.forget({ device: 'device-a' }, 'somebody')
  // Of two projections: 7 messages with 2 datapoints each, and 1 of each device by the shared message
  assert.deepEqual(counts, { messages: 9, datapoints: 32, devices: 1, topics: 1 })
  assert.deepEqual(await tablesWith(url, secret), [])
  assert.deepEqual(await tablesWith(url, 'device-a'), ['audit'])
  assert.equal(await store.devices.byName(everything, 'device-a'), null)
  const { devices, metrics } = await storedContent(store)
  assert.deepEqual(
    devices.map(({ name, topic, attributes }) => [name, topic, attributes]),
    [['device-b', 'own/b', { model: 'b' }]]
  )
  assert.deepEqual(
    metrics.map(({ name, latest }) => [name, latest?.number]),
    [
      ['s', 2],
      ['t', 3],
      ['u', 4]
    ]
  )
  const audit = await query<{ principal: string; action: string; subject: string; detail: unknown }>(
    url,
    'select principal, action, subject, detail from audit order by id'
  )
  assert.deepEqual(
    audit.map(({ subject }) => subject),
    ['device device-a', 'topic own/a']
  )
  assert.deepEqual(audit[0], {
    principal: 'somebody',
    action: 'forget',
    subject: 'device device-a',
    detail: counts
  })
  assert.equal(await store.forget({ device: 'device-a' }, 'somebody'), null)
})

test('however far it came, forgetting a device stands in the audit', async () => {
  const { url, store } = await open()
  await query(
    url,
    `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'as a crash'; end $$;
     create trigger refuse before delete on devices execute function refuse()`
  )
  await assert.rejects(store.forget({ device: 'device-a' }, 'somebody', '192.0.2.1'), /as a crash/)
  const audit = (): Promise<unknown[]> =>
    query(url, `select principal, address, subject, detail from audit where subject ^@ 'device ' order by id`)
  const begun = { principal: 'somebody', address: '192.0.2.1', subject: 'device device-a', detail: {} }
  assert.deepEqual(await audit(), [begun])
  await query(url, 'drop trigger refuse on devices')
  const counts = await store.forget({ device: 'device-a' }, 'somebody', '192.0.2.1')
  assert.ok(counts !== null && counts.devices === 1)
  assert.deepEqual(await audit(), [begun, { ...begun, detail: counts }])
})

test('what was imported of a device is forgotten with it, and what was of others by the same topic is not', async () => {
  const { url, store } = await openTestStore({ limits })
  const imported = (device: string, exact: string) => ({
    ...point(device, 'm', null, { type: 'text', exact: Buffer.from(exact) }),
    receivedAt: 1_000
  })
  const given = ['device-a', 'device-b', 'device-a'].map((device) =>
    imported(device, device === 'device-a' ? secret : 'other')
  )
  await store.imports.append(await store.imports.begin('somebody', 'file', 'ndjson'), {
    facts: given.map((one) => ({ topic: 'rialto/import', payload: writeImported(one.device, [one]) })),
    lines: 3,
    datapoints: 3,
    digest: Buffer.alloc(0)
  })
  const facts = await store.journal.following(0, 10, 1e9)
  const current = await store.projections.current(mapping)
  const messages = facts.map(({ seq, topicId, message }) =>
    messageOf(
      seq,
      { topic: 'rialto/import', topicId: topicId! },
      { devices: [], mapping: 'import', datapoints: readImported(message!.payload) }
    )
  )
  await store.projections.write(current.id, chunkOf(0, messages), { live: true })
  const tables = await tablesWith(url, secret)
  for (const name of ['datapoints', 'journal', 'metrics'])
    assert.ok(
      tables.some((table) => table.startsWith(name)),
      `${name}: ${tables.join()}`
    )
  const counts = await store.forget({ device: 'device-a' }, 'somebody')
  assert.deepEqual(counts, { messages: 2, datapoints: 2, devices: 1, topics: 0 })
  assert.deepEqual(await tablesWith(url, secret), [])
  assert.deepEqual(await tablesWith(url, 'device-a'), ['audit'])
  const kinds = (await store.journal.following(0, 3, 1e9)).map(({ kind }) => kind)
  assert.deepEqual(kinds, ['forgotten', 'imported', 'forgotten'])

  assert.equal((await store.forget({ topic: 'rialto/import' }, 'somebody'))!.messages, 1)
  assert.deepEqual(await tablesWith(url, 'device-b'), [])
})

test('an instance that knows the topic by its old id stores what comes under a new one', async () => {
  const one = await openTestStore({ limits })
  const other = await openTestStore({ url: one.url, limits })
  await other.receive({ topic: 'x' }, { topic: 'y' })
  const { id } = await currentAtHead(one.store, mapping)
  const old = (await one.store.states.byName(everything, 'x'))!.topicId
  await one.store.projections.write(
    id,
    chunkOf(2, [messageOf(3, { topic: 'x', topicId: old }, { datapoints: [point('d', 'm', 1)] })]),
    { live: true }
  )
  await one.store.forget({ topic: 'x' }, 'somebody')
  const appended = await other.receive({ topic: 'x', payload: Buffer.from('again') }, { topic: 'y' })
  assert.notEqual(appended!.topicIds.get('x')!.id, old)
  assert.equal((await one.store.states.byName(everything, 'x'))!.latest.payload.toString(), 'again')

  // A chunk that was read before leaves nothing of what was forgotten; the rest is stored, and the device is a new one
  await one.store.projections.write(
    id,
    chunkOf(3, [
      messageOf(4, { topic: 'x', topicId: old }, { datapoints: [point('d', 'm', 1)] }),
      messageOf(
        5,
        { topic: 'x', topicId: appended!.topicIds.get('x')!.id },
        { datapoints: [point('d', 'm', 2)] }
      )
    ]),
    { live: true }
  )
  const { datapoints, devices } = await storedContent(other.store)
  assert.deepEqual(
    datapoints.map(({ seq, number }) => [seq, number]),
    [[5, 2]]
  )
  assert.equal(devices.length, 1)
  const orphans = await query(
    one.url,
    `select from datapoints where metric_id not in (select id from metrics) or topic_id not in (select id from topics)`
  )
  assert.equal(orphans.length, 0)
})

test('forgetting that was interrupted is finished by the next, and read by nobody meanwhile', async () => {
  const { url, store } = await open()
  // As a crash after the first step leaves it
  const [topic] = await query<{ id: string }>(
    url,
    `update topics set name = '', name_hash = '\\x00' where name = 'own/a' returning id`
  )
  await query(
    url,
    `insert into audit (principal, action, subject, detail) values ('p', 'forget', 'topic own/a', $1)`,
    [JSON.stringify({ topicId: Number(topic!.id) })]
  )
  const facts = await store.journal.following(0, 8, 1e9)
  assert.ok(
    facts.every(({ kind, topic: name, message }) => kind === 'forgotten' && name === null && message === null)
  )
  assert.equal(await store.forget({ topic: 'unknown' }, 'somebody'), null)
  assert.deepEqual(await tablesWith(url, 'own/a'), ['audit'])
  const [audit] = await query<{ detail: unknown }>(url, 'select detail from audit')
  assert.deepEqual(audit!.detail, { messages: 8, datapoints: 28, devices: 0, topics: 1 })
})
