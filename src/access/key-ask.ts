/** What a client asks of a key, on every surface. Pure. */

import { Problem } from '../errors.ts'
import type { ProblemDetail } from '../errors.ts'
import type { Grant, Role } from '../grant.ts'
import { rightsFaults } from '../grant.ts'
import type { KeySettings } from '../key.ts'
import type { Limits } from '../limits.ts'
import type { Millis } from '../model.ts'
import { readRfc3339 } from '../rfc3339.ts'

/** Of `topic` and `device`, one; of the role admin, none. null is as if it were absent. */
export interface GrantAsk {
  role: Role
  topic?: string | null | undefined
  device?: string | null | undefined
}

/** What is absent stays, or is the default: no tenant, and no end. */
export interface KeyChangeAsk {
  name?: string | undefined
  grants?: readonly GrantAsk[] | undefined
  /** null: none. */
  tenant?: string | null | undefined
  /** RFC 3339; null: never. */
  expiresAt?: string | null | undefined
  /** From now on, instead of `expiresAt`: 1 to `keySecondsMax`. */
  expiresInSeconds?: number | null | undefined
}

export type KeyCreateAsk = KeyChangeAsk & { name: string; grants: readonly GrantAsk[] }

type KeyLimits = Pick<
  Limits,
  'grantsMax' | 'topicLevelsMax' | 'nameBytesMax' | 'keyNameCharsMax' | 'keyGrantsBytesMax' | 'keySecondsMax'
>

/** `before`: what is absent stays as it is there. Throws Problem invalid_value, with a pointer for each fault. */
export function readKeyAsk(
  ask: KeyChangeAsk,
  before: KeySettings,
  limits: KeyLimits,
  now: Millis
): KeySettings {
  const faults: ProblemDetail[] = []
  const name = ask.name ?? before.name
  const nameFault = ask.name === undefined ? null : faultOfName(name, limits.keyNameCharsMax)
  if (nameFault !== null) faults.push({ pointer: '/name', detail: nameFault })
  const grants = ask.grants === undefined ? before.grants : readGrants(ask.grants, faults)
  const tenant = ask.tenant === undefined ? before.tenant : ask.tenant
  if (faults.length === 0) faults.push(...rightsFaults({ grants, tenant }, limits))
  const bytes = Buffer.byteLength(JSON.stringify(grants))
  if (bytes > limits.keyGrantsBytesMax)
    faults.push({
      pointer: '/grants',
      detail: `All grants together have at most ${limits.keyGrantsBytesMax} bytes of JSON`
    })
  const expiresAt = readEnd(ask, before, faults, { limits, now })
  if (faults.length > 0) {
    const detail = faults.map((fault) => `${fault.pointer}: ${fault.detail}`).join('; ')
    throw new Problem('invalid_value', detail, faults)
  }
  return { name, grants, tenant, expiresAt }
}

function faultOfName(name: string, max: number): string | null {
  if (name.trim() === '') return 'a key has a name, by which people know it'
  if (name.length > max) return `a name has at most ${max} characters`
  return isStorable(name) ? null : 'a name has no control characters, and is whole Unicode'
}

/** Without repetitions. */
function readGrants(asks: readonly GrantAsk[], faults: ProblemDetail[]): Grant[] {
  const grants = asks.flatMap(({ role, topic = null, device = null }, index): Grant[] => {
    const refuse = (detail: string): [] => {
      faults.push({ pointer: `/grants/${index}`, detail })
      return []
    }
    if (role === 'admin')
      return topic === null && device === null
        ? [{ role }]
        : refuse('the role admin is for everything: leave topic and device out')
    if ((topic === null) === (device === null))
      return refuse('a grant of this role is for a topic filter or a device: give `topic` or `device`')
    if (!isStorable((topic ?? device)!)) return refuse('there are no control characters in names')
    return [topic === null ? { role, device: device! } : { role, topic }]
  })
  return [...new Map(grants.map((grant) => [JSON.stringify(grant), grant])).values()]
}

function readEnd(
  { expiresAt, expiresInSeconds }: KeyChangeAsk,
  before: KeySettings,
  faults: ProblemDetail[],
  { limits, now }: { limits: KeyLimits; now: Millis }
): Millis | null {
  const max = limits.keySecondsMax
  const refuse = (pointer: string, detail: string): null => {
    faults.push({ pointer, detail })
    return null
  }
  if (expiresInSeconds != null) {
    if (expiresAt != null) return refuse('/expiresInSeconds', 'does not go with expiresAt: give one of them')
    if (!(Number.isInteger(expiresInSeconds) && expiresInSeconds >= 1 && expiresInSeconds <= max))
      return refuse('/expiresInSeconds', `must be 1 to ${max} seconds`)
    return now + expiresInSeconds * 1_000
  }
  if (expiresAt === undefined) return before.expiresAt
  if (expiresAt === null) return null
  const at = readRfc3339(expiresAt)
  if (at === null) return refuse('/expiresAt', 'must be a time as in 2027-01-31T12:00:00Z')
  if (at <= now) return refuse('/expiresAt', 'is over already: to end a key, revoke it')
  if (at > now + max * 1_000) return refuse('/expiresAt', `must be within ${max} seconds from now`)
  return Math.floor(at)
}

/** Terminals and logs show it as it is, and the database takes it. */
const isStorable = (text: string): boolean => text.isWellFormed() && !/\p{Cc}/u.test(text)
