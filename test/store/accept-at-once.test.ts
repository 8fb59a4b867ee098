/** Commands that are stored as being published: only by who leads, and only where nothing of their key is before them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import type { CommandTransition } from '../../src/command.ts'
import type { NewCommand } from '../../src/store/commands.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { newCommand, transition } from '../support/new-command.ts'
import { everything, openTestStore } from '../support/store.ts'

const { store, url, lease } = await openTestStore()

const accept = (commands: readonly NewCommand[], atOnce: readonly NewCommand[] = commands, by = lease) =>
  store.commands.accept(commands, null, { atOnce: { lease: by, ids: new Set(atOnce.map(({ id }) => id)) } })
const goes = async (...args: Parameters<typeof accept>): Promise<boolean[]> => {
  const { going } = await accept(...args)
  return args[0].map(({ id }) => going.has(id))
}
const stateOf = async ({ id }: NewCommand): Promise<string> =>
  (await store.commands.byId(everything, id))!.state
const done = ({ id }: NewCommand) => store.commands.move([transition(id, ['publishing'], 'published')])

test('both transitions are facts, all of one append in order, and the row is as if they had been written in turn', async () => {
  const commands = ['one', 'two', 'three'].map((topic) => newCommand(topic, { device: 'd', name: 'n' }))
  const [first, second, third] = commands as [NewCommand, NewCommand, NewCommand]
  const before = await store.journal.head()
  const { seq, going } = await accept(commands, [first, third])
  assert.deepEqual([...going.keys()], [first.id, third.id])
  assert.equal(seq, before.seq + 3)
  assert.equal((await store.journal.head()).seq, before.seq + 5)
  const events = await store.commands.events(commands.map(({ id }) => id))
  const short = (id: string) =>
    events.get(id)!.map((event) => [event.seq - before.seq, event.event, event.from, event.to, event.attempt])
  assert.deepEqual(short(first.id), [
    [1, 'submit', null, 'pending', 0],
    [4, 'publish', 'pending', 'publishing', 1]
  ])
  assert.deepEqual(short(second.id), [[2, 'submit', null, 'pending', 0]])
  assert.deepEqual(short(third.id).at(-1), [5, 'publish', 'pending', 'publishing', 1])

  // The other way to the same
  const slow = newCommand('slow', { device: 'd', name: 'n' })
  await store.commands.accept([slow], null)
  await store.commands.move([transition(slow.id, ['pending'], 'publishing')], lease)
  const own = { id: '', topic: '', createdAt: 0, createdSeq: 0, seq: 0, publishSeq: 0, at: 0 }
  const kept = async ({ id }: NewCommand) => {
    const command = (await store.commands.byId(everything, id))!
    const { seq: last, createdSeq, publishSeq } = command
    return { ...command, ...own, told: [last > createdSeq, publishSeq === last] }
  }
  assert.deepEqual(await kept(third), await kept(slow))
  const words = async (command: NewCommand) =>
    (await store.commands.events([command.id]))
      .get(command.id)!
      .map((event: CommandTransition) => ({ ...event, ...own }))
  assert.deepEqual(await words(third), await words(slow))
  assert.deepEqual(
    await query(url, 'select created_seq = queue_seq as same from commands where id = $1', [third.id]),
    [{ same: true }]
  )
})

test('none goes before one of its key that waits, and others go', async () => {
  const waits = newCommand('a', { orderKey: 'key' })
  await store.commands.accept([waits], null)
  assert.deepEqual(await goes([newCommand('b', { orderKey: 'key' }), newCommand('key'), newCommand('b')]), [
    false,
    false,
    true
  ])
  await store.commands.move([transition(waits.id, ['pending'], 'publishing')])
  assert.deepEqual(await goes([newCommand('b', { orderKey: 'key' })]), [false], 'the second still waits')
})

test('of one request, none goes before one of its key that waits', async () => {
  const [first, second, third, other] = ['r', 'r', 'r', 's'].map((topic) => newCommand(topic))
  assert.deepEqual(await goes([first!, second!, third!, other!], [first!, third!, other!]), [
    true,
    false,
    false,
    true
  ])
})

test('none goes while one that is to be alone is awaited', async () => {
  const alone = newCommand('alone', { oneInFlight: true, awaits: 'effect', timeoutSeconds: 60 })
  await store.commands.accept([alone], null)
  await store.commands.move([transition(alone.id, ['pending'], 'publishing')], lease)
  await done(alone)
  const next = newCommand('alone')
  assert.deepEqual(await goes([next]), [false])
  await store.commands.move([
    transition(alone.id, ['published'], 'succeeded', { event: 'succeed' }),
    transition(next.id, ['pending'], 'cancelled', { event: 'cancel' })
  ])
  assert.deepEqual(await goes([newCommand('alone')]), [true])
})

test('one that is accepted elsewhere while this waits to be written is before it', async () => {
  const other = new pg.Client({ connectionString: url })
  await other.connect()
  await other.query('begin')
  await other.query('update journal_head set at = at')
  const accepting = goes([newCommand('race'), newCommand('no race')])
  await eventually(async () => {
    const waiting = await query(
      url,
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%with guard as%'`
    )
    return waiting.length > 0
  })
  await other.query(`insert into commands (id, created_seq, seq, queue_seq, topic, payload, qos, retain, state, awaits, created_at, principal)
    values (gen_random_uuid(), -1, -1, -1, 'race', '', 1, false, 'pending', 'none', now(), 'another')`)
  await other.query('commit')
  await other.end()
  assert.deepEqual(await accepting, [false, true])
})

test('what is repeated is not published again', async () => {
  const claim = { principal: 'test', key: 'k', bodyHash: Buffer.alloc(32), answer: '{}' }
  const twice = await Promise.all(
    [1, 2].map(() => {
      const command = newCommand('repeated')
      return store.commands.accept([command], claim, { atOnce: { lease, ids: new Set([command.id]) } })
    })
  )
  assert.deepEqual(
    twice.map(({ accepted, going }) => [accepted, going.size]),
    [
      [true, 1],
      [false, 0]
    ]
  )
  assert.equal((await query(url, `select from commands where topic = 'repeated'`)).length, 1)
})

test('where the answer of the database was lost, the rows tell what goes', async () => {
  const commands = [newCommand('lost'), newCommand('lost')]
  const [first] = commands as [NewCommand]
  await accept(commands, [first])
  lease.guard.batch--
  assert.deepEqual(await goes(commands, [first]), [true, false])
  assert.equal((await query(url, `select from commands where topic = 'lost'`)).length, 2)
})

test('who does not lead any more stores them as waiting', async () => {
  const session = await store.sessions.ensure('led by others', null)
  const { epoch } = await store.sessions.present(session)
  const mine = (await store.sessions.take(session, store.instanceId, epoch))!
  await store.sessions.take(session, '00000000-0000-4000-8000-000000000000', mine.epoch)
  const [one, two] = [newCommand('led'), newCommand('led')]
  const all = await Promise.all([
    accept([one], [one], mine),
    store.commands.accept([two], null),
    accept([newCommand('leads')])
  ])
  assert.ok(all.every(({ accepted }) => accepted))
  assert.equal(all[0].going.size, 0)
  assert.deepEqual([await stateOf(one), await stateOf(two)], ['pending', 'pending'])
})
