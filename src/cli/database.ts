/** The database of the service, whether it runs or not. */

import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { startEmbeddedPostgres } from '../embedded/postgres.ts'
import { findEmbeddedPostgres } from '../embedded/running-postgres.ts'
import type { Limits } from '../limits.ts'
import { applyMigrations } from '../store/apply-migrations.ts'
import type { Database } from '../store/database.ts'
import { openDatabase } from '../store/database.ts'

const migrationsDirectory = fileURLToPath(new URL('../../prisma/migrations', import.meta.url))

/** Migrated, as the service would. Of a directory that no service uses, the embedded server is started for a while. */
export async function withDatabase<T>(
  parts: { config: Config; limits: Limits; log: Logger },
  work: (database: Database) => Promise<T>
): Promise<T> {
  const { config, limits, log } = parts
  let url = config.databaseUrl ?? (await findEmbeddedPostgres(config.dataDirectory))
  let stop = async (): Promise<void> => {}
  if (url === null) ({ url, stop } = await startEmbeddedPostgres({ dataDir: config.dataDirectory, log }))
  try {
    const directUrl = config.databaseDirectUrl ?? url
    await applyMigrations({ directUrl, migrationsDirectory, limits, log })
    const database = openDatabase({ url, limits: { ...limits, poolConnectionsMax: 1 }, onError: () => {} })
    try {
      return await work(database)
    } finally {
      await database.close()
    }
  } finally {
    await stop()
  }
}
