/**
 * Where webhooks may be sent: to public addresses. What a name resolves to is looked at when the connection is made, and
 * the connection goes to that very address, so that a name which resolves to another one a moment later gains nothing.
 */

import type { LookupAddress, LookupAllOptions, LookupOptions } from 'node:dns'
import { isIP } from 'node:net'
import type { LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'

/** As node:dns has it. */
export type Resolve = (
  name: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void
) => void

/** Nothing is sent there; the message says why, and may be shown. */
export class RefusedUrlError extends Error {
  override name = 'RefusedUrlError'
}

/** What is given to networks of anybody (IANA, IPv6 Global Unicast Address Assignments). */
const globalUnicast: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3]

/**
 * Whether an IP address, IPv4 or IPv6, is one of the public internet: none that is loopback, private, link-local, shared,
 * multicast, reserved or translated (IANA's registries of special-purpose addresses). An IPv4 address within IPv6 is
 * none either, whatever it is: nobody has it by a name of his.
 */
export function isPublic(address: string): boolean {
  // RFC 4007 section 11: what has a zone is not global
  if (isIP(address) === 0 || address.includes('%')) return false
  const parsed = ipaddr.parse(address)
  if (parsed.range() !== 'unicast') return false
  return parsed.kind() === 'ipv4' || parsed.match(globalUnicast)
}

/** The address that the host of a URL is; null: it is a name. */
export function addressOf(url: URL): string | null {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  return isIP(host) === 0 ? null : host
}

export const notPublic = (): RefusedUrlError => new RefusedUrlError('its address is not public')

/** For `connect`: resolves to the public addresses of a name, or fails with RefusedUrlError where it has none. */
export const publicLookup =
  (resolve: Resolve): LookupFunction =>
  (name, options: LookupOptions, callback) => {
    resolve(name, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, [])
      const allowed = addresses.filter(({ address }) => isPublic(address))
      const [first] = allowed
      if (first === undefined) return callback(notPublic(), [])
      if (options.all === true) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
  }
