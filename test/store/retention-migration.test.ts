import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { migrate, readMigrations } from '../../src/store/migrations.ts'
import { createDatabase, query } from '../support/database.ts'
import { openTestStore } from '../support/store.ts'

const directory = new URL('../../prisma/migrations', import.meta.url).pathname

/** As a service of before left it: two projections, of which one has two partitions, and a journal that retention has begun to drop. */
const left = `
  create table journal_class_1_000000000000010 partition of journal_class_1 for values from (10) to (20);
  create table journal_class_1_000000000000020 partition of journal_class_1 for values from (20) to (30);
  create table journal_class_0_000000000000000 partition of journal_class_0 for values from (0) to (200);
  insert into topics (name, name_hash) values ('a', sha256('a'));
  insert into topic_state (topic_id) values (1);
  insert into journal (seq, at, topic_id, received_at, retention_class, kind, qos, retain, dup, payload)
    select seq, now(), 1, now(), 1, 1, 0, false, false, '1' from generate_series(10, 22) as seq;
  update journal_head set seq = 22, at = now(), horizon = 9;
  insert into projections (state, mapping_hash, mapping_text, done_seq, target_seq) values
    ('current', 'h', 'm', 22, 0), ('building', 'h', 'm', 12, 22);
  insert into devices (projection_id, name, name_hash, seq, topic_id, first_seen_at, last_seen_at)
    values (1, 'd', sha256('d'), 22, 1, now(), now());
  insert into metrics (device_id, name, name_hash, seq, topic_id, type) values (1, 'm', sha256('m'), 22, 1, 1);
  create table datapoints_1 partition of datapoints for values in (1) partition by range (seq);
  create table datapoints_1_000000000000000 partition of datapoints_1 for values from (0) to (20);
  create table datapoints_1_000000000000020 partition of datapoints_1 for values from (20) to (30);
  create table datapoints_2 partition of datapoints for values in (2) partition by range (seq);
  create table datapoints_2_000000000000000 partition of datapoints_2 for values from (0) to (20);
  insert into datapoints (seq, metric_id, topic_id, observed_at, received_at, number, n, projection_id, type, role, clock)
    select seq, 1, 1, now(), now(), seq, 0, 1, 1, 0, 1 from generate_series(10, 22) as seq
    union all select seq, 1, 1, now(), now(), seq, 0, 2, 1, 0, 1 from generate_series(10, 12) as seq;`

const files = (url: string) =>
  query<{ relname: string; relfilenode: number }>(
    url,
    `select relname, relfilenode from pg_class where relname ~ '^datapoints_.*_0' and relkind = 'r' order by relname`
  )

test('datapoints of before become those of the default class, where they are, and go on', async () => {
  const url = await createDatabase()
  const migrations = await readMigrations(directory)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await migrate(
    client,
    migrations.filter(({ name }) => name < '20261130000006')
  )
  await client.query(left)
  const before = await files(url)
  assert.equal(before.length, 3)
  await migrate(client, migrations)
  assert.deepEqual(await files(url), before)

  const { rows } = await client.query<{ place: string; count: string }>(
    'select tableoid::regclass::text as place, count(*) from datapoints where retention_class = 1 group by 1 order by 1'
  )
  assert.deepEqual(
    rows.map(({ place, count }) => [place, Number(count)]),
    [
      ['datapoints_1_000000000000000', 10],
      ['datapoints_1_000000000000020', 3],
      ['datapoints_2_000000000000000', 3]
    ]
  )
  // Seqs are found by the key
  await client.query('set enable_seqscan = off')
  const { rows: plan } = await client.query<{ 'QUERY PLAN': string }>(
    'explain select * from datapoints where projection_id = 1 and seq = any (array[11, 21])'
  )
  const lines = plan.map((line) => line['QUERY PLAN']).join('\n')
  assert.match(lines, /Index Cond: .*seq = ANY/)
  await client.end()

  const { store, receive } = await openTestStore({ url, limits: { partitionRowsMax: 10 } })
  const [classes] = [await store.retention.classes()]
  assert.deepEqual(
    classes.map(({ name, horizon, topics }) => [name, horizon, topics]),
    [
      ['system', 9, 0],
      ['default', 9, 1]
    ]
  )
  await store.retention.setClass('other', { filters: ['b'], keepSeconds: 60, keepBytes: null })
  await receive({ topic: 'a' }, { topic: 'b' })
  await query(url, 'update projections set done_seq = 24, rolled_seq = 24')
  await store.partitions.setDefault({ keepSeconds: null, keepBytes: 1 })
  await store.partitions.dropExpired()
  assert.deepEqual(
    (await files(url)).map(({ relname }) => relname).filter((name) => /^datapoints_\d_0/.test(name)),
    ['datapoints_1_000000000000020']
  )
  assert.equal((await store.journal.head()).horizon, 19)
})
