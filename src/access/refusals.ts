/** Tells whoever runs the service of those who were refused since they are not known: how many, and from where. */

import type { Logger } from 'pino'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Stats } from '../stats.ts'
import type { Authenticator } from './access.ts'

export interface Refusals {
  /** The same, and whoever it refuses as `unauthenticated` is counted. */
  noting(authenticator: Authenticator): Authenticator
  /** What was not told yet is told now. */
  close(): void
}

/**
 * Each is counted. A line of the log tells of all since the line before, at most one in `refusalsToldMs`: whoever wanted to
 * fill the log could, else. What they sent is in none: it may be somebody's key with a letter too many.
 */
export function createRefusals(parts: {
  stats: Pick<Stats, 'unauthenticated'>
  limits: Pick<Limits, 'refusalsToldMs' | 'refusalAddressesMax'>
  log: Pick<Logger, 'info'>
}): Refusals {
  const { stats, limits, log } = parts
  let count = 0
  const addresses = new Map<string, number>()
  let pause: NodeJS.Timeout | null = null

  function note(address: string): void {
    stats.unauthenticated++
    count++
    const before = addresses.get(address)
    if (before !== undefined || addresses.size < limits.refusalAddressesMax)
      addresses.set(address, (before ?? 0) + 1)
    if (pause === null) tellAndPause()
  }

  function tell(): boolean {
    if (count === 0) return false
    log.info({ count, addresses: Object.fromEntries(addresses) }, 'Refused who is not known')
    count = 0
    addresses.clear()
    return true
  }

  function tellAndPause(): void {
    pause = tell() ? setTimeout(tellAndPause, limits.refusalsToldMs).unref() : null
  }

  async function noted<T>(asked: Promise<T>, address = 'unknown'): Promise<T> {
    try {
      return await asked
    } catch (error) {
      if (error instanceof Problem && error.code === 'unauthenticated') note(address)
      throw error
    }
  }

  return {
    noting: (authenticator) => ({
      ...authenticator,
      authenticate: (authorization, address) =>
        noted(authenticator.authenticate(authorization, address), address),
      readTicket: (ticket, address) => noted(authenticator.readTicket(ticket, address), address)
    }),
    close() {
      if (pause !== null) clearTimeout(pause)
      tell()
    }
  }
}
