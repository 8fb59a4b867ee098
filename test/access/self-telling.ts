/** Keys that say themselves what they are granted: so that a test has as many as it likes, on any instance. */

import type { Holder, Holders } from '../../src/access/access.ts'
import type { Rights } from '../../src/grant.ts'

export const keyOf = (rights: Rights): string =>
  `telling.${Buffer.from(JSON.stringify(rights)).toString('base64url')}`

export const headersOf = (rights: Rights): { authorization: string } => ({
  authorization: `Bearer ${keyOf(rights)}`
})

export function createTellingHolders(): Holders {
  const known = new Map<string, Holder>()
  return {
    async find(credential) {
      if (!credential.startsWith('telling.')) return null
      const principal = credential
      let holder = known.get(principal)
      if (holder === undefined) {
        const text = Buffer.from(credential.slice('telling.'.length), 'base64url').toString('utf8')
        const rights = JSON.parse(text) as Rights
        holder = { principal, rights: () => rights, credentials: () => [Buffer.from(credential)] }
        known.set(principal, holder)
      }
      return holder
    },
    byPrincipal: (principal) => known.get(principal) ?? null
  }
}
