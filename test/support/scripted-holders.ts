/** Somebody who is known by credentials, and whose grants and end a test decides. */

import { createHash } from 'node:crypto'
import type { Holder, Holders } from '../../src/access/access.ts'
import { Problem } from '../../src/errors.ts'
import type { Grant, Rights } from '../../src/grant.ts'
import type { Millis } from '../../src/model.ts'

export interface ScriptedHolder {
  authorization: { authorization: string }
  /** From now on. */
  grant(...grants: Grant[]): void
  end(): void
  /** Of what ends with it. */
  ended: AbortSignal
}

export interface ScriptedHolders extends Holders {
  /** Whoever sends this credential is `principal`, until its end; several may be of one. */
  add(
    principal: string,
    credential: string,
    grants: Grant[],
    more?: { expiresAt?: Millis; tenant?: string }
  ): ScriptedHolder
  /** Before anybody is found. */
  before: (credential: string) => Promise<void>
}

export const reads = (...topics: string[]): Grant[] => topics.map((topic) => ({ role: 'read', topic }))

export function createScriptedHolders(): ScriptedHolders {
  const known = new Map<string, Holder>()
  const holders: ScriptedHolders = {
    before: async () => {},
    add(principal, credential, grants, { expiresAt, tenant = null } = {}) {
      let rights: Rights = { grants, tenant }
      const over = new AbortController()
      known.set(credential, {
        principal,
        rights: () => rights,
        credentials: () => [createHash('sha256').update(credential).digest()],
        ended: over.signal,
        ...(expiresAt !== undefined && { expiresAt })
      })
      return {
        authorization: { authorization: `Bearer ${credential}` },
        grant: (...next) => void (rights = { grants: next, tenant }),
        end: () => over.abort(),
        ended: over.signal
      }
    },
    async find(credential) {
      await holders.before(credential)
      const holder = known.get(credential) ?? null
      if (holder?.ended?.aborted === true) throw new Problem('unauthenticated', 'It is over')
      return holder
    },
    byPrincipal: (principal) =>
      [...known.values()].find((one) => one.principal === principal && one.ended?.aborted !== true) ?? null
  }
  return holders
}
