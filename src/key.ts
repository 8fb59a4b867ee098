/** API keys as the database has them. Pure. */

import { Problem } from './errors.ts'
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

/** Keys, for an administrator, else Problem `forbidden`. Every change has an entry in the audit. */
export interface KeyRecords {
  /** Throws Problem `too_many_keys`. */
  create(by: KeyAsking, key: { id: string; digest: Uint8Array }, settings: KeySettings): Promise<Key>
  page(by: KeyAsking, page: KeyPage): Promise<{ items: Key[]; next: number | null }>
  byId(by: KeyAsking, id: string): Promise<Key | null>
  /** `toSettings`: what changes, of the key as it is. null: there is none. Throws Problem `key_revoked`, and what it throws. */
  change(by: KeyAsking, id: string, toSettings: (key: Key) => KeySettings): Promise<Key | null>
  /**
   * The text of this digest is good from now on; the one before until then, or not any more (null). null: there is none.
   * Throws Problem `key_revoked`.
   */
  rotate(by: KeyAsking, id: string, digest: Uint8Array, previousUntil: Millis | null): Promise<Key | null>
  /** For ever. null: there is none. One that is revoked stays as it is. */
  revoke(by: KeyAsking, id: string): Promise<Key | null>
}

/** Throws Problem forbidden. */
export function mustManageKeys({ administers }: KeyAsking): void {
  if (administers !== true)
    throw new Problem('forbidden', 'Only an administrator sees and changes keys: the role admin is needed')
}

export function stateOf(key: Pick<Key, 'revokedAt' | 'expiresAt'>, now: Millis): KeyState {
  if (key.revokedAt !== null) return 'revoked'
  return key.expiresAt !== null && key.expiresAt <= now ? 'expired' : 'active'
}
