/**
 * How often a caller may ask: each principal, and, where nobody is known, each address. One count for all surfaces of this
 * instance.
 */

import ipaddr from 'ipaddr.js'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access } from '../model.ts'
import type { Authenticator } from './access.ts'

export interface Rates {
  /** The same, and who asks too often is refused: Problem too_many_requests. */
  limiting(authenticator: Authenticator): Authenticator
  /** Another operation of somebody who is known: on a connection that stays. Throws Problem too_many_requests. */
  count(access: Access): void
}

/** What is left of the window in which an access was counted. */
interface Told {
  limit: number
  remaining: number
  resetSeconds: number
}

const told = new WeakMap<Access, Told>()

/** `RateLimit-Limit`, `-Remaining` and `-Reset` (draft-ietf-httpapi-ratelimit-headers-07); none where nothing is limited. */
export const rateHeadersOf = (access: Access): Record<string, string> => toHeaders(told.get(access))

const toHeaders = (one: Told | undefined): Record<string, string> =>
  one === undefined
    ? {}
    : {
        'ratelimit-limit': String(one.limit),
        'ratelimit-remaining': String(one.remaining),
        'ratelimit-reset': String(one.resetSeconds)
      }

/** `perMinute`: requests of each; null: as many as they like. */
export function createRates(
  perMinute: number | null,
  limits: Pick<Limits, 'unauthenticatedPerMinuteMax' | 'rateCallersMax' | 'rateWindowMs'>,
  now: () => number = () => performance.now()
): Rates {
  if (perMinute === null) return { limiting: (authenticator) => authenticator, count: () => {} }
  const { rateCallersMax, rateWindowMs } = limits
  const known = createWindows({ max: perMinute, windowMs: rateWindowMs, callersMax: rateCallersMax, now })
  const unknown = createWindows({
    max: Math.min(perMinute, limits.unauthenticatedPerMinuteMax),
    windowMs: rateWindowMs,
    callersMax: rateCallersMax,
    now
  })

  function count(access: Access): void {
    // Everybody is `anonymous` where no key is needed
    const who =
      access.principal === 'anonymous' && access.address !== undefined
        ? networkOf(access.address)
        : access.principal
    told.set(access, known(who))
  }

  async function admit(address: string | undefined, known_: () => Promise<Access>): Promise<Access> {
    const access = await known_().catch((error: unknown) => {
      // Keys have 256 bits, and are not guessed: who has one is let in, whatever others at the same address try
      if (error instanceof Problem && error.code === 'unauthenticated' && address !== undefined)
        unknown(networkOf(address))
      throw error
    })
    count(access)
    return access
  }

  return {
    count,
    limiting: (authenticator) => ({
      ...authenticator,
      authenticate: (authorization, address) =>
        admit(address, () => authenticator.authenticate(authorization, address)),
      readTicket: (ticket, address) => admit(address, () => authenticator.readTicket(ticket, address))
    })
  }
}

/** An address of IPv4, or the /64 of IPv6 that one client has to itself (RFC 4291 section 2.5.4). */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address) // ::ffff:1.2.3.4 is 1.2.3.4
  if (parsed.kind() === 'ipv4') return parsed.toString()
  const parts = (parsed as ipaddr.IPv6).parts.slice(0, 4)
  return `${parts.map((part) => part.toString(16)).join(':')}::/64`
}

/**
 * Counts in windows, which begin for each caller with its first request. Of `callersMax`, those that asked last are kept; one that was
 * forgotten begins anew, so that a flood of addresses costs a bounded amount of memory, and nobody else a request.
 */
function createWindows(options: {
  max: number
  windowMs: number
  callersMax: number
  now: () => number
}): (caller: string) => Told {
  const { max, windowMs, callersMax, now } = options
  const windows = new Map<string, { endsAt: number; count: number }>()

  return (caller) => {
    const at = now()
    const open = windows.get(caller)
    const window = open !== undefined && open.endsAt > at ? open : { endsAt: at + windowMs, count: 0 }
    windows.delete(caller)
    windows.set(caller, window)
    if (windows.size > callersMax) windows.delete(windows.keys().next().value!)
    window.count++
    const one = {
      limit: max,
      remaining: Math.max(0, max - window.count),
      resetSeconds: Math.max(1, Math.ceil((window.endsAt - at) / 1000))
    }
    if (window.count > max) throw tooMany(one)
    return one
  }
}

const tooMany = (one: Told): Problem =>
  new Problem(
    'too_many_requests',
    `At most ${one.limit} requests a minute; ask again in ${one.resetSeconds} seconds`,
    [],
    { headers: { ...toHeaders(one), 'retry-after': String(one.resetSeconds) } }
  )
