/**
 * The events of one fact, in an order that never depends on what is asked for: the message, command, gap or change of
 * presence, then the state after it, then its datapoints. So a cursor can tell which of them have been seen. Pure.
 */

import type { Cursors, Position } from '../cursor.ts'
import type { Datapoint, PresenceChange, Redriven } from '../datapoints.ts'
import { toDatapointView, toPresenceChangeView } from '../device-views.ts'
import type { CommandTransition } from '../command.ts'
import type { Fact, Seq, TopicState } from '../model.ts'
import type { EventType, StreamEvent } from '../views.ts'
import { toCommandEventView } from '../command-views.ts'
import { toGapView, toMessageView, toTopicStateView } from '../views.ts'
import type { EventBody, Where } from './event-body.ts'
import { isWanted } from './event-body.ts'
import type { SharedEvent, SharedEvents } from './shared-events.ts'
import { withCursor } from './shared-events.ts'

/** Numbers of events within a fact: 1 for what it is itself, then these. */
const stateNumber = 2
const datapointNumber = 3
/** A fact may concern many messages, and each of them fewer datapoints than this. */
const numbersPerMessage = 2 ** 20

/** A fact, or where it concerns many messages, some of them. */
export interface FactPart {
  fact: Fact
  /** Messages whose datapoints belong to it, and the place of the first among all of the fact's. */
  seqs: readonly Seq[]
  at: number
  /** The part that tells of the fact itself, and the one behind which nothing of it comes. */
  first: boolean
  last: boolean
}

export interface Telling {
  types: readonly EventType[]
  /** Only changes of presence of this device. */
  device?: string | undefined
  /** States to tell, by the seq of the fact they follow. */
  states: ReadonlyMap<Seq, TopicState>
  datapoints: ReadonlyMap<Seq, readonly Datapoint[]>
  wanted: (datapoint: Datapoint) => boolean
  where: Where | null
  shared: SharedEvents
  cursor: Cursors['encode']
}

/** Messages whose datapoints a fact tells of. */
export function sourcesOf(fact: Fact): readonly Seq[] {
  switch (fact.kind) {
    case 'message':
    case 'snapshot':
    case 'cleared':
    case 'imported':
      return [fact.seq]
    case 'datapoints':
      return (fact.detail as Redriven).seqs
    default:
      return []
  }
}

/** Events of facts, each made when it is asked for, without those that a reader at `after` has seen. */
export function* eventsOf(
  parts: Iterable<FactPart>,
  after: Pick<Position, 'seq' | 'part'>,
  telling: Telling
): Generator<StreamEvent, void, undefined> {
  for (const part of parts) {
    const { seq } = part.fact
    let before: [number: number, event: SharedEvent] | null = null
    for (const told of toldOf(part, seq === after.seq + 1 ? after.part : 0, telling)) {
      if (before !== null) yield withCursor(before[1], telling.cursor(seq - 1, before[0]))
      before = told
    }
    // With its last event, the fact has been seen whole
    if (before !== null)
      yield withCursor(before[1], part.last ? telling.cursor(seq) : telling.cursor(seq - 1, before[0]))
  }
}

/** What is told of the part of a fact behind the events up to number `seen`, each with its number. */
function* toldOf(
  part: FactPart,
  seen: number,
  telling: Telling
): Generator<[number: number, event: SharedEvent], void, undefined> {
  const { where } = telling
  for (const [number, event] of allOf(part, seen, telling))
    if (where === null || isWanted(event.body, where)) yield [number, event]
}

function* allOf(part: FactPart, seen: number, telling: Telling): ReturnType<typeof toldOf> {
  const { fact, first, seqs } = part
  const { states, shared } = telling
  if (first && seen === 0 && tellsItself(fact, telling)) yield [1, shared.of(fact, toBody)]
  const state = first && seen < stateNumber ? states.get(fact.seq) : undefined
  if (state !== undefined) yield [stateNumber, shared.of(state, toStateBody)]
  if (seqs.length === 0) return
  for (const [number, datapoint] of datapointsOf(part, seen, telling))
    yield [number, shared.of(datapoint, toDatapointBody)]
}

export const toStateBody = (state: TopicState): EventBody => ({
  type: 'state',
  state: toTopicStateView(state)
})

const toDatapointBody = (datapoint: Datapoint): EventBody => ({
  type: 'datapoint',
  datapoint: toDatapointView(datapoint)
})

/** Whether a fact itself is asked for; kinds that only one type takes have been chosen by the feed. */
function tellsItself(fact: Fact, { types, device }: Telling): boolean {
  switch (fact.kind) {
    case 'message':
    case 'cleared':
      // A retained message that a snapshot found gone is cleared without a message
      return fact.message !== null && types.includes('message')
    case 'presence':
      return device === undefined || (fact.detail as PresenceChange).device === device
    case 'command':
    case 'gap':
      return true
    default:
      return false
  }
}

function toBody(fact: Fact): EventBody {
  switch (fact.kind) {
    case 'presence':
      return { type: 'presence', presence: toPresenceChangeView(fact) }
    case 'command':
      return { type: 'command', command: toCommandEventView(toCommandEvent(fact)) }
    case 'gap':
      return { type: 'gap', gap: toGapView(fact) }
    default:
      return { type: 'message', message: toMessageView(fact.message!) }
  }
}

function* datapointsOf(
  { seqs, at }: FactPart,
  seen: number,
  { datapoints, wanted }: Telling
): Generator<[number: number, datapoint: Datapoint], void, undefined> {
  for (const [index, seq] of seqs.entries()) {
    const from = datapointNumber + (at + index) * numbersPerMessage
    for (const datapoint of datapoints.get(seq) ?? [])
      if (from + datapoint.n > seen && wanted(datapoint)) yield [from + datapoint.n, datapoint]
  }
}

const toCommandEvent = (fact: Fact): { seq: Seq; at: number } & CommandTransition => ({
  seq: fact.seq,
  at: fact.at,
  ...(fact.detail as CommandTransition)
})
