/** Rows of the table `api_keys`. */

import type { Grant } from '../grant.ts'
import type { Key, LiveKey } from '../key.ts'

export interface KeyRow {
  id: string
  number: number
  name: string
  previous_until: Date | null
  grants: Grant[]
  tenant: string | null
  created_by: string
  created_at: Date
  updated_at: Date
  rotated_at: Date | null
  expires_at: Date | null
  revoked_at: Date | null
  last_used_at: Date | null
}

/** Without digests: who looks at keys has no use for them. */
export const keyColumns = `id, number, name, previous_until, grants, tenant, created_by, created_at, updated_at,
  rotated_at, expires_at, revoked_at, last_used_at`

export function toKey(row: KeyRow): Key {
  const { previous_until: until } = row
  return {
    id: row.id,
    number: row.number,
    name: row.name,
    grants: row.grants,
    tenant: row.tenant,
    createdBy: row.created_by,
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
    rotatedAt: row.rotated_at?.getTime() ?? null,
    expiresAt: row.expires_at?.getTime() ?? null,
    revokedAt: row.revoked_at?.getTime() ?? null,
    lastUsedAt: row.last_used_at?.getTime() ?? null,
    previousUntil: until !== null && until.getTime() > Date.now() ? until.getTime() : null
  }
}

export interface LiveKeyRow {
  revision: number
  /** null: there are no keys. */
  id: string | null
  digest: Buffer
  previous_digest: Buffer | null
  previous_until: Date | null
  grants: Grant[]
  tenant: string | null
  expires_at: Date | null
}

export const toLiveKey = (row: LiveKeyRow & { id: string }): LiveKey => ({
  id: row.id,
  grants: row.grants,
  tenant: row.tenant,
  expiresAt: row.expires_at?.getTime() ?? null,
  digest: row.digest,
  previous:
    row.previous_digest !== null && row.previous_until !== null
      ? { digest: row.previous_digest, until: row.previous_until.getTime() }
      : null
})
