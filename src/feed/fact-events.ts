/**
 * The events of one fact, in an order that never depends on what is asked for: the message, command, gap or change of
 * presence, then the state after it, then its datapoints. So a cursor can tell which of them have been seen. Pure.
 */

import type { Cursors } from '../cursor.ts'
import type { Datapoint, PresenceChange, Redriven } from '../datapoints.ts'
import { toDatapointView, toPresenceChangeView } from '../device-views.ts'
import type { CommandTransition, Fact, Seq, TopicState } from '../model.ts'
import type { EventType, StreamEvent } from '../views.ts'
import { toCommandEventView, toGapView, toMessageView, toTopicStateView } from '../views.ts'

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

/** `seen`: events up to this number are left out. */
export function* eventsOf(
  part: FactPart,
  seen: number,
  telling: Telling,
  cursors: Pick<Cursors, 'encode'>
): Generator<StreamEvent, void, undefined> {
  const { fact, first, last } = part
  const itself = first && seen === 0 ? eventOf(fact, telling) : null
  const state = first && seen < stateNumber ? telling.states.get(fact.seq) : undefined
  const datapoints = datapointsOf(part, seen, telling)
  let left = (itself === null ? 0 : 1) + (state === undefined ? 0 : 1) + datapoints.length
  // With its last event, the fact has been seen whole
  const cursorOf = (number: number): string =>
    --left === 0 && last ? cursors.encode(fact.seq) : cursors.encode(fact.seq - 1, number)

  if (itself !== null) yield itself(cursorOf(1))
  if (state !== undefined)
    yield { cursor: cursorOf(stateNumber), type: 'state', state: toTopicStateView(state) }
  for (const [number, datapoint] of datapoints)
    yield { cursor: cursorOf(number), type: 'datapoint', datapoint: toDatapointView(datapoint) }
}

/** What a fact is itself, where that is asked for. */
function eventOf(fact: Fact, { types, device }: Telling): ((cursor: string) => StreamEvent) | null {
  switch (fact.kind) {
    case 'message':
    case 'cleared': {
      const { message } = fact
      // A retained message that a snapshot found gone is cleared without a message
      if (message === null || !types.includes('message')) return null
      return (cursor) => ({ cursor, type: 'message', message: toMessageView(message) })
    }
    case 'command':
      return (cursor) => ({ cursor, type: 'command', command: toCommandEventView(toCommandEvent(fact)) })
    case 'presence':
      if (device !== undefined && (fact.detail as PresenceChange).device !== device) return null
      return (cursor) => ({ cursor, type: 'presence', presence: toPresenceChangeView(fact) })
    case 'gap':
      return (cursor) => ({ cursor, type: 'gap', gap: toGapView(fact) })
    default:
      return null
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
