/**
 * Responses that are messages: of ten thousand commands that wait, a message finds those that it answers by its topic and by
 * what it carries. Pure but for what it remembers.
 */

import type { Awaited } from '../command.ts'
import type { Message } from '../model.ts'
import type { Predicate } from '../predicate/predicate.ts'
import type { AwaitedCommand } from '../store/answers.ts'
import type { MessageView } from '../views.ts'
import { toMessageView } from '../views.ts'
import type { Answer, AwaitedCommands } from './answer.ts'
import { createTopicIndex } from './topic-index.ts'

type MessageAwaited = Extract<Awaited, { kind: 'message' }>

/** Of a message, what an expression finds in it, as a key; null: nothing. */
export type Correlate = (message: Message) => (expression: string) => string | null

export interface MessageAnswers {
  add(command: AwaitedCommand, awaited: MessageAwaited): void
  delete(command: AwaitedCommand, awaited: MessageAwaited): void
  /** What the message answers. */
  answeredBy(message: Message): Answer[]
}

/** At one filter, by what tells responses apart first. */
interface Place {
  byCorrelationData: Map<string, AwaitedCommands>
  /** By expression, and then by what it finds. */
  byExpression: Map<string, Map<string, AwaitedCommands>>
  others: AwaitedCommands
}

/** A message, read as far as it is asked for, once. */
interface Reading {
  message: Message
  finds(expression: string): string | null
  satisfies(predicate: string): boolean
}

export function createMessageAnswers(parts: {
  correlate: Correlate
  /** null: a text that cannot be read as a predicate. */
  predicate: (text: string) => Predicate | null
}): MessageAnswers {
  const { correlate, predicate } = parts
  const places = createTopicIndex<Place>(() => ({
    byCorrelationData: new Map(),
    byExpression: new Map(),
    others: new Set()
  }))

  function read(message: Message): Reading {
    let view: MessageView | undefined
    let finds: ((expression: string) => string | null) | undefined
    const known = new Map<string, boolean>()
    return {
      message,
      finds: (expression) => (finds ??= correlate(message))(expression),
      satisfies(text) {
        let holds = known.get(text)
        if (holds === undefined) {
          holds = predicate(text)?.test((view ??= toMessageView(message))) ?? false
          known.set(text, holds)
        }
        return holds
      }
    }
  }

  return {
    add(command, awaited) {
      const { byCorrelationData, byExpression, others } = places.at(awaited.filter)
      const { correlationData, correlation } = awaited
      if (correlationData !== null) setIn(byCorrelationData, correlationData).add(command)
      else if (correlation !== null) {
        const { expression, value } = correlation
        let found = byExpression.get(expression)
        if (found === undefined) byExpression.set(expression, (found = new Map()))
        setIn(found, value).add(command)
      } else others.add(command)
    },

    delete(command, awaited) {
      const { byCorrelationData, byExpression, others } = places.at(awaited.filter)
      const { correlationData, correlation } = awaited
      if (correlationData !== null) deleteIn(byCorrelationData, correlationData, command)
      else if (correlation !== null) {
        const found = byExpression.get(correlation.expression)
        if (found !== undefined) deleteIn(found, correlation.value, command)
        if (found?.size === 0) byExpression.delete(correlation.expression)
      } else others.delete(command)
      if (byCorrelationData.size + byExpression.size + others.size === 0) places.delete(awaited.filter)
    },

    answeredBy(message) {
      const matching = places.matching(message.topic)
      if (matching.length === 0) return []
      const reading = read(message)
      const found: Answer[] = []
      for (const place of matching)
        for (const command of candidates(place, reading)) {
          const awaited = command.awaited as MessageAwaited
          // What comes on the command's own topic is the command, as everybody gets it
          if (message.seq <= command.publishSeq || message.topic === command.topic) continue
          if (!isAnswer(awaited, reading)) continue
          const ok = awaited.ok === null || reading.satisfies(awaited.ok)
          const reason = ok ? null : `The response does not satisfy ${awaited.ok}`
          found.push({ id: command.id, ok, reason, seq: message.seq, isResponse: true, message })
        }
      return found
    }
  }
}

function* candidates(place: Place, { message, finds }: Reading): Generator<AwaitedCommand, void, undefined> {
  const correlationData = message.properties?.correlationData
  if (correlationData !== undefined) yield* place.byCorrelationData.get(correlationData) ?? []
  for (const [expression, found] of place.byExpression) {
    const key = finds(expression)
    if (key !== null) yield* found.get(key) ?? []
  }
  yield* place.others
}

/** All that is given must hold. */
function isAnswer({ correlationData, correlation, where }: MessageAwaited, reading: Reading): boolean {
  if (correlationData !== null && correlationData !== reading.message.properties?.correlationData)
    return false
  if (correlation !== null && reading.finds(correlation.expression) !== correlation.value) return false
  return where === null || reading.satisfies(where)
}

function setIn(sets: Map<string, AwaitedCommands>, key: string): AwaitedCommands {
  let set = sets.get(key)
  if (set === undefined) sets.set(key, (set = new Set()))
  return set
}

function deleteIn(sets: Map<string, AwaitedCommands>, key: string, command: AwaitedCommand): void {
  const set = sets.get(key)
  set?.delete(command)
  if (set?.size === 0) sets.delete(key)
}
