/** Migrations while others use the tables: what waits, for how long, and who is left out. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { defaultLimits } from '../../src/limits.ts'
import { openListener } from '../../src/store/listen.ts'
import type { Migration, MigrationWait } from '../../src/store/migrations.ts'
import { migrate, readMigrations } from '../../src/store/migrations.ts'
import { MigrationError, listenerName } from '../../src/store/schema-needs.ts'
import { atEnd } from '../support/cleanup.ts'
import { createDatabase, query, silent } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { openTestStore } from '../support/store.ts'

const present = await readMigrations(new URL('../../prisma/migrations', import.meta.url).pathname)
const next = (number: number, sql: string): Migration => ({
  name: `2999000000000${number}_next`,
  sql,
  checksum: 'x'
})

async function connect(url: string, name = 'test'): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: name })
  client.on('error', () => {})
  await client.connect()
  atEnd(() => client.end())
  return client
}

async function migratedDatabase(): Promise<string> {
  const url = await createDatabase()
  await migrate(await connect(url), present)
  return url
}

/** Goes on by itself; `waits` grows. */
async function beginMigrating(url: string, migrations: Migration[], limits = {}) {
  const waits: MigrationWait[] = []
  const done = migrate(await connect(url), [...present, ...migrations], {
    limits: { ...defaultLimits, migrationPauseMs: 50, migrationTellMs: 0, ...limits },
    onWait: (wait) => waits.push(wait)
  })
  done.catch(() => {})
  return { waits, done }
}

test('a migration that does not get its lock lets others go on, says who is in the way, and is done after', async () => {
  const url = await migratedDatabase()
  const holder = await connect(url, 'somebody')
  await holder.query('begin; lock table commands in row exclusive mode')
  const { waits, done } = await beginMigrating(url, [
    next(1, 'create table made_first (); alter table commands add column extra text')
  ])
  await eventually(() => waits.length >= 3, { what: 'it tried three times' })
  assert.equal(waits[0]!.migration, '29990000000001_next')
  assert.match(waits[0]!.reason, /lock timeout/)
  assert.equal(waits[0]!.oldest!.application, 'somebody')
  // Who comes behind an attempt goes on, though the lock is not to be had
  await query(url, 'update commands set attempts = attempts')
  assert.equal((await query(url, `select from pg_class where relname = 'made_first'`)).length, 0)
  await holder.query('commit')
  assert.deepEqual(await done, ['29990000000001_next'])
  assert.equal((await query(url, `select from pg_class where relname = 'made_first'`)).length, 1)
})

test('a migration that takes too long itself is undone, and stops the start in the end', async () => {
  const url = await migratedDatabase()
  const long = next(1, 'create table made_first (); do $$ begin perform pg_sleep(60); end $$')
  const { waits, done } = await beginMigrating(url, [long], { migrationMsMax: 200, migrationWaitMsMax: 600 })
  await assert.rejects(done, (error: Error) => {
    assert.ok(error instanceof MigrationError)
    assert.match(error.message, /29990000000001_next cannot be migrated: .*statement timeout/)
    return true
  })
  assert.ok(waits.length > 0)
  assert.equal((await query(url, `select from pg_class where relname = 'made_first'`)).length, 0)
})

test('an instance that has nothing to migrate does not wait for one that migrates', async () => {
  const url = await migratedDatabase()
  await (await connect(url)).query('select pg_advisory_lock(72707369)')
  assert.deepEqual(await migrate(await connect(url), present), [])
})

test('an index is made of a table with partitions, again after an attempt that was cut off, and of those to come', async () => {
  const { url, store, receive } = await openTestStore()
  await receive({ topic: 'a' })
  const index = next(
    1,
    `-- rialto: alone
     create index concurrently if not exists journal_received on journal (received_at, seq) where kind = 1;
     create index concurrently if not exists topics_class on topics (retention_class);`
  )
  // As a crash leaves it: of the parent, without its partitions
  await query(url, 'create index journal_received on only journal (received_at, seq) where kind = 1')
  const { done } = await beginMigrating(url, [index])
  assert.deepEqual(await done, [index.name])
  const invalid = await query(
    url,
    `select indexrelid::regclass from pg_index where not indisvalid and indrelid::regclass::text ~ '^(journal|topics)'`
  )
  assert.deepEqual(invalid, [])
  const without = () =>
    query(
      url,
      `select inhrelid::regclass as partition from pg_partition_tree('journal') t join pg_inherits on inhrelid = t.relid
       where t.isleaf and not exists (select from pg_index x where x.indrelid = t.relid and
         pg_get_indexdef(x.indexrelid) like '%received_at, seq%')`
    )
  assert.deepEqual(await without(), [])
  const count = async () => (await query(url, `select from pg_partition_tree('journal') where isleaf`)).length
  const before = await count()
  await query(url, `update journal_head set seq = seq + ${defaultLimits.partitionRowsMax * 3}`)
  await store.partitions.makeAhead()
  assert.ok((await count()) > before)
  assert.deepEqual(await without(), [])
})

test('what is filled in by pieces is, until nothing is left', async () => {
  const { url, receive } = await openTestStore()
  for (let number = 0; number < 5; number++) await receive({ topic: `t/${number}` })
  await query(url, 'alter table topics add column extra integer')
  const { done } = await beginMigrating(url, [
    next(
      1,
      `-- rialto: repeat
       update topics set extra = 1 where id in (select id from topics where extra is null limit 2)`
    )
  ])
  assert.equal((await done).length, 1)
  assert.deepEqual(await query(url, 'select from topics where extra is null'), [])
})

const added = next(1, 'alter table commands add column extra text')
const takenAway = next(
  2,
  `alter table commands drop column reason; insert into schema_needs values ('${added.name}', '9.0.0')`
)

test('what takes away waits for instances that would miss it; then they do not start any more, and say what to do', async () => {
  const url = await migratedDatabase()
  const old = await connect(url, listenerName(present.at(-1)!.name))
  const { waits, done } = await beginMigrating(url, [added, takenAway])
  await eventually(() => waits.length >= 2, { what: 'it waits' })
  assert.equal(waits.at(-1)!.migration, takenAway.name)
  assert.match(waits.at(-1)!.reason, /1 running instance/)
  // One that has the migration that is needed is not waited for
  await connect(url, listenerName(added.name))
  await query(url, 'select reason from commands')
  await old.end()
  assert.equal((await done).length, 2)
  await assert.rejects(migrate(await connect(url), present), (error: Error) => {
    assert.ok(error instanceof MigrationError)
    assert.match(error.message, /Rialto 9\.0\.0 or newer/)
    return true
  })
  assert.deepEqual(await migrate(await connect(url), [...present, added]), [])
})

test('a version that was not left out goes on with a newer database, and tells its schema', async () => {
  const url = await migratedDatabase()
  await (
    await beginMigrating(url, [added])
  ).done
  const { store } = await openTestStore({ url })
  assert.equal(store.schema.known, present.at(-1)!.name)
  assert.equal(await store.schema.newest(), added.name)
})

test('an instance that is left out after its first look finds it out once it is seen by others', async () => {
  const url = await migratedDatabase()
  await query(url, `insert into schema_needs values ('${added.name}', '9.0.0')`)
  const migrations = present.map(({ name }) => name)
  const opening = openListener({ url, migrations, limits: defaultLimits, log: silent, onHead: () => {} })
  await assert.rejects(opening, /Rialto 9\.0\.0 or newer/)
  const isSeen = async () => {
    const rows = await query(
      url,
      `select from pg_stat_activity where application_name like 'rialto listen%' and datname = current_database()`
    )
    return rows.length > 0
  }
  await eventually(async () => !(await isSeen()), { what: 'its connection ends' })
})
