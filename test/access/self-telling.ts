/** Keys that say themselves what they are granted: so that a test has as many as it likes, on any instance. */

import type { Holder, Holders } from '../../src/access/access.ts'
import type { Rights } from '../../src/grant.ts'

interface Told extends Rights {
  /** Not given: the key itself. */
  principal?: string
}

export const keyOf = (told: Told): string =>
  `telling.${Buffer.from(JSON.stringify(told)).toString('base64url')}`

export const headersOf = (told: Told): { authorization: string } => ({
  authorization: `Bearer ${keyOf(told)}`
})

export function createTellingHolders(): Holders {
  const known = new Map<string, Holder>()
  return {
    async find(credential) {
      if (!credential.startsWith('telling.')) return null
      let holder = known.get(credential)
      if (holder === undefined) {
        const text = Buffer.from(credential.slice('telling.'.length), 'base64url').toString('utf8')
        const { principal = credential, ...rights } = JSON.parse(text) as Told
        holder = { principal, rights: () => rights, credentials: () => [Buffer.from(credential)] }
        known.set(credential, holder)
      }
      return holder
    },
    byPrincipal: (principal) => known.get(principal) ?? null
  }
}
