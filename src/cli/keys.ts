/** `rialto keys`: API keys from the command line of whoever may come to the database. */

import { userInfo } from 'node:os'
import type { KeyChangeAsk } from '../access/key-ask.ts'
import type { KeyView } from '../access/key-view.ts'
import { toKeyView } from '../access/key-view.ts'
import type { Keys, KeyWithText } from '../access/keys.ts'
import { grantText, parseGrant } from '../grant.ts'
import type { Key, KeyAsking } from '../key.ts'
import { help, readArguments, readDuration, UsageError } from './usage.ts'

/** What is to be written where, when it is done. */
export interface Output {
  /** For programs, on standard output. */
  out: string
  /** For people, on standard error. */
  note?: string
}

/** What was asked for, read and not done yet: a wrong command line needs no database. */
export type KeyCommand = (keys: Keys) => Promise<Output>

const general = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const
const settings = {
  ...general,
  grant: { type: 'string', multiple: true },
  tenant: { type: 'string' },
  expires: { type: 'string' }
} as const

/** `args`: behind `rialto keys`. A text: nothing is to be done but to show it. Throws UsageError. */
export function readKeyCommand([command, ...args]: readonly string[]): KeyCommand | string {
  if (command === undefined || command === '--help' || command === '-h') return help.keys
  if (!Object.hasOwn(commands, command))
    throw new UsageError(
      `There is no command ${JSON.stringify(command)}: choose one of ${Object.keys(commands).join(', ')}`,
      'rialto keys'
    )
  return commands[command as keyof typeof commands](args)
}

const commands = {
  create(args: readonly string[]): KeyCommand | string {
    const { values, positionals } = readArguments('rialto keys create', args, settings, ['NAME'])
    if (values.help === true) return help.keys
    const { grants = [], ...ask } = readSettings(values)
    return async (keys) =>
      withText(await keys.create(by(), { ...ask, name: positionals[0]!, grants }), values.json)
  },
  list(args: readonly string[]): KeyCommand | string {
    const { values } = readArguments('rialto keys list', args, general, [])
    if (values.help === true) return help.keys
    return async (keys) => {
      const views = (await readAll(keys)).map((key) => toKeyView(key))
      return { out: values.json === true ? toJson(views) : toTable(views) }
    }
  },
  change(args: readonly string[]): KeyCommand | string {
    const options = { ...settings, name: { type: 'string' } } as const
    const { values, positionals } = readArguments('rialto keys change', args, options, ['ID'])
    if (values.help === true) return help.keys
    const ask: KeyChangeAsk = {
      ...readSettings(values),
      ...(values.name !== undefined && { name: values.name })
    }
    return async (keys) => shown(await keys.change(by(), positionals[0]!, ask), values.json)
  },
  rotate(args: readonly string[]): KeyCommand | string {
    const options = { ...general, overlap: { type: 'string' } } as const
    const { values, positionals } = readArguments('rialto keys rotate', args, options, ['ID'])
    if (values.help === true) return help.keys
    const overlap = readDuration(values.overlap ?? '0s')
    if (overlap === null) throw new UsageError('--overlap is a time as in 12h or 0s', 'rialto keys rotate')
    return async (keys) => withText(await keys.rotate(by(), positionals[0]!, overlap), values.json)
  },
  revoke(args: readonly string[]): KeyCommand | string {
    const { values, positionals } = readArguments('rialto keys revoke', args, general, ['ID'])
    if (values.help === true) return help.keys
    return async (keys) => shown(await keys.revoke(by(), positionals[0]!), values.json)
  }
}

/** Throws UsageError. */
function readSettings(values: { grant?: string[]; tenant?: string; expires?: string }): KeyChangeAsk {
  const ask: KeyChangeAsk = {}
  try {
    if (values.grant !== undefined) ask.grants = values.grant.map(parseGrant)
  } catch (error) {
    throw new UsageError(`--grant: ${(error as Error).message}`, 'rialto keys')
  }
  if (values.tenant !== undefined) ask.tenant = values.tenant === '' ? null : values.tenant
  if (values.expires === undefined) return ask
  const seconds = readDuration(values.expires)
  if (values.expires === 'never') ask.expiresAt = null
  else if (seconds === null) ask.expiresAt = values.expires
  else ask.expiresInSeconds = seconds
  return ask
}

/** Who may come to the database may everything; the audit says that it was here, and who. */
function by(): KeyAsking {
  let user = 'unknown'
  try {
    user = userInfo().username
  } catch {
    // A container may run as a user that has no name
  }
  return { principal: `cli:${user}`, administers: true }
}

async function readAll(keys: Keys): Promise<Key[]> {
  const all: Key[] = []
  let after: number | null = null
  do {
    const { items, next } = await keys.page(by(), { after, limit: 500, order: 'asc' })
    all.push(...items)
    after = next
  } while (after !== null)
  return all
}

const toJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

const shown = (key: Key, json: boolean | undefined): Output => ({
  out: json === true ? toJson(toKeyView(key)) : toTable([toKeyView(key)])
})

const withText = ({ key, text }: KeyWithText, json: boolean | undefined): Output =>
  json === true
    ? { out: toJson({ ...toKeyView(key), key: text }) }
    : { out: `${text}\n`, note: `${toTable([toKeyView(key)])}The key is not shown again.\n` }

function toTable(views: readonly KeyView[]): string {
  const rows = [
    ['ID', 'STATE', 'NAME', 'GRANTS', 'TENANT', 'EXPIRES', 'LAST USED'],
    ...views.map((view) => [
      view.id,
      view.state,
      view.name,
      view.grants.map(grantText).join(' ') || '-',
      view.tenant ?? '-',
      view.expiresAt ?? 'never',
      view.lastUsedAt ?? 'never'
    ])
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`
    )
    .join('')
}
