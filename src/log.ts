/** What the log says of errors, and what it never says. */

import type { LoggerOptions } from 'pino'

interface LoggedError {
  type: string
  message: string
  code?: string
  table?: string
  constraint?: string
  stack?: string
  cause?: LoggedError
  errors?: LoggedError[]
}

/**
 * For pino. Errors of Postgres and of libraries carry what was sent: rows that a constraint refused (`detail`), parameters,
 * requests. Payloads are not for logs, so an error is told by the parts that have none of it.
 */
export const logOptions = {
  redact: ['req.headers.authorization', 'password', 'url', '*.password'],
  serializers: { err: (error: unknown) => tellError(error) }
} satisfies LoggerOptions

/** `depth`: of causes, which may go round in a circle. */
function tellError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: 'Not an error' }
  const { code, table, constraint, cause, errors } = error as Error & Record<string, unknown>
  const told: LoggedError = { type: error.name, message: error.message }
  for (const [name, value] of Object.entries({ code, table, constraint }))
    if (typeof value === 'string') told[name as 'code'] = value
  if (isOfValue(code)) {
    told.message = 'Postgres refuses a value, which is not told here'
    // What comes before the calls is the message
    const calls = error.stack?.split('\n').filter((line) => /^ {4}at /.test(line))
    if (calls !== undefined) told.stack = calls.join('\n')
  } else if (error.stack !== undefined) told.stack = error.stack
  if (depth < 3) {
    if (cause !== undefined) told.cause = tellError(cause, depth + 1)
    if (Array.isArray(errors))
      told.errors = errors.slice(0, 10).map((one: unknown) => tellError(one, depth + 1))
  }
  return told
}

/** SQLSTATE of the class of data exceptions, whose message quotes the value (Postgres, appendix A). */
const isOfValue = (code: unknown): boolean => typeof code === 'string' && /^22[0-9A-Z]{3}$/.test(code)
