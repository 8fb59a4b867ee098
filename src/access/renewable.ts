/**
 * An access that can be exchanged for a newer one of the same principal while streams run for it: a token is refreshed, a
 * key is rotated, and nobody connects again.
 */

import { Problem } from '../errors.ts'
import type { Access } from '../model.ts'
import { checkNotOver } from './ended.ts'

export interface RenewableAccess {
  /** What is asked of it is asked of the newest; it ends when the newest does. */
  access: Access & { ended: AbortSignal }
  /**
   * From now on, `next` is the newest. Throws Problem unauthenticated where it, or all of it before, is over, and forbidden
   * where it is of another principal; then nothing has changed.
   */
  renew(next: Access): void
  /** Nobody waits for its end any more. */
  close(): void
}

export function createRenewableAccess(first: Access): RenewableAccess {
  const over = new AbortController()
  let newest = first
  const end = (): void => over.abort()

  function follow(): void {
    if (newest.ended?.aborted === true) end()
    else newest.ended?.addEventListener('abort', end, { once: true })
  }
  const close = (): void => newest.ended?.removeEventListener('abort', end)

  follow()
  const { principal, address } = first
  return {
    access: {
      principal,
      mayRead: (topic) => newest.mayRead(topic),
      mayPublish: (topic) => newest.mayPublish(topic),
      mayReadDevice: (...asked) => newest.mayReadDevice?.(...asked) === true,
      mayCommandDevice: (...asked) => newest.mayCommandDevice?.(...asked) === true,
      get readsAll() {
        return newest.readsAll
      },
      get administers() {
        return newest.administers
      },
      get expiresAt() {
        return newest.expiresAt
      },
      get rights() {
        return newest.rights ?? newest
      },
      ...(address !== undefined && { address }),
      ended: over.signal
    },
    renew(next) {
      checkNotOver({ ended: over.signal })
      checkNotOver(next)
      if (next.principal !== principal)
        throw new Problem('forbidden', `This is of somebody else than ${principal}: connect anew with it`)
      close()
      newest = next
      follow()
    },
    close
  }
}
