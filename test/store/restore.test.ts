/** A database that was restored: another journal under the same numbers. Copies of real databases stand for backups. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import pg from 'pg'
import type { Problem } from '../../src/errors.ts'
import type { GapDetail } from '../../src/model.ts'
import { commandStates } from '../../src/command.ts'
import { FencedError } from '../../src/store/append.ts'
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { atEnd } from '../support/cleanup.ts'
import { query, silent } from '../support/database.ts'
import { newCommand, transition } from '../support/new-command.ts'
import type { TestStore } from '../support/store.ts'
import { everything, openTestStore } from '../support/store.ts'

const nameOf = (url: string): string => new URL(url).pathname.slice(1)
const another = (url: string, name: string): string =>
  Object.assign(new URL(url), { pathname: `/${name}` }).href

/** A copy of the database as it is now; nobody may be connected. */
async function backUp(url: string): Promise<string> {
  const name = `${nameOf(url)}_backup_${randomUUID().slice(0, 8)}`
  await query(another(url, 'postgres'), `create database ${name} template ${nameOf(url)}`)
  return name
}

/** Puts a backup in the place of the database. */
async function restore(url: string, backup: string): Promise<void> {
  await query(another(url, 'postgres'), `drop database ${nameOf(url)} with (force)`)
  await query(another(url, 'postgres'), `create database ${nameOf(url)} template ${backup}`)
}

const codeOf = (run: () => unknown): string => {
  try {
    run()
    return 'none'
  } catch (error) {
    return (error as Problem).code
  }
}

const journalsOf = (url: string) =>
  query<{ id: string; began_seq: string }>(url, 'select id, began_seq from journals order by number')

const session = 'restored'
const open = (url?: string): Promise<TestStore> =>
  openTestStore({ session, ...(url !== undefined && { url }) })

/** A cursor's problem, against the journal as it is now. */
async function answerTo({ store }: TestStore, cursor: string): Promise<string> {
  const head = await store.journal.head()
  return codeOf(() => store.cursors.decode(cursor, head))
}

const receiveMany = async ({ receive }: TestStore, topic: string, count: number): Promise<void> => {
  await receive(...Array.from({ length: count }, () => ({ topic })))
}

test('restored, restored again, and from a backup of the restored: each cursor is good as far as its facts are there', async () => {
  const first = await open()
  const { url } = first
  await receiveMany(first, 'a', 10)
  await first.store.close()
  const backup1 = await backUp(url)

  const lost = await open(url)
  await receiveMany(lost, 'lost', 10)
  const [shared, gone] = [lost.store.cursors.encode(10), lost.store.cursors.encode(11)]
  assert.deepEqual([await answerTo(lost, shared), await answerTo(lost, gone)], ['none', 'none'])
  await lost.store.close()

  await restore(url, backup1)
  const second = await open(url)
  assert.equal((await second.store.journal.head()).seq, 11, 'ten facts, and the gap')
  assert.deepEqual([await answerTo(second, shared), await answerTo(second, gone)], ['none', 'cursor_ahead'])
  await receiveMany(second, 'b', 30)
  assert.equal(await answerTo(second, gone), 'cursor_ahead', 'also when there is another fact of this number')
  const ofSecond = { early: second.store.cursors.encode(20), late: second.store.cursors.encode(40) }
  await second.store.close()
  assert.equal((await journalsOf(url)).length, 2)

  // Back to the first backup: that there was a second journal is not known any more
  const backup2 = await backUp(url)
  await restore(url, backup1)
  const third = await open(url)
  await receiveMany(third, 'c', 50)
  assert.deepEqual(
    [
      await answerTo(third, shared),
      await answerTo(third, gone),
      await answerTo(third, ofSecond.early),
      await answerTo(third, third.store.cursors.encode(41))
    ],
    ['none', 'cursor_ahead', 'cursor_ahead', 'none']
  )
  const ofThird = third.store.cursors.encode(15)
  await third.store.close()

  // And the backup of the second: a chain of three journals
  await restore(url, backup2)
  const fourth = await open(url)
  await receiveMany(fourth, 'd', 50)
  assert.deepEqual(
    (await journalsOf(url)).map((row) => row.began_seq),
    ['0', '10', '41']
  )
  assert.deepEqual(
    [
      await answerTo(fourth, shared),
      await answerTo(fourth, gone),
      await answerTo(fourth, ofSecond.early),
      await answerTo(fourth, ofSecond.late),
      await answerTo(fourth, ofThird)
    ],
    ['none', 'cursor_ahead', 'none', 'none', 'cursor_ahead']
  )
})

test('a start that finds the same database changes nothing', async () => {
  const first = await open()
  await receiveMany(first, 'a', 3)
  const before = [await journalsOf(first.url), await first.store.journal.head()]
  await first.store.close()
  for (let start = 0; start < 3; start++) {
    const again = await open(first.url)
    assert.deepEqual([await journalsOf(first.url), await again.store.journal.head()], before)
    await again.store.close()
  }
})

for (const sessions of [1, 0]) {
  test(`three instances that start at once begin one journal, and tell one gap of each session (${sessions})`, async () => {
    const first = await open()
    await receiveMany(first, 'a', 3)
    await first.store.close()
    if (sessions === 0) await query(first.url, 'delete from sessions')
    await restore(first.url, await backUp(first.url))
    const opened = await Promise.all([1, 2, 3].map(() => openTestStore({ url: first.url })))
    assert.equal((await journalsOf(first.url)).length, 2)
    assert.equal((await opened[0]!.store.journal.head()).seq, 3 + sessions)
    assert.equal(new Set(opened.map(({ store }) => store.cursors.encode(4))).size, 1)
  })
}

test('what the session remembered is forgotten, who received before is fenced, and a gap tells the interval', async () => {
  const first = await open()
  const { store, lease, url } = first
  const hash = Buffer.alloc(16, 1)
  await store.append(
    {
      facts: [],
      states: [],
      packets: { added: [{ packetId: 7, hash }], released: [] },
      retainedKnown: true
    },
    lease
  )
  await first.receive({ topic: 'a', packetId: 8 })
  const before = await store.journal.head()
  await store.close()
  const backup = await backUp(url)
  await restore(url, backup)

  const after = await open(url)
  assert.equal(after.lease.generation, lease.generation + 1)
  assert.equal(after.lease.epoch, lease.epoch + 2, 'one for the restore, one for the lease taken after it')
  assert.deepEqual(await query(url, 'select packet_id from inbound_packets'), [])
  assert.deepEqual(await after.store.sessions.lastReceived(after.lease, 100), [])
  const ask = {
    filters: [],
    kinds: ['gap'] as const,
    after: null,
    until: 100,
    limit: 10,
    order: 'asc' as const
  }
  const { items } = await after.store.journal.page(everything, ask)
  const detail = items[0]!.detail as GapDetail
  assert.deepEqual(
    [items.length, detail.cause, detail.session, detail.from, detail.messages],
    [1, 'restored', session, before.at, null]
  )
  assert.ok(detail.to >= before.at && detail.to <= Date.now() + 1_000)
  await assert.rejects(
    after.store.append(
      { facts: [], states: [], packets: { added: [], released: [] }, retainedKnown: true },
      lease
    ),
    FencedError
  )
})

test('commands that were open in the backup are not published again: they end as unknown, and a fact says so', async () => {
  const first = await open()
  const { store, url } = first
  const [waiting, handed, done] = [newCommand('waiting'), newCommand('handed'), newCommand('done')]
  await store.commands.accept([waiting, handed, done], null)
  const move = (id: string, to: (typeof commandStates)[number]) =>
    store.commands.move([transition(id, commandStates, to)])
  await move(handed.id, 'publishing')
  await move(done.id, 'published')
  await store.close()
  await restore(url, await backUp(url))

  const { store: after } = await open(url)
  assert.deepEqual(await after.commandQueue.oldest(0, 10), [])
  assert.deepEqual(await after.commandQueue.publishing(10), [])
  const states = await Promise.all(
    [waiting, handed, done].map(async ({ id }) => (await after.commands.byId(everything, id))!)
  )
  assert.deepEqual(
    states.map(({ state, finishedAt }) => [state, finishedAt !== null]),
    [
      ['unknown', true],
      ['unknown', true],
      ['published', true]
    ]
  )
  const events = await after.commands.events([waiting.id, handed.id, done.id])
  assert.deepEqual(
    [...events.values()].map((list) => list.map(({ from, to }) => [from, to]).at(-1)),
    [
      ['pending', 'unknown'],
      ['publishing', 'unknown'],
      ['pending', 'published']
    ]
  )
  assert.equal(events.get(handed.id)!.at(-1)!.seq, states[1]!.seq)
  assert.equal(events.get(handed.id)!.at(-1)!.attempt, 1)
  assert.equal((await after.journal.head()).seq, Math.max(...states.map(({ seq }) => seq)))
})

test('a restore that nothing shows is told by one statement', async () => {
  const first = await open()
  await receiveMany(first, 'a', 3)
  const cursor = first.store.cursors.encode(4)
  await first.store.close()
  await query(first.url, `update journals set marker = 'restored'`)
  const after = await open(first.url)
  await receiveMany(after, 'b', 3)
  assert.equal(await answerTo(after, cursor), 'cursor_ahead')
  assert.equal((await journalsOf(first.url)).length, 2)
})

test('an ordinary user may read the marker; where a part is forbidden the rest of it still counts', async () => {
  const first = await open()
  const { url } = first
  await receiveMany(first, 'a', 3)
  await first.store.close()
  const user = `u_${randomUUID().slice(0, 8)}`
  await query(url, `create role ${user} login password 'x'`)
  await query(url, giveAway(user))
  const asUser = Object.assign(new URL(url), { username: user, password: 'x' }).href
  const client = new pg.Client({ connectionString: asUser })
  await client.connect()
  const { rows } = await client.query<{ superuser: string }>(
    `select current_setting('is_superuser') as superuser`
  )
  assert.equal(rows[0]!.superuser, 'off')
  await client.end()
  const plain = await open(asUser)
  assert.equal((await journalsOf(url)).length, 1, 'the same marker as the superuser reads')
  await plain.store.close()

  const markers = async () =>
    (await query<{ marker: string }>(url, 'select marker from journals order by number')).map(
      ({ marker }) => marker
    )
  const known = await markers()
  assert.match(known[0]!, /^system \d+, database \d+, table \d+, timeline 0{7}1, files \d+\/\d+$/)
  await query(url, 'revoke execute on function pg_control_system() from public')
  const degraded = await open(asUser)
  await degraded.store.close()
  assert.deepEqual(await markers(), known, 'what cannot be read now is neither a restore nor forgotten')
  await restore(url, await backUp(url))
  await (await open(asUser)).store.close()
  const [, after] = await markers()
  assert.match(after!, /^system \?, database \d+, table \d+, timeline 0{7}1, files \?$/)
  await query(url, 'grant execute on function pg_control_system() to public')
  await (await open(asUser)).store.close()
  const learned = await markers()
  assert.equal(learned.length, 2)
  assert.equal(learned[1], after!.replace('system ?', /system \d+/.exec(known[0]!)![0]))
})

test('the directory of the embedded Postgres, copied and put back, is known without a word', async () => {
  const home = await mkdtemp(join(tmpdir(), 'rialto-restored-'))
  const [dataDir, backup] = [join(home, '.rialto'), join(home, 'backup')]
  atEnd(() => rm(home, { recursive: true, force: true }))
  const copy = (from: string, to: string) => promisify(execFile)('cp', ['-a', from, to])
  const live = async <T>(work: (opened: TestStore) => Promise<T>): Promise<T> => {
    const server = await startEmbeddedPostgres({ dataDir, log: silent })
    try {
      const opened = await open(server.url)
      const result = await work(opened)
      await opened.store.close()
      return result
    } finally {
      await server.stop()
    }
  }
  await live((opened) => receiveMany(opened, 'a', 3))
  await copy(dataDir, backup)
  const late = await live(async (opened) => {
    await receiveMany(opened, 'lost', 3)
    const cursor = opened.store.cursors.encode(6)
    assert.equal(await answerTo(opened, cursor), 'none', 'a start like any other')
    return cursor
  })
  await rm(dataDir, { recursive: true })
  await copy(backup, dataDir)
  await live(async (opened) => {
    await receiveMany(opened, 'b', 9)
    assert.equal(await answerTo(opened, late), 'cursor_ahead')
    assert.equal(await answerTo(opened, opened.store.cursors.encode(6)), 'none')
  })
})

const giveAway = (user: string): string => `
  do $$ declare one record; begin
    grant all on schema public to ${user};
    for one in select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') loop
      execute format('alter table %I owner to ${user}', one.relname);
    end loop;
  end $$`
