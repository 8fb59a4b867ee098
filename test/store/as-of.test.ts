import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Problem } from '../../src/errors.ts'
import { eventually } from '../support/eventually.ts'
import { everything, openTestStore } from '../support/store.ts'

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
