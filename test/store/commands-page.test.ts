/** Lists of commands: what one finds who reads everything, in pages that look at few rows and read few bytes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Awaits, Command, CommandState, StoredMessage } from '../../src/command.ts'
import { awaitsKinds, commandStates } from '../../src/command.ts'
import type { Access } from '../../src/model.ts'
import type { NewCommand } from '../../src/store/commands.ts'
import { query } from '../support/database.ts'
import { newCommand, transition } from '../support/new-command.ts'
import { everything, openTestStore } from '../support/store.ts'

const limits = { pageRowsScannedMax: 7, pageBytesMax: 100 }
const { store, url } = await openTestStore({ limits })

const ids = ['0d4b7f0e-5a0a-4f6e-9d53-6b1c6f1f2a10', '0d4b7f0e-5a0a-4f6e-9d53-6b1c6f1f2a11'] as const
const at = Date.parse('2026-03-14T09:00:00Z')
const states: CommandState[] = ['pending', 'published', 'expired']

/** Few values of each, so that filters meet. */
const one = fc.record({
  topic: fc.constantFrom('a', 'b', 'hidden/a'),
  device: fc.constantFrom(null, 'd', 'D'),
  name: fc.constantFrom(null, 'set', 'reboot'),
  batchId: fc.constantFrom(null, ...ids),
  retryOf: fc.constantFrom(null, ...ids),
  awaits: fc.constantFrom(...awaitsKinds),
  state: fc.constantFrom(...states),
  createdAt: fc.integer({ min: at, max: at + 3 }),
  bytes: fc.constantFrom(0, 10, 60, 150)
})
const optional = <Value>(of: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 2, arbitrary: of })
const time = fc.integer({ min: at - 1, max: at + 4 })
const asked = fc.record({
  states: fc.oneof(fc.constant<CommandState[]>([]), fc.uniqueArray(fc.constantFrom(...states))),
  topic: optional(fc.constantFrom('a', 'b', 'hidden/a', 'c')),
  device: optional(fc.constantFrom('d', 'D', 'e')),
  name: optional(fc.constantFrom('set', 'SET')),
  batch: optional(fc.constantFrom(...ids)),
  retryOf: optional(fc.constantFrom(...ids)),
  awaits: fc.oneof(fc.constant<Awaits[]>([]), fc.uniqueArray(fc.constantFrom(...awaitsKinds))),
  from: optional(time),
  to: optional(time),
  limit: fc.integer({ min: 1, max: 5 }),
  order: fc.constantFrom<'asc' | 'desc'>('asc', 'desc')
})

const readsFew: Access = {
  ...everything,
  principal: 'other',
  mayRead: (topic) => !topic.startsWith('hidden/')
}

test('a list has what is meant, each once, in order; a page is bounded', async () => {
  let [pages, emptyPages] = [0, 0]
  await fc.assert(
    fc.asyncProperty(
      fc.array(one, { minLength: 1, maxLength: 25 }),
      fc.array(asked, { minLength: 1, maxLength: 12 }),
      async (given, asks) => {
        await query(url, 'truncate commands cascade')
        const commands = given.map(({ bytes, ...command }): NewCommand =>
          newCommand(command.topic, { ...command, state: 'pending', payload: Buffer.alloc(bytes) })
        )
        await store.commands.accept(commands, null)
        for (const state of states) {
          const moving = commands.filter((_, index) => given[index]!.state === state)
          if (state !== 'pending' && moving.length > 0)
            await store.commands.move(moving.map(({ id }) => transition(id, commandStates, state)))
        }
        for (const ask of asks) {
          const meant = commands
            .map((command, index): NewCommand & { bytes: number; is: CommandState } => ({
              ...command,
              bytes: given[index]!.bytes,
              is: given[index]!.state
            }))
            .filter(
              (command) =>
                readsFew.mayRead(command.topic) &&
                (ask.states.length === 0 || ask.states.includes(command.is)) &&
                (ask.awaits.length === 0 || ask.awaits.includes(command.awaits)) &&
                (ask.topic ?? command.topic) === command.topic &&
                (ask.device ?? command.device) === command.device &&
                (ask.name ?? command.name) === command.name &&
                (ask.batch ?? command.batchId) === command.batchId &&
                (ask.retryOf ?? command.retryOf) === command.retryOf &&
                (ask.from ?? at - 9) <= command.createdAt &&
                command.createdAt < (ask.to ?? at + 9)
            )
          if (ask.order === 'desc') meant.reverse()
          const found: string[] = []
          let after: number | null = null
          do {
            const { items, next }: { items: Command[]; next: number | null } = await store.commands.page(
              readsFew,
              {
                ...ask,
                after
              }
            )
            pages++
            if (items.length === 0) emptyPages++
            assert.ok(items.length <= ask.limit)
            const bytes = items.reduce((sum, { payload }) => sum + payload.length, 0)
            assert.ok(items.length <= 1 || bytes <= limits.pageBytesMax)
            found.push(...items.map(({ id }) => id))
            assert.ok(next === null || next !== after)
            after = next
          } while (after !== null)
          assert.deepEqual(
            found,
            meant.map(({ id }) => id)
          )
        }
      }
    ),
    { numRuns: process.env['FULL'] === '1' ? 300 : 40 }
  )
  assert.ok(pages > 100 && emptyPages > 10)
})

test('a rare command is found in pages that look at few, and an index finds its retries at once', async () => {
  await query(url, 'truncate commands cascade')
  const first = newCommand('rare', { name: 'once' })
  await store.commands.accept([first], null)
  for (let count = 0; count < 20; count++) await store.commands.accept([newCommand('often')], null)
  const ask = { states: [], topic: null, after: null, limit: 5, order: 'desc' } as const
  const page = await store.commands.page(everything, { ...ask, name: 'once' })
  assert.deepEqual(page.items, [])
  assert.ok(page.next !== null)
  const retry = newCommand('rare', { retryOf: first.id })
  await store.commands.accept([retry], null)
  for (let count = 0; count < 20; count++) await store.commands.accept([newCommand('often')], null)
  const retries = await store.commands.page(everything, { ...ask, retryOf: first.id })
  assert.deepEqual([retries.items.map(({ id }) => id), retries.next], [[retry.id], null])
})

const answer = (topic: string, seq: number): StoredMessage => ({
  seq,
  topicId: 1,
  topic,
  receivedAt: at,
  qos: 1,
  retain: false,
  dup: false,
  payload: Buffer.from('secret').toString('base64'),
  properties: null
})

test('a response is shown to who may read its topic; below the responses of ours, to who may read the command', async () => {
  const sees = async (responseTopic: (id: string) => string): Promise<unknown> => {
    const command = newCommand('seen', { awaits: 'response' })
    await store.commands.accept([command], null)
    const topic = responseTopic(command.id)
    await store.commands.move([
      transition(command.id, ['pending'], 'succeeded', { event: 'succeed', response: answer(topic, 1) })
    ])
    await store.commands.move([
      {
        ...transition(command.id, ['succeeded'], 'failed'),
        to: null,
        event: 'answerLate',
        response: answer(topic, 2)
      }
    ])
    const one = (await store.commands.byId(readsFew, command.id))!
    const ask = { states: [], topic: 'seen', after: null, limit: 1, order: 'desc' } as const
    const listed = (await store.commands.page(readsFew, ask)).items[0]!
    assert.deepEqual([listed.response, listed.lateResponse], [one.response, one.lateResponse])
    const all = (await store.commands.byId(everything, command.id))!
    assert.deepEqual([all.response?.seq, all.lateResponse?.seq], [1, 2])
    return [one.response?.seq ?? null, one.lateResponse?.seq ?? null]
  }
  assert.deepEqual(await sees(() => 'open/answers'), [1, 2])
  assert.deepEqual(await sees(() => 'hidden/answers'), [null, null])
  assert.deepEqual(await sees((id) => `hidden/responses/${id}`), [1, 2])
  assert.deepEqual(await sees((id) => `hidden/responses/${id}/rpc`), [1, 2])
  assert.deepEqual(await sees((id) => `hidden/responses/${id.replace(/.$/, 'x')}`), [null, null])
})
