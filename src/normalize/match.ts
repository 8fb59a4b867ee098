/** Which mapping a topic belongs to: the first whose template matches. What was found is kept for the next message. Pure. */

import { createHash } from 'node:crypto'
import type { Limits } from '../limits.ts'
import type { MappingDefinition } from './definition.ts'
import { isExpression } from './definition.ts'
import { toRuleOf } from './store-rules.ts'
import type { MappingSummary, MatchedMapping } from './mapping-set.ts'
import type { Captures } from './topic-template.ts'

/** Kept for many messages, so frozen. */
export interface Match extends MatchedMapping {
  /** For those who ask without a message: of those who may be asked in turn, the one that never passes, if there is one. */
  shown: MatchedMapping
  /** null: the `automatic` mapping. */
  definition: MappingDefinition | null
  /** The device, where the topic tells it. */
  device: string | null
  /** Asked where a convention says that the message is not its own. */
  next: Match | null
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

const automaticShown: MatchedMapping = Object.freeze({
  mapping: automaticSummary,
  captures: Object.freeze({}),
  stateKey: null,
  inOrder: false
})

const automaticMatch: Match = Object.freeze({
  ...automaticShown,
  shown: automaticShown,
  definition: null,
  device: null,
  next: null
})

export function createMatcher(
  { mappings, automatic }: { mappings: readonly MappingDefinition[]; automatic: boolean },
  limits: Limits
): Matcher {
  const candidates = mappings.map((mapping) => ({ mapping, summary: toSummary(mapping) }))
  // Two generations: what was not asked for while one filled up is forgotten
  let recent = new Map<string, Match | null>()
  let before = new Map<string, Match | null>()

  function find(topic: string, from = 0): Match | null {
    for (let index = from; index < candidates.length; index++) {
      const { mapping, summary } = candidates[index]!
      const captures = mapping.topic!.capture(topic)
      if (captures === null || (mapping.convention !== null && ownTopic.test(topic))) continue
      const next = mapping.convention?.route.passes === true ? find(topic, index + 1) : null
      return toMatch(mapping, summary, captures, topic, next)
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
  topic: string,
  next: Match | null
): Match {
  const { device } = mapping
  const stateKey = remembers(mapping) ? toStateKey(mapping, captures, topic) : null
  const inOrder = summary.stateful || next?.shown.inOrder === true
  const own: MatchedMapping = { mapping: summary, captures: Object.freeze(captures), stateKey, inOrder }
  const { mapping: shown, captures: named } = next?.shown ?? own
  return Object.freeze({
    ...own,
    // At most one of them has a memory: behind one that passes and remembers stand only those that do not
    shown: Object.freeze({
      mapping: shown,
      captures: named,
      stateKey: stateKey ?? next?.shown.stateKey ?? null,
      inOrder
    }),
    definition: mapping,
    device: device === null || isExpression(device) ? null : device.render(captures),
    next
  })
}

/** Of a fixed length at most, since a topic can have 65,535 bytes. A decoder that throws here has one state for each topic. */
function toStateKey(mapping: MappingDefinition, captures: Captures, topic: string): string {
  let key: unknown = topic
  const stateKey = stateKeyOf(mapping)
  if (stateKey !== undefined) {
    try {
      key = stateKey(captures)
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

const stateKeyOf = ({
  convention,
  decoder
}: MappingDefinition): ((captures: Captures) => string) | undefined =>
  convention !== null
    ? convention.route.stateKey
    : typeof decoder === 'string'
      ? undefined
      : decoder.stateKey?.bind(decoder)

const remembers = (mapping: MappingDefinition): boolean =>
  mapping.merge === 'replace' || mapping.merge === 'merge' || stateKeyOf(mapping) !== undefined

function toSummary(mapping: MappingDefinition): MappingSummary {
  return {
    name: mapping.name,
    topic: mapping.topic!.text,
    filter: mapping.topic!.filter,
    decoder: mapping.decoderText,
    merge: mapping.merge,
    stateful: remembers(mapping) || toRuleOf(mapping) !== null,
    offlineAfterSeconds: mapping.offlineAfterSeconds,
    commands:
      mapping.convention?.commands.map(({ name, topic }) => ({
        name,
        topic,
        responseTopic: null,
        correlation: null
      })) ??
      mapping.commands.map(({ name, topic, responseTopic, correlation }) => ({
        name,
        topic,
        responseTopic,
        correlation
      })),
    line: mapping.line
  }
}
