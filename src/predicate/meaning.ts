/**
 * Members with a meaning of their own: positions in the journal are numbers, though JSON has them as text, and times are
 * instants, however they are written. Pure.
 */

import { readRfc3339 } from '../rfc3339.ts'
import type { Path } from './path.ts'

export type Meaning = 'seq' | 'time'

const meanings: ReadonlyMap<string, Meaning> = new Map([
  ...['seq', 'messageSeq', 'topicId'].map((name) => [name, 'seq'] as const),
  ...[
    'at',
    'receivedAt',
    'observedAt',
    'expiresAt',
    'confirmedAt',
    'createdAt',
    'publishedAt',
    'finishedAt',
    'firstSeenAt',
    'lastSeenAt',
    'presenceAt'
  ].map((name) => [name, 'time'] as const)
])

/** null for all others, and for what is inside of a payload, a value or attributes: that is its publisher's. */
export function meaningOf(path: Path): Meaning | null {
  const outer =
    path[0] === 'metrics'
      ? 2
      : path[0] === 'retained'
        ? 1
        : path[0] === 'tombstone'
          ? path[1] === 'previous'
            ? 2
            : 1
          : 0
  return path.length === outer + 1 ? (meanings.get(path[outer]!) ?? null) : null
}

/** As it is compared: a seq and a time are numbers. undefined where it is not what it should be. */
export function toComparable(value: unknown, meaning: Meaning | null): unknown {
  if (meaning === null || value === null) return value
  if (typeof value !== 'string') return meaning === 'seq' && Number.isSafeInteger(value) ? value : undefined
  if (meaning === 'time') return readRfc3339(value) ?? undefined
  const seq = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN
  return Number.isSafeInteger(seq) ? seq : undefined
}
