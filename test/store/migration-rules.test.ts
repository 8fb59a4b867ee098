import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readMigrationText, splitStatements } from '../../src/store/migration-text.ts'
import { lastWithoutRules, readMigrations } from '../../src/store/migrations.ts'
import { migrationFaults } from '../support/migration-rules.ts'

test('every migration may be applied while the version before runs', async () => {
  const migrations = await readMigrations(new URL('../../prisma/migrations', import.meta.url).pathname)
  const bound = migrations.filter(({ name }) => name > lastWithoutRules)
  assert.ok(bound.length > 0 && bound.length < migrations.length)
  assert.deepEqual(
    bound.flatMap(({ name, sql }) => migrationFaults(sql).map((fault) => `${name}: ${fault}`)),
    []
  )
})

const harmless = {
  'a table, its indexes and its rows': `create table a (id int primary key, b text not null);
    create index a_b on a (b); alter table a add constraint a_c check (id > 0); insert into a select 1, 'x' from commands`,
  'columns that nobody has to fill': `alter table commands add column a text, add column b numeric(10, 2) default 1.5 not null,
    add column c text default 'x, (y' not null, add column d integer[], add column e timestamptz(3)`,
  'a check that lets more through': 'alter table commands drop constraint commands_state_check',
  'an index': '-- rialto: alone\ncreate index concurrently if not exists j on journal (at)',
  'a constraint that is looked at': '-- rialto: alone\nalter table commands validate constraint c',
  'rows, by pieces':
    '-- rialto: repeat\nupdate topics set a = 1 where id in (select id from topics where a is null limit 1000)',
  'a column that is not used any more': `insert into schema_needs values ('1_a', '0.2.0'); alter table commands drop column a`
}

for (const [what, sql] of Object.entries(harmless))
  test(`harmless: ${what}`, () => assert.deepEqual(migrationFaults(sql), []))

const refused: Array<[string, RegExp]> = [
  ['create index j on journal (at)', /use concurrently/],
  ['create index concurrently if not exists j on journal (at)', /not known to be harmless/],
  ['-- rialto: alone\ncreate index concurrently j on journal (at)', /not known to be harmless/],
  ['-- rialto: alone\ncreate unique index concurrently if not exists j on commands (at)', /version later/],
  ['alter table journal add column a timestamptz default clock_timestamp()', /rewritten/],
  ['alter table journal add column a uuid default gen_random_uuid() not null', /rewritten/],
  ['alter table journal add column a text not null', /have no value/],
  ['alter table journal add column a int generated always as identity', /not known|rewritten/],
  ['alter table journal add column a int generated always as (seq + 1) stored', /not known|rewritten/],
  ['alter table journal add column a bigserial', /not known|rewritten/],
  ['alter table journal add column a int primary key', /not known|rewritten/],
  ['alter table journal add column a int references topics (id)', /not known|rewritten/],
  ['alter table journal alter column seq type numeric', /not known/],
  ['alter table journal alter column payload set not null', /not known/],
  ['alter table commands add constraint c check (attempts > 0)', /not valid/],
  ['alter table commands add constraint c unique (topic)', /not valid/],
  ['alter table commands add constraint c check (attempts > 0) not valid', /version later/],
  ['alter table commands add column a text, drop column topic', /version later/],
  ['alter table commands rename column topic to name', /version later/],
  ['drop table commands', /version later/],
  [
    'create or replace function command_may_go(key text) returns boolean language sql as $$ select true $$',
    /version later/
  ],
  ['update commands set attempts = 0', /not known/],
  ['delete from commands', /not known/],
  ['-- rialto: repeat\nupdate commands set attempts = 0', /not known/],
  ['insert into topics select * from topics', /repeat/],
  ['lock table commands', /not known/],
  ['vacuum full commands', /not known/],
  ['do $$ begin end $$', /not known/]
]

for (const [sql, said] of refused)
  test(`refused: ${sql}`, () => assert.match(migrationFaults(sql).join(), said))

test('statements end where Postgres ends them', () => {
  const sql = `-- a; b
    select ';', "a;b" /* ; */ from t; create function f() as $x$ begin; 'x' end; $x$;; select 'it''s; so' -- end;
    ; select 1 - 2`
  assert.deepEqual(
    splitStatements(sql).map((one) => one.replaceAll(/\s+/g, ' ')),
    [
      `select ';', "a;b" from t`,
      `create function f() as $x$ begin; 'x' end; $x$`,
      `select 'it''s; so'`,
      'select 1 - 2'
    ]
  )
})

test('a manner that is not known is an error', () => {
  assert.equal(readMigrationText('-- about\n-- rialto: alone\nselect 1').manner, 'alone')
  assert.throws(() => readMigrationText('-- rialto: concurrently\nselect 1'), /say alone or repeat/)
})
