/** API keys as the database has them. Pure. */

import type { Grant } from './grant.ts'
import type { Access, Millis } from './model.ts'

/** What a client says of a key. */
export interface KeySettings {
  /** For people; names may repeat. */
  name: string
  grants: Grant[]
  /** null: none. */
  tenant: string | null
  /** null: never. */
  expiresAt: Millis | null
}

/** `expired`: its time is over. `revoked`: somebody said so. */
export const keyStates = ['active', 'expired', 'revoked'] as const
export type KeyState = (typeof keyStates)[number]

export interface Key extends KeySettings {
  /** 12 letters and digits, which stand in the key's text, too: `rialto_<id>_…`. */
  id: string
  /** Its place in lists. */
  number: number
  createdBy: string
  createdAt: Millis
  /** When a client last changed it. */
  updatedAt: Millis
  rotatedAt: Millis | null
  /** Up to then, the text before the last rotation is good, too; null: it is not. */
  previousUntil: Millis | null
  revokedAt: Millis | null
  /** When somebody last came with it, to a minute; null: nobody did. */
  lastUsedAt: Millis | null
}

/** What is known of a key to let somebody in. */
export interface LiveKey extends Pick<Key, 'id' | 'grants' | 'tenant' | 'expiresAt'> {
  /** SHA-256 of the key's text. */
  digest: Uint8Array
  /** Of the text before, as long as it is good. */
  previous: { digest: Uint8Array; until: Millis } | null
}

/** All keys that are neither revoked nor expired, as they were at once. */
export interface LiveKeys {
  /** Another number after each change of any key. */
  revision: number
  keys: LiveKey[]
}

/** Who asks for a change. */
export type KeyAsking = Pick<Access, 'principal' | 'administers' | 'address'>

export interface KeyPage {
  /** Behind the key of this number, and of at most `until`. */
  after: number | null
  limit: number
  order: 'asc' | 'desc'
}

export function stateOf(key: Pick<Key, 'revokedAt' | 'expiresAt'>, now: Millis): KeyState {
  if (key.revokedAt !== null) return 'revoked'
  return key.expiresAt !== null && key.expiresAt <= now ? 'expired' : 'active'
}
