/** The Prefer header (RFC 7240): how long a client wants to wait for the outcome. Pure. */

import { Type } from 'typebox'

export interface Preference {
  /** Seconds to wait at most; null: the client did not say. */
  waitSeconds: number | null
  /** What to answer as Preference-Applied; null: nothing was followed. */
  applied: string | null
}

export const preferHeader = {
  prefer: Type.Optional(
    Type.String({
      description: '`wait=N`: answer with the outcome when it comes within N seconds (RFC 7240)',
      examples: ['wait=10']
    })
  )
}

/** A preference that cannot be read is ignored (RFC 7240 section 2); more than `secondsMax` is that much. */
export function readPrefer(header: string | undefined, secondsMax: number): Preference {
  for (const part of (header ?? '').split(',')) {
    const digits = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(;|$)/i.exec(part)?.[1]
    if (digits === undefined) continue
    const waitSeconds = Math.min(Number(digits), secondsMax)
    return { waitSeconds, applied: `wait=${waitSeconds}` }
  }
  const isAsync = /(^|,)\s*respond-async\s*(;|,|$)/i.test(header ?? '')
  return isAsync ? { waitSeconds: 0, applied: 'respond-async' } : { waitSeconds: null, applied: null }
}
