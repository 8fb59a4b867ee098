/** Statements that make, attach and drop tables while others read and write: they wait for locks for moments only. */

import { setTimeout as delay } from 'node:timers/promises'
import type { Limits } from '../limits.ts'
import type { Pool } from './database.ts'

export interface PartitionDdl {
  /** In one transaction. A table that is there already is no error: another instance made it. */
  run(statements: string): Promise<void>
}

export type DdlLimits = Pick<Limits, 'ddlLockMsMax' | 'ddlStatementMsMax' | 'ddlAttemptsMax' | 'ddlPauseMs'>

/** Who comes after a statement that waits for a lock waits with it, so it waits a moment, lets others go on, and tries again. */
export function createPartitionDdl(pool: Pool, limits: DdlLimits): PartitionDdl {
  async function attempt(statements: string): Promise<'done' | 'locked'> {
    const client = await pool.connect()
    try {
      await client.query(
        `begin; set local lock_timeout = ${limits.ddlLockMsMax};
         set local statement_timeout = ${limits.ddlStatementMsMax}; ${statements}; commit`
      )
      client.release()
      return 'done'
    } catch (error) {
      client.release(true)
      const code = String((error as { code?: unknown }).code)
      if (isThere.test(code)) return 'done'
      // Also of two that wait for one another: what is undone lets the other go on
      if (isLocked.test(code)) return 'locked'
      throw error
    }
  }

  return {
    async run(statements) {
      for (let number = 1; (await attempt(statements)) === 'locked'; number++) {
        if (number === limits.ddlAttemptsMax) throw new LockedError(statements)
        await delay(limits.ddlPauseMs * number)
      }
    }
  }
}

/** Others used the table all the time. */
export class LockedError extends Error {
  constructor(statements: string) {
    super(`Others hold the locks that this needs: ${statements}`)
    this.name = 'LockedError'
  }
}

/** The table, its type, or its row in the catalogue: which of them is met first depends on how far the other one is. */
const isThere = /^(42P07|42710|23505)$/
const isLocked = /^(55P03|40P01|57014)$/

/**
 * A partition like its parent. It is made apart and then attached, which readers and writers of the parent need not wait
 * for; a table that is created as a partition would have them wait.
 */
export const attachSql = (name: string, parent: string, bounds: string, dividedBy = ''): string =>
  `create table ${name} (like ${parent} including all) ${dividedBy};
   alter table ${parent} attach partition ${name} for values ${bounds}`

/** A bound of a range, of the table `leaf` of pg_class. */
export const boundSql = (side: 'FROM' | 'TO'): string =>
  `(regexp_match(pg_get_expr(leaf.relpartbound, leaf.oid), '${side} \\(''?(\\d+)'))[1]::bigint`
