/** API keys as clients see them, on every surface. Never with their text or a digest of it. Pure. */

import type { Grant } from '../grant.ts'
import type { Key, KeyState } from '../key.ts'
import { stateOf } from '../key.ts'
import type { Millis } from '../model.ts'
import { toTime, toTimeOrNull } from '../views.ts'

export interface KeyView {
  id: string
  name: string
  grants: Grant[]
  tenant: string | null
  state: KeyState
  createdBy: string
  createdAt: string
  updatedAt: string
  expiresAt: string | null
  rotatedAt: string | null
  previousUntil: string | null
  revokedAt: string | null
  lastUsedAt: string | null
}

export const toKeyView = (key: Key, now: Millis = Date.now()): KeyView => ({
  id: key.id,
  name: key.name,
  grants: key.grants,
  tenant: key.tenant,
  state: stateOf(key, now),
  createdBy: key.createdBy,
  createdAt: toTime(key.createdAt),
  updatedAt: toTime(key.updatedAt),
  expiresAt: toTimeOrNull(key.expiresAt),
  rotatedAt: toTimeOrNull(key.rotatedAt),
  previousUntil: toTimeOrNull(key.previousUntil),
  revokedAt: toTimeOrNull(key.revokedAt),
  lastUsedAt: toTimeOrNull(key.lastUsedAt)
})
