import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import pg from 'pg'
import type { Migration } from '../../src/store/migrations.ts'
import { migrate, readMigrations } from '../../src/store/migrations.ts'
import { MigrationError } from '../../src/store/schema-needs.ts'
import { createDatabase, query } from '../support/database.ts'
import { openSchemaEngine } from '../support/schema-engine.ts'

const directory = new URL('../../prisma/migrations', import.meta.url).pathname
const schema = await readFile(new URL('../../prisma/schema.prisma', import.meta.url), 'utf8')

async function migrated(url: string, migrations: Migration[]): Promise<string[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await migrate(client, migrations)
  } finally {
    await client.end()
  }
}

test('schema.prisma and the migrated database agree', async () => {
  const url = await createDatabase()
  await migrated(url, await readMigrations(directory))
  const engine = await openSchemaEngine(url, schema)
  const { exitCode, script } = await engine.diff()
  await engine.close()
  assert.equal(exitCode, 0, `The migrations lack:\n${script}`)
})

test('the comparison sees a column that only one of them has', async () => {
  const url = await createDatabase()
  await migrated(url, await readMigrations(directory))
  await query(url, 'alter table commands add column surprise text')
  const engine = await openSchemaEngine(url, schema)
  const { exitCode, script } = await engine.diff()
  await engine.close()
  assert.equal(exitCode, 2)
  assert.match(script, /surprise/)
})

test('what we applied, prisma migrate deploy has nothing to add to; and the other way round', async () => {
  const migrations = await readMigrations(directory)
  const ours = await createDatabase()
  assert.deepEqual(
    await migrated(ours, migrations),
    migrations.map((migration) => migration.name)
  )
  const engine = await openSchemaEngine(ours, schema)
  assert.deepEqual(await engine.deploy(migrations), [])
  await engine.close()

  const theirs = await createDatabase()
  const other = await openSchemaEngine(theirs, schema)
  assert.equal((await other.deploy(migrations)).length, migrations.length)
  await other.close()
  assert.deepEqual(await migrated(theirs, migrations), [])
})

test('two instances that start at once apply each migration once', async () => {
  const url = await createDatabase()
  const migrations = await readMigrations(directory)
  const applied = await Promise.all([1, 2, 3].map(() => migrated(url, migrations)))
  assert.equal(applied.flat().length, migrations.length)
})

test('an edited migration and one that did not finish stop the start with what to do', async () => {
  const url = await createDatabase()
  const migrations = await readMigrations(directory)
  await migrated(url, migrations)
  const edited = migrations.map((migration) => ({ ...migration, checksum: 'x' }))
  await assert.rejects(migrated(url, edited), (error: Error) => {
    assert.ok(error instanceof MigrationError)
    assert.match(error.message, /was edited after it was applied/)
    return true
  })
  await query(url, 'update _prisma_migrations set finished_at = null')
  await assert.rejects(migrated(url, migrations), /began and did not finish/)
})

test('a migration that fails leaves nothing behind', async () => {
  const url = await createDatabase()
  const broken = { name: '1', sql: 'create table half (); select 1/0', checksum: 'x' }
  await assert.rejects(migrated(url, [broken]), /division by zero/)
  const rows = await query(url, `select from pg_class where relname = 'half'`)
  assert.equal(rows.length, 0)
  assert.equal((await query(url, 'select from _prisma_migrations')).length, 0)
})
