/** At the start: brings the database to the tables that this version has. */

import type { Logger } from 'pino'
import type { Limits } from '../limits.ts'
import { connectDirectly } from './database.ts'
import { migrate, readMigrations } from './migrations.ts'

export interface MigrationParts {
  directUrl: string
  migrationsDirectory: string
  limits: Limits
  log: Logger
}

/** Returns the names of those that this version has. Throws MigrationError where this version and the database do not go together. */
export async function applyMigrations(parts: MigrationParts): Promise<string[]> {
  const { directUrl, migrationsDirectory, limits, log } = parts
  const migrations = await readMigrations(migrationsDirectory)
  const onWait = (wait: object): void =>
    log.warn(wait, 'A migration waits; instances that run go on meanwhile (docs/upgrading.md)')
  const patient = { ...limits, statementMsMax: limits.migrationWaitMsMax }
  const client = await connectDirectly(directUrl, patient, 'rialto migrate')
  try {
    for (const name of await migrate(client, migrations, { limits, onWait }))
      log.info({ migration: name }, 'Applied a migration')
    return migrations.map(({ name }) => name)
  } finally {
    await client.end()
  }
}
