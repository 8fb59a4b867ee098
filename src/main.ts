/** The process: reads the environment, starts what is needed, closes with grace. No logic. */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import closeWithGrace from 'close-with-grace'
import type { Logger } from 'pino'
import { pino } from 'pino'
import { startApp } from './app.ts'
import { printBanner } from './banner.ts'
import type { Config } from './config.ts'
import { ConfigError, openTelemetryVariables, readConfig } from './config.ts'
import { startDemo } from './demo.ts'
import { startEmbeddedBroker } from './embedded/broker.ts'
import { startEmbeddedPostgres } from './embedded/postgres.ts'
import { defaultLimits } from './limits.ts'
import { logOptions } from './log.ts'
import type { Broker } from './model.ts'
import { openTracing } from './tracing/tracing.ts'
import { isDatabaseAway } from './store/database.ts'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string
}

function createLogger(level: string): Logger {
  const pretty = process.stdout.isTTY
  return pino({
    level,
    ...logOptions,
    ...(pretty && {
      transport: {
        target: 'pino-pretty',
        options: { ignore: 'pid,hostname,part', translateTime: 'HH:MM:ss' }
      }
    })
  })
}

interface Started {
  databaseUrl: string
  broker: Broker
  brokerWsUrl: string | null
  embedded: { postgres: boolean; broker: boolean }
  /** Stops, in the reverse order of starting. */
  stop: Array<() => Promise<void>>
}

/** Starts the servers that the configuration does not name. */
async function startServers(config: Config, log: Logger): Promise<Started> {
  const dataDir = resolve(config.dataDirectory)
  const stop: Array<() => Promise<void>> = []
  let { databaseUrl, broker } = config
  let brokerWsUrl: string | null = null
  if (databaseUrl === null) {
    const postgres = await startEmbeddedPostgres({ dataDir, log: log.child({ part: 'postgres' }) })
    stop.unshift(postgres.stop)
    databaseUrl = postgres.url
  }
  if (broker === null) {
    const { embeddedMqttPort: port, embeddedMqttWsPort: wsPort } = config
    const embedded = await startEmbeddedBroker({ dataDir, port, wsPort, log: log.child({ part: 'broker' }) })
    stop.unshift(embedded.stop)
    broker = { url: embedded.url }
    brokerWsUrl = embedded.wsUrl
  }
  const embedded = { postgres: config.databaseUrl === null, broker: config.broker === null }
  return { databaseUrl, broker, brokerWsUrl, embedded, stop }
}

async function main(): Promise<void> {
  const given = readConfig()
  const config = { ...given, mappingsFile: given.mappingsFile ?? resolve('rialto.yaml') }
  const log = createLogger(config.logLevel)
  const stop: Array<() => Promise<void>> = []
  // A terminal that is closed ends what was started in it; a service reads its file again
  const reloads = !process.stdout.isTTY
  const closeOptions = {
    delay: defaultLimits.closeMsMax + config.shutdownGraceSeconds * 1_000,
    logger: log,
    skip: reloads ? ['SIGHUP' as const] : []
  }
  let reload = (): void => {}
  if (reloads) process.on('SIGHUP', () => reload())
  let drain = async (): Promise<void> => {}
  const closing = closeWithGrace(closeOptions, async ({ err, signal }) => {
    if (err) log.fatal({ err }, 'Ending because of an error')
    // Whoever sits before it does not wait
    const graceMs = signal === 'SIGTERM' ? config.shutdownGraceSeconds * 1_000 : 0
    await Promise.all([drain(), delay(graceMs)])
    for (const end of stop) await end().catch((error: unknown) => log.error({ err: error }, 'Closing'))
  })
  try {
    const servers = await startServers(config, log)
    stop.push(...servers.stop)
    const limits = { ...defaultLimits, heldBytesMax: config.heldBytes }
    const databaseDirectUrl = config.databaseDirectUrl ?? servers.databaseUrl
    const tracing = await openTracing(openTelemetryVariables(), log.child({ part: 'tracing' }))
    if (tracing !== null) stop.unshift(tracing.close)
    const app = await startApp({ config, ...servers, databaseDirectUrl, version, limits, log, tracing })
    stop.unshift(app.close)
    drain = app.drain
    reload = () => {
      app.projections.reload({ rebuild: null, by: { principal: 'signal' } }).then(
        ({ changed, hash }) => log.info({ changed, hash }, 'Read rialto.yaml again'),
        (error: unknown) =>
          log.error({ err: error }, 'rialto.yaml is not usable; the one before stays in use')
      )
    }
    if (process.argv.includes('--demo')) stop.unshift((await startDemo({ broker: servers.broker, log })).stop)
    printBanner({ config, url: app.url, servers, version })
  } catch (error) {
    log.fatal({ err: error }, toAdvice(error))
    for (const end of stop) await end().catch((trouble: unknown) => log.error({ err: trouble }, 'Closing'))
    closing.uninstall()
    process.exit(1)
  }
}

const toAdvice = (error: unknown): string =>
  isDatabaseAway(error)
    ? 'Cannot start: Postgres cannot be reached. Start it, or correct DATABASE_URL'
    : `Cannot start: ${(error as Error).message}`

main().catch((error: unknown) => {
  // Before there is a logger: the configuration is wrong, and its message says what to do
  process.stderr.write(`${error instanceof ConfigError ? error.message : String(error)}\n`)
  process.exitCode = 1
})
