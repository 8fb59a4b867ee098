/** Tokens of a test's issuer, as the service takes them. */

import type { Authenticator } from '../../src/access/access.ts'
import { createAuthenticator } from '../../src/access/access.ts'
import type { TokenSettings, Tokens } from '../../src/access/tokens.ts'
import { createTokens } from '../../src/access/tokens.ts'
import type { Problem } from '../../src/errors.ts'
import type { Limits } from '../../src/limits.ts'
import { defaultLimits } from '../../src/limits.ts'
import { atEnd } from './cleanup.ts'
import { silent } from './database.ts'
import type { TestIssuer } from './issuer.ts'

export interface TestTokens {
  tokens: Tokens
  authenticator: Authenticator
}

export function takeTokens(
  issuer: Pick<TestIssuer, 'url' | 'audience'>,
  given: { settings?: Partial<TokenSettings>; limits?: Partial<Limits>; tokenKey?: Uint8Array } = {}
): TestTokens {
  const limits = { ...defaultLimits, ...given.limits }
  const settings: TokenSettings = {
    issuer: issuer.url,
    audience: issuer.audience,
    grantsClaim: 'rialto',
    tenantClaim: null,
    clockToleranceSeconds: 5,
    allowHttp: false,
    ...given.settings
  }
  const tokens = createTokens({ settings, limits, log: silent })
  atEnd(() => tokens.close())
  const tokenKey = given.tokenKey ?? Buffer.alloc(32, 7)
  return {
    tokens,
    authenticator: createAuthenticator({
      apiKey: null,
      anonymous: false,
      holders: [tokens],
      tokenKey,
      limits
    })
  }
}

/** What it was refused with: `code: detail`; `none`, if it was not. */
export async function refusalOf(answer: Promise<unknown>): Promise<string> {
  try {
    await answer
    return 'none'
  } catch (error) {
    const { code, message } = error as Problem
    return `${code}: ${message}`
  }
}
