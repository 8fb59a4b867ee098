/** What the dispatcher publishes, when, in which order, and what it says became of it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCancel } from '../../src/commands/cancel.ts'
import type { CheckCondition } from '../../src/commands/condition.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { newCommand, transition } from '../support/new-command.ts'
import { everything, openTestStore } from '../support/store.ts'
import type { Dispatching } from './dispatching.ts'
import { startDispatching } from './dispatching.ts'

const topics = ({ sent }: Dispatching): string[] => sent.map(({ topic }) => topic)

/** All that is to be done is done: a command of another key went by. */
async function settled(dispatching: Dispatching): Promise<void> {
  const marker = newCommand(`marker/${Math.random()}`, { qos: 0 })
  await dispatching.accept(marker)
  await eventually(() => dispatching.sent.find(({ topic }) => topic === marker.topic))
  const index = dispatching.sent.findIndex(({ topic }) => topic === marker.topic)
  dispatching.sent.splice(index, 1)[0]!.answer()
  await eventually(async () => (await dispatching.command(marker.id)).state === 'published')
}

const stateOf = async (dispatching: Dispatching, id: string): Promise<string> =>
  (await dispatching.command(id)).state

test('a scheduled command is never early, and those that are due go in the order of their times', async () => {
  const dispatching = await startDispatching({ answer: 0, limits: { commandPollMs: 60_000 } })
  const due = Date.now() + 500
  const at = (topic: string, ms: number) =>
    newCommand(topic, { state: 'scheduled', notBefore: due + ms, orderKey: 'k' })
  const commands = [at('third', 300), at('first', 0), at('second', 150), at('far', 3_600_000)]
  await dispatching.accept(...commands)
  await eventually(() => dispatching.sent.length === 3)
  assert.deepEqual(topics(dispatching), ['first', 'second', 'third'])
  await eventually(async () => (await stateOf(dispatching, commands[0]!.id)) === 'published')
  const rows = await query<{ early: boolean }>(
    dispatching.url,
    `select j.at < c.not_before as early from commands c join journal j on j.command_id = c.id
     where c.topic <> 'far' and j.detail->>'from' is not null`
  )
  assert.equal(rows.length, 9)
  assert.ok(rows.every(({ early }) => !early))
  assert.equal(await stateOf(dispatching, commands[3]!.id), 'scheduled')
})

test('what came due while nobody looked goes in the order of its times, behind what waits already', async () => {
  const on = await openTestStore()
  const past = (topic: string, ms: number) =>
    newCommand(topic, { state: 'scheduled', notBefore: Date.now() - ms, orderKey: 'k' })
  const waits = newCommand('waits', { orderKey: 'k' })
  await on.store.commands.accept([past('later', 1_000), past('sooner', 2_000), waits], null)
  const dispatching = await startDispatching({ on, answer: 0 })
  await eventually(() => dispatching.sent.length === 3)
  assert.deepEqual(topics(dispatching), ['waits', 'sooner', 'later'])
})

test('a scheduled command expires, too', async () => {
  const dispatching = await startDispatching({ answer: 0 })
  const command = newCommand('t', {
    state: 'scheduled',
    notBefore: Date.now() + 3_600_000,
    expiresAt: Date.now() - 1
  })
  await dispatching.accept(command)
  await eventually(async () => (await stateOf(dispatching, command.id)) === 'expired')
  assert.deepEqual(topics(dispatching), [])
})

test('one that is to be alone holds those behind it until it is final, and no others', async () => {
  const dispatching = await startDispatching({ answer: 0 })
  const alone = { orderKey: 'k', oneInFlight: true, awaits: 'effect' as const, timeoutSeconds: 60 }
  const [first, second] = [newCommand('k/1', alone), newCommand('k/2', alone)]
  await dispatching.accept(first, second, newCommand('other'))
  await eventually(async () => (await stateOf(dispatching, first.id)) === 'published')
  await eventually(() => dispatching.sent.length === 2)
  await settled(dispatching)
  assert.deepEqual(topics(dispatching), ['k/1', 'other'])
  const done = transition(first.id, ['published'], 'succeeded', { event: 'succeed' })
  await dispatching.store.commands.move([done])
  await eventually(() => topics(dispatching).includes('k/2'))
})

test('where the oldest wait for one of their key, others go: however many those are', async () => {
  const dispatching = await startDispatching({
    answer: 0,
    limits: { commandsLookedAtMax: 10, commandKeysLookedAtMax: 3, commandsOfKeyLookedAtMax: 2 }
  })
  const alone = { oneInFlight: true, awaits: 'effect' as const, timeoutSeconds: 60 }
  const keys = Array.from({ length: 20 }, (_, n) => ({ ...alone, orderKey: `k${n}` }))
  const heads = keys.map((more) => newCommand('head', more))
  await dispatching.accept(...heads)
  await eventually(() => dispatching.sent.length === heads.length)
  await dispatching.accept(...keys.flatMap((more) => [newCommand('held', more), newCommand('held', more)]))
  const free = Array.from({ length: 12 }, (_, n) => newCommand('free', { orderKey: n < 6 ? 'f' : `f${n}` }))
  await dispatching.accept(...free)
  await eventually(() => topics(dispatching).filter((topic) => topic === 'free').length === free.length)
  assert.ok(!topics(dispatching).includes('held'))
})

test('what is lost is published again before those behind it, and these were not lost with it', async () => {
  const dispatching = await startDispatching()
  const [first, second] = [newCommand('1', { orderKey: 'k' }), newCommand('2', { orderKey: 'k' })]
  await dispatching.accept(first)
  await eventually(() => dispatching.sent.length === 1)
  dispatching.connected = false
  dispatching.sent[0]!.lose()
  await dispatching.accept(second)
  await eventually(async () => (await stateOf(dispatching, first.id)) === 'pending')
  dispatching.connected = true
  dispatching.wake()
  await eventually(() => dispatching.sent.length === 2)
  assert.deepEqual(topics(dispatching), ['1', '1'])
  dispatching.sent[1]!.answer()
  await eventually(() => dispatching.sent.length === 3)
  dispatching.sent[2]!.answer()
  await eventually(async () => (await stateOf(dispatching, second.id)) === 'published')
  assert.deepEqual(topics(dispatching), ['1', '1', '2'])
})

test('none of its key goes before one whose loss is not yet recorded', async () => {
  const dispatching = await startDispatching()
  await dispatching.accept(newCommand('1', { orderKey: 'k', delivery: 'atMostOnce' }))
  await eventually(() => dispatching.sent.length === 1)
  const { commands } = dispatching.store
  const { move } = commands
  let goOn = (): void => {}
  const held = new Promise<void>((resolve) => (goOn = resolve))
  let holding = false
  commands.move = async (transitions, lease) => {
    holding ||= transitions[0]!.event === 'abandon'
    if (transitions[0]!.event === 'abandon') await held
    return move(transitions, lease)
  }
  dispatching.sent[0]!.lose()
  await eventually(() => holding)
  await dispatching.accept(newCommand('2', { orderKey: 'k' }))
  await dispatching.accept(newCommand('other'))
  await eventually(() => topics(dispatching).includes('other'))
  assert.deepEqual(topics(dispatching), ['1', 'other'])
  goOn()
  await eventually(() => dispatching.sent.length === 3)
  assert.deepEqual(topics(dispatching), ['1', 'other', '2'])
})

test('those that were recorded as being published while one was lost do not go before it', async () => {
  const dispatching = await startDispatching()
  await dispatching.accept(newCommand('1', { orderKey: 'k' }))
  await eventually(() => dispatching.sent.length === 1)
  // The loss is told while the move of the second is on its way
  const { commands } = dispatching.store
  const { move } = commands
  commands.move = async (transitions, lease) => {
    const moved = await move(transitions, lease)
    if (transitions[0]!.event === 'publish') {
      commands.move = move
      dispatching.sent[0]!.lose()
      await new Promise((resolve) => setImmediate(resolve))
    }
    return moved
  }
  const second = newCommand('2', { orderKey: 'k' })
  await dispatching.accept(second)
  await eventually(() => dispatching.sent.length === 2)
  assert.deepEqual(topics(dispatching), ['1', '1'])
  dispatching.sent[1]!.answer()
  await eventually(() => dispatching.sent.length === 3)
  assert.equal((await dispatching.command(second.id)).attempts, 2)
})

test("at most once: without the broker's word it ends as unknown; one that has not left goes later", async () => {
  const dispatching = await startDispatching()
  const once = newCommand('once', { delivery: 'atMostOnce' })
  await dispatching.accept(once)
  await eventually(() => dispatching.sent.length === 1)
  dispatching.sent[0]!.lose()
  await eventually(async () => (await stateOf(dispatching, once.id)) === 'unknown')
  assert.match((await dispatching.command(once.id)).reason!, /^Nobody knows whether the broker has it/)
  await settled(dispatching)
  assert.deepEqual(topics(dispatching), ['once'])

  const later = newCommand('later', { delivery: 'atMostOnce' })
  const { commands } = dispatching.store
  const { move } = commands
  commands.move = async (transitions, lease) => {
    commands.move = move
    const moved = await move(transitions, lease)
    dispatching.connected = false // before it leaves, and after it is recorded
    return moved
  }
  await dispatching.accept(later)
  await eventually(async () => (await dispatching.command(later.id)).attempts === 1)
  await eventually(async () => (await stateOf(dispatching, later.id)) === 'pending')
  dispatching.connected = true
  dispatching.wake()
  await eventually(() => dispatching.sent.length === 2)
  dispatching.sent[1]!.answer()
  await eventually(async () => (await stateOf(dispatching, later.id)) === 'published')
})

test('what was lost before is not said to be refused, to reach nobody, or to be cancelled: it may have arrived', async () => {
  const faults = new Map<string, string>()
  const dispatching = await startDispatching({
    fault: ({ topic }) => faults.get(topic) ?? null,
    limits: { commandAloneAttemptsMax: 100 }
  })
  const [refused, toNobody, faulty] = ['refused', 'to nobody', 'faulty'].map((topic) => newCommand(topic))
  await dispatching.accept(refused!, toNobody!, faulty!)
  await eventually(() => dispatching.sent.length === 3)
  faults.set('faulty', 'The broker takes QoS up to 0')
  for (const sent of dispatching.sent) sent.lose()
  // Each alone
  for (const [topic, code] of [
    ['refused', 0x97],
    ['to nobody', 0x10]
  ] as const) {
    const again = await eventually(() => dispatching.sent.slice(3).find((sent) => sent.topic === topic))
    again.answer(code)
  }
  await eventually(async () => (await stateOf(dispatching, faulty!.id)) === 'unknown')
  await eventually(async () => (await stateOf(dispatching, toNobody!.id)) === 'published')
  const one = await dispatching.command(refused!.id)
  assert.deepEqual([one.state, one.brokerReasonCode], ['unknown', 0x97])
  assert.match(one.reason!, /a quota is exceeded.*; nobody knows whether an earlier attempt reached it$/)
  assert.equal(topics(dispatching).filter((topic) => topic === 'faulty').length, 1)

  const cancelled = newCommand('cancelled')
  await dispatching.accept(cancelled)
  const sent = await eventually(() => dispatching.sent.find(({ topic }) => topic === 'cancelled'))
  dispatching.connected = false
  sent.lose()
  await eventually(async () => (await stateOf(dispatching, cancelled.id)) === 'pending')
  const after = await createCancel(dispatching.store, { hint: () => {} })(everything, cancelled.id)
  assert.deepEqual([after.state, after.reason], ['unknown', 'cancelled; it may have been published before'])
})

test('what an earlier process was publishing: again, or where it must not be, unknown', async () => {
  const on = await openTestStore()
  const [again, once] = [newCommand('again'), newCommand('once', { delivery: 'atMostOnce' })]
  await on.store.commands.accept([again, once], null)
  await on.store.commands.move([again, once].map(({ id }) => transition(id, ['pending'], 'publishing')))
  const dispatching = await startDispatching({ on, answer: 0 })
  await eventually(async () => (await stateOf(dispatching, again.id)) === 'published')
  const unknown = await dispatching.command(once.id)
  assert.deepEqual([unknown.state, unknown.finishedAt !== null], ['unknown', true])
  assert.match(unknown.reason!, /^Nobody knows/)
  assert.deepEqual(topics(dispatching), ['again'])
  assert.equal((await dispatching.command(again.id)).attempts, 2)
})

test('what was lost and expires then ends as unknown: it may be with the broker', async () => {
  const dispatching = await startDispatching()
  const command = newCommand('t')
  await dispatching.accept(command)
  await eventually(() => dispatching.sent.length === 1)
  dispatching.connected = false
  dispatching.sent[0]!.lose()
  await eventually(async () => (await stateOf(dispatching, command.id)) === 'pending')
  await query(dispatching.url, 'update commands set expires_at = now()')
  await eventually(async () => (await stateOf(dispatching, command.id)) === 'unknown')
  assert.match((await dispatching.command(command.id)).reason!, /expired while nobody knew/)
})

test('who was paused for longer than its lease publishes nothing that it has claimed', async () => {
  const on = await openTestStore()
  const dispatching = await startDispatching({ on })
  const { commands } = on.store
  const { move } = commands
  commands.move = async (transitions, lease) => {
    const moved = await move(transitions, lease)
    if (lease !== undefined) lease.validUntil = performance.now() - 1 // it wakes up late
    return moved
  }
  const command = newCommand('t')
  await dispatching.accept(command)
  await eventually(async () => (await dispatching.command(command.id)).attempts === 1)
  await eventually(async () => (await stateOf(dispatching, command.id)) === 'pending')
  assert.deepEqual(topics(dispatching), [])
  commands.move = move
  on.lease.validUntil = performance.now() + 60_000
  await eventually(() => dispatching.sent.length === 1)
})

test('who was overtaken claims nothing, also before it knows', async () => {
  const on = await openTestStore({ session: 'lead' })
  const old = await startDispatching({ on, answer: 0 })
  await settled(old)
  const successor = await openTestStore({ session: 'lead', url: on.url })
  const next = await startDispatching({ on: successor, answer: 0, limits: { commandPollMs: 60_000 } })
  const { commands } = on.store
  const { move } = commands
  const fenced: string[] = []
  commands.move = (transitions, lease) =>
    move(transitions, lease).catch((error: Error) => {
      fenced.push(error.name)
      throw error
    })
  const command = newCommand('t')
  await old.accept(command)
  await eventually(() => fenced.length > 0)
  assert.deepEqual([fenced[0], old.sent], ['FencedError', []])
  next.wake()
  await eventually(async () => (await stateOf(next, command.id)) === 'published')
  assert.deepEqual([topics(old), topics(next)], [[], ['t']])
})

test('refusals say why, and what the broker would never take does not leave', async () => {
  const dispatching = await startDispatching({
    fault: ({ topic }) => (topic === 'large' ? 'The broker takes packets of 10 bytes; this one has 11' : null)
  })
  const [large, denied, odd, behind] = [
    newCommand('large', { orderKey: 'k' }),
    newCommand('denied', { orderKey: 'k' }),
    newCommand('odd', { orderKey: 'k' }),
    newCommand('behind', { orderKey: 'k' })
  ]
  await dispatching.accept(large, denied, odd, behind)
  await eventually(() => dispatching.sent.length === 3)
  assert.deepEqual(topics(dispatching), ['denied', 'odd', 'behind'])
  for (const [index, code] of [0x87, 0xee, 0x10].entries()) dispatching.sent[index]!.answer(code)
  await eventually(async () => (await stateOf(dispatching, behind.id)) === 'undeliverable')
  const said = await Promise.all([large, denied, odd].map(({ id }) => dispatching.command(id)))
  assert.deepEqual(
    said.map(({ state, reason, brokerReasonCode, attempts }) => [state, reason, brokerReasonCode, attempts]),
    [
      ['refused', 'The broker takes packets of 10 bytes; this one has 11', null, 0],
      ['refused', 'The broker refuses it: not authorized (reason code 0x87)', 0x87, 1],
      [
        'refused',
        'The broker refuses it: it does not say why in a way that MQTT knows (reason code 0xee)',
        0xee,
        1
      ]
    ]
  )
})

test('a condition is asked for before it is published: it waits, goes, or is refused, and holds up no others', async () => {
  const verdicts = new Map<string, Awaited<ReturnType<CheckCondition>>>()
  const asked: string[] = []
  const dispatching = await startDispatching({
    answer: 0,
    limits: { commandsPublishingMax: 2 },
    checkCondition: async ({ topic }) => {
      asked.push(topic)
      return verdicts.get(topic) ?? 'wait'
    }
  })
  const condition = { retained: false } // as it is: nothing was heard of these topics
  const waiting = Array.from({ length: 5 }, (_, n) => newCommand(`wait/${n}`, { condition }))
  const refused = newCommand('refused', { condition })
  verdicts.set('refused', { event: 'refuse', reason: 'precondition_failed: the topic is at 2' })
  for (const command of [...waiting, newCommand('wait/0'), refused, newCommand('free')])
    await dispatching.accept(command)
  await eventually(() => topics(dispatching).includes('free'))
  await eventually(async () => (await stateOf(dispatching, refused.id)) === 'refused')
  assert.equal((await dispatching.command(refused.id)).reason, 'precondition_failed: the topic is at 2')
  assert.deepEqual(topics(dispatching), ['free'], 'none of its topic goes before one that waits')
  for (const { topic } of waiting) verdicts.set(topic, 'publish')
  dispatching.wake()
  await eventually(() => dispatching.sent.length === 7)
  assert.deepEqual(
    topics(dispatching).filter((topic) => topic === 'wait/0'),
    ['wait/0', 'wait/0']
  )
  assert.ok(!asked.includes('free'))
})

test('no more is in memory than the limit, and one that is larger goes alone', async () => {
  let bytes = 0
  let most = 0
  const dispatching = await startDispatching({
    limits: { commandsPublishingBytesMax: 1_000 },
    onSent: ({ message }) => (most = Math.max(most, (bytes += message.payload.length)))
  })
  const sizes = [400, 400, 400, 5_000, 400]
  await dispatching.accept(...sizes.map((size, n) => newCommand(`t/${n}`, { payload: Buffer.alloc(size) })))
  for (let count = 0; count < sizes.length; count++) {
    const next = await eventually(() => dispatching.sent[count])
    bytes -= next.message.payload.length
    next.answer()
  }
  assert.deepEqual(topics(dispatching), ['t/0', 't/1', 't/2', 't/3', 't/4'])
  assert.equal(most, 5_000)
})
