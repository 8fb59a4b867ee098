/** What several variables say together. Each pushes what is wrong with them, with the fix. */

import { isIP } from 'node:net'
import type { Broker } from './model.ts'

/** The names are those of the variables; docs/access.md says more. */
export interface OidcConfig {
  issuer: string
  audience: string
  grantsClaim: string
  tenantClaim: string | null
  clockToleranceSeconds: number
  allowHttp: boolean
}

export interface TlsConfig {
  certFile: string
  keyFile: string
  passphrase: string | null
}

/** Of each caller, where it is not said: 1,000 a second are no dashboard and no backend, but a loop. */
export const requestsPerMinuteDefault = 60_000

/** Not said: on loopback the callers are our own. 0: nobody is limited. */
export function toRate(given: number | null, host: string): number | null {
  if (given === null) return isLoopback(host) ? null : requestsPerMinuteDefault
  return given === 0 ? null : given
}

/** Half of it is no HTTP without TLS: somebody wanted TLS. */
export function toTls(
  { certFile, keyFile, passphrase }: Record<'certFile' | 'keyFile' | 'passphrase', string | null>,
  faults: string[]
): TlsConfig | null {
  if (certFile !== null && keyFile !== null) return { certFile, keyFile, passphrase }
  if (certFile !== null)
    faults.push('RIALTO_TLS_CERT_FILE is set, and there is no RIALTO_TLS_KEY_FILE: set both, or neither.')
  else if (keyFile !== null)
    faults.push('RIALTO_TLS_KEY_FILE is set, and there is no RIALTO_TLS_CERT_FILE: set both, or neither.')
  else if (passphrase !== null)
    faults.push(
      'RIALTO_TLS_KEY_PASSPHRASE is set, and there is no RIALTO_TLS_KEY_FILE: set both, or neither.'
    )
  return null
}

/** What stands without an issuer is of no consequence. */
export function toOidc(
  given: { [Name in keyof OidcConfig]: OidcConfig[Name] | null },
  faults: string[]
): OidcConfig | null {
  const { issuer, audience, allowHttp } = given
  if (issuer === null) {
    if (audience !== null)
      faults.push('RIALTO_OIDC_AUDIENCE is set, and there is no RIALTO_OIDC_ISSUER: set both, or neither.')
    return null
  }
  const { protocol, hostname, search, hash, username } = new URL(issuer)
  if (protocol === 'http:' && allowHttp !== true && !isLoopback(hostname.replace(/^\[|\]$/g, '')))
    faults.push(
      'RIALTO_OIDC_ISSUER is an http URL beyond loopback: use https, or RIALTO_OIDC_ALLOW_HTTP=true in a network where ' +
        'nobody can come between.'
    )
  // OpenID Connect Discovery 1.0 section 2
  if (search !== '' || hash !== '' || username !== '')
    faults.push('RIALTO_OIDC_ISSUER has a query, a fragment or a user: give the URL without.')
  if (audience === null)
    faults.push(
      'RIALTO_OIDC_ISSUER is set, and there is no RIALTO_OIDC_AUDIENCE: set it to what tokens for this service have in `aud`.'
    )
  return given as OidcConfig
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || (isIP(host) === 4 && host.startsWith('127.')) || host === '::1'

/** User and password may stand in the URL; they leave it here, so that it can be shown. */
export function toBroker(given: string, secrets: Record<string, string | null>): Broker {
  const address = new URL(given)
  const broker: Record<string, string> = {}
  if (address.username !== '') broker['username'] = decodeURIComponent(address.username)
  if (address.password !== '') broker['password'] = decodeURIComponent(address.password)
  address.username = ''
  address.password = ''
  for (const [name, value] of Object.entries(secrets)) if (value !== null) broker[name] = value
  return { ...broker, url: address.href }
}
