/** Who asks over a WebSocket: known from the first message on, and exchanged for a newer credential by later ones. */

import type { FastifyBaseLogger } from 'fastify'
import type { Authenticator } from '../access/access.ts'
import { checkNotOver } from '../access/ended.ts'
import type { RenewableAccess } from '../access/renewable.ts'
import { createRenewableAccess } from '../access/renewable.ts'
import type { ProblemCode } from '../errors.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access } from '../model.ts'
import { toTimeOrNull } from '../views.ts'
import { toProblem } from './errors.ts'

/** What a client is told of a credential that it sent to replace the one before. */
export type Renewal =
  | { principal: string; expiresAt: string | null }
  /** Nothing has changed. */
  | { code: ProblemCode; detail: string }

export interface SocketAccess {
  /** The same for as long as the connection lives; null: not known yet. */
  current(): RenewableAccess['access'] | null
  /** Throws Problem of `authenticate` or of `check`, and when the connection was closed meanwhile. */
  begin(authorization: string | undefined, check: (access: Access) => void): Promise<void>
  /** Credentials count in the order in which they came; at most `renewalsWaitingMax` wait. */
  renew(authorization: unknown): Promise<Renewal>
  close(): void
}

export function createSocketAccess(parts: {
  authenticator: Authenticator
  limits: Pick<Limits, 'renewalsWaitingMax'>
  address: string
  log: FastifyBaseLogger
}): SocketAccess {
  const { authenticator, limits, address, log } = parts
  let renewable: RenewableAccess | null = null
  let closed = false
  let waiting = 0
  let before: Promise<unknown> = Promise.resolve()

  async function exchange(authorization: unknown): Promise<Renewal> {
    if (typeof authorization !== 'string') throw new Problem('invalid_value', '`authorization` is a string')
    if (renewable === null) throw new Problem('unauthenticated', 'Send connection_init first')
    renewable.renew(await authenticator.authenticate(authorization, address))
    const { principal, expiresAt = null } = renewable.access
    return { principal, expiresAt: toTimeOrNull(expiresAt) }
  }

  return {
    current: () => renewable?.access ?? null,
    async begin(authorization, check) {
      const access = await authenticator.authenticate(authorization, address)
      check(access)
      checkNotOver(access)
      if (closed) throw new Problem('unauthenticated', 'The connection was closed')
      renewable = createRenewableAccess(access)
    },
    async renew(authorization) {
      if (waiting >= limits.renewalsWaitingMax)
        return { code: 'too_many_requests', detail: 'Others that were sent before are still looked at' }
      waiting++
      const own = before.then(() => exchange(authorization))
      before = own.catch(() => {})
      try {
        return await own
      } catch (error) {
        const { code, message } = toProblem(error, log)
        return { code, detail: message }
      } finally {
        waiting--
      }
    },
    close() {
      closed = true
      renewable?.close()
    }
  }
}
