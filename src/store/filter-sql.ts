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
    const wildcard = filter.search(/[+#]/)
    const literal = filter.slice(0, wildcard)
    // `a/#` also matches `a`, so the slash before # is not part of what every match begins with
    const prefix = Array.from(filter[wildcard] === '#' ? literal.replace(/\/$/, '') : literal)
      .slice(0, prefixCharsMax)
      .join('')
    if (prefix !== '') parts.push(`left(t.name, 200) like ${parameter(`${escapeLike(prefix)}%`)}`)
    if (filter !== '#') parts.push(`t.name ~ ${parameter(filterRegex(filter))}`)
    if (/^[+#]/.test(filter)) parts.push(`t.name not like '$%'`) // [MQTT-4.7.2-1]
    return `(${parts.join(' and ')})`
  })
  return `(${conditions.join(' or ')})`
}
