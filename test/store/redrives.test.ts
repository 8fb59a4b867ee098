import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { RedriveAsk } from '../../src/datapoints.ts'
import { OutrunError } from '../../src/store/projected.ts'
import { chunkOf, messageOf, point } from '../support/projected.ts'
import { everything, openTestStore } from '../support/store.ts'

const mapping = { hash: 'h', text: '' }
const everyone: RedriveAsk = { filters: [], reason: null, mapping: null, from: null, to: null }

/** Twelve messages on `a` and `b` in turn; those with odd seqs are rejected. */
async function open(limits = {}) {
  const one = await openTestStore({ limits: { poolConnectionsMax: 3, ...limits } })
  const { store, receive } = one
  const { id } = await store.projections.current(mapping)
  const names = Array.from({ length: 12 }, (_, index) => (index % 2 === 0 ? 'a' : 'b'))
  const { topicIds } = (await receive(
    ...names.map((topic, index) => ({ topic, payload: Buffer.from(String(index + 1)) }))
  ))!
  const topicOf = (seq: number) => ({ topic: names[seq - 1]!, topicId: topicIds.get(names[seq - 1]!)!.id })
  const messages = names.map((_, index) =>
    messageOf(
      index + 1,
      topicOf(index + 1),
      index % 3 === 0
        ? { rejections: [{ reason: index === 0 ? 'not_utf8' : 'wrong_shape', detail: `${index + 1}` }] }
        : { datapoints: [point('d', 'm', index + 1, { observedAt: index })] }
    )
  )
  await store.projections.write(id, chunkOf(0, messages), { live: true })
  const create = (ask: Partial<RedriveAsk> = {}) =>
    store.projections.redrives.create({
      ...everyone,
      ...ask,
      id: randomUUID(),
      principal: 'p',
      untilSeq: 12
    })
  return { ...one, id, topicOf, create }
}

test('rejected messages come as they were received, each once, by what is asked for', async () => {
  const { store, id, create } = await open()
  const { redrives } = store.projections
  const seqs = async (redrive: Awaited<ReturnType<typeof create>>, limit = 10) =>
    (await redrives.messages(id, redrive, limit)).map(({ seq, message }) => [
      seq,
      message?.payload.toString()
    ])
  const all = [1, 4, 7, 10].map((seq) => [seq, String(seq)])
  assert.deepEqual(await seqs(await create()), all)
  assert.deepEqual(await seqs(await create(), 2), all.slice(0, 2))
  assert.deepEqual(await seqs({ ...(await create()), lastSeq: 4 }), all.slice(2))
  assert.deepEqual(await seqs({ ...(await create()), untilSeq: 9 }), all.slice(0, 3))
  assert.deepEqual(await seqs(await create({ filters: ['b'] })), [all[1], all[3]])
  assert.deepEqual(await seqs(await create({ reason: 'wrong_shape' })), all.slice(1))
  assert.deepEqual(await seqs(await create({ mapping: 'other' })), [])
  assert.deepEqual(await seqs(await create({ from: 1_004, to: 1_010 })), all.slice(1, 3))
})

test('they are found however few of a window are meant', async () => {
  const { store, id, create } = await open({ pageRowsScannedMax: 1 })
  const redrive = await create({ filters: ['b'] })
  const facts = await store.projections.redrives.messages(id, redrive, 10)
  assert.deepEqual(
    facts.map(({ seq }) => seq),
    [4]
  )
  const rest = await store.projections.redrives.messages(id, { ...redrive, lastSeq: 4 }, 10)
  assert.deepEqual(
    rest.map(({ seq }) => seq),
    [10]
  )
})

test('redrives wait in their order, and tell how far they are', async () => {
  const { store, create } = await open()
  const { redrives } = store.projections
  const first = await create({ filters: ['a'] })
  const second = await create()
  assert.deepEqual(await redrives.byId(first.id), first)
  assert.equal(await redrives.byId(randomUUID()), null)
  assert.equal((await redrives.next())!.id, first.id)
  await redrives.update(first.id, { state: 'running', mode: 'rebuild', lastSeq: 5, messages: 2, accepted: 1 })
  const running = (await redrives.next())!
  assert.deepEqual(
    [running.state, running.mode, running.lastSeq, running.messages, running.accepted, running.filters],
    ['running', 'rebuild', 5, 2, 1, ['a']]
  )
  await redrives.update(first.id, { state: 'failed', error: 'no' })
  assert.equal((await redrives.next())!.id, second.id)
  await redrives.update(second.id, { state: 'done' })
  assert.equal(await redrives.next(), null)
  assert.ok((await redrives.byId(second.id))!.finishedAt! > 0)
  const list = await redrives.list({ after: null, limit: 1 })
  assert.deepEqual(
    list.map(({ id }) => id),
    [second.id]
  )
  assert.deepEqual(
    (await redrives.list({ after: second.id, limit: 5 })).map(({ id }) => id),
    [first.id]
  )
})

test('what is written again is told by one fact, with the place of the redrive, and once', async () => {
  const { store, id, create, topicOf } = await open()
  const redrive = await create()
  const again = (seq: number) =>
    messageOf(seq, topicOf(seq), { datapoints: [point('d', 'm', seq * 100, { observedAt: seq - 1 })] })
  const chunk = chunkOf(0, [
    again(1),
    again(4),
    messageOf(7, topicOf(7), { rejections: [{ reason: 'wrong_shape', detail: 'still' }] })
  ])
  const facts = (await store.projections.rewrite(id, redrive.id, chunk, 2))!
  assert.deepEqual(
    facts.map(({ seq, kind, detail }) => [seq, kind, detail]),
    [[13, 'datapoints', { redrive: redrive.id, seqs: [1, 4, 7] }]]
  )
  await assert.rejects(store.projections.rewrite(id, redrive.id, chunk, 2), OutrunError)
  const now = (await store.projections.redrives.byId(redrive.id))!
  assert.deepEqual([now.lastSeq, now.messages, now.accepted], [7, 3, 2])
  const bySeqs = await store.datapoints.bySeqs([1, 4, 7])
  assert.deepEqual(
    [...bySeqs.values()].flat().map(({ number }) => number),
    [100, 400]
  )
  const { items } = await store.rejections.page(everything, {
    ...everyone,
    after: null,
    limit: 10,
    order: 'asc'
  })
  assert.deepEqual(
    items.map(({ seq, detail }) => [seq, detail]),
    [
      [7, 'still'],
      [10, '10']
    ]
  )
  // Older than the latest, which stays
  const { items: metrics } = await store.devices.metrics(everything, 'd', { after: null, limit: 10 })
  assert.equal(metrics[0]!.latest!.number, 12)
  // Newer than the latest: it moves
  await store.projections.rewrite(
    id,
    redrive.id,
    chunkOf(7, [messageOf(10, topicOf(10), { datapoints: [point('d', 'm', 7, { observedAt: 99 })] })]),
    1
  )
  const { items: moved } = await store.devices.metrics(everything, 'd', { after: null, limit: 10 })
  assert.equal(moved[0]!.latest!.number, 7)
})

test('after a rebuild, messages that are rejected no more are told, and a restart goes on behind them', async () => {
  const { store, id, create, topicOf } = await open()
  const redrive = await create()
  const next = await store.projections.begin(mapping)
  const rejected = messageOf(4, topicOf(4), { rejections: [{ reason: 'wrong_shape', detail: '' }] })
  await store.projections.write(next.id, { ...chunkOf(0, [rejected]), to: 12 }, { live: false })
  await store.projections.switchTo(id, next.id)
  const ask = (after: number) =>
    store.projections.announceRedriven(redrive.id, id, next.id, { after, limit: 2 })
  const first = await ask(0)
  assert.deepEqual(
    [first.last, first.accepted, first.facts!.map(({ detail }) => detail)],
    [7, 2, [{ redrive: redrive.id, seqs: [1, 7] }]]
  )
  assert.equal((await store.projections.redrives.byId(redrive.id))!.lastSeq, 7)
  assert.deepEqual((await ask(7)).last, 10)
  assert.deepEqual(await ask(10), { last: null, accepted: 0, facts: [] })
})
