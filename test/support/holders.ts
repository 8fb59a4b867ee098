/** People who are known by a word each, with the rights that a test gives them. */

import { createHash } from 'node:crypto'
import type { Authenticator, Holder, Holders } from '../../src/access/access.ts'
import { createAuthenticator } from '../../src/access/access.ts'
import type { DeviceTopics } from '../../src/access/device-topics.ts'
import type { Rights } from '../../src/grant.ts'
import { parseGrant } from '../../src/grant.ts'
import { defaultLimits as limits } from '../../src/limits.ts'

export interface TestHolders extends Holders {
  /** Gives a principal these grants, as text, from now on. They prove themselves with their name. */
  give(principal: string, grants: readonly string[], tenant?: string | null): void
}

export function createHolders(): TestHolders {
  const known = new Map<string, Rights>()
  const byPrincipal = (principal: string): Holder | null =>
    known.has(principal)
      ? {
          principal,
          rights: () => known.get(principal)!,
          credentials: () => [createHash('sha256').update(principal).digest()]
        }
      : null
  return {
    find: async (credential) => byPrincipal(credential),
    byPrincipal,
    give: (principal, grants, tenant = null) =>
      void known.set(principal, { grants: grants.map(parseGrant), tenant })
  }
}

/** `Bearer {principal}` is that principal; nobody is anonymous. */
export const authenticatorOf = (holders: Holders, deviceTopics?: DeviceTopics): Authenticator =>
  createAuthenticator({
    apiKey: null,
    anonymous: false,
    holders: [holders],
    ...(deviceTopics && { deviceTopics }),
    tokenKey: Buffer.alloc(32, 7),
    limits
  })

export const as = (principal: string): Record<string, string> => ({ authorization: `Bearer ${principal}` })
