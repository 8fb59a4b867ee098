/** What was changed for whom: entries of the table `audit`, written in the transaction of the change. */

import { Problem } from '../errors.ts'
import type { Access } from '../model.ts'
import type { PoolClient } from './database.ts'

export interface AuditEntry {
  principal: string
  /** The name of the operation. */
  action: string
  subject: string
  /** Neither a secret nor a payload is ever in it. */
  detail: object
  /** Of the client; null or not given: not known. */
  address?: string | null | undefined
}

/** Who asks for a change. */
export type Asking = Pick<Access, 'principal' | 'readsAll' | 'address'>

/** Whose change it is. */
export type Actor = Pick<Access, 'principal' | 'address'>

/**
 * Of a change to how long all is kept; null where nobody asks for it. Throws Problem `forbidden`: what is kept for less long
 * is gone for everybody.
 */
export function keepingAudit(
  by: Asking | undefined,
  entry: Pick<AuditEntry, 'action' | 'subject' | 'detail'>
): AuditEntry | null {
  if (by === undefined) return null
  if (by.readsAll !== true)
    throw new Problem('forbidden', 'Only who may read all topics may change how long they are kept')
  return { principal: by.principal, address: by.address, ...entry }
}

/** null: nobody asked for it. */
export async function insertAudit(client: PoolClient, entry: AuditEntry | null): Promise<void> {
  if (entry === null) return
  const { principal, action, subject, detail, address = null } = entry
  await client.query(
    'insert into audit (principal, action, subject, detail, address) values ($1, $2, $3, $4, $5)',
    [principal, action, subject, JSON.stringify(detail), address]
  )
}
