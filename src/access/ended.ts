/** What ends with whoever asks. */

import { Problem } from '../errors.ts'
import type { Access } from '../model.ts'

export const isOver = ({ ended }: Pick<Access, 'ended'>): boolean => ended?.aborted === true

/** Told to whoever asks when it is over, in place of what was to come. */
export const overProblem = (): Problem =>
  new Problem(
    'unauthenticated',
    'The key or token is over: it was revoked, or has expired. Go on with another one'
  )

/** Throws Problem unauthenticated. */
export function checkNotOver(access: Pick<Access, 'ended'>): void {
  if (isOver(access)) throw overProblem()
}

/** Aborts with the first of these, or when it is over. */
export const withEnd = ({ ended }: Pick<Access, 'ended'>, ...signals: AbortSignal[]): AbortSignal =>
  AbortSignal.any(ended === undefined ? signals : [...signals, ended])
