/**
 * Reads a migration and tells what in it would keep others waiting, rewrite a table, or take something from the version before.
 * Only what is known to do none of that is let through (docs/upgrading.md).
 */

import type { Manner } from '../../src/store/migration-text.ts'
import { readMigrationText } from '../../src/store/migration-text.ts'

interface Rule {
  form: RegExp
  /** Null: it may stand there. */
  fault: (match: RegExpExecArray, known: Known) => string | null
}

interface Known {
  /** Tables that the migration makes: nobody uses them yet. */
  made: ReadonlySet<string>
  /** It says what a service must have, and waits for those that have it not. */
  takesAway: boolean
}

const fine = (): null => null
const contracts =
  (what: string) =>
  (_: RegExpExecArray, { takesAway }: Known): string | null =>
    takesAway
      ? null
      : `${what} is missed by the version before: do it a version later, with an insert into schema_needs`

/** Of tables that are in use. */
const together: Rule[] = [
  { form: /^create table \w+/i, fault: fine },
  { form: /^create function \w+/i, fault: fine },
  { form: /^insert into schema_needs\b/i, fault: fine },
  {
    form: /^insert into (\w+) .*?(values|select)/is,
    fault: ([, table, from], { made }) =>
      made.has(table!) || from!.toLowerCase() === 'values'
        ? null
        : `${table} is filled from a query in one transaction: use -- rialto: repeat`
  },
  {
    form: /^create (?:unique )?index (?!concurrently)(?:if not exists )?\w+ on (?:only )?(\w+)/i,
    fault: ([, table], { made }) =>
      made.has(table!)
        ? null
        : `nobody writes to ${table} while its index is made: use concurrently, in -- rialto: alone`
  },
  { form: /^alter table (?:only )?(\w+) ([\s\S]*)$/i, fault: alterFault },
  { form: /^comment on /i, fault: fine },
  { form: /^drop (?:table|function|view) /i, fault: contracts('What is dropped') },
  { form: /^create or replace function /i, fault: contracts('A function that changes') }
]

const alone: Rule[] = [
  {
    form: /^create (unique )?index concurrently if not exists \w+ on \w+/i,
    fault: ([, unique], known) =>
      unique === undefined ? null : contracts('What a unique index refuses')([] as never, known)
  },
  { form: /^drop index concurrently if exists \w+$/i, fault: fine },
  { form: /^alter table \w+ validate constraint \w+$/i, fault: fine }
]

const repeat: Rule[] = [
  {
    form: /^(update|delete from) [\s\S]*\blimit \d+\b/i,
    fault: fine
  }
]

const rules: Record<Manner, Rule[]> = { together, alone, repeat }

const constant = /^default (?:'(?:[^']|'')*'|-?\d+(?:\.\d+)?|true|false|null)$/i

const types =
  'text|smallint|int|integer|bigint|boolean|bytea|jsonb?|uuid|timestamptz|date|numeric|real|double precision'

const addedColumn = new RegExp(
  `^add column (?:if not exists )?"?\\w+"? (?:${types})(?:\\([\\d, ]+\\))?(?:\\[\\])?(?: (default .*?))?(?: (not null))?$`,
  'i'
)

/** Each action of an ALTER TABLE. */
function alterFault([, table, actions]: RegExpExecArray, known: Known): string | null {
  if (known.made.has(table!)) return null
  for (const action of splitActions(actions!)) {
    const fault = actionFault(table!, action, known)
    if (fault !== null) return fault
  }
  return null
}

function actionFault(table: string, action: string, known: Known): string | null {
  const column = addedColumn.exec(action)
  if (column !== null) {
    const [, value, notNull] = column
    if (value !== undefined && !constant.test(value)) return `${table} is rewritten: ${value} is no constant`
    if (notNull !== undefined && value === undefined)
      return `${table} has rows, which have no value for: ${action}`
    return null
  }
  if (
    /^add constraint \w+ check .* not valid$/is.test(action) ||
    /^add constraint \w+ foreign key .* not valid$/is.test(action)
  )
    return contracts('What a constraint refuses')([] as never, known)
  if (/^add constraint /i.test(action))
    return `${table} is looked through while nobody uses it: add the constraint as not valid`
  if (/^drop constraint \w+_check$/i.test(action)) return null
  if (/^(drop|rename) /i.test(action))
    return contracts(`What is dropped or renamed in ${table}`)([] as never, known)
  if (/^alter column \w+ set default /i.test(action) || /^alter column \w+ drop not null$/i.test(action))
    return null
  if (/^set \(fillfactor = \d+\)$/i.test(action)) return null
  return `not known to be harmless to those who use ${table}: ${action}`
}

/** At commas outside of brackets and strings. */
function splitActions(actions: string): string[] {
  const found = ['']
  let depth = 0
  for (const [text] of actions.matchAll(/'(?:[^']|'')*'|[\s\S]/g)) {
    if (text === '(') depth++
    if (text === ')') depth--
    if (text === ',' && depth === 0) found.push('')
    else found[found.length - 1] += text
  }
  return found.map((one) => one.trim().replaceAll(/\s+/g, ' '))
}

/** Nothing, where it may be applied while two versions run. */
export function migrationFaults(sql: string): string[] {
  const { manner, statements: written } = readMigrationText(sql)
  const statements = written.map((one) => one.replaceAll(/\s+/g, ' '))
  const known = {
    made: new Set(statements.flatMap((one) => /^create table (\w+)/i.exec(one)?.[1] ?? [])),
    takesAway: statements.some((one) => /^insert into schema_needs\b/i.test(one))
  }
  const faults = statements.flatMap((statement) => {
    for (const { form, fault } of rules[manner]) {
      const match = form.exec(statement)
      if (match !== null) return fault(match, known) ?? []
    }
    return [
      `not known to be harmless ${manner === 'together' ? '' : `in -- rialto: ${manner}`}: ${statement.slice(0, 100)}`
    ]
  })
  if (manner === 'repeat' && statements.length !== 1) faults.push('-- rialto: repeat has one statement')
  return faults
}
