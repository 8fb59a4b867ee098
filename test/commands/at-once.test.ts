/** Which commands are published as soon as they are stored, and that their order is the same as if all had waited. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { NewCommand } from '../../src/store/commands.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { newCommand } from '../support/new-command.ts'
import { openTestStore } from '../support/store.ts'
import type { Dispatching } from './dispatching.ts'
import { startDispatching } from './dispatching.ts'

const topics = ({ sent }: Dispatching): string[] => sent.map(({ topic }) => topic)

/** It leads, and has looked at what was left: until then nothing is published at once. */
async function begun(dispatching: Dispatching): Promise<Dispatching> {
  const marker = newCommand('marker', { qos: 0 })
  await dispatching.accept(marker)
  await eventually(() => dispatching.sent.length === 1)
  dispatching.sent.shift()!.answer()
  await eventually(async () => (await dispatching.command(marker.id)).state === 'published')
  return dispatching
}
const start = async (...options: Parameters<typeof startDispatching>): Promise<Dispatching> =>
  begun(await startDispatching(...options))

test('what nothing is before is handed to the broker before its acceptance is told, and the word is recorded', async () => {
  const dispatching = await start()
  const commands = [newCommand('a'), newCommand('b')]
  assert.deepEqual(await dispatching.ask(...commands), ['a', 'b'])
  assert.deepEqual(topics(dispatching), ['a', 'b'])
  for (const sent of dispatching.sent) sent.answer()
  for (const { id } of commands)
    await eventually(async () => (await dispatching.command(id)).state === 'published')
  assert.deepEqual(
    (await Promise.all(commands.map(({ id }) => dispatching.command(id)))).map(({ attempts }) => attempts),
    [1, 1]
  )
  assert.equal(dispatching.sent.length, 2, 'none is published twice')
})

test('what has to wait for anything does', async () => {
  const dispatching = await start({
    limits: { commandsPublishingMax: 3, commandsPublishingBytesMax: 1_000 },
    fault: ({ topic }) => (topic === 'fault' ? 'The broker takes none of these' : null)
  })
  const later = Date.now() + 3_600_000
  for (const command of [
    newCommand('scheduled', { state: 'scheduled', notBefore: later }),
    newCommand('alone', { oneInFlight: true }),
    newCommand('condition', { condition: { retained: false } }),
    newCommand('fault'),
    newCommand('large', { payload: Buffer.alloc(1_001) })
  ])
    assert.deepEqual(await dispatching.ask(command), [], command.topic)
  await eventually(async () => {
    const open = await query(dispatching.url, `select from commands where state in ('publishing', 'pending')`)
    if (open.length > 0) for (const sent of dispatching.sent.splice(0)) sent.answer()
    return open.length === 0
  })
  const four = ['1', '2', '3', '4'].map((topic) => newCommand(topic))
  assert.deepEqual(await dispatching.ask(...four), [], 'there is room for three')
  await eventually(() => dispatching.sent.length === 3)
  for (const sent of dispatching.sent.splice(0)) sent.answer()
  await eventually(() => topics(dispatching).includes('4'))
})

test('nothing goes at once without a lease, without a connection, or while one is tried alone', async () => {
  let leads = true
  const on = await openTestStore()
  const dispatching = await start({ on, lease: () => (leads ? on.lease : null) })
  leads = false
  assert.deepEqual(await dispatching.ask(newCommand('no lease')), [])
  leads = true
  await eventually(() => dispatching.sent.length === 1)
  dispatching.connected = false
  dispatching.sent.shift()!.lose()
  assert.deepEqual(await dispatching.ask(newCommand('no connection')), [])
  dispatching.connected = true
  assert.deepEqual(await dispatching.ask(newCommand('while another is suspect')), [])
  await eventually(() => {
    for (const sent of dispatching.sent.splice(0)) sent.answer()
    return query(dispatching.url, `select from commands where state <> 'published'`).then(
      ({ length }) => length === 0
    )
  })
  assert.deepEqual(await dispatching.ask(newCommand('now')), ['now'])
})

test('of one key, another QoS waits, and what came behind it, too', async () => {
  const dispatching = await start()
  const of = (topic: string, qos: 0 | 1) => newCommand(topic, { orderKey: 'k', qos })
  assert.deepEqual(await dispatching.ask(of('1', 1)), ['1'])
  assert.deepEqual(await dispatching.ask(of('2', 1)), ['2'], 'the same QoS may be under way together')
  assert.deepEqual(await dispatching.ask(of('3', 0)), [])
  assert.deepEqual(await dispatching.ask(of('4', 1)), [])
  assert.deepEqual(topics(dispatching), ['1', '2'])
  for (const sent of dispatching.sent) sent.answer()
  await eventually(() => dispatching.sent.length === 3)
  dispatching.sent[2]!.answer()
  await eventually(() => dispatching.sent.length === 4)
  assert.deepEqual(topics(dispatching), ['1', '2', '3', '4'])
})

test('none overtakes one of its key that was lost', async () => {
  const dispatching = await start()
  const of = (topic: string) => newCommand(topic, { orderKey: 'k' })
  assert.deepEqual(await dispatching.ask(of('1')), ['1'])
  dispatching.connected = false
  dispatching.sent.shift()!.lose()
  dispatching.connected = true
  // Asked for before anybody has heard that the first was lost, and afterwards
  const second = dispatching.ask(of('2'))
  await new Promise(setImmediate)
  assert.deepEqual(await dispatching.ask(of('3')), [])
  await second
  for (const count of [1, 2, 3]) {
    await eventually(() => dispatching.sent.length >= count)
    dispatching.sent[count - 1]!.answer()
  }
  assert.deepEqual(topics(dispatching), ['1', '2', '3'])
})

test('what could not be stored is in nobody’s way', async () => {
  const dispatching = await start()
  const bad = newCommand('t', { qos: 0, principal: 'a NUL \0 cannot be stored' })
  await assert.rejects(dispatching.ask(bad))
  assert.deepEqual(await dispatching.ask(newCommand('t', { qos: 1 })), ['t'])
})

test('whatever is asked for at once, those of one key are published in the order of their acceptance', async () => {
  const request = fc.array(
    fc.record({ key: fc.constantFrom('a', 'b', 'c'), qos: fc.constantFrom(0, 1, 2), direct: fc.boolean() }),
    { minLength: 1, maxLength: 4 }
  )
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 12 }), fc.nat(4), async (asks, room) => {
      const dispatching = await start({
        answer: 0,
        limits: { commandsPublishingMax: room + 1, commandPollMs: 20 }
      })
      const requests = asks.map((items) =>
        items.map(({ key, qos }) => newCommand(key, { qos: qos as 0 | 1 | 2 }))
      )
      const all = requests.flat()
      // Some by clients of this instance, and some as if another one had accepted them
      await Promise.all(
        requests.map((commands: NewCommand[], index) =>
          asks[index]![0]!.direct ? dispatching.ask(...commands) : dispatching.accept(...commands)
        )
      )
      await eventually(() => dispatching.sent.length >= all.length)
      const rows = await query<{ id: string; topic: string }>(
        dispatching.url,
        `select id, topic from commands where topic <> 'marker' order by created_seq`
      )
      const idOf = ({ message }: Dispatching['sent'][number]): string =>
        message.properties!.userProperties!.find(([name]) => name === 'rialto-command-id')![1]
      for (const key of ['a', 'b', 'c'])
        assert.deepEqual(
          dispatching.sent.filter(({ topic }) => topic === key).map(idOf),
          rows.filter(({ topic }) => topic === key).map(({ id }) => id)
        )
      await dispatching.stop()
      await dispatching.store.close()
    }),
    { numRuns: process.env['FULL'] === '1' ? 100 : 10 }
  )
})
