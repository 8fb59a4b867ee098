/** Topic filters in SQL. A property test holds this and `compileFilter` together. */

import { isExact } from '../topic.ts'
import { hashTopic } from './topics.ts'

const escapeRegex = (text: string): string => text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')
const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&')

/** As much of a prefix as the index on `left(name, 200)` knows. */
const prefixCharsMax = 200

/** The regular expression of a filter with wildcards. */
export function filterRegex(filter: string): string {
  const levels = filter.split('/')
  const open = levels.at(-1) === '#'
  if (open) levels.pop()
  const body = levels.map((level) => (level === '+' ? '[^/]*' : escapeRegex(level))).join('/')
  // `sport/#` also matches `sport` [MQTT-4.7.1.2]
  return levels.length === 0 ? '^' : open ? `^${body}(/|$)` : `^${body}$`
}

type Parameter = (value: unknown) => string

/**
 * A condition that indexes answer and every match of a filter with wildcards fulfils: what it begins with, as far as the
 * index knows. null for filters that begin with a wildcard.
 */
function beginning(filter: string, parameter: Parameter): string | null {
  const wildcard = filter.search(/[+#]/)
  const literal = filter.slice(0, wildcard)
  if (literal === '') return null
  const begins = `left(t.name, ${prefixCharsMax}) like ${parameter(`${escapeLike(firstChars(literal))}%`)}`
  // `a/#` also matches `a` [MQTT-4.7.1.2], and must not look at `ab`
  return filter[wildcard] === '#' && literal.length > 1
    ? `(${begins} or t.name_hash = ${parameter(hashTopic(literal.slice(0, -1)))})`
    : begins
}

const firstChars = (text: string): string => Array.from(text).slice(0, prefixCharsMax).join('')

const anyOf = (conditions: readonly string[]): string => `(${conditions.join(' or ')})`

/**
 * A condition on `t.name`, `t.name_hash` that is true for topics of any of the filters. Pushes its parameters to
 * `values`. No filter at all means every topic.
 */
export function filterCondition(filters: readonly string[], values: unknown[]): string {
  const parameter = (value: unknown): string => `$${values.push(value)}`
  if (filters.length === 0) return 'true'
  const conditions = filters.map((filter) => {
    if (isExact(filter)) return `t.name_hash = ${parameter(hashTopic(filter))}`
    const parts: string[] = []
    const begins = beginning(filter, parameter)
    if (begins !== null) parts.push(begins)
    if (filter !== '#') parts.push(`t.name ~ ${parameter(filterRegex(filter))}`)
    if (/^[+#]/.test(filter)) parts.push(`t.name not like '$%'`) // [MQTT-4.7.2-1]
    return `(${parts.join(' and ')})`
  })
  return anyOf(conditions)
}

/**
 * A condition that indexes answer and every match fulfils, and others may; null where there is none, because a filter
 * begins with a wildcard.
 */
export function indexCondition(filters: readonly string[], values: unknown[]): string | null {
  const parameter = (value: unknown): string => `$${values.push(value)}`
  if (filters.length === 0 || filters.some((filter) => /^[+#]/.test(filter))) return null
  return anyOf(
    filters.map((filter) =>
      isExact(filter) ? `t.name_hash = ${parameter(hashTopic(filter))}` : beginning(filter, parameter)!
    )
  )
}
