/** A line of NDJSON, or a row of CSV, to a datapoint. What is not understood is refused, never guessed or dropped. Pure. */

import type { Clock, Role, Value } from '../datapoints.ts'
import { clocks, roles } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { Millis } from '../model.ts'
import { readRfc3339 } from '../rfc3339.ts'
import { receivedTopicFault } from '../topic.ts'
import { LineFault, quote, readType, valueOfMembers, valueOfText } from './import-value.ts'
import type { ImportedDatapoint } from './imported.ts'
import { nameFault } from './names.ts'

export interface ReadDatapoint extends ImportedDatapoint {
  topic: string
}

export interface LineBounds extends Pick<
  Limits,
  'nameBytesMax' | 'datapointBytesMax' | 'clockAheadSecondsMax'
> {
  now: Millis
}

/** Where datapoints of no topic are. */
export const importTopic = 'rialto/import'

const read = [
  'device',
  'metric',
  'observedAt',
  'receivedAt',
  'type',
  'value',
  'valueText',
  'valueBase64',
  'unit'
]
const known: ReadonlySet<string> = new Set([
  ...read,
  'quality',
  'role',
  'clock',
  'topic',
  'seq',
  'n',
  'cursor'
])

/** Columns of CSV that a header may name; `seq`, `n` and `cursor` are as another journal has them, and passed over. */
export const importColumns: readonly string[] = [...known].filter((name) => !/^value./.test(name))

/** An object of a line of NDJSON. Throws LineFault. */
export function readMembers(members: unknown, bounds: LineBounds): ReadDatapoint {
  if (typeof members !== 'object' || members === null || Array.isArray(members))
    throw new LineFault('', 'must be an object')
  const given = members as Record<string, unknown>
  for (const name of Object.keys(given))
    if (!known.has(name)) throw new LineFault(name, 'is not known here', 'unknown_field')
  return toDatapoint(given, valueOfMembers(given, readType(given['type'])), bounds)
}

/** Cells of a row of CSV, under the names of the header. An empty one is none, but where the type says that it is a text. */
export function readCells(
  names: readonly string[],
  cells: readonly string[],
  bounds: LineBounds
): ReadDatapoint {
  if (cells.length !== names.length)
    throw new LineFault('', `has ${cells.length} cells, and the header ${names.length}`)
  const given: Record<string, unknown> = {}
  for (const [index, name] of names.entries()) given[name] = cells[index] === '' ? null : cells[index]
  return toDatapoint(
    given,
    valueOfText((given['value'] as string | null) ?? '', readType(given['type'])),
    bounds
  )
}

/** Names of the header, in its order. Throws LineFault. */
export function readHeader(names: readonly string[]): readonly string[] {
  for (const [index, name] of names.entries()) {
    if (!importColumns.includes(name))
      throw new LineFault(name, `is no column: there are ${importColumns.join(', ')}`, 'unknown_field')
    if (names.indexOf(name) !== index) throw new LineFault(name, 'stands twice in the header')
  }
  for (const name of ['device', 'metric', 'observedAt', 'value'])
    if (!names.includes(name)) throw new LineFault(name, 'is missing in the header')
  return names
}

function toDatapoint(given: Record<string, unknown>, value: Value, bounds: LineBounds): ReadDatapoint {
  if ((value.exact?.length ?? 0) > bounds.datapointBytesMax)
    throw new LineFault('value', `has more than ${bounds.datapointBytesMax} bytes`)
  const observedAt = timeOf(given, 'observedAt', bounds)
  if (observedAt === null) throw new LineFault('observedAt', 'is missing')
  return {
    device: nameOf(given, 'device', bounds) ?? missing('device'),
    metric: nameOf(given, 'metric', bounds) ?? missing('metric'),
    ...value,
    observedAt,
    receivedAt: timeOf(given, 'receivedAt', bounds) ?? observedAt,
    unit: nameOf(given, 'unit', bounds),
    quality: nameOf(given, 'quality', bounds),
    role: wordOf<Role>(given, 'role', roles) ?? 'historical',
    clock: wordOf<Clock>(given, 'clock', clocks) ?? 'device',
    topic: topicOf(given)
  }
}

function missing(member: string): never {
  throw new LineFault(member, 'is missing')
}

function textOf(given: Record<string, unknown>, member: string): string | null {
  const value = given[member] ?? null
  if (value !== null && typeof value !== 'string') throw new LineFault(member, 'must be a text')
  return value
}

function nameOf(given: Record<string, unknown>, member: string, { nameBytesMax }: LineBounds): string | null {
  const name = textOf(given, member)
  const fault = name === null ? null : nameFault(name, nameBytesMax)
  if (fault !== null) throw new LineFault(member, `cannot be this, since ${fault}`)
  return name
}

function wordOf<Word extends string>(
  given: Record<string, unknown>,
  member: string,
  words: Record<Word, number>
): Word | null {
  const word = textOf(given, member)
  if (word !== null && !Object.hasOwn(words, word))
    throw new LineFault(member, `must be one of ${Object.keys(words).join(', ')}`)
  return word as Word | null
}

/** No clock of a device is trusted here, so it may be as old as clocks go, but not in the future. */
function timeOf(given: Record<string, unknown>, member: string, bounds: LineBounds): Millis | null {
  const text = textOf(given, member)
  if (text === null) return null
  const at = readRfc3339(text)
  if (at === null)
    throw new LineFault(
      member,
      `must be a time as RFC 3339 writes it, such as 2026-03-14T09:26:53.589Z: ${quote(text)}`
    )
  if (at < 0) throw new LineFault(member, 'is before 1970')
  if (at > bounds.now + bounds.clockAheadSecondsMax * 1_000)
    throw new LineFault(member, `is more than ${bounds.clockAheadSecondsMax} seconds ahead`)
  return Math.floor(at)
}

function topicOf(given: Record<string, unknown>): string {
  const topic = textOf(given, 'topic')
  if (topic === null) return importTopic
  const fault = receivedTopicFault(topic)
  if (fault !== null) throw new LineFault('topic', fault)
  return topic
}
