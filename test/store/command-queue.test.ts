/** What the dispatcher reads: what is due and what is late, by the database's clock; and those that wait, fairly. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WaitingCommand } from '../../src/store/command-queue.ts'
import { query } from '../support/database.ts'
import { newCommand, transition } from '../support/new-command.ts'
import { openTestStore } from '../support/store.ts'

const topicsOf = async (url: string, items: readonly { id: string }[]): Promise<string[]> => {
  const rows = await query<{ id: string; topic: string }>(url, 'select id, topic from commands')
  const topics = new Map(rows.map(({ id, topic }) => [id, topic]))
  return items.map(({ id }) => topics.get(id)!)
}

test('what is due comes in the order in which its time came, and takes its place then', async () => {
  const { store, url } = await openTestStore()
  const { commandQueue: queue, commands } = store
  assert.deepEqual(await queue.look(0), { waiting: false, due: false, expired: false, nextMs: null })
  const at = (ms: number): number => Date.now() + ms
  const scheduled = { state: 'scheduled' as const, orderKey: 'k' }
  await commands.accept(
    [
      newCommand('far', { ...scheduled, notBefore: at(3_600_000) }),
      newCommand('second', { ...scheduled, notBefore: at(-1_000) }),
      newCommand('first', { ...scheduled, notBefore: at(-2_000) }),
      newCommand('now', { orderKey: 'k' })
    ],
    null
  )
  const look = await queue.look(0)
  assert.deepEqual([look.waiting, look.due, look.expired], [true, true, false])
  const due = await queue.due(10)
  const dueTopics = await topicsOf(
    url,
    due.map((id) => ({ id }))
  )
  assert.deepEqual(dueTopics, ['first', 'second'])
  await commands.move(due.map((id) => transition(id, ['scheduled'], 'pending', { event: 'due' })))
  assert.deepEqual(await topicsOf(url, await queue.oldest(0, 10)), ['now', 'first', 'second'])
  const { nextMs } = await queue.look(0)
  assert.ok(nextMs! > 0 && nextMs! <= 3_600_000, String(nextMs))
})

test('what is past its expiry is not among those that wait, and is told', async () => {
  const { store, url } = await openTestStore()
  const { commandQueue: queue, commands } = store
  const late = { expiresAt: Date.now() - 1 }
  await commands.accept(
    [
      newCommand('late', late),
      newCommand('scheduled', { ...late, state: 'scheduled', notBefore: Date.now() + 60_000 }),
      newCommand('in time', { expiresAt: Date.now() + 60_000 }),
      newCommand('never')
    ],
    null
  )
  assert.equal((await queue.look(0)).expired, true)
  assert.deepEqual((await topicsOf(url, await queue.expired(10))).toSorted(), ['late', 'scheduled'])
  assert.deepEqual(await topicsOf(url, await queue.oldest(0, 10)), ['in time', 'never'])
  assert.deepEqual((await topicsOf(url, (await ofAllKeys(store.commandQueue)).items)).toSorted(), [
    'in time',
    'never'
  ])
})

async function ofAllKeys(
  queue: Awaited<ReturnType<typeof openTestStore>>['store']['commandQueue'],
  { keysMax = 3, each = 2, except = [] as string[] } = {}
): Promise<{ items: WaitingCommand[]; reads: number }> {
  const items: WaitingCommand[] = []
  let after: string | null = null
  for (let reads = 1; ; reads++) {
    const read = await queue.ofKeys({ after, except, keysMax, each })
    items.push(...read.items)
    after = read.next
    if (after === null) return { items, reads }
  }
}

test('from key to key: the first of each, whatever waits in between, and none of those that have to wait', async () => {
  const { store, url } = await openTestStore()
  const { commandQueue: queue, commands } = store
  const many = Array.from({ length: 300 }, (_, n) => newCommand(`many/${n}`, { orderKey: 'many' }))
  const others = Array.from({ length: 7 }, (_, n) => newCommand(`other/${n}`))
  const alone = newCommand('busy/1', { orderKey: 'busy', oneInFlight: true, awaits: 'effect' })
  await commands.accept([...many, alone, newCommand('busy/2', { orderKey: 'busy' }), ...others], null)
  await commands.move([transition(alone.id, ['pending'], 'publishing')])
  await commands.move([transition(alone.id, ['publishing'], 'published')])
  const { items, reads } = await ofAllKeys(queue)
  const expected = ['many/0', 'many/1', ...others.map(({ topic }) => topic)]
  assert.deepEqual((await topicsOf(url, items)).toSorted(), expected.toSorted())
  assert.equal(reads, 4, 'nine keys, three in a read, and one read more to see the end')

  const [{ key }] = items.filter(({ id }) => id === many[0]!.id) as [WaitingCommand]
  assert.equal((await ofAllKeys(queue, { except: [key] })).items.length, 7)
  const [busy] = (await queue.oldest(0, 1_000)).filter(({ keyAwaits }) => keyAwaits)
  assert.deepEqual(await topicsOf(url, [busy!]), ['busy/2'])
})

test('a key may be longer than an index takes', async () => {
  const { store } = await openTestStore()
  const long = Array.from({ length: 60_000 }, () => Math.random().toString(36)[2]).join('')
  await store.commands.accept([newCommand('t', { orderKey: long }), newCommand(long.slice(0, 60_000))], null)
  assert.equal((await store.commandQueue.oldest(0, 10)).length, 2)
})

test('a transition is made only of the attempt that it is about, and only under the lease of who leads', async () => {
  const first = await openTestStore({ session: 'lease' })
  const { store, lease } = first
  const command = newCommand('t')
  await store.commands.accept([command], null)
  const move = (from: 'pending' | 'publishing', to: 'pending' | 'publishing', ofAttempt: number | null) =>
    store.commands.move([
      transition(command.id, [from], to, { event: to === 'pending' ? 'lose' : 'publish', ofAttempt })
    ])
  await move('pending', 'publishing', null)
  await move('publishing', 'pending', 1)
  await move('pending', 'publishing', null)
  assert.equal((await move('publishing', 'pending', 1)).size, 0, 'it is published a second time by now')
  assert.equal((await move('publishing', 'pending', 2)).size, 1)

  const publish = [transition(command.id, ['pending'], 'publishing')]
  await openTestStore({ session: 'lease', url: first.url })
  await assert.rejects(store.commands.move(publish, lease), /taken over/)
  assert.deepEqual(await store.commandQueue.publishing(10), [])
})
