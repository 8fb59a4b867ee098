/** How many statements something takes. */

import type { TestContext } from 'node:test'
import pg from 'pg'

/** Names of the statements that this process sends to Postgres from now on, or since it was asked last. */
export function countStatements(t: TestContext): () => string[] {
  const sent: string[] = []
  const given = pg.Client.prototype.query
  t.mock.method(pg.Client.prototype, 'query', function (this: pg.Client, ...values: unknown[]) {
    const statement = values[0] as string | { name?: string; text?: string }
    sent.push(typeof statement === 'string' ? statement : (statement.name ?? statement.text ?? '?'))
    return given.apply(this, values as never)
  } as never)
  return () => sent.splice(0)
}
