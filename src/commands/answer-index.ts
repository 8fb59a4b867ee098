/** Published commands by what would answer them, or show their effect. Pure but for what it remembers. */

import type { Awaited } from '../command.ts'
import type { Datapoint } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { Millis, Seq } from '../model.ts'
import type { Predicate } from '../predicate/predicate.ts'
import { readPredicate } from '../predicate/predicate.ts'
import type { AwaitedCommand } from '../store/answers.ts'
import type { AwaitedCommands } from './answer.ts'
import type { Correlate, MessageAnswers } from './message-answers.ts'
import { createMessageAnswers } from './message-answers.ts'
import type { MetricAnswers } from './metric-answers.ts'
import { createMetricAnswers } from './metric-answers.ts'
import { createTopicIndex } from './topic-index.ts'

export interface AnswerIndex {
  size(): number
  get(id: string): AwaitedCommand | undefined
  /** Replaces what was known of it. An effect is not waited for when the command is final. */
  add(command: AwaitedCommand): void
  /** Nothing more is expected. */
  drop(id: string): void
  /** It is final: only a late response is kept, if one comes. */
  finish(id: string, finishedAt: Millis, responseSeq: Seq | null): void
  /** Forgets those that were final before an instant, and the oldest of those final where they are more than `max`. */
  prune(before: Millis, max: number): void
  /** Where the search for these kinds begins: the first that was published; null: there is none. */
  begin(kinds: readonly Awaited['kind'][]): Seq | null
  /** Those that a state of the topic may be the effect of, with their predicates. */
  awaitingState(topic: string, seq: Seq): Array<{ id: string; where: Predicate }>
  answeredBy: MessageAnswers['answeredBy']
  answeredByDatapoint: MetricAnswers['answeredBy']
  sought: MetricAnswers['sought']
}

export interface AnswerKeys {
  correlate: Correlate
  keyOfValue: (datapoint: Datapoint) => string
}

export function createAnswerIndex(limits: Limits, { correlate, keyOfValue }: AnswerKeys): AnswerIndex {
  const commands = new Map<string, AwaitedCommand>()
  const predicate = createPredicates(limits)
  const messages = createMessageAnswers({ correlate, predicate })
  const metrics = createMetricAnswers(keyOfValue)
  const states = createTopicIndex<AwaitedCommands>(() => new Set())

  function place(command: AwaitedCommand): void {
    const { awaited } = command
    if (awaited.kind === 'message') messages.add(command, awaited)
    else if (awaited.kind === 'state') states.at(awaited.filter).add(command)
    else metrics.add(command, awaited)
  }

  function displace(command: AwaitedCommand): void {
    const { awaited } = command
    if (awaited.kind === 'message') return messages.delete(command, awaited)
    if (awaited.kind !== 'state') return metrics.delete(command, awaited)
    states.at(awaited.filter).delete(command)
    if (states.at(awaited.filter).size === 0) states.delete(awaited.filter)
  }

  function drop(id: string): void {
    const command = commands.get(id)
    if (command === undefined) return
    commands.delete(id)
    displace(command)
  }

  function add(command: AwaitedCommand): void {
    drop(command.id)
    if (command.finishedAt !== null && !isResponse(command.awaited)) return
    commands.set(command.id, command)
    place(command)
  }

  return {
    size: () => commands.size,
    get: (id) => commands.get(id),
    add,
    drop,
    finish(id, finishedAt, responseSeq) {
      const command = commands.get(id)
      if (command !== undefined) add({ ...command, finishedAt, responseSeq })
    },
    prune(before, max) {
      const final = [...commands.values()].filter(({ finishedAt }) => finishedAt !== null)
      final.sort((one, other) => other.finishedAt! - one.finishedAt!)
      for (const [index, { id, finishedAt }] of final.entries())
        if (index >= max || finishedAt! < before) drop(id)
    },
    begin(kinds) {
      let begin: Seq | null = null
      for (const { awaited, publishSeq } of commands.values())
        if (kinds.includes(awaited.kind)) begin = Math.min(begin ?? publishSeq, publishSeq)
      return begin
    },
    awaitingState: (topic, seq) =>
      states.matching(topic).flatMap((awaiting) =>
        [...awaiting].flatMap(({ id, awaited, publishSeq }) => {
          const where = awaited.kind === 'state' && publishSeq < seq ? predicate(awaited.where) : null
          return where === null ? [] : [{ id, where }]
        })
      ),
    answeredBy: messages.answeredBy,
    answeredByDatapoint: metrics.answeredBy,
    sought: metrics.sought
  }
}

const isResponse = ({ kind }: Awaited): boolean => kind === 'message' || kind === 'response'

/** Predicates as read, and null for those that cannot be read any more, since they are older than this release. */
function createPredicates(limits: Limits): (text: string) => Predicate | null {
  const known = new Map<string, Predicate | null>()
  return (text) => {
    let predicate = known.get(text)
    if (predicate === undefined) {
      if (known.size >= limits.answerPredicatesMax) known.clear()
      try {
        predicate = readPredicate(text, limits)
      } catch {
        predicate = null
      }
      known.set(text, predicate)
    }
    return predicate
  }
}
