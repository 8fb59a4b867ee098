/**
 * The embedded Postgres: the real server, for a machine that has none. It works as root and as a user, keeps its data in
 * one directory, and never outlives this process.
 */

import * as fs from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { checkRuns, findBinaries } from './postgres-binaries.ts'
import { createCluster, database, readPassword, superuser } from './postgres-cluster.ts'
import { end } from './postgres-process.ts'
import { chooseRunner, own } from './postgres-runner.ts'
import type { EmbeddedLog, EmbeddedPostgresLimits, Site } from './postgres-site.ts'
import { boundLog, embeddedPostgresLimits, exists } from './postgres-site.ts'
import { startPostmaster } from './postmaster.ts'

export { type EmbeddedPostgresLimits, embeddedPostgresLimits } from './postgres-site.ts'

export interface EmbeddedPostgres {
  /** With user, password and database: what `DATABASE_URL` would hold. */
  url: string
  port: number
  /** The cluster was created by this start. */
  firstStart: boolean
  /** Fast shutdown: open transactions are rolled back, nothing needs recovery. May be called again. */
  stop(): Promise<void>
}

export interface EmbeddedPostgresOptions {
  dataDir: string
  /** The next free one is taken when it is in use; 0, the default, lets the operating system choose. */
  port?: number
  log: EmbeddedLog
  limits?: Partial<EmbeddedPostgresLimits>
}

/** Starts the real Postgres that came with the npm packages on a directory of ours, as root or as a user. */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const site = await openSite(options)
  const firstStart = !(await exists(site.cluster))
  if (firstStart) await createCluster(site)
  const password = await readPassword(site)
  const { port, postmaster } = await startPostmaster(site, options.port ?? 0)

  let stopping: Promise<void> | undefined
  const bounding = setInterval(() => void boundLog(site), 60_000).unref()
  void postmaster.exited.then((code) => {
    clearInterval(bounding)
    if (!stopping) site.log.error({ code, logFile: site.logFile }, 'The embedded Postgres ended by itself')
  })
  return {
    url: `postgres://${superuser}:${password}@127.0.0.1:${port}/${database}`,
    port,
    firstStart,
    stop: () => (stopping ??= end(site, postmaster))
  }
}

async function openSite({ dataDir, log, limits }: EmbeddedPostgresOptions): Promise<Site> {
  const home = resolve(dataDir)
  await fs.mkdir(home, { recursive: true, mode: 0o700 })
  const binaries = await findBinaries()
  const runner = await chooseRunner(home)
  await checkRuns(binaries, runner, home)
  const site: Site = {
    home,
    cluster: join(home, 'postgres'),
    logFile: join(home, 'postgres.log'),
    binaries,
    runner,
    limits: { ...embeddedPostgresLimits, ...limits },
    log
  }
  await boundLog(site)
  await fs.appendFile(site.logFile, '', { mode: 0o600 })
  for (const path of [site.logFile, site.cluster]) if (await exists(path)) await own(site, path)
  return site
}
