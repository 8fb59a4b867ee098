/**
 * A state as it is stored: its large members in rows of their own, by the hash of what they say. A birth of 5,000 metrics
 * is written once, and not again with every message that only counts on. Pure.
 */

import { createHash } from 'node:crypto'
import type { DecoderState } from '../normalize/mapping-set.ts'
import { decodeState, encodeState } from '../normalize/exact-json.ts'
import { stateBytes } from '../normalize/state-bytes.ts'

/** Smaller members stay with the state. */
export const partBytesMin = 4 * 1024

export interface StoredState {
  /** JSON; or, where there are parts, a byte that JSON never begins with, and then their hashes by name and the rest. */
  main: Uint8Array
  /** By hash. */
  parts: ReadonlyMap<string, Uint8Array>
}

interface Split {
  parts: Array<[name: string, hash: string]>
  rest: object
}

const splitMark = 0x01

const encoded = new WeakMap<object, { hash: string; bytes: Uint8Array }>()

export function toStored(state: DecoderState): StoredState {
  if (typeof state !== 'object' || Array.isArray(state) || stateBytes(state) < partBytesMin)
    return { main: encodeState(state), parts: new Map() }
  const parts = new Map<string, Uint8Array>()
  const split: Split = { parts: [], rest: {} }
  const rest: Array<[string, unknown]> = []
  for (const [name, value] of Object.entries(state) as Array<[string, unknown]>) {
    if (typeof value !== 'object' || value === null || stateBytes(value) < partBytesMin) {
      rest.push([name, value])
      continue
    }
    const part = encodeOnce(value)
    parts.set(part.hash, part.bytes)
    split.parts.push([name, part.hash])
  }
  if (parts.size === 0) return { main: encodeState(state), parts }
  // Names may be __proto__: entries, and no assignment
  split.rest = Object.fromEntries(rest)
  return { main: Buffer.concat([Buffer.of(splitMark), encodeState(split)]), parts }
}

function encodeOnce(value: object): { hash: string; bytes: Uint8Array } {
  const known = encoded.get(value)
  if (known !== undefined) return known
  const bytes = encodeState(value)
  const part = { hash: createHash('sha256').update(bytes).digest('hex'), bytes }
  encoded.set(value, part)
  return part
}

/** Hashes of the parts of a stored state; none where it is whole. */
export const partsOf = (main: Uint8Array): string[] =>
  main[0] === splitMark ? (decodeState(main.subarray(1)) as Split).parts.map(([, hash]) => hash) : []

/** Null: a part is gone, since what it was from has been forgotten; then all of it is. */
export function fromStored(
  main: Uint8Array,
  part: (hash: string) => Uint8Array | undefined
): DecoderState | null {
  if (main[0] !== splitMark) return decodeState(main)
  const { parts, rest } = decodeState(main.subarray(1)) as Split
  const members: Array<[string, unknown]> = Object.entries(rest)
  for (const [name, hash] of parts) {
    const bytes = part(hash)
    if (bytes === undefined) return null
    const value = decodeState(bytes)
    encoded.set(value as object, { hash, bytes })
    members.push([name, value])
  }
  return Object.freeze(Object.fromEntries(members))
}

/** Of a part's row. No topic, and no key of ours, has a # followed by so many digits. */
export const partKey = (key: string, hash: string): string => `${key}#${hash}`
