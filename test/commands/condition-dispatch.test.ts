/** What the dispatcher makes of commands with a condition, on a real database, with a broker whose word each test decides. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createConditionCheck } from '../../src/commands/condition.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { newCommand } from '../support/new-command.ts'
import { everything, openTestStore } from '../support/store.ts'
import { startDispatching } from './dispatching.ts'

const on = await openTestStore()
const dispatching = await startDispatching({
  on,
  checkCondition: createConditionCheck(on.store.reservations)
})
const { receive, store, url } = dispatching

const sentTo = (topic: string) => dispatching.sent.filter((sent) => sent.topic === topic)
const seqOf = async (topic: string): Promise<number> => (await store.states.byName(everything, topic))!.seq

const becomes = (id: string, state: string): Promise<unknown> =>
  eventually(async () => (await dispatching.command(id)).state === state, { what: `it is ${state}` })

/** A message of ours comes back. */
async function comesBack(topic: string, payload: string, id: string): Promise<void> {
  const properties = { userProperties: [['rialto-command-id', id] as [string, string]] }
  await receive({ topic, payload: Buffer.from(payload), properties })
  dispatching.wake()
}

/** All that is to be done is done: a command that came later went by. */
async function settled(): Promise<void> {
  const marker = newCommand(`marker/${Math.random()}`)
  await dispatching.accept(marker)
  ;(await eventually(() => sentTo(marker.topic)[0])).answer()
  await becomes(marker.id, 'published')
}

test('who comes with what was true before another one wrote is refused, once that one has come back', async () => {
  await receive({ topic: 'ahead' })
  const seq = await seqOf('ahead')
  const ahead = newCommand('ahead', { payload: Buffer.from('u'), orderKey: 'a device' })
  const mine = newCommand('ahead', { payload: Buffer.from('c'), condition: { seq } })
  await dispatching.accept(ahead)
  await dispatching.accept(mine)
  ;(await eventually(() => sentTo('ahead')[0])).answer()
  await becomes(ahead.id, 'published')
  await settled()
  assert.equal((await dispatching.command(mine.id)).state, 'pending')
  await comesBack('ahead', 'u', ahead.id)
  await becomes(mine.id, 'refused')
  const { reason, finishedAt } = await dispatching.command(mine.id)
  assert.equal(reason, `precondition_failed: the topic's state has seq ${await seqOf('ahead')}`)
  assert.notEqual(finishedAt, null)
  assert.equal(sentTo('ahead').length, 1)
})

test('one that still holds then is published', async () => {
  const ahead = newCommand('holds', { orderKey: 'a device' })
  const mine = newCommand('holds', { condition: { retained: false } })
  await dispatching.accept(ahead)
  await dispatching.accept(mine)
  ;(await eventually(() => sentTo('holds')[0])).answer()
  await becomes(ahead.id, 'published')
  await settled()
  assert.equal(sentTo('holds').length, 1)
  await comesBack('holds', '1', ahead.id)
  ;(await eventually(() => sentTo('holds')[1])).answer()
  await becomes(mine.id, 'published')
})

test('one whose message came back is published, although the broker said nothing; it is not published again', async () => {
  await receive({ topic: 'lost' })
  const mine = newCommand('lost', { payload: Buffer.from('c'), condition: { seq: await seqOf('lost') } })
  await dispatching.accept(mine)
  const sent = await eventually(() => sentTo('lost')[0])
  await comesBack('lost', 'c', mine.id)
  const next = newCommand('lost', { payload: Buffer.from('d'), condition: { seq: await seqOf('lost') } })
  await dispatching.accept(next)
  sent.lose()
  await becomes(mine.id, 'published')
  const second = await eventually(() => sentTo('lost')[1])
  assert.equal(second.message.payload.toString(), 'd', 'what was written since is not overwritten')
  second.answer()
  await becomes(next.id, 'published')
  assert.equal(sentTo('lost').length, 2)
})

test('one that was lost, and does not hold any more: nobody knows', async () => {
  await receive({ topic: 'gone' })
  const mine = newCommand('gone', { payload: Buffer.from('c'), condition: { seq: await seqOf('gone') } })
  await dispatching.accept(mine)
  const sent = await eventually(() => sentTo('gone')[0])
  await receive({ topic: 'gone', payload: Buffer.from("another's") })
  sent.lose()
  await becomes(mine.id, 'pending')
  await settled()
  assert.equal((await dispatching.command(mine.id)).state, 'pending', 'it may still come back')
  await query(url, 'update topic_reservations set until = now() where command_id = $1', [mine.id])
  await becomes(mine.id, 'unknown')
  assert.match((await dispatching.command(mine.id)).reason!, /^precondition_failed: .*nobody knows whether/)
  assert.equal(sentTo('gone').length, 1)
})

test('what others write while it waits for its time is seen', async () => {
  await receive({ topic: 'later' })
  const notBefore = Date.now() + 3_600_000
  const condition = { seq: await seqOf('later') }
  const mine = newCommand('later', { condition, state: 'scheduled', notBefore })
  await dispatching.accept(mine)
  await receive({ topic: 'later' })
  await query(url, 'update commands set not_before = now() where id = $1', [mine.id])
  await becomes(mine.id, 'refused')
  assert.equal(sentTo('later').length, 0)
})

test('a topic is free again as soon as the command that had it is refused', async () => {
  await receive({ topic: 'free' })
  const condition = { seq: await seqOf('free') }
  const first = newCommand('free', { condition })
  await dispatching.accept(first)
  ;(await eventually(() => sentTo('free')[0])).answer(0x87)
  await becomes(first.id, 'refused')
  const second = newCommand('free', { condition })
  await dispatching.accept(second)
  ;(await eventually(() => sentTo('free')[1])).answer()
  await becomes(second.id, 'published')
})
