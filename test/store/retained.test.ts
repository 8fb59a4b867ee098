import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RetainedChange } from '../../src/store/append-retained.ts'
import { everything, openTestStore } from '../support/store.ts'

const found = (payload: string): NonNullable<RetainedChange['found']> => ({
  receivedAt: Date.now(),
  payload: Buffer.from(payload),
  qos: 1,
  properties: null,
  expiresAt: null
})

test('a change applies only while the state is as it was seen; what does not apply leaves no fact', async () => {
  const { store, lease, receive } = await openTestStore()
  await receive(
    { topic: 'same', payload: Buffer.from('1'), retain: true },
    { topic: 'newer', payload: Buffer.from('1'), retain: true },
    { topic: 'gone', payload: Buffer.from('1'), retain: true }
  )
  const before = await store.retained.held(['same', 'newer', 'gone', 'found'])
  const { seq: since } = await store.journal.head()
  // Live, after it was compared
  await receive({ topic: 'newer', payload: Buffer.from('2'), retain: true })
  const askedAt = Date.now()
  const of = (topic: string) => ({ topicId: before.get(topic)!.topicId, seen: before.get(topic)!.seen })
  const changed = await store.retained.append(
    {
      changes: [
        { ...of('newer'), kind: 'cleared', found: null },
        { ...of('newer'), kind: 'snapshot', found: found('older') },
        { ...of('gone'), kind: 'cleared', found: null },
        { ...of('found'), kind: 'snapshot', found: found('0') }
      ],
      confirmed: [of('same').topicId],
      since,
      askedAt
    },
    lease
  )
  assert.deepEqual(new Set(changed), new Set([of('gone').topicId, of('found').topicId]))
  const state = async (topic: string) => (await store.states.byName(everything, topic))!
  assert.equal((await state('newer')).retained!.payload.toString(), '2')
  const gone = await state('gone')
  assert.deepEqual(
    [gone.retained, gone.tombstone!.cause, gone.tombstone!.previous!.payload.toString()],
    [null, 'reconciled', '1']
  )
  const fresh = await state('found')
  assert.deepEqual(
    [fresh.retained!.payload.toString(), fresh.latest.payload.toString(), fresh.confirmedAt],
    ['0', '0', askedAt]
  )
  assert.deepEqual([(await state('same')).confirmedAt, (await state('newer')).confirmedAt], [askedAt, null])
  const facts = await store.journal.following(since, 10, 1e6)
  assert.deepEqual(
    facts.map((fact) => [fact.seq - since, fact.kind, fact.topic]),
    [
      [1, 'message', 'newer'],
      ...[gone.topicId, fresh.topicId]
        .toSorted((one, other) => one - other)
        .map((id, index) =>
          id === gone.topicId ? [2 + index, 'cleared', 'gone'] : [2 + index, 'snapshot', 'found']
        )
    ],
    'dense, and nothing of what did not apply'
  )
  // What is gone is not a message, and is gone for those who ask what is missing
  const page = await store.journal.page(everything, {
    filters: ['gone'],
    kinds: ['message', 'cleared'],
    after: null,
    until: facts.at(-1)!.seq,
    limit: 10,
    order: 'asc'
  })
  assert.deepEqual(
    page.items.map(({ kind }) => kind),
    ['message']
  )
  const missing = await store.retained.missing({ filters: ['#'], since, askedAt, after: 0 })
  assert.deepEqual(missing, [])
  const later = await store.retained.missing({
    filters: ['#'],
    since: since + 10,
    askedAt: askedAt + 1,
    after: 0
  })
  assert.deepEqual(later.map(({ topic }) => topic).toSorted(), ['found', 'newer', 'same'])
})

test('what was found while something newer came live is retained, and not the latest', async () => {
  const { store, lease, receive } = await openTestStore()
  await receive({ topic: 't', payload: Buffer.from('before') })
  const { seq: since } = await store.journal.head()
  const { topicId, seen } = (await store.retained.held(['t'])).get('t')!
  await receive({ topic: 't', payload: Buffer.from('live') })
  const changes: RetainedChange[] = [{ topicId, seen, kind: 'snapshot', found: found('kept') }]
  await store.retained.append({ changes, confirmed: [], since, askedAt: 1 }, lease)
  const state = (await store.states.byName(everything, 't'))!
  assert.deepEqual([state.latest.payload.toString(), state.retained!.payload.toString()], ['live', 'kept'])
})

test('what nothing came of but the retained message keeps it as the latest when it is gone', async () => {
  const { store, lease, receive } = await openTestStore()
  // On 3.1.1, found through the session
  await receive({ topic: 't', payload: Buffer.from('found'), retain: true, found: true })
  const { topicId, seen } = (await store.retained.held(['t'])).get('t')!
  const changes: RetainedChange[] = [{ topicId, seen, kind: 'expired', found: null }]
  await store.retained.append({ changes, confirmed: [], since: 0, askedAt: 1 }, lease)
  const state = (await store.states.byName(everything, 't'))!
  assert.deepEqual(
    [state.latest.payload.toString(), state.latest.seq, state.retained, state.tombstone!.cause],
    ['found', seen, null, 'expired']
  )
})
