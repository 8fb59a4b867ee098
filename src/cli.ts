#!/usr/bin/env node
/** The command `rialto`: starts the service, or does what is to be done beside it. */

import { pino } from 'pino'
import { createKeys } from './access/keys.ts'
import { withDatabase } from './cli/database.ts'
import type { Output } from './cli/keys.ts'
import { readKeyCommand } from './cli/keys.ts'
import { help, readArguments, UsageError } from './cli/usage.ts'
import { ConfigError, readConfig } from './config.ts'
import { Problem } from './errors.ts'
import { defaultLimits } from './limits.ts'
import { isDatabaseAway } from './store/database.ts'
import { createKeyStore } from './store/keys.ts'

async function run(args: readonly string[]): Promise<Output | null> {
  const [command, ...rest] = args
  if (command === 'keys') return runKeys(rest)
  const isCommand = command !== undefined && !command.startsWith('-')
  if (isCommand && command !== 'start')
    throw new UsageError(`There is no command ${JSON.stringify(command)}: choose start or keys`, 'rialto')
  const options = { demo: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const
  const { values } = readArguments('rialto', isCommand ? rest : args, options, [])
  if (values.help === true) return { out: help.rialto }
  await import('./main.ts')
  return null
}

async function runKeys(args: readonly string[]): Promise<Output> {
  const command = readKeyCommand(args)
  if (typeof command === 'string') return { out: command }
  const parts = { config: readConfig(), limits: defaultLimits, log: pino({ level: 'silent' }) }
  return withDatabase(parts, (database) =>
    command(
      createKeys({
        store: createKeyStore(database, defaultLimits),
        // Services are told by the database
        onChange: async () => {},
        limits: defaultLimits
      })
    )
  )
}

function toAdvice(error: unknown): string {
  if (error instanceof UsageError || error instanceof ConfigError || error instanceof Problem)
    return error.message
  return isDatabaseAway(error)
    ? 'Postgres cannot be reached. Start it, or correct DATABASE_URL'
    : (error as Error).message
}

run(process.argv.slice(2)).then(
  (output) => {
    if (output === null) return
    process.stdout.write(output.out)
    if (output.note !== undefined) process.stderr.write(output.note)
  },
  (error: unknown) => {
    process.stderr.write(`rialto: ${toAdvice(error)}\n`)
    process.exitCode = error instanceof UsageError ? 2 : 1
  }
)
