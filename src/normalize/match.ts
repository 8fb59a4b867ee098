/** Which mapping a topic belongs to: the first whose template matches. What was found is kept for the next message. Pure. */

import { createHash } from 'node:crypto'
import type { Limits } from '../limits.ts'
import type { MappingDefinition } from './definition.ts'
import { isExpression } from './definition.ts'
import type { MappingSummary, MatchedMapping } from './mapping-set.ts'
import type { Captures } from './topic-template.ts'

/** Kept for many messages, so frozen. */
export interface Match extends MatchedMapping {
  /** null: the `automatic` mapping. */
  definition: MappingDefinition | null
  /** The device, where the topic tells it. */
  device: string | null
}

export interface Matcher {
  summaries: readonly MappingSummary[]
  match(topic: string): Match | null
}

/** Our own status and responses are of no device. */
const ownTopic = /^rialto\/[^/]+\/(status$|responses\/)/

const automaticSummary: MappingSummary = {
  name: 'automatic',
  topic: '#',
  filter: '#',
  decoder: 'auto',
  merge: 'append',
  stateful: false,
  offlineAfterSeconds: null,
  commands: [],
  line: null
}

const automaticMatch: Match = Object.freeze({
  mapping: automaticSummary,
  definition: null,
  captures: Object.freeze({}),
  device: null,
  stateKey: null
})

export function createMatcher(
  { mappings, automatic }: { mappings: readonly MappingDefinition[]; automatic: boolean },
  limits: Limits
): Matcher {
  const candidates = mappings.map((mapping) => ({ mapping, summary: toSummary(mapping) }))
  // Two generations: what was not asked for while one filled up is forgotten
  let recent = new Map<string, Match | null>()
  let before = new Map<string, Match | null>()

  function find(topic: string): Match | null {
    for (const { mapping, summary } of candidates) {
      const captures = mapping.topic!.capture(topic)
      if (captures !== null) return toMatch(mapping, summary, captures, topic)
    }
    // [MQTT-4.7.2-1]
    if (!automatic || topic.startsWith('$') || ownTopic.test(topic)) return null
    return automaticMatch
  }

  return {
    summaries: [...candidates.map(({ summary }) => summary), ...(automatic ? [automaticSummary] : [])],
    match(topic) {
      let match = recent.get(topic)
      if (match !== undefined) return match
      match = before.get(topic) ?? find(topic)
      if (topic.length > limits.mappingMatchTopicCharsMax) return match
      if (recent.size >= limits.mappingMatchesCachedMax / 2) {
        before = recent
        recent = new Map()
      }
      recent.set(topic, match)
      return match
    }
  }
}

function toMatch(
  mapping: MappingDefinition,
  summary: MappingSummary,
  captures: Captures,
  topic: string
): Match {
  const { device } = mapping
  return Object.freeze({
    mapping: summary,
    definition: mapping,
    captures: Object.freeze(captures),
    device: device === null || isExpression(device) ? null : device.render(captures),
    stateKey: summary.stateful ? toStateKey(mapping, captures, topic) : null
  })
}

/** Of a fixed length at most, since a topic can have 65,535 bytes. A decoder that throws here has one state for each topic. */
function toStateKey(mapping: MappingDefinition, captures: Captures, topic: string): string {
  let key: unknown = topic
  if (typeof mapping.decoder !== 'string') {
    try {
      key = mapping.decoder.stateKey!(captures)
    } catch {
      key = topic
    }
    if (typeof key !== 'string') key = topic
  }
  const place = key as string
  const short = place.length <= 200 && place.isWellFormed() && !place.includes('\0')
  const shown = short ? place : `sha256:${createHash('sha256').update(place).digest('hex')}`
  return `${mapping.name}/${mapping.meaning.slice(0, 16)}/${shown}`
}

function toSummary(mapping: MappingDefinition): MappingSummary {
  const { decoder, merge } = mapping
  const remembers =
    typeof decoder === 'string' ? merge === 'replace' || merge === 'merge' : decoder.stateKey !== undefined
  return {
    name: mapping.name,
    topic: mapping.topic!.text,
    filter: mapping.topic!.filter,
    decoder: mapping.decoderText,
    merge,
    stateful: remembers,
    offlineAfterSeconds: mapping.offlineAfterSeconds,
    commands: [...mapping.commands],
    line: mapping.line
  }
}
