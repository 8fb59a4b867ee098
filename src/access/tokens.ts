/** Tokens (JWT, RFC 7519) of an OpenID Connect issuer: who sends one is who it says, and may what it says, until it ends. */

import { createHash } from 'node:crypto'
import type { JWTPayload } from 'jose'
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose'
import { Problem } from '../errors.ts'
import type { Rights } from '../grant.ts'
import { grantText, parseGrant } from '../grant.ts'
import type { Millis } from '../model.ts'
import type { Holder, Holders } from './access.ts'
import type { IssuerParts } from './issuer.ts'
import { createIssuer } from './issuer.ts'
import type { ClaimLimits, ClaimNames } from './token-claims.ts'
import { readClaims } from './token-claims.ts'
import { createTokenEnds } from './token-ends.ts'

export interface TokenSettings {
  /** As its configuration and its tokens name it, to the letter. */
  issuer: string
  /** What tokens for this service have in `aud`. */
  audience: string
  grantsClaim: string
  /** null: tokens have no tenant. */
  tenantClaim: string | null
  /** By how much the clocks may differ: 0 to 300. */
  clockToleranceSeconds: number
  /** The issuer may be asked by plain http, also beyond this machine. */
  allowHttp: boolean
}

export interface Tokens extends Holders {
  close(): void
}

interface TokenParts {
  settings: TokenSettings
  limits: IssuerParts['limits'] &
    ClaimLimits &
    Record<'tokenBytesMax' | 'tokensRememberedMax' | 'tokenEndsMs', number>
  log: IssuerParts['log']
}

/** Signatures that only the issuer can make: nobody who knows its public keys can. */
const algorithms = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ')

/** `at+jwt` is RFC 9068's. What else has a type of its own, such as a logout token, is no access token. */
const types = ['jwt', 'at+jwt', 'application/at+jwt']

/** What a verified token comes to; a ticket carries it, too, with its grants as texts: it is then no longer than the token. */
interface Verified {
  subject: string
  rights: Rights
  endsAt: Millis
  /** Thumbprint of the key that it is signed with. */
  key: string
}

type Carried = [subject: string, endsAt: Millis, key: string, tenant: string | null, ...grants: string[]]

/** What a Holder of a token is, beyond that. */
type TokenHolder = Holder & { ended: AbortSignal; expiresAt: Millis }

export function createTokens({ settings, limits, log }: TokenParts): Tokens {
  const ends = createTokenEnds(limits.tokenEndsMs)
  const issuer = createIssuer({
    ...settings,
    onChange: ends.look,
    limits,
    log
  })
  const names: ClaimNames = { grants: settings.grantsClaim, tenant: settings.tenantClaim }
  const toleranceMs = settings.clockToleranceSeconds * 1_000
  // Tickets are of this issuer and this audience: with others, nobody is who they were
  const sealedWith = digest(JSON.stringify([settings.issuer, settings.audience, names]))
  /** By digest, the least recently used first. */
  const remembered = new Map<string, TokenHolder>()

  function toHolder({ subject, rights, endsAt, key }: Verified): TokenHolder {
    return {
      principal: `oidc:${subject}`,
      rights: () => rights,
      credentials: () => [sealedWith],
      expiresAt: endsAt,
      ended: ends.signal(endsAt, () => !issuer.has(key)),
      carried: () =>
        JSON.stringify([
          subject,
          endsAt,
          key,
          rights.tenant,
          ...rights.grants.map(grantText)
        ] satisfies Carried)
    }
  }

  function recall(id: string): TokenHolder | null {
    const holder = remembered.get(id)
    if (holder === undefined) return null
    remembered.delete(id)
    // An aborted one may be of a key that is gone; it is verified anew, which tells why
    if (holder.ended.aborted || Date.now() >= holder.expiresAt) return null
    remembered.set(id, holder)
    return holder
  }

  function remember(id: string, holder: TokenHolder): TokenHolder {
    remembered.set(id, holder)
    if (remembered.size > limits.tokensRememberedMax) remembered.delete(remembered.keys().next().value!)
    return holder
  }

  async function verify(token: string): Promise<Verified> {
    checkBeforehand(token, settings.issuer)
    const { payload, key } = await jwtVerify(token, issuer.keyOf, {
      algorithms,
      issuer: settings.issuer,
      audience: settings.audience,
      requiredClaims: ['exp', 'sub'],
      clockTolerance: settings.clockToleranceSeconds
    })
    const { exp, iat } = payload
    if (iat !== undefined && iat * 1_000 > Date.now() + toleranceMs) throw bad(notYet)
    const read = readClaims(payload, names, limits)
    if ('fault' in read) throw bad(`This token is not good here: ${read.fault}`)
    return { ...read, endsAt: Math.ceil(exp!) * 1_000 + toleranceMs, key: await issuer.thumbprintOf(key) }
  }

  return {
    async find(credential) {
      if (!isToken(credential)) return null
      if (credential.length > limits.tokenBytesMax)
        throw bad(`A token has at most ${limits.tokenBytesMax} bytes: have fewer claims put into it`)
      const id = digest(credential).toString('base64')
      const known = recall(id)
      if (known !== null) return known
      const verified = await verify(credential).catch((error: unknown) => {
        throw error instanceof Problem ? error : bad(faultOf(error))
      })
      // Meanwhile the issuer may have taken the key back, or somebody else may have come with the same token
      if (!issuer.has(verified.key)) throw bad(otherKey)
      return recall(id) ?? remember(id, toHolder(verified))
    },
    // Only their tokens tell what they may, so while they are away nobody knows
    byPrincipal: () => null,
    carrier: {
      credential: sealedWith,
      restore(text) {
        const [subject, endsAt, key, tenant, ...grants] = JSON.parse(text) as Carried
        const rights = { grants: grants.map(parseGrant), tenant }
        return issuer.has(key) ? toHolder({ subject, rights, endsAt, key }) : null
      }
    },
    close() {
      ends.close()
      issuer.close()
    }
  }
}

const isToken = (credential: string): boolean => /^[\w-]+\.[\w-]*\.[\w-]*$/.test(credential)

/** What needs no key, so that nonsense does not have the issuer asked. */
function checkBeforehand(token: string, issuer: string): void {
  const { alg, typ }: { alg?: unknown; typ?: unknown } = decode(() => decodeProtectedHeader(token))
  if (!algorithms.includes(String(alg))) throw bad(otherAlgorithm)
  if (typ !== undefined && !types.includes(String(typ).toLowerCase()))
    throw bad('This is no access token, as its `typ` says')
  const claims: JWTPayload = decode(() => decodeJwt(token))
  if (claims.iss !== issuer) throw bad('This token is of another issuer')
}

function decode<T>(read: () => T): T {
  try {
    return read()
  } catch {
    throw bad('This is no token (JWT)')
  }
}

const otherAlgorithm = `This token is not signed with one of ${algorithms.join(', ')}`
const otherKey =
  'This token is not signed with a key that the issuer publishes now: get a new one from the issuer'
const notYet = 'This token is not good yet: compare the clocks of the issuer and of this service'

/** Keys that the issuer publishes and that are none make errors that are not jose's. */
function faultOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'This token has expired: get a new one from the issuer'
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') return 'This token is for another audience: get one for this service'
    if (error.claim === 'iss') return 'This token is of another issuer'
    if (error.claim === 'nbf' && error.reason === 'check_failed') return notYet
    return 'This token is not good here: `exp` and `sub` are required, and times are numbers'
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return otherAlgorithm
  if (
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  )
    return otherKey
  return 'This is no token that is good here'
}

const bad = (detail: string): Problem => new Problem('unauthenticated', detail)

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
