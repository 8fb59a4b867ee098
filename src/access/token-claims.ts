/** What the claims of a verified token come to. Pure. */

import type { Grant, Rights } from '../grant.ts'
import { parseGrant, rightsFaults } from '../grant.ts'
import type { Limits } from '../limits.ts'

export interface ClaimNames {
  grants: string
  /** null: tokens have no tenant. */
  tenant: string | null
}

export type ClaimLimits = Pick<
  Limits,
  'grantsMax' | 'topicLevelsMax' | 'nameBytesMax' | 'tokenSubjectBytesMax'
>

/** `fault`: why a token with these claims is good for nothing; without values of it. */
export type ReadClaims = { subject: string; rights: Rights } | { fault: string }

/**
 * A claim holds grants as an array of texts, or as one text with spaces between them (as `scope` has it, RFC 8693 section 4.2).
 * Texts that are no grant are for others: they grant nothing.
 */
export function readClaims(claims: object, names: ClaimNames, limits: ClaimLimits): ReadClaims {
  const subject = Object.hasOwn(claims, 'sub') ? (claims as { sub?: unknown }).sub : undefined
  if (typeof subject !== 'string' || !isSubject(subject, limits))
    return {
      fault: `it has no \`sub\` of 1 to ${limits.tokenSubjectBytesMax} bytes without control characters`
    }
  if (Object.hasOwn(claims, 'cnf'))
    return {
      fault: 'it is bound to a key of its sender (`cnf`), which is not checked here: get one that is not'
    }
  const tenant = names.tenant === null ? null : claimAt(claims, names.tenant)
  if (
    tenant !== null &&
    (typeof tenant !== 'string' || rightsFaults({ grants: [], tenant }, limits).length > 0)
  )
    return { fault: `its claim \`${names.tenant}\` is no tenant` }
  const grants = textsOf(claimAt(claims, names.grants)).flatMap((text) => toGrant(text, tenant, limits))
  if (grants.length > limits.grantsMax) return { fault: `it has more than ${limits.grantsMax} grants` }
  return { subject, rights: { grants, tenant } }
}

const isSubject = (subject: string, limits: ClaimLimits): boolean =>
  subject !== '' &&
  Buffer.byteLength(subject) <= limits.tokenSubjectBytesMax &&
  subject.isWellFormed() &&
  // oxlint-disable-next-line no-control-regex
  !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/u.test(subject)

/**
 * By its name as it is, which may be a URL, or by names with dots between them, such as `realm_access.roles`; each may have dots
 * itself.
 */
export function claimAt(claims: unknown, name: string): unknown {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return undefined
  const members = claims as Record<string, unknown>
  if (Object.hasOwn(members, name)) return members[name]
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
    const outer = name.slice(0, dot)
    const found = Object.hasOwn(members, outer) ? claimAt(members[outer], name.slice(dot + 1)) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

const textsOf = (claim: unknown): string[] => {
  const items: unknown[] = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : []
  return [...new Set(items.filter((item) => typeof item === 'string'))]
}

function toGrant(text: string, tenant: string | null, limits: ClaimLimits): Grant[] {
  try {
    const grant = parseGrant(text)
    return rightsFaults({ grants: [grant], tenant }, limits).length === 0 ? [grant] : []
  } catch {
    return []
  }
}
