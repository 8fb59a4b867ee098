/**
 * The events of one fact, in an order that never depends on what is asked for: the message, command, gap or change of
 * presence, then the state after it, then its datapoints. So a cursor can tell which of them have been seen. Pure.
 */

import type { Cursors, Position } from '../cursor.ts'
import type { Datapoint, PresenceChange, Redriven } from '../datapoints.ts'
import { toDatapointView, toPresenceChangeView } from '../device-views.ts'
import type { CommandTransition, Fact, Seq, TopicState } from '../model.ts'
import type { EventType, StreamEvent } from '../views.ts'
import { toCommandEventView, toGapView, toMessageView, toTopicStateView } from '../views.ts'
import type { EventBody, Where } from './event-body.ts'
import { isWanted } from './event-body.ts'

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
}

/** Messages whose datapoints a fact tells of. */
export function sourcesOf(fact: Fact): readonly Seq[] {
  switch (fact.kind) {
    case 'message':
    case 'snapshot':
    case 'cleared':
      return [fact.seq]
    case 'datapoints':
      return (fact.detail as Redriven).seqs
    default:
      return []
  }
}

/** Events of facts, at most `countMax` at a time, without those that a reader at `after` has seen. */
export function* eventsOf(
  parts: Iterable<FactPart>,
  after: Pick<Position, 'seq' | 'part'>,
  telling: Telling,
  { cursors, countMax }: { cursors: Pick<Cursors, 'encode'>; countMax: number }
): Generator<StreamEvent[], void, undefined> {
  let events: StreamEvent[] = []
  for (const part of parts) {
    const { fact, last } = part
    const bodies = bodiesOf(part, fact.seq === after.seq + 1 ? after.part : 0, telling)
    for (const [index, [number, body]] of bodies.entries()) {
      // With its last event, the fact has been seen whole
      const whole = last && index === bodies.length - 1
      const cursor = whole ? cursors.encode(fact.seq) : cursors.encode(fact.seq - 1, number)
      events.push({ cursor, ...body })
      if (events.length < countMax) continue
      yield events
      events = []
    }
  }
  if (events.length > 0) yield events
}

/** What is said of the part of a fact behind the events up to number `seen`, each with its number. */
function bodiesOf(part: FactPart, seen: number, telling: Telling): Array<[number: number, body: EventBody]> {
  const { fact, first, seqs } = part
  const { states, where } = telling
  const bodies: Array<[number, EventBody]> = []
  const say = (number: number, body: EventBody): void => {
    if (where === null || isWanted(body, where)) bodies.push([number, body])
  }
  if (first && seen === 0 && tellsItself(fact, telling)) say(1, toBody(fact))
  const state = first && seen < stateNumber ? states.get(fact.seq) : undefined
  if (state !== undefined) say(stateNumber, { type: 'state', state: toTopicStateView(state) })
  if (seqs.length > 0) {
    for (const [number, datapoint] of datapointsOf(part, seen, telling))
      say(number, { type: 'datapoint', datapoint: toDatapointView(datapoint) })
  }
  return bodies
}

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

function datapointsOf(
  { seqs, at }: FactPart,
  seen: number,
  { datapoints, wanted }: Telling
): Array<[number: number, datapoint: Datapoint]> {
  const found: Array<[number, Datapoint]> = []
  for (const [index, seq] of seqs.entries()) {
    const from = datapointNumber + (at + index) * numbersPerMessage
    for (const datapoint of datapoints.get(seq) ?? [])
      if (from + datapoint.n > seen && wanted(datapoint)) found.push([from + datapoint.n, datapoint])
  }
  return found
}

const toCommandEvent = (fact: Fact): { seq: Seq; at: number } & CommandTransition => ({
  seq: fact.seq,
  at: fact.at,
  ...(fact.detail as CommandTransition)
})
