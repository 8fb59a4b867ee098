/** What is written in a migration: its statements, and how it asks to be run. Pure. */

/** How a migration is run, as its line `-- rialto: alone` or `-- rialto: repeat` asks. */
export type Manner =
  /** In one transaction, within a bounded time. */
  | 'together'
  /** Each statement by itself, outside of transactions and without a bound: for what locks out nobody. */
  | 'alone'
  /** Its one statement again and again, until it changes no row: for what is filled in by pieces. */
  | 'repeat'

export interface MigrationText {
  manner: Manner
  /** Without comments around them, and without their semicolons. */
  statements: string[]
}

/** Throws an Error where the line asks for something that is not known. */
export function readMigrationText(sql: string): MigrationText {
  const asked = /^-- rialto: *(.*?) *$/m.exec(sql)?.[1] ?? 'together'
  if (asked !== 'together' && asked !== 'alone' && asked !== 'repeat')
    throw new Error(`-- rialto: ${asked}: say alone or repeat`)
  return { manner: asked, statements: splitStatements(sql) }
}

/** What is one piece, whatever is in it: comments, quoted names, strings, and bodies between $tag$. */
const piece = /--[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"]|"")*"|'(?:[^']|'')*'|(\$\w*\$)[\s\S]*?\1|;|[^-/"'$;]+|./g

export function splitStatements(sql: string): string[] {
  const statements: string[] = []
  let statement = ''
  for (const [text] of sql.matchAll(piece)) {
    if (text === ';') {
      statements.push(statement)
      statement = ''
    } else statement += text.startsWith('--') || text.startsWith('/*') ? ' ' : text
  }
  statements.push(statement)
  return statements.map((one) => one.trim()).filter((one) => one !== '')
}

/** An index that is made while others write. */
export interface IndexStatement {
  unique: string
  name: string
  table: string
  /** Method, columns and condition. */
  rest: string
}

const indexed =
  /^create\s+(unique\s+)?index\s+concurrently\s+if\s+not\s+exists\s+(\w+)\s+on\s+(\w+)\s*([\s\S]*)$/i

/** Null: it is another statement. */
export function readIndexStatement(statement: string): IndexStatement | null {
  const match = indexed.exec(statement)
  if (match === null) return null
  const [, unique, name, table, rest] = match
  return { unique: unique ?? '', name: name!, table: table!, rest: rest! }
}
