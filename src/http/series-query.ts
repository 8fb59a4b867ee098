/** Which series are meant, in query strings: patterns of names, topics, and a predicate on the device. */

import { Type } from 'typebox'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { metricNames } from '../predicate/metric-names.ts'
import type { NamePattern } from '../predicate/name-pattern.ts'
import { readNamePattern } from '../predicate/name-pattern.ts'
import type { Predicate } from '../predicate/predicate.ts'
import { readPredicate } from '../predicate/predicate.ts'

const meaning = '`*` is any run of characters, and `\\` makes the next one itself. May be repeated'

const deviceQuery = (none: string) => ({
  device: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      description: `Names of devices: ${meaning}. ${none}`,
      examples: [['press-*']]
    })
  )
})

/** Messages belong to no device: they came by a topic that devices are known by. */
export const messagesOfQuery = deviceQuery(
  'Messages of the topics that they were heard by, or that datapoints of their metrics came by. None: of every topic'
)

export const seriesQuery = {
  ...deviceQuery('None: every device'),
  metric: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      description: `Names of metrics: ${meaning}. None: every metric`,
      examples: [['temperature']]
    })
  ),
  where: Type.Optional(
    Type.String({
      description: 'Only of devices that this holds of now, as in the list of devices',
      examples: ['eq(presence,"online")']
    })
  )
}

/** Throws Problem invalid_value, or query_too_complex where there are too many. */
export function readPatterns(
  given: readonly string[] | undefined,
  limits: Limits,
  pointer: 'device' | 'metric'
): NamePattern[] {
  const texts = [...new Set(given)]
  if (texts.length > limits.seriesPatternsMax) {
    const detail = `may be repeated ${limits.seriesPatternsMax} times: use patterns with *`
    throw new Problem('query_too_complex', `${pointer} ${detail}`, [{ pointer, detail }])
  }
  return texts.map((text) => readNamePattern(text, limits, pointer))
}

/** null: none. Throws Problem invalid_value or query_too_complex. */
export function readDeviceWhere(where: string | undefined, limits: Limits): Predicate | null {
  if (where === undefined) return null
  const read = readPredicate(where, limits)
  metricNames({ where: read })
  return read
}
