import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FencedError } from '../../src/store/append.ts'
import { query } from '../support/database.ts'
import { everything, openTestStore } from '../support/store.ts'

const text = (value: string): Buffer => Buffer.from(value)

test('facts get dense seqs, and state is what the last message says', async () => {
  const { store, receive } = await openTestStore()
  const first = await receive({ topic: 'a', payload: text('1') }, { topic: 'b', payload: text('2') })
  const second = await receive({ topic: 'a', payload: text('3'), properties: { contentType: 'text/plain' } })

  assert.deepEqual([first!.base, second!.base], [0, 2])
  const facts = await store.journal.following(0, 10, 1e6)
  assert.deepEqual(
    facts.map((fact) => [fact.seq, fact.kind, fact.topic, fact.message?.payload.toString()]),
    [
      [1, 'message', 'a', '1'],
      [2, 'message', 'b', '2'],
      [3, 'message', 'a', '3']
    ]
  )
  const state = (await store.states.byName(everything, 'a'))!
  assert.equal(state.seq, 3)
  assert.equal(state.latest.payload.toString(), '3')
  assert.deepEqual(state.latest.properties, { contentType: 'text/plain' })
  assert.equal(state.retained, null)
})

test('retained, cleared and set again: retained message, tombstone with what was, and none', async () => {
  const { store, receive } = await openTestStore()
  const state = async () => (await store.states.byName(everything, 'r'))!
  await receive({ topic: 'r', payload: text('on'), retain: true })
  assert.equal((await state()).retained?.payload.toString(), 'on')

  await receive({ topic: 'r', payload: text('live only') })
  assert.equal((await state()).retained?.payload.toString(), 'on')
  assert.equal((await state()).latest.payload.toString(), 'live only')

  await receive({ topic: 'r', payload: Buffer.alloc(0), retain: true })
  const cleared = await state()
  assert.equal(cleared.retained, null)
  assert.equal(cleared.tombstone?.cause, 'cleared')
  assert.equal(cleared.tombstone?.seq, 3)
  assert.equal(cleared.tombstone?.previous?.payload.toString(), 'on')
  assert.equal(cleared.tombstone?.previous?.seq, 1)

  // Clearing again changes nothing: the tombstone tells of what was there
  await receive({ topic: 'r', payload: Buffer.alloc(0), retain: true })
  assert.deepEqual((await state()).tombstone, cleared.tombstone)

  await receive({ topic: 'r', payload: text('off'), retain: true })
  assert.equal((await state()).retained?.payload.toString(), 'off')
  assert.equal((await state()).tombstone, null)
})

test('one batch folds as its messages one by one would', async () => {
  const { store, receive } = await openTestStore()
  const clear = { topic: 'x', payload: Buffer.alloc(0), retain: true }
  await receive({ topic: 'x', payload: text('1'), retain: true }, clear, { topic: 'x', payload: text('2') })
  const state = (await store.states.byName(everything, 'x'))!
  assert.equal(state.latest.payload.toString(), '2')
  assert.equal(state.retained, null)
  assert.equal(state.tombstone?.previous?.payload.toString(), '1')
  assert.equal(state.tombstone?.seq, 2)
})

test('who lost the lease writes nothing', async () => {
  const { url, store, lease, receive } = await openTestStore()
  await receive({ topic: 'a' })
  const other = (await store.sessions.take(lease.sessionId, store.instanceId, lease.epoch))!
  await assert.rejects(receive({ topic: 'a' }), FencedError)
  await assert.rejects(store.sessions.renew(lease, true), FencedError)
  const [count] = await query<{ count: string }>(url, 'select count(*) from journal')
  assert.equal(count!.count, '1')
  await store.append(
    { facts: [], states: [], packets: { added: [], released: [] }, retainedKnown: true },
    other
  )
})

test('a batch that was committed without an answer is not stored again', async () => {
  const { url, lease, receive } = await openTestStore()
  await receive({ topic: 'a' })
  // As after a lost answer: the database has the batch, we believe we must send it
  lease.guard.batch--
  assert.equal(await receive({ topic: 'a' }), null)
  const [count] = await query<{ count: string }>(url, 'select count(*) from journal')
  assert.equal(count!.count, '1')
})

test('QoS 2 identifiers are stored and released with the batch', async () => {
  const { store, lease } = await openTestStore()
  const empty = { facts: [], states: [], retainedKnown: true }
  const hash = Buffer.alloc(16, 7)
  await store.append(
    {
      ...empty,
      packets: {
        added: [
          { packetId: 5, hash },
          { packetId: 6, hash }
        ],
        released: []
      }
    },
    lease
  )
  await store.append({ ...empty, packets: { added: [], released: [5] } }, lease)
  assert.deepEqual(await store.sessions.inboundPackets(lease), [{ packetId: 6, hash }])
  await store.sessions.raiseGeneration(lease)
  assert.deepEqual(await store.sessions.inboundPackets(lease), [])
})

test('what Postgres refuses in text and jsonb is stored', async () => {
  const { store, receive } = await openTestStore()
  const payload = Buffer.from([0, 0xff, 0xfe, ...Buffer.from('"\\u0000\\ud800"')])
  const properties = { contentType: 'a\0b', userProperties: [['k\ud800', '\0']] as Array<[string, string]> }
  await receive({ topic: 'p', payload, properties }, { topic: `long/${'x'.repeat(60_000)}`, payload })
  const state = (await store.states.byName(everything, 'p'))!
  assert.deepEqual(state.latest.payload, payload)
  assert.deepEqual(state.latest.properties, properties)
})
