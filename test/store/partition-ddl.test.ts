import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { defaultLimits } from '../../src/limits.ts'
import { attachSql, createPartitionDdl } from '../../src/store/partition-ddl.ts'
import { createDatabase, query } from '../support/database.ts'
import { atEnd } from '../support/cleanup.ts'

test('what another instance has made is no error, whichever part of it is met first', async () => {
  const url = await createDatabase()
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  atEnd(() => pool.end())
  const { run } = createPartitionDdl(pool, defaultLimits)
  await query(url, 'create table parent (id int) partition by range (id)')
  const sql = attachSql('part', 'parent', 'from (0) to (1)')
  await run(sql)
  await run(sql)
  // A table comes with a type of its name, which is looked for first where its catalogue is a moment behind
  await run(`create type part as enum ('a')`)
  await assert.rejects(run('create table other (id nonsense)'), { code: '42704' })
})
