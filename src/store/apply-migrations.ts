/** At the start: brings the database to the tables that this version has. */

import { connectDirectly } from './database.ts'
import { migrate, readMigrations } from './migrations.ts'
import type { StoreParts } from './store.ts'

export async function applyMigrations({
  directUrl,
  migrationsDirectory,
  limits,
  log
}: StoreParts): Promise<void> {
  const client = await connectDirectly(directUrl, { ...limits, statementMsMax: 3_600_000 })
  try {
    for (const name of await migrate(client, await readMigrations(migrationsDirectory))) {
      log.info({ migration: name }, 'Applied a migration')
    }
  } finally {
    await client.end()
  }
}
