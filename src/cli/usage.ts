/** How the command is used, and what is said where it is used wrongly. Pure. */

import { parseArgs } from 'node:util'
import type { ParseArgsConfig } from 'node:util'

/** The command line is not usable; the message says how it would be. The process ends with 2. */
export class UsageError extends Error {
  constructor(message: string, help: string) {
    super(`${message}\nSee: ${help} --help`)
    this.name = 'UsageError'
  }
}

type Options = NonNullable<ParseArgsConfig['options']>

/** Throws UsageError: an option that is not known or has no value, or another number of arguments than `names`. */
export function readArguments<const Known extends Options>(
  command: string,
  args: readonly string[],
  options: Known,
  names: readonly string[]
) {
  try {
    const read = parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
    const { positionals, values } = read
    if ((values as { help?: boolean }).help !== true && positionals.length !== names.length)
      throw new Error(
        names.length === 0
          ? `There are no arguments here, and ${JSON.stringify(positionals[0])} is one`
          : `Give ${names.join(' and ')}, and no other arguments`
      )
    return read
  } catch (error) {
    throw new UsageError((error as Error).message, command)
  }
}

const secondsOf = { s: 1, m: 60, h: 3_600, d: 86_400 } as const

/** Seconds of `90s`, `15m`, `12h` or `30d`; null: it is none of these. */
export function readDuration(text: string): number | null {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  return count === undefined ? null : Number(count) * secondsOf[unit as keyof typeof secondsOf]
}

export const help = {
  rialto: `Usage: rialto [start] [--demo]      starts the service (the same as npm start)
       rialto keys <command>        makes and changes API keys

Settings come from environment variables: see docs/configuration.md.
`,
  keys: `Usage: rialto keys create NAME [--grant GRANT]... [--tenant T] [--expires WHEN]
       rialto keys list
       rialto keys change ID [--name NAME] [--grant GRANT]... [--tenant T] [--expires WHEN]
       rialto keys rotate ID [--overlap TIME]
       rialto keys revoke ID

  --grant GRANT    admin, read:topic:FILTER, command:topic:FILTER, read:device:NAME or
                   command:device:NAME; may be repeated. With change: instead of all before
  --tenant T       limits all grants to topics that begin with T/; '' takes it away
  --expires WHEN   a time from now on as in 30d, 12h, 15m or 90s; an instant as in
                   2027-01-31T12:00:00Z; or never, which is the default of create
  --overlap TIME   how long the key before is good, too; default 0s
  --json           writes JSON, as REST has it
  --help           shows this

Works on the database directly: DATABASE_URL, or the embedded one of RIALTO_DATA_DIR. A service that
is running takes changes up within a second. A key is shown once: on standard output, by itself.
`
}
