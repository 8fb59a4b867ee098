/**
 * What clients ask of a stream, the same on SSE and GraphQL: where it begins, what it sends, and whether all of it or
 * only what is newest.
 */

import type { Cursors, Position } from '../cursor.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access, Head } from '../model.ts'
import type { Predicate } from '../predicate/predicate.ts'
import { readPredicate } from '../predicate/predicate.ts'
import type { EventType, StreamEvent } from '../views.ts'
import { conflate } from './conflate.ts'
import { eventJson } from './event-json.ts'
import type { EventPage, EventSource, From, WantedEvents } from './events.ts'

export interface FollowAsk {
  filters: readonly string[]
  types: readonly EventType[]
  /** A cursor, or `earliest`; absent: from now on, or from a snapshot. */
  after?: string | null | undefined
  /** Begins with the current state of every matching topic, unless `after` says where to go on. */
  snapshot?: boolean | null | undefined
  /** Text of a predicate over what the events tell. */
  where?: string | null | undefined
  /** all: every event. latest: of what waits, the newest of each key (see conflate.ts). */
  mode?: 'all' | 'latest' | null | undefined
  /** With mode latest: events of one key per second, at most. */
  maxRate?: number | null | undefined
  device?: string | null | undefined
  metric?: string | null | undefined
}

/** Events until `signal` aborts; those of mode latest have a `skippedCount`. */
export type Following = (signal: AbortSignal) => AsyncGenerator<EventPage, void, undefined>

/**
 * Resolves when the stream can begin. A stream without a snapshot first tells by a `progress` where it begins; a
 * snapshot tells by one that it is complete. Throws Problem invalid_value or query_too_complex, and those of cursors.
 */
export type Follow = (access: Access, ask: FollowAsk) => Promise<Following>

export function createFollow(parts: {
  events: EventSource
  cursors: Cursors
  head: () => Promise<Head>
  limits: Limits
  /** What stands before the names of arguments in faults. */
  pointer: '' | '/'
}): Follow {
  const { events, cursors, limits } = parts

  async function begin(after: string | null, snapshot: boolean): Promise<Position | 'snapshot'> {
    if (after === null && snapshot) return 'snapshot'
    const head = await parts.head()
    if (after !== null && after !== 'earliest') return cursors.decodePosition(after, head)
    return { seq: after === null ? head.seq : head.horizon, part: 0, snapshotTopicId: null }
  }

  return async (access, ask) => {
    const wanted = readWanted(ask, limits, parts.pointer)
    const from = await begin(ask.after ?? null, ask.snapshot === true)
    const { maxRate = null } = ask

    const open = (place: From | 'snapshot', signal: AbortSignal): AsyncGenerator<EventPage> =>
      place === 'snapshot'
        ? events.snapshotAndEvents(access, { ...wanted, from: null }, signal)
        : events.events(access, { ...wanted, after: place }, signal)
    const latest = (signal: AbortSignal): AsyncGenerator<EventPage> =>
      conflate(
        {
          open: (after, ends) => open(after === null ? from : placeBehind(cursors, after), ends),
          maxRate,
          rights: () => access.rights,
          sizeOf: (event) => eventJson(event).length,
          limits
        },
        signal
      )
    const completes = from === 'snapshot' || (from.snapshotTopicId !== null && wanted.types.includes('state'))
    const place: StreamEvent | null = completes
      ? null
      : { cursor: cursors.encode(from.seq, from.part), type: 'progress' }

    return async function* follow(signal) {
      if (ask.mode === 'latest') {
        if (place !== null) yield [{ ...place, skippedCount: 0 }]
        yield* latest(signal)
      } else {
        if (place !== null) yield [place]
        yield* open(from, signal)
      }
    }
  }
}

/** A cursor that was made here, at whatever the journal holds by now: what is gone is told as skipped. */
const placeBehind = (cursors: Cursors, cursor: string): Position =>
  cursors.decodePosition(cursor, { seq: Number.MAX_SAFE_INTEGER, at: 0, horizon: 0 })

/** Throws Problem where what is asked for can never come. */
function readWanted(
  { filters, types, snapshot, where, mode, maxRate, device, metric }: FollowAsk,
  limits: Limits,
  pointer: '' | '/'
): WantedEvents & { where: Predicate | null } {
  const refuse = (name: string, detail: string): Problem =>
    new Problem('invalid_value', detail, [{ pointer: `${pointer}${name}`, detail }])
  if (maxRate != null) {
    if (mode !== 'latest')
      throw refuse('maxRate', 'A stream of every event has no rate: ask for mode latest with it')
    if (!(maxRate >= limits.streamRateMin && maxRate <= limits.streamRateMax))
      throw refuse('maxRate', `must be from ${limits.streamRateMin} to ${limits.streamRateMax} per second`)
  }
  if (snapshot === true && !types.includes('state'))
    throw refuse('snapshot', 'A snapshot is of states: ask for the type state with it')
  if (device != null && !types.includes('datapoint') && !types.includes('presence'))
    throw refuse('device', 'Only datapoints and presence are of a device: ask for one of these types with it')
  if (metric != null && !types.includes('datapoint'))
    throw refuse('metric', 'Only datapoints are of a metric: ask for the type datapoint with it')
  return {
    filters,
    types,
    device: device ?? undefined,
    metric: metric ?? undefined,
    where: where == null ? null : readPredicate(where, limits, `${pointer}where`)
  }
}
