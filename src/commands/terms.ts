/** Reads the terms of a command, which are the same on every surface. Pure. */

import type { Awaits, CommandCondition, Delivery } from '../command.ts'
import type { ResponseAsk, Terms } from '../command-ask.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { readRfc3339 } from '../rfc3339.ts'

/** As a client gives them: null and absent are the same. */
export interface TermsInput {
  delivery?: Delivery | null
  /** RFC 3339. */
  notBefore?: string | null
  expiresInSeconds?: number | null
  timeoutSeconds?: number | null
  awaits?: Awaits | null
  expect?: { filter: string; where: string } | null
  /** From headers or arguments of their own. */
  condition?: CommandCondition | null
}

type TermsLimits = Pick<Limits, 'commandExpirySecondsMax' | 'commandTimeoutSecondsMax'>

/** Throws Problem invalid_value. What depends on who asks, and on the time, is for requests.ts. */
export function readTerms(input: TermsInput, limits: TermsLimits): Terms {
  const { notBefore = null, expect = null, condition = null } = input
  return {
    delivery: input.delivery ?? 'atLeastOnce',
    notBefore: notBefore === null ? null : readTime(notBefore),
    expiresInSeconds: readSeconds(input.expiresInSeconds, 'expiresInSeconds', limits.commandExpirySecondsMax),
    timeoutSeconds: readSeconds(input.timeoutSeconds, 'timeoutSeconds', limits.commandTimeoutSecondsMax),
    awaits: input.awaits ?? null,
    expect: expect && { filter: expect.filter, where: expect.where },
    condition
  }
}

/** As a client says how a response is known; null and absent are the same. */
export interface ResponseInput {
  filter?: string | null
  where?: string | null
  ok?: string | null
}

export const readResponse = (input: ResponseInput | null | undefined): ResponseAsk | null =>
  input == null ? null : { filter: input.filter ?? null, where: input.where ?? null, ok: input.ok ?? null }

/** A fraction of a millisecond is rounded up: not before is not before. */
function readTime(text: string): number {
  const at = readRfc3339(text)
  if (at === null)
    throw refuse('/notBefore', 'must be a time as RFC 3339 writes it, such as 2026-03-14T09:26:53.589Z')
  return Math.ceil(at)
}

function readSeconds(seconds: number | null | undefined, name: string, max: number): number | null {
  if (seconds == null) return null
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > max)
    throw refuse(`/${name}`, `must be a whole number of seconds, 1 to ${max}`)
  return seconds
}

const refuse = (pointer: string, detail: string): Problem =>
  new Problem('invalid_value', `${pointer} ${detail}`, [{ pointer, detail }])
