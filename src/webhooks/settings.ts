/** What a webhook may be. Pure. */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { readPredicate } from '../predicate/predicate.ts'
import type { PredicateLimits } from '../predicate/scanner.ts'
import type { WebhookSettings } from '../store/webhook-rows.ts'
import { filterFault } from '../topic.ts'
import type { EventType } from '../views.ts'
import { addressOf, isPublic } from './addresses.ts'

/**
 * Types of events that are sent: all that streams have but `state`, since the states that a stream tells depend on how it is
 * read, and what is sent again must be the same.
 */
export const webhookTypes = [
  'message',
  'datapoint',
  'presence',
  'command',
  'gap'
] as const satisfies EventType[]
export type WebhookType = (typeof webhookTypes)[number]

/** As a client gives it; null and absent are the same. */
export interface WebhookAsk {
  url: string
  description?: string | null | undefined
  types?: readonly WebhookType[] | null | undefined
  filters?: readonly string[] | null | undefined
  where?: string | null | undefined
  finalOnly?: boolean | null | undefined
}

type SettingsLimits = PredicateLimits &
  Pick<
    Limits,
    'webhookUrlCharsMax' | 'webhookDescriptionCharsMax' | 'filtersMax' | 'filterBytesMax' | 'topicLevelsMax'
  >

/** What became of commands, unless more is asked for. */
const typesDefault: WebhookType[] = ['command']

/** Throws Problem invalid_value, invalid_filter or query_too_complex. */
export function readSettings(
  ask: WebhookAsk,
  allowPrivate: boolean,
  limits: SettingsLimits
): WebhookSettings {
  const types = [...new Set(ask.types ?? typesDefault)]
  if (types.length === 0) throw refuse('types', `must name at least one of ${webhookTypes.join(', ')}`)
  const description = ask.description ?? ''
  if (description.length > limits.webhookDescriptionCharsMax)
    throw refuse('description', `must have at most ${limits.webhookDescriptionCharsMax} characters`)
  if (description.includes('\0')) throw refuse('description', 'must not have the character U+0000')
  const where = ask.where ?? null
  if (where !== null) readPredicate(where, limits, '/where')
  return {
    url: readUrl(ask.url, allowPrivate, limits),
    description,
    types,
    filters: readFilters(ask.filters ?? [], limits),
    where,
    finalOnly: ask.finalOnly ?? true
  }
}

function readUrl(given: string, allowPrivate: boolean, limits: SettingsLimits): string {
  const max = limits.webhookUrlCharsMax
  if (given.length > max) throw refuse('url', `must have at most ${max} characters`)
  if (!URL.canParse(given)) throw refuse('url', 'must be a URL, as in https://example.com/hooks/rialto')
  const url = new URL(given)
  const schemes = allowPrivate ? ['https:', 'http:'] : ['https:']
  if (!schemes.includes(url.protocol))
    throw refuse('url', allowPrivate ? 'must begin with https:// or http://' : 'must begin with https://')
  if (url.username !== '' || url.password !== '')
    throw refuse('url', 'must not have a user or password: what is sent is signed')
  url.hash = ''
  const address = addressOf(url)
  if (!allowPrivate && address !== null && !isPublic(address))
    throw refuse(
      'url',
      'must not lead to an address that is not public, unless RIALTO_WEBHOOKS_PRIVATE is true'
    )
  if (url.href.length > max) throw refuse('url', `must have at most ${max} characters when it is encoded`)
  return url.href
}

function readFilters(filters: readonly string[], limits: SettingsLimits): string[] {
  const refuseFilter = (at: string, detail: string): Problem =>
    new Problem('invalid_filter', detail, [{ pointer: `/filters${at}`, detail }])
  if (filters.length > limits.filtersMax) throw refuseFilter('', `at most ${limits.filtersMax} filters`)
  for (const [index, filter] of filters.entries()) {
    const fault =
      Buffer.byteLength(filter) > limits.filterBytesMax
        ? `a filter has at most ${limits.filterBytesMax} bytes`
        : filterFault(filter, limits.topicLevelsMax)
    if (fault !== null) throw refuseFilter(`/${index}`, fault)
  }
  return [...new Set(filters)]
}

const refuse = (name: string, detail: string): Problem =>
  new Problem('invalid_value', `${name} ${detail}`, [{ pointer: `/${name}`, detail }])
