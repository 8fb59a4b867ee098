/** What an issuer says of itself and its keys, read over HTTP, bounded in size and time. */

import type { JSONWebKeySet, JWK } from 'jose'
import type { Limits } from '../limits.ts'

export type IssuerLimits = Pick<Limits, 'issuerMsMax' | 'issuerDocumentBytesMax'>

/**
 * The keys that an issuer signs with now: its configuration (OpenID Connect Discovery 1.0 section 4, RFC 8414), and the key
 * set that this names (RFC 7517). Throws Error with what went wrong: unreachable, or not what it should be.
 */
export async function readIssuerKeys(
  issuer: string,
  allowHttp: boolean,
  limits: IssuerLimits
): Promise<JSONWebKeySet> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const configuration = await readJson(address, limits)
  // Section 4.3: else any issuer could speak for this one
  if (configuration['issuer'] !== issuer)
    throw new Error(
      `${address} is of another issuer than RIALTO_OIDC_ISSUER, which is to be equal to its \`issuer\``
    )
  const keysAddress = configuration['jwks_uri']
  if (typeof keysAddress !== 'string' || !isSafe(keysAddress, allowHttp))
    throw new Error(`${address} names no jwks_uri that is an https URL`)
  const { keys } = await readJson(keysAddress, limits)
  if (!Array.isArray(keys)) throw new Error(`${keysAddress} is no JSON Web Key Set`)
  return { keys: keys.flatMap(toPublicKey) }
}

/** By https; by http only to this machine, or where that is allowed. */
export function isSafe(address: string, allowHttp: boolean): boolean {
  if (!URL.canParse(address)) return false
  const { protocol, hostname, username, password } = new URL(address)
  if (username !== '' || password !== '') return false
  if (protocol === 'https:') return true
  const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
  return protocol === 'http:' && (allowHttp || loopback)
}

async function readJson(address: string, limits: IssuerLimits): Promise<Record<string, unknown>> {
  const response = await fetch(address, {
    headers: { accept: 'application/json' },
    // To wherever it is: what was checked is this address
    redirect: 'manual',
    signal: AbortSignal.timeout(limits.issuerMsMax)
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`${address} answers ${response.status} instead of 200`)
  }
  let bytes = 0
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > limits.issuerDocumentBytesMax)
      throw new Error(`${address} is longer than ${limits.issuerDocumentBytesMax} bytes`)
    chunks.push(chunk)
  }
  const document: unknown = JSON.parse(Buffer.concat(chunks).toString())
  if (typeof document !== 'object' || document === null) throw new Error(`${address} is no JSON object`)
  return document as Record<string, unknown>
}

const publicMembers = ['kty', 'kid', 'alg', 'use', 'key_ops', 'n', 'e', 'crv', 'x', 'y'] as const
const asymmetric = ['RSA', 'EC', 'OKP']

/** Without what is of no use here, such as certificates, or a private part that somebody published. */
function toPublicKey(key: unknown): JWK[] {
  if (typeof key !== 'object' || key === null || !asymmetric.includes((key as JWK).kty ?? '')) return []
  const members = publicMembers.filter((name) => Object.hasOwn(key, name))
  return [
    Object.fromEntries(
      members.map((name) => [name, (key as Record<string, unknown>)[name]])
    ) as unknown as JWK
  ]
}
