/** What a class of retention may be. Pure. */

import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { filterFault } from '../topic.ts'
import type { ClassSettings } from './retention.ts'

type SettingsLimits = Pick<
  Limits,
  'filtersMax' | 'topicLevelsMax' | 'filterBytesMax' | 'retentionKeepSecondsMin' | 'retentionKeepSecondsMax'
>

/** Throws Problem `invalid_value` or `invalid_filter`. */
export function checkSettings(name: string, settings: ClassSettings, limits: SettingsLimits): void {
  const { filters, keepSeconds, keepBytes } = settings
  if (name === 'system')
    throw refuse('name', 'system is the class of what is of no topic; it keeps as long as the longest other')
  if (!/^[a-z0-9-]{1,40}$/.test(name))
    throw refuse('name', 'must have 1 to 40 of the characters a to z, 0 to 9 and -')
  if (name === 'default' && filters.length > 0)
    throw refuse('filters', 'default has the topics of no other class: give filters to another one')
  if (name !== 'default' && (filters.length === 0 || filters.length > limits.filtersMax))
    throw refuse('filters', `must be 1 to ${limits.filtersMax} topic filters`)
  for (const filter of filters) {
    const fault =
      Buffer.byteLength(filter) > limits.filterBytesMax
        ? `a filter has at most ${limits.filterBytesMax} bytes`
        : filterFault(filter, limits.topicLevelsMax)
    if (fault !== null)
      throw new Problem('invalid_filter', `filters: ${fault}`, [{ pointer: '/filters', detail: fault }])
  }
  checkKeep('keepSeconds', keepSeconds, limits)
  if (keepBytes !== null && !(Number.isSafeInteger(keepBytes) && keepBytes >= 1))
    throw refuse('keepBytes', 'must be a whole number of bytes from 1 on, or null for no limit')
}

/** Throws Problem `invalid_value`. */
export function checkKeep(
  name: string,
  seconds: number | null,
  limits: Pick<Limits, 'retentionKeepSecondsMin' | 'retentionKeepSecondsMax'>
): void {
  const { retentionKeepSecondsMin: min, retentionKeepSecondsMax: max } = limits
  if (seconds !== null && !(Number.isSafeInteger(seconds) && seconds >= min && seconds <= max))
    throw refuse(name, `must be a whole number of seconds from ${min} to ${max}, or null for no limit`)
}

export const noSuchClass = (name: string): Problem =>
  new Problem('not_found', `There is no class of retention ${JSON.stringify(name)} that could be removed`)

export const refuse = (pointer: string, detail: string): Problem =>
  new Problem('invalid_value', `${pointer} ${detail}`, [{ pointer: `/${pointer}`, detail }])
