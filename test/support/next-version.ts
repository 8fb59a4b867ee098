/** The version after this one, as far as the database goes: what is built, with migrations that alter the busiest tables as real ones do. */

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { patchedBuild } from './patched-build.ts'

export const nextVersion = '99.0.0'

/** By name. */
export const nextMigrations: Record<string, string> = {
  '29990101000000_next_columns': `
    alter table journal add column next_note text;
    alter table commands add column next_kind text default 'plain' not null, add column next_number bigint;
    alter table topic_state add column next_note text;
    create table next_things (id bigint primary key, name text not null);
    create index next_things_name on next_things (name);`,
  '29990101000001_next_indexes': `-- rialto: alone
    create index concurrently if not exists journal_next on journal (received_at, seq) where kind = 1;
    create index concurrently if not exists commands_next on commands (next_number);
    create index concurrently if not exists topic_state_next on topic_state (received_at);`,
  '29990101000002_next_filled': `-- rialto: repeat
    update commands set next_number = created_seq where id in (
      select id from commands where next_number is null and finished_at is not null limit 20)`
}

/** Returns the path of its main.js. */
export async function buildNextVersion(): Promise<string> {
  const entry = await patchedBuild([])
  const root = dirname(dirname(entry))
  for (const [name, sql] of Object.entries(nextMigrations)) {
    await mkdir(join(root, 'prisma/migrations', name))
    await writeFile(join(root, 'prisma/migrations', name, 'migration.sql'), sql)
  }
  const manifest = join(root, 'package.json')
  const text = await readFile(manifest, 'utf8')
  await writeFile(manifest, text.replace(/"version": ".*"/, `"version": "${nextVersion}"`))
  return entry
}
