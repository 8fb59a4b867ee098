/** Who asks, and what they may. One function for every surface; later issues put grants behind it. */

import { createHash, timingSafeEqual } from 'node:crypto'
import { Problem } from '../errors.ts'
import type { Access } from '../model.ts'

export interface Authenticator {
  /** Reads an `Authorization` value. Throws Problem unauthenticated. */
  authenticate(authorization: string | undefined): Access
}

const all = (principal: string): Access => ({ principal, mayRead: () => true, mayPublish: () => true })

/** With a key, requests carry `Authorization: Bearer <key>` (RFC 6750); without one, everybody is `anonymous`. */
export function createAuthenticator(parts: { apiKey: string | null }): Authenticator {
  if (parts.apiKey === null) return { authenticate: () => all('anonymous') }
  const expected = digest(parts.apiKey)
  return {
    authenticate(authorization) {
      const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
      // Digests have one length, so that the comparison tells nothing of the key's
      if (given === undefined || !timingSafeEqual(digest(given), expected)) {
        throw new Problem('unauthenticated', 'Send the key as `Authorization: Bearer <RIALTO_API_KEY>`')
      }
      return all('api-key')
    }
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
