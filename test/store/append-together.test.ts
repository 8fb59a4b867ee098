/** What waits at the same time is stored in one transaction: all of it or nothing, and none harms another. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { FencedError } from '../../src/store/append.ts'
import { createDatabase, query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { newCommand, transition } from '../support/new-command.ts'
import { startPostgresProxy } from '../support/postgres-proxy.ts'
import type { Verdict } from '../support/proxy.ts'
import type { TestStore } from '../support/store.ts'
import { everything, openTestStore } from '../support/store.ts'

/** Transactions that facts were written by, in the order of the facts. */
const transactions = async (url: string, behind: number): Promise<string[]> =>
  (
    await query<{ xmin: string }>(url, 'select xmin::text from journal where seq > $1 order by seq', [behind])
  ).map(({ xmin }) => xmin)

/** Everything that `work` pushes waits, behind an append that is at work. */
async function whileBusy<T>(
  { url, receive }: TestStore,
  work: () => Promise<T>,
  begin: () => Promise<unknown> = () => receive({ topic: 'busy' })
): Promise<T> {
  const other = new pg.Client({ connectionString: url })
  await other.connect()
  await other.query('begin')
  await other.query('update journal_head set at = at')
  const busy = begin()
  await eventually(async () => {
    const waiting = await query(
      url,
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    )
    return waiting.length > 0
  })
  const working = work()
  working.catch(() => {})
  await other.query('commit')
  await other.end()
  await busy
  return working
}

test('a batch of messages and what waits of commands are one transaction; the next batch is another', async () => {
  const on = await openTestStore()
  const { store, lease, receive, url } = on
  const moved = newCommand('moved')
  await store.commands.accept([moved], null)
  const { seq } = await store.journal.head()
  const [accepted, went, first, second] = await whileBusy(on, () =>
    Promise.all([
      store.commands.accept([newCommand('new')], null),
      store.commands.move([transition(moved.id, ['pending'], 'publishing')], lease),
      receive({ topic: 'a' }, { topic: 'b' }),
      receive({ topic: 'c' })
    ])
  )
  assert.ok(accepted.accepted && went.has(moved.id) && first !== null && second !== null)
  const [busy, ...rest] = await transactions(url, seq)
  assert.equal(rest.length, 5)
  assert.equal(new Set(rest.slice(0, 4)).size, 1, 'the batch and the commands')
  assert.equal(new Set([busy, rest[0], rest[4]]).size, 3, 'batches of messages are apart')
})

test('there is a bound to how many', async () => {
  const on = await openTestStore({ limits: { appendsTogetherMax: 3 } })
  const { store, url } = on
  const { seq } = await store.journal.head()
  const commands = Array.from({ length: 5 }, () => newCommand('t'))
  await store.commands.accept(commands, null)
  await whileBusy(on, () =>
    Promise.all(commands.map(({ id }) => store.commands.move([transition(id, ['pending'], 'publishing')])))
  )
  const [, ...moves] = await transactions(url, seq + 5)
  assert.equal(moves.length, 5)
  assert.equal(new Set(moves).size, 2)
})

test('one that cannot be stored harms no other, and each keeps its place', async () => {
  const on = await openTestStore()
  const { store, receive } = on
  const commands = ['1', '2', '3'].map((topic) => newCommand(topic))
  await store.commands.accept(commands, null)
  const move = (index: number, reason: string | null = null) =>
    store.commands.move([transition(commands[index]!.id, ['pending'], 'publishing', { reason })])
  const all = await whileBusy(on, () =>
    Promise.allSettled([move(0), receive({ topic: 'm' }), move(1, 'a NUL \0 cannot be stored'), move(2)])
  )
  assert.deepEqual(
    all.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled']
  )
  const states = await Promise.all(
    commands.map(async ({ id }) => (await store.commands.byId(everything, id))!)
  )
  assert.deepEqual(
    states.map(({ state }) => state),
    ['publishing', 'pending', 'publishing']
  )
  assert.ok(states[0]!.seq < states[2]!.seq)
  assert.ok((await store.states.byName(everything, 'm')) !== null)
})

test('where another instance leads by now, nothing is stored under the lease, and all else is', async () => {
  const on = await openTestStore()
  const { store, lease, receive, url } = on
  const commands = [newCommand('1'), newCommand('2')]
  await store.commands.accept(commands, null)
  await query(url, 'update sessions set epoch = epoch + 1')
  const all = await whileBusy(
    on,
    () =>
      Promise.allSettled([
        store.commands.move([transition(commands[0]!.id, ['pending'], 'publishing')]),
        receive({ topic: 'fenced' }),
        store.commands.move([transition(commands[1]!.id, ['pending'], 'publishing')], lease),
        store.note('projection', {})
      ]),
    () => store.commands.accept([newCommand('busy')], null)
  )
  const told = all.map((one) => (one.status === 'fulfilled' ? 'stored' : (one.reason as Error)))
  for (const refused of [told[1], told[2]]) assert.equal((refused as Error).constructor, FencedError)
  assert.deepEqual([told[0], told[3]], ['stored', 'stored'])
  assert.equal(await store.states.byName(everything, 'fenced'), null)
  assert.equal((await store.commands.byId(everything, commands[1]!.id))!.state, 'pending')
})

for (const [what, cutAt] of [
  ['before its COMMIT', 'commit'],
  ['behind its COMMIT, before the answer', 'answer']
] as const) {
  test(`a transaction whose connection ends ${what} is stored once, and everybody is told`, async () => {
    const url = await createDatabase()
    const postgres = await startPostgresProxy(url)
    const on = { ...(await openTestStore({ url: postgres.url })), url }
    const { store, lease, receive } = on
    const moved = newCommand('moved')
    await store.commands.accept([moved], null)
    const { seq } = await store.journal.head()
    let cuts = 0
    let committing = false
    postgres.rule = ({ direction, type, bytes, link }) => {
      const cut = (): Verdict => {
        cuts++
        link.cut()
        return 'drop'
      }
      if (direction === 'toServer' && type === 'Q') {
        committing = bytes.toString('latin1').includes('commit')
        if (committing && cutAt === 'commit' && cuts === 0) return cut()
      }
      if (direction === 'toService' && type === 'Z' && committing && cutAt === 'answer' && cuts === 0)
        return cut()
      return 'pass'
    }
    const [accepted, went] = await whileBusy(on, () =>
      Promise.all([
        store.commands.accept([newCommand('new')], null),
        store.commands.move([transition(moved.id, ['pending'], 'publishing')], lease),
        receive({ topic: 'a' }, { topic: 'b' })
      ])
    )
    assert.equal(cuts, 1)
    assert.ok(accepted.accepted && accepted.seq > seq && went.has(moved.id))
    assert.equal((await store.journal.head()).seq, seq + 5, 'the one that was busy, and four facts')
    // And the numbers of both guards go on
    assert.ok(await receive({ topic: 'next' }))
    assert.ok((await store.commands.accept([newCommand('next')], null)).accepted)
  })
}
