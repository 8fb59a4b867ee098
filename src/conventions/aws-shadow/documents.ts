/** State documents of a shadow: what is reported and desired, each value once, observed when the shadow says. Pure. */

import { isDeepStrictEqual } from 'node:util'
import type { DecoderState } from '../../normalize/mapping-set.ts'
import { readTimestamp } from '../../normalize/timestamps.ts'
import { isObject } from '../facts.ts'
import type { Facts } from '../facts.ts'
import { atPath, mergeMembers, replaceMembers } from '../members.ts'
import type { KnownMembers } from '../members.ts'

export type Members = Record<string, unknown>

/** What is remembered of a shadow. */
interface Shadow {
  version: number | null
  /** Seconds, when the shadow service said so. */
  timestamp: number | null
  reported: KnownMembers | null
  desired: KnownMembers | null
}

const unknown: Shadow = { version: null, timestamp: null, reported: null, desired: null }

/** Which device, and what stands before the names of its metrics. */
export interface Place {
  thing: string
  /** null: the classic shadow. */
  shadow: string | null
}

/** `x` of the classic shadow, `config/x` of one with a name. */
export const toMetric = ({ shadow }: Pick<Place, 'shadow'>, name: string): string =>
  shadow === null ? name : `${shadow}/${name}`

const sections = [
  ['reported', ''],
  ['desired', 'desired.']
] as const

/** A part of the document, as it was accepted or, without a shadow service, as it was asked for. */
export function decodePart(
  place: Place,
  state: DecoderState | null,
  document: Members,
  facts: Facts,
  asked = false
): DecoderState | undefined {
  const before = (state as Shadow | null) ?? unknown
  const told = asked ? { version: null, timestamp: null } : readOrder(document, facts)
  if (!isNew(before, told)) return undefined
  const at = told.timestamp
  return tell(place, before, told, document, { whole: false, at, goneAt: at, skip: () => false }, facts)
}

/** The whole of it. `previous` is what it was before, where that is told, too. */
export function decodeWhole(
  place: Place,
  state: DecoderState | null,
  document: Members,
  facts: Facts,
  previous: Members | null = null
): DecoderState | undefined {
  const before = (state as Shadow | null) ?? unknown
  const told = readOrder(document, facts)
  if (!isNew(before, told)) return undefined
  // A document that is asked for does not tell when what is gone went
  const goneAt = previous === null ? null : told.timestamp
  const skip = knownOf(before, document, previous)
  return tell(place, before, told, document, { whole: true, at: null, goneAt, skip }, facts)
}

/** The shadow is gone with all its members. Its versions go on, or begin anew after two days. */
export function decodeDeleted(
  place: Place,
  state: DecoderState | null,
  document: Members,
  facts: Facts,
  asked = false
): DecoderState | undefined {
  const before = (state as Shadow | null) ?? unknown
  const told = asked ? { version: null, timestamp: null } : readOrder(document, facts)
  if (!isNew(before, told)) return undefined
  const how = { whole: true, at: null, goneAt: told.timestamp, skip: () => false }
  return tell(place, before, told, { state: {} }, how, facts)
}

type Order = Pick<Shadow, 'version' | 'timestamp'>

function readOrder({ version, timestamp }: Members, facts: Facts): Order {
  const read = Number.isSafeInteger(version) ? (version as number) : null
  if (read === null && version !== undefined) facts.reject('wrong_shape', 'version is no integer')
  return { version: read, timestamp: typeof timestamp === 'number' ? timestamp : null }
}

/**
 * Messages of one update come on several topics, and may come twice; each version counts once. A lower version said later
 * is of a shadow that was deleted and made anew.
 */
function isNew(before: Order, { version, timestamp }: Order): boolean {
  if (before.version === null || version === null || version > before.version) return true
  if (version === before.version || timestamp === null || before.timestamp === null) return false
  return timestamp > before.timestamp
}

interface How {
  whole: boolean
  /** Where a value has no time of its own, seconds. */
  at: number | null
  /** The same for what is gone. */
  goneAt: number | null
  /** What is known already, with its time. */
  skip(section: 'reported' | 'desired', path: readonly string[], value: unknown): boolean
}

function tell(
  place: Place,
  before: Shadow,
  told: Order,
  document: Members,
  how: How,
  facts: Facts
): DecoderState | undefined {
  const { state, metadata } = document
  if (!isObject(state)) {
    facts.reject('wrong_shape', 'A state document has state, an object')
    return undefined
  }
  const after: Shadow = {
    ...before,
    version: told.version ?? before.version,
    timestamp: told.timestamp ?? before.timestamp
  }
  for (const [section, prefix] of sections) {
    const members = state[section]
    if (members === undefined && !how.whole) continue
    if (members !== undefined && members !== null && !isObject(members)) {
      facts.reject('wrong_shape', `${section} is no object`)
      continue
    }
    const apply = how.whole ? replaceMembers : mergeMembers
    after[section] = apply(before[section], members ?? null, (path, value) => {
      if (value !== null && how.skip(section, path, value)) return
      const observedAt =
        value === null
          ? toMillis(how.goneAt)
          : (readStamp(atPath(metadata, [section, ...path]), facts) ?? toMillis(how.at))
      facts.datapoint({
        device: place.thing,
        metric: toMetric(place, prefix + path.join('.')),
        value: value as string,
        ...(observedAt !== null && { observedAt })
      })
    })
  }
  return after
}

const toMillis = (seconds: unknown): number | null =>
  seconds === null || seconds === undefined ? null : readTimestamp(seconds, 's')

/** Each value has its own; a list has one for each item. */
function readStamp(metadata: unknown, facts: Facts): number | null {
  if (Array.isArray(metadata)) {
    let latest: number | null = null
    for (const item of metadata) {
      const one = isObject(item) ? toMillis(item['timestamp']) : null
      if (one !== null && (latest === null || one > latest)) latest = one
    }
    return latest
  }
  if (!isObject(metadata) || metadata['timestamp'] === undefined) return null
  const read = toMillis(metadata['timestamp'])
  if (read === null)
    facts.reject('invalid_timestamp', 'A timestamp in metadata is no number of seconds since 1970')
  return read
}

/** Stamps are of more than one clock: better told twice than never. */
const skewSeconds = 5

/**
 * Of a whole document: what was told before. By the document before, where that is the one known here; else what is older
 * than the last that was told.
 */
function knownOf(before: Shadow, { metadata }: Members, previous: Members | null): How['skip'] {
  if (before.version === null) return () => false
  if (previous !== null && previous['version'] === before.version)
    return (section, path, value) => {
      const place = [section, ...path]
      return (
        isDeepStrictEqual(atPath(previous['state'], place), value) &&
        isDeepStrictEqual(atPath(previous['metadata'], place), atPath(metadata, place))
      )
    }
  return (section, path) => {
    const stamp = atPath(metadata, [section, ...path, 'timestamp'])
    return typeof stamp === 'number' && before.timestamp !== null && stamp < before.timestamp - skewSeconds
  }
}
